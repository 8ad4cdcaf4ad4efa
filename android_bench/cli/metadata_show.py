"""The command that prints the metadata of a model."""

from __future__ import annotations

import typer

from android_bench.cli.metadata import Model, metadata
from android_bench.cli.options import Json


@metadata.command(epilog="Example: android-bench metadata show model.tflite > metadata.toml")
def show(model: Model, *, json: Json = False) -> None:
    """Print the metadata of a model as TOML, which metadata write --from takes again."""
    from android_bench.terminal import console
    from optimizer.metadata import show as read_metadata
    from optimizer.metadata.printing import print_form

    if json:
        console.emit_json(read_metadata(model))
        return
    text = print_form(model)
    if text is None:
        console.complain(f"{model} has no metadata.", "android-bench metadata write adds them")
        raise typer.Exit(1)
    print(text, end="")
