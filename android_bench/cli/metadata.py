"""The command that writes TFLite metadata."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json
from optimizer.task import Task

if TYPE_CHECKING:
    from optimizer.metadata.describing import Said

metadata = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write, show and prove the metadata that makes a model self-describing.",
)
app.add_typer(metadata, name="metadata")

Model = Annotated[Path, typer.Argument(metavar="MODEL.tflite")]


class Transformation(str, Enum):
    """What is done to a score before its sigmoid."""

    IDENTITY = "identity"
    LOG = "log"
    INVERSE_LOGISTIC = "inverse-logistic"


@metadata.command(
    epilog="Example: android-bench metadata write model.tflite --labels labels.txt --mean 127.5 --std 127.5"
)
def write(
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL.tflite...", help="One, or variants of one.")
    ],
    *,
    task: Annotated[
        Task | None, typer.Option(help="What the model does. Default: worked out.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.toml", help="A description instead of the flags."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LOCALE=]FILE", help="One label a line, in output order; de=FILE for German."
        ),
    ] = None,
    mean: Annotated[
        list[float] | None,
        typer.Option(help="One value, or one for each channel (repeat). Default: worked out."),
    ] = None,
    std: Annotated[
        list[float] | None, typer.Option(help="One value, or one for each channel (repeat).")
    ] = None,
    score_calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="scale,slope,offset[,min_score] a label.")
    ] = None,
    score_transformation: Annotated[
        Transformation, typer.Option(help="Of a score, before it is calibrated.")
    ] = Transformation.IDENTITY,
    default_score: Annotated[
        float, typer.Option(help="The score of labels that are not calibrated.")
    ] = 0.0,
    vocabulary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="'word number' a line; of BERT, a piece a line."),
    ] = None,
    delimiters: Annotated[
        str | None, typer.Option(metavar="REGEX", help="What parts the words of a text.")
    ] = None,
    sentencepiece: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A SentencePiece model.")
    ] = None,
    sample_rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Of the sound that goes in.")
    ] = None,
    channels: Annotated[int | None, typer.Option(help="Of the sound. Default: 1.")] = None,
    box_order: Annotated[
        str | None, typer.Option(metavar="A,B,C,D", help="Default: ymin,xmin,ymax,xmax.")
    ] = None,
    input_role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=NAME", help="Of BERT: ids, mask, segment_ids (repeat)."),
    ] = None,
    output_role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=NAME",
            help="Of a detector: category, score; of BERT's answers: start, end (repeat).",
        ),
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Pack a file with it (repeat).")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name.")] = None,
    description: Annotated[
        str | None, typer.Option(help="What the model does, for people.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who made it.")] = None,
    license_: Annotated[str | None, typer.Option("--license", help="Its licence.")] = None,
    version: Annotated[str | None, typer.Option(help="The model's version.")] = None,
    allow_duplicate_labels: Annotated[
        bool, typer.Option("--allow-duplicate-labels", help="Two classes may have one name.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Another file, or a folder. Default: MODEL itself."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace metadata that are there.")
    ] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="Keep of metadata that are there what is not given.")
    ] = False,
    unproven: Annotated[
        bool, typer.Option("--unproven", help="Write even what the Task Library refuses.")
    ] = False,
    json: Json = False,
) -> None:
    """Write metadata into models, and prove each with the Task Library."""
    from android_bench.cli import metadata_view
    from android_bench.terminal import console
    from optimizer.metadata.wanted import Wanted, tag_all

    if replace and merge:
        raise typer.BadParameter("give one of the two", param_hint="--replace, --merge")
    if allow_duplicate_labels and not labels:
        raise typer.BadParameter(
            "goes with --labels; in a file for --from, write allow_duplicate_labels = true",
            param_hint="--allow-duplicate-labels",
        )
    said = _said(
        task=task,
        general={
            "name": name,
            "description": description,
            "author": author,
            "license": license_,
            "version": version,
        },
        labels=labels or (),
        allow_duplicate_labels=allow_duplicate_labels,
        mean=tuple(mean) if mean else None,
        std=tuple(std) if std else None,
        score_calibration=score_calibration,
        score_transformation=score_transformation.value.replace("-", "_").upper(),
        default_score=default_score,
        vocabulary=vocabulary,
        delimiters=delimiters,
        sentencepiece=sentencepiece,
        sample_rate=sample_rate,
        channels=channels,
        box_order=tuple(part.strip() for part in box_order.split(",")) if box_order else None,
        inputs=_pairs(input_role, "--input-role"),
        outputs=_pairs(output_role, "--output-role"),
        attach=attach or (),
    )
    with console.step_progress("metadata write") as step:
        written, failed = tag_all(
            models,
            Wanted(said=said, file=source),
            output=output,
            existing="merge" if merge else "replace" if replace else "refuse",
            require_verified=not unproven,
            step=step,
        )
    if json:
        console.emit_json([metadata_view.tagged_to_json(item) for item in written])
    else:
        for item in written:
            metadata_view.print_tagged(item)
    for error in failed:
        console.complain(str(error), error.hint)
    raise typer.Exit(1 if failed else 0)


def _said(
    *,
    general: dict[str, str | None],
    labels: Sequence[str],
    allow_duplicate_labels: bool,
    attach: Sequence[Path],
    **values: Any,
) -> Said:
    """The flags as what was said; label files are read."""
    from optimizer.errors import MetadataError
    from optimizer.metadata import labels_from
    from optimizer.metadata.attachments import read_attachment
    from optimizer.metadata.describing import Said

    files: dict[str | None, Path] = {}
    for given in labels:
        locale, equals, path = given.partition("=")
        found = (locale, Path(path)) if equals and not Path(given).exists() else (None, Path(given))
        if found[0] in files:
            whose = f"The labels for {found[0]!r}" if found[0] else "The labels"
            raise MetadataError(
                f"{whose} were given twice: {files[found[0]]} and {found[1]}.",
                hint="give one file a language: --labels labels.txt --labels de=labels_de.txt",
            )
        files[found[0]] = found[1]
    attached = [path.name for path in attach]
    twice = next((name for name in attached if attached.count(name) > 1), None)
    if twice is not None:
        raise MetadataError(
            f"There are two files called {twice!r} to be attached.", hint="rename one of them"
        )
    return Said(
        general={key: value for key, value in general.items() if value is not None},
        labels=labels_from(files, allow_duplicates=allow_duplicate_labels) if files else None,
        files={path.name: read_attachment(path, "attached file") for path in attach},
        **values,
    )


def _pairs(given: Sequence[str] | None, flag: str) -> dict[str, str]:
    """ROLE=NAME as a dictionary."""
    pairs = {}
    for item in given or ():
        role, equals, name = item.partition("=")
        if not (role and equals and name):
            raise typer.BadParameter(f"{item!r} is not ROLE=NAME", param_hint=flag)
        pairs[role] = name
    return pairs
