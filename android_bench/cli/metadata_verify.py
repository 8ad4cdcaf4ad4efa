"""The command that proves a tagged model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from android_bench.cli.metadata import Model, metadata
from android_bench.cli.options import Json
from optimizer.task import Task

if TYPE_CHECKING:
    from optimizer.metadata import Verification
    from optimizer.metadata.verification import ApiVerdict, Result

_MOST_ROWS = 10


@metadata.command(epilog="Example: android-bench metadata verify model.tflite --input cat.png")
def verify(
    model: Model,
    *,
    task: Annotated[
        Task | None, typer.Option(help="What the model does. Default: what its metadata tell.")
    ] = None,
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input",
            "--image",
            metavar="FILE",
            help="An image, a .wav or a .txt. Default: a generated input.",
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The text itself.")] = None,
    question: Annotated[str | None, typer.Option(help="What a text is asked.")] = None,
    context: Annotated[str | None, typer.Option(help="The text that has the answer.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a generated input.")] = 0,
    json: Json = False,
) -> None:
    """Prove a model: run one input with the Task Library, compare with LiteRT, try other Android APIs.

    Exit code 1 when the Task Library of its task refuses the model or disagrees with LiteRT.
    """
    from dataclasses import asdict

    from android_bench.terminal import console
    from optimizer.metadata import verify as prove
    from optimizer.tflite_file import inspect

    if text is not None and context is not None:
        raise typer.BadParameter("--text and --context are the same: give one of them.")
    inspect(model)  # tells more of a damaged file than the Task Library does
    with console.step_progress(f"verify {model.name}"):
        proof = prove(
            model,
            task=task,
            input=input_,
            text=text if text is not None else context,
            question=question,
            seed=seed,
            apis=True,
        )
    if json:
        console.emit_json({"ok": proof.ok, **asdict(proof)})
    else:
        _print(proof)
    if not proof.ok:
        console.complain(proof.failure or "The Task Library refuses the file.", proof.hint)
        raise typer.Exit(1)
    console.say(_verdict(proof))


def _print(proof: Verification) -> None:
    from rich.markup import escape

    from android_bench.terminal import console

    if proof.results:
        columns, rows = _table(proof.results)
        shown = [tuple(escape(cell) for cell in row) for row in rows[:_MOST_ROWS]]
        console.table(None, columns, shown)
        if len(rows) > _MOST_ROWS:
            console.say(f"and {len(rows) - _MOST_ROWS} more, which --json prints")
        console.out.print()
    console.listing(
        ("accepts", "API", "why"),
        [(_word(item), escape(item.api), escape(item.why)) for item in proof.apis],
    )
    console.say(f"Input: {proof.input_origin}")
    for note in proof.notes:
        console.say(note)


def _word(verdict: ApiVerdict) -> str:
    if verdict.accepted is None:
        return "[yellow]?[/]"
    return "[green]yes[/]" if verdict.accepted else "[red]no[/]"


def _table(results: tuple[Result, ...]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The columns and rows that a kind of result is shown in."""
    from optimizer.metadata.verification import Answer, Category, Detection, Region

    several = len({getattr(item, "head", 0) for item in results}) > 1
    rows: list[tuple[str, ...]] = []
    columns: tuple[str, ...] = ()
    for item in results:
        head = (str(item.head),) * several if hasattr(item, "head") else ()
        if isinstance(item, Category):
            columns = ("label", *("output",) * several, "score")
            rows.append((item.label or str(item.index), *head, f"{item.score:.4f}"))
        elif isinstance(item, Detection):
            columns = ("label", "score", "left", "top", "width", "height")
            box = (item.left, item.top, item.width, item.height)
            rows.append((item.label or str(item.index), f"{item.score:.4f}", *map(str, box)))
        elif isinstance(item, Region):
            columns = ("label", "share of the mask")
            rows.append((item.label or str(item.index), f"{item.share:.1%}"))
        elif isinstance(item, Answer):
            columns = ("answer", "logit", "from token", "to")
            rows.append((item.text, f"{item.logit:.3f}", str(item.start), str(item.end)))
        else:
            columns = ("vector", *("output",) * several, "values", "length")
            begins = ", ".join(f"{value:.3g}" for value in item.first)
            rows.append((f"{begins}, …", *head, str(item.size), f"{item.norm:.4g}"))
    return columns, rows


def _verdict(proof: Verification) -> str:
    if proof.task == Task.GENERAL.value:
        return "The metadata fit the model, and LiteRT runs it."
    if proof.max_score_difference is None:
        return "The Task Library loads and runs it."
    return "The Task Library loads it and agrees with a plain LiteRT run."
