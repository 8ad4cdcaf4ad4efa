"""Commands that make files of a tagged model: what it carries, the model alone, code for an app."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from android_bench.cli.metadata import Model, metadata
from android_bench.cli.options import Json

if TYPE_CHECKING:
    from optimizer.metadata.difference import Difference

_MOST_LINES = 10
_MOST_LETTERS = 72
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
    from android_bench import formatting
    from android_bench.terminal import console
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
    from android_bench import formatting
    from android_bench.terminal import console
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


@metadata.command(
    epilog="Exit codes: 0 no difference, 1 they differ, or one cannot be read. "
    "Example: android-bench metadata diff a.tflite b.tflite"
)
def diff(
    first: Annotated[Path, typer.Argument(metavar="A.tflite")],
    second: Annotated[Path, typer.Argument(metavar="B.tflite")],
    *,
    json: Json = False,
) -> None:
    """Show what differs between the metadata of two files, and which lines of their packed files.

    As with diff, exit code 1 says that they differ.
    """
    from dataclasses import asdict

    from android_bench.terminal import console
    from optimizer.metadata.difference import difference

    found = difference(first, second)
    if json:
        console.emit_json(
            {"differ": bool(found), "differences": [asdict(entry) for entry in found]}
        )
    elif not found:
        print("No difference.")
    else:
        print(f"--- {first}\n+++ {second}")
        for entry in found:
            _print_difference(entry)
    if found:
        raise typer.Exit(1)


def _print_difference(entry: Difference) -> None:
    """What it is about, and below it what the one says and what the other."""
    from android_bench import formatting

    print(_printable(f"packed file {entry.path}" if entry.packed else entry.path))
    for sign, side in (("-", entry.first), ("+", entry.second)):
        if side is None:
            continue
        told = _short(side)
        if entry.packed:
            told = f"{formatting.file_size(side['size_bytes'])}, SHA-256 {side['sha256'][:12]}…"
        if not entry.lines:
            print(f"  {sign} {told}")
    for line in entry.lines[:_MOST_LINES]:
        print(f"    {_printable(line)}")
    if len(entry.lines) > _MOST_LINES:
        print(f"    and {len(entry.lines) - _MOST_LINES} more, which --json prints")


def _short(value: object) -> str:
    """A value on one line, its beginning if it is long."""
    import json

    text = _printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def _printable(text: str) -> str:
    """What a file says, without what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


class Language(str, Enum):
    """What the wrapper is written in."""

    JAVA = "java"
    KOTLIN = "kotlin"


@metadata.command(
    epilog="Example: android-bench metadata codegen model.tflite -o app --package org.example.ml "
    "--class Birds"
)
def codegen(
    model: Model,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The Android module, that src/main stands in."
        ),
    ],
    package: Annotated[str, typer.Option(help="The class's package.")],
    class_name: Annotated[str, typer.Option("--class", metavar="NAME", help="The class's name.")],
    asset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model's name in assets. Default: its own."),
    ] = None,
    language: Annotated[
        Language, typer.Option(help="There is a generator for Java, which Kotlin calls as it is.")
    ] = Language.JAVA,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a Java class that runs the model, with tflite-support's generator, into an Android module.

    That is src/main/java/PACKAGE/CLASS.java, the model in src/main/assets, and a note of how to use it.
    Build files and manifests are left alone; the dependencies are printed.
    """
    from dataclasses import asdict

    from android_bench.terminal import console
    from optimizer.errors import MetadataError
    from optimizer.metadata.codegen import generate

    if language is Language.KOTLIN:
        raise MetadataError(
            "tflite-support has no generator for Kotlin; Kotlin calls the Java class as it is.",
            hint=f"--language java, and in Kotlin: val model = {class_name}.newInstance(context)",
        )
    made = generate(
        model, output, package=package, class_name=class_name, asset=asset, overwrite=overwrite
    )
    if json:
        console.emit_json({**asdict(made), "folder": str(made.folder)})
        return
    for name in made.files:
        print(made.folder / name)
    print("\nIn the dependencies of build.gradle or build.gradle.kts:\n")
    for dependency in made.dependencies:
        print(f'    implementation("{dependency}")')
    for warning in made.warnings:
        console.say(f"Warning: {warning}")
