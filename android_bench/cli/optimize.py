"""The command that makes artifacts: optimize."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json


@app.command(
    epilog="Example: android-bench optimize model.keras --recipe int8 --calibration data.npz -o out/"
)
def optimize(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras, .h5 or SavedModel.")],
    *,
    recipe: Annotated[
        list[str],
        typer.Option(
            "--recipe",
            "-r",
            metavar="NAME|FILE.toml",
            help="float32, float16, dynamic-range, int8, int16x8, or your own file; commas or repeats.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for artifacts.")
    ] = Path("out"),
    calibration: Annotated[
        Path | None, typer.Option(metavar="DATA.npz", help="Representative inputs for int8.")
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(metavar="DATA.npz", help="Inputs, and labels if you have them, for fidelity."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that this tool did not make.")
    ] = False,
    json: Json = False,
) -> None:
    """Make .tflite files of a Keras model, each with a manifest of what it is and how good."""
    from android_bench import console
    from android_bench.artifact_view import print_artifacts, to_json
    from optimizer.pipeline import build_artifacts
    from optimizer.recipe import load_recipe

    names = [name.strip() for part in recipe for name in part.split(",") if name.strip()]
    with console.step_progress("optimize") as step:
        artifacts = build_artifacts(
            model,
            [load_recipe(name) for name in dict.fromkeys(names)],
            output=output,
            calibration=calibration,
            evaluation=evaluation,
            overwrite=overwrite,
            step=step,
        )
    if json:
        console.emit_json([to_json(artifact) for artifact in artifacts])
    else:
        print_artifacts(artifacts)
