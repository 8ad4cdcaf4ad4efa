"""Commands on TFLite metadata: write, show, verify."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json

metadata = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write, show and prove the metadata that makes a model self-describing.",
)
app.add_typer(metadata, name="metadata")

Model = Annotated[Path, typer.Argument(metavar="MODEL.tflite")]


class Task(str, Enum):
    """The tasks that metadata can be written for."""

    IMAGE_CLASSIFIER = "image-classifier"


@metadata.command(
    epilog="Example: android-bench metadata write model.tflite --task image-classifier "
    "--labels labels.txt --mean 127.5 --std 127.5"
)
def write(
    model: Model,
    *,
    task: Annotated[Task, typer.Option(help="What the model does.")],
    labels: Annotated[
        Path, typer.Option(metavar="FILE", help="One label a line, in output order.")
    ],
    mean: Annotated[list[float], typer.Option(help="One value, or one for each channel (repeat).")],
    std: Annotated[list[float], typer.Option(help="One value, or one for each channel (repeat).")],
    name: Annotated[str | None, typer.Option(help="The model's name.")] = None,
    description: Annotated[
        str | None, typer.Option(help="What the model does, for people.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who made it.")] = None,
    license_: Annotated[str | None, typer.Option("--license", help="Its licence.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Another file. Default: MODEL itself.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace metadata that is there.")
    ] = False,
    json: Json = False,
) -> None:
    """Write metadata into a model and prove it with the Task Library."""
    from dataclasses import asdict

    from android_bench import console
    from optimizer.metadata import ImageClassifierMetadata, tag

    texts: dict[str, Any] = {
        "name": name,
        "description": description,
        "author": author,
        "license": license_,
    }
    with console.step_progress(f"tag {model.name}"):
        described = ImageClassifierMetadata.from_label_file(
            labels,
            mean=tuple(mean),
            std=tuple(std),
            **{key: value for key, value in texts.items() if value is not None},
        )
        tag(model, described, output=output, replace=replace)
    summary = described.summary(verified=True)
    target = output or model
    if json:
        console.emit_json({"model": str(target), **asdict(summary)})
    else:
        print(
            f"{target}: {task.value}, {summary.labels} labels, loaded and run by the Task Library"
        )


@metadata.command(epilog="Example: android-bench metadata show model.tflite")
def show(model: Model, *, json: Json = True) -> None:  # noqa: ARG001 (the flag is accepted here too)
    """Print the metadata of a model as JSON; ``null`` when it has none."""
    from android_bench import console
    from optimizer.metadata import show as read_metadata

    console.emit_json(read_metadata(model))


@metadata.command(epilog="Example: android-bench metadata verify model.tflite --image cat.png")
def verify(
    model: Model,
    *,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An image. Default: a generated one.")
    ] = None,
    json: Json = False,
) -> None:
    """Load a model with the Task Library, run one input, and compare with plain LiteRT."""
    from dataclasses import asdict

    from android_bench import console
    from optimizer.metadata import verify as prove
    from optimizer.tflite_file import inspect

    inspect(model)  # tells more of a damaged file than the Task Library does
    with console.step_progress(f"verify {model.name}"):
        verification = prove(model, image=image)
    if json:
        console.emit_json(asdict(verification))
    else:
        rows = [
            (item.label or str(item.index), f"{item.score:.4f}") for item in verification.results
        ]
        console.table(None, ("label", "score"), rows)
        console.say(f"Input: {verification.input_origin}")
        for note in verification.notes:
            console.say(note)
    if not verification.ok:
        console.complain(
            verification.failure or "The Task Library refuses the file.", verification.hint
        )
        raise typer.Exit(1)
    console.say("The Task Library loads it and agrees with a plain LiteRT run.")
