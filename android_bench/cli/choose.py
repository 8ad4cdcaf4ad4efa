"""The commands that choose among variants: sweep, recommend."""

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
    Std,
)
from android_bench.cli.options import Json


@app.command(
    epilog="Example: android-bench sweep model.keras --data train.npz --evaluation test.npz"
)
def sweep(
    model: Model,
    *,
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", "-r", metavar="NAME|FILE.toml", help="Default: all that apply."),
    ] = None,
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
    host_rounds: Annotated[
        int, typer.Option(min=0, help="Processes a variant that measure it here; 0 for none.")
    ] = 3,
    json: Json = False,
) -> None:
    """Build many variants, evaluate each .tflite, and show which of them no other beats."""
    from android_bench.cli.data_options import read_data, wanted_metadata, warn_of_data
    from android_bench.terminal import console
    from android_bench.terminal.artifacts import print_common_warnings
    from android_bench.terminal.choices import candidate_to_json, print_candidates, print_failures
    from optimizer.recipe_file import load_recipes
    from optimizer.sweep import recipes_for
    from optimizer.sweep import sweep as run_sweep

    given = read_data(
        data,
        calibration=calibration,
        evaluation=evaluation,
        mean=mean,
        std=std,
        image_shape=image_shape,
    )
    warn_of_data(given)
    has_ranges = bool(given["calibration"] or given["training"])
    recipes = (
        load_recipes(recipe)
        if recipe
        else recipes_for(model, training=given["training"] is not None, calibration=has_ranges)
    )
    with console.step_progress("sweep") as step:
        result = run_sweep(
            model,
            recipes,
            output=output,
            **given,
            overwrite=overwrite,
            allow_unsafe=allow_unsafe,
            metadata=wanted_metadata(metadata),
            host_rounds=host_rounds,
            step=step,
        )
    candidates = [variant.candidate for variant in result.variants]
    if json:
        console.emit_json(
            {
                "sweep": str(result.path),
                "variants": [candidate_to_json(one, result.front) for one in candidates],
                "failed": [{"recipe": name, "why": why} for name, why in result.failed],
            }
        )
        return
    print_candidates(candidates, result.front, source_accuracy=result.source_accuracy)
    print_common_warnings([variant.artifact for variant in result.variants])
    print_failures(result.failed)
    print(result.path)


@app.command(
    epilog="Example: android-bench recommend out/ --max-accuracy-drop 0.5 --max-size 300kB"
)
def recommend(
    path: Annotated[
        Path, typer.Argument(metavar="SWEEP", help="A sweep.json, or the folder of a sweep.")
    ] = Path("out"),
    *,
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", help="Results of android-bench run: their latencies go first."),
    ] = None,
    max_accuracy_drop: Annotated[
        float | None, typer.Option(metavar="POINTS", help="Percentage points below the source.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Of the file: 300kB.")
    ] = None,
    max_gzip: Annotated[str | None, typer.Option(metavar="SIZE", help="Of the download.")] = None,
    max_latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of one inference: 8ms.")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Of the peak: 20MiB.")
    ] = None,
    prefer: Annotated[
        str,
        typer.Option(help="What decides within the limits: latency, size, gzip, memory, accuracy."),
    ] = "latency",
    json: Json = False,
) -> None:
    """Name the variant to ship within limits, and why the others are not. Exit 1 if none keeps them."""
    from android_bench import quantities
    from android_bench.measured import with_measurements
    from android_bench.store import load_runs
    from android_bench.terminal import console
    from android_bench.terminal.artifacts import print_common_warnings
    from android_bench.terminal.choices import print_recommendation, recommendation_to_json
    from optimizer.choice import Limits, Prefer
    from optimizer.choice import recommend as choose
    from optimizer.sweep import find_sweep, read_sweep

    stored = read_sweep(find_sweep(path))
    candidates = with_measurements(
        [(variant.candidate, variant.artifact.sha256) for variant in stored.variants],
        load_runs(results) if results else (),
    )
    found = choose(
        candidates,
        limits=Limits(
            max_accuracy_drop=quantities.points(max_accuracy_drop, flag="--max-accuracy-drop"),
            max_size_bytes=quantities.size_bytes(max_size, flag="--max-size"),
            max_gzip_bytes=quantities.size_bytes(max_gzip, flag="--max-gzip"),
            max_latency_us=quantities.duration_us(max_latency, flag="--max-latency"),
            max_memory_bytes=quantities.size_bytes(max_memory, flag="--max-memory"),
        ),
        prefer=quantities.choice(Prefer, prefer, flag="--prefer"),
    )
    if json:
        console.emit_json(recommendation_to_json(found))
    else:
        print_recommendation(found)
        print_common_warnings([variant.artifact for variant in stored.variants])
    raise typer.Exit(0 if found.choice is not None else 1)
