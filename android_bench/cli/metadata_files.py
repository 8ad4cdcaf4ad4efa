"""Commands that make files of a tagged model: what it carries, the model alone, code for an app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.metadata import Model, metadata
from android_bench.cli.options import Json

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]


@metadata.command(epilog="Example: android-bench metadata extract model.tflite -o parts/")
def extract(
    model: Model,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder; it is made.")
    ],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write out metadata.toml and every packed file: labels, vocabularies, score calibration.

    metadata write --from DIR/metadata.toml writes them again. Nothing is ever written outside of DIR: a
    packed file whose name leads elsewhere is refused, and all others with it.
    """
    from android_bench import console, formatting
    from optimizer.metadata.extraction import extract as write_out

    done = write_out(model, output, overwrite=overwrite)
    if json:
        console.emit_json(
            {
                "folder": str(done.folder),
                "files": [{"name": name, "size_bytes": size} for name, size in done.sizes.items()],
                "missing": list(done.missing),
            }
        )
        return
    for name, size in done.sizes.items():
        print(f"{done.folder / name}: {formatting.file_size(size)}")
    for name in done.missing:
        console.say(f"The metadata name the file {name!r}, and the model does not carry it.")


@metadata.command(epilog="Example: android-bench metadata strip model.tflite -o bare.tflite")
def strip(
    model: Model,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Another file, or a folder. Default: MODEL itself."),
    ] = None,
    json: Json = False,
) -> None:
    """Remove metadata and packed files. The model is never packed again, and its manifest kept true.

    A file that this tool tagged becomes the very bytes that were tagged. In files of other tools the
    metadata lie inside the model and are overwritten with zeros there.
    """
    from android_bench import console, formatting
    from optimizer.metadata.stripping import strip as take_out

    done = take_out(model, output=output)
    if json:
        console.emit_json(
            {
                "model": str(done.path),
                "size_bytes": done.size_bytes,
                "size_before_bytes": done.size_before_bytes,
                "removed_files": list(done.files),
                "erased_inside": done.erased,
            }
        )
        return
    before, now = map(formatting.file_size, (done.size_before_bytes, done.size_bytes))
    print(f"{done.path}: {before} → {now}")
    if done.files:
        console.say(f"Removed: {', '.join(['the metadata', *done.files])}")
    if done.erased:
        console.say("Zeros stand in the model where another tool had put the metadata.")
