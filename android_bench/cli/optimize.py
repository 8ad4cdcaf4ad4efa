"""The commands that make artifacts and look into quantization: optimize, recipes, debug-quantization."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.build_options import (
    AllowUnsafe,
    CalibrationData,
    Data,
    EvaluationData,
    ImageShape,
    Mean,
    Metadata,
    Model,
    Output,
    Overwrite,
    RecipeNames,
    Std,
)
from android_bench.cli.options import Json


@app.command(
    epilog="Example: android-bench optimize model.keras --recipe int8,prune80+int8 --data train.npz -o out/"
)
def optimize(
    model: Model,
    *,
    recipe: RecipeNames,
    output: Output = Path("out"),
    data: Data = None,
    calibration: CalibrationData = None,
    evaluation: EvaluationData = None,
    mean: Mean = None,
    std: Std = None,
    image_shape: ImageShape = None,
    overwrite: Overwrite = False,
    allow_unsafe: AllowUnsafe = False,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Make .tflite files of a model, each with a manifest of what it is and how good."""
    from android_bench.cli.data_options import read_data, wanted_metadata, warn_of_data
    from android_bench.terminal import console
    from android_bench.terminal.artifacts import print_artifacts, to_json
    from optimizer.pipeline import Builder, build_each
    from optimizer.recipe_file import load_recipes

    chosen = load_recipes(recipe)
    given = read_data(
        data,
        calibration=calibration,
        evaluation=evaluation,
        mean=mean,
        std=std,
        image_shape=image_shape,
    )
    warn_of_data(given)
    with (
        console.step_progress("optimize") as step,
        Builder(
            model,
            chosen,
            output=output,
            **given,
            overwrite=overwrite,
            allow_unsafe=allow_unsafe,
            metadata=wanted_metadata(metadata),
            step=step,
        ) as builder,
    ):
        artifacts, failed = build_each(builder, chosen)
    if json:
        console.emit_json([to_json(artifact) for artifact in artifacts])
    elif artifacts:
        print_artifacts(artifacts)
    for _, error in failed:
        console.complain(str(error), error.hint)
    raise typer.Exit(1 if failed else 0)


@app.command()
def recipes(*, json: Json = False) -> None:
    """List the recipes that come along."""
    from android_bench.terminal import console
    from optimizer.recipe_file import builtin_recipes

    found = builtin_recipes()
    if json:
        console.emit_json([recipe.to_dict() for recipe in found.values()])
        return
    console.listing(
        ("recipe", "what it does"),
        [(recipe.name, recipe.description) for recipe in found.values()],
    )


@app.command(
    "debug-quantization",
    epilog="Example: android-bench debug-quantization model.keras -r int8 --data test.npz --plot e.svg",
)
def debug_quantization(
    model: Model,
    quantized: Annotated[
        Path | None,
        typer.Argument(
            metavar="[QUANTIZED]", help="A quantized .tflite made of MODEL, a float one."
        ),
    ] = None,
    *,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", metavar="NAME|FILE.toml", help="Instead of a file."),
    ] = None,
    data: Annotated[
        str,
        typer.Option("--data", metavar="DATA", help="Inputs to compare on, and to calibrate with."),
    ],
    mean: Mean = None,
    std: Std = None,
    image_shape: ImageShape = None,
    samples: Annotated[int, typer.Option(min=1, help="How many of them are run.")] = 32,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Write a picture.")] = None,
    allow_unsafe: AllowUnsafe = False,
    json: Json = False,
) -> None:
    """Show where quantization loses accuracy: float against quantized, layer by layer."""
    from android_bench.cli.data_options import read_data
    from android_bench.terminal import console, layers
    from optimizer.quantization_debug import debug_files, debug_recipe
    from optimizer.recipe_file import load_recipe

    if (quantized is None) == (recipe is None):
        raise typer.BadParameter("give a quantized .tflite or --recipe", param_hint="QUANTIZED")
    if plot is not None and plot.suffix.lower() != ".svg":
        raise typer.BadParameter("it is an SVG picture: name it .svg", param_hint="--plot")
    given = read_data(
        data, calibration=None, evaluation=None, mean=mean, std=std, image_shape=image_shape
    )["training"]
    if quantized is not None:
        errors = debug_files(model, quantized, data=given, samples=samples)
    else:
        with console.step_progress("debug-quantization") as step:
            errors = debug_recipe(
                model,
                load_recipe(str(recipe)),
                data=given,
                samples=samples,
                allow_unsafe=allow_unsafe,
                step=step,
            )
    shown = min(samples, given.samples)
    if plot is not None:
        title = f"{model.name}: {quantized.name if quantized else recipe} against float"
        layers.write_plot(errors, plot, title=title, samples=shown)
    if json:
        console.emit_json(layers.layer_errors_to_json(errors))
    else:
        layers.print_layer_errors(errors, shown)
    if plot is not None:
        print(plot)
