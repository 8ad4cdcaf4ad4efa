"""The whole road on real parts with nothing plugged in: demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import BenchmarkBinary, Device


@app.command(epilog="Example: android-bench demo --output build/demo")
def demo(
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for everything.")
    ] = Path("demo"),
    device: Device = "host",
    benchmark_binary: BenchmarkBinary = None,
) -> None:
    """Train a small model on real digits, optimize, tag, measure and report it."""
    from android_bench.measuring.matrix import Wishes
    from android_bench.measuring.session import Order, measure_models
    from android_bench.report import write_report
    from android_bench.terminal import console
    from android_bench.terminal.outcome import session_outcome

    with console.step_progress("demo") as step:
        models = _variants(output, step)
    with console.run_progress() as progress:
        session = measure_models(
            Order(
                wishes=Wishes(
                    models=tuple(models),
                    devices=(device,) if device else None,
                    # These models take microseconds: half a second holds thousands of inferences.
                    min_s=0.4,
                    warmup_min_s=0.1,
                ),
                results=output / "results",
                binary=benchmark_binary,
            ),
            observer=progress,
        )
    code = session_outcome(session, output / "results", as_json=False)
    folders = {run.run_id: output / "results" / run.run_id for run in session.runs}
    page = output / "report.html"
    print(write_report(session.runs, path=page, title="Digits, four ways", folders=folders))
    raise typer.Exit(code)


def _variants(folder: Path, step: Callable[[str], None]) -> list[Path]:
    """Train, optimize and tag; return the tagged files."""
    from optimizer.demo_model import make_demo
    from optimizer.metadata import Existing, Labels, MetadataWorker, read_labels, tag
    from optimizer.metadata.tasks import ImageClassifier
    from optimizer.pipeline import build_artifacts
    from optimizer.recipe_file import load_recipe

    files = make_demo(folder, step=step)
    artifacts = build_artifacts(
        files.model,
        [load_recipe(name) for name in ("float32", "float16", "dynamic-range", "int8")],
        output=folder / "models",
        calibration=files.calibration,
        evaluation=files.evaluation,
        step=step,
    )
    described = ImageClassifier(
        labels=Labels(names=read_labels(files.labels)),
        mean=(files.mean,),
        std=(files.std,),
        name="Digits",
        description="Names the handwritten digit in an image.",
    )
    with MetadataWorker() as worker:
        for artifact in artifacts:
            step(f"{artifact.name}: tag and prove")
            tag(artifact.path, described, existing=Existing.REPLACE, worker=worker)
    return [artifact.path for artifact in artifacts]
