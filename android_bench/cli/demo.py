"""The whole road on real parts with nothing plugged in: demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import BenchmarkBinary, Device


@app.command(epilog="Example: android-bench demo --output build/demo")
def demo(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for everything.")] = Path(
        "demo"
    ),
    device: Device = "host",
    benchmark_binary: BenchmarkBinary = None,
) -> None:
    """Train a small model on real digits, optimize, tag, measure and report it."""
    from android_bench import console
    from android_bench.cli.demo_road import build_variants
    from android_bench.matrix import configurations
    from android_bench.config import DelegateKind
    from android_bench.report import write_report
    from android_bench.reporting import session_outcome
    from android_bench.session import measure_models

    with console.step_progress("demo") as step:
        models = build_variants(output, step=step)
    with console.run_progress() as progress:
        session = measure_models(
            models,
            configurations(threads="1", delegates=[DelegateKind.CPU]),
            device_spec=device,
            benchmark_binary=benchmark_binary,
            results=output / "results",
            observer=progress,
        )
    code = session_outcome(session, output / "results", as_json=False)
    page = write_report(session.runs, path=output / "report.html", title="Digits: four variants")
    print(page)
    raise typer.Exit(code)
