"""The command that measures: run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import BenchmarkBinary, Device, Json
from android_bench.config import DelegateKind


@app.command(
    epilog="Example: android-bench run out/*.tflite --device 192.168.1.7:5555 --threads 1,4 -o results/"
)
def run(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL.tflite", help="What to measure.")],
    *,
    device: Device = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that gets a folder for each run.")
    ] = Path("results"),
    threads: Annotated[str, typer.Option(metavar="N[,N...]", help="CPU threads to try.")] = "1",
    delegate: Annotated[
        list[DelegateKind] | None, typer.Option(help="Who executes the graph; repeat for several.")
    ] = None,
    external_delegate: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The library on the device that 'external' stands for."),
    ] = None,
    invocations: Annotated[
        int,
        typer.Option(min=1, help="Processes a cell: the samples. 6 are the least for an interval."),
    ] = 6,
    num_runs: Annotated[int, typer.Option(min=1, help="Inferences an invocation, at least.")] = 50,
    min_s: Annotated[
        float, typer.Option("--min-secs", min=0, help="Seconds measured an invocation, at least.")
    ] = 1.0,
    max_s: Annotated[
        float,
        typer.Option("--max-secs", min=0.001, help="Seconds after which an invocation stops."),
    ] = 150.0,
    warmup_s: Annotated[
        float, typer.Option("--warmup-secs", min=0, help="Seconds of warm-up, at least.")
    ] = 0.5,
    memory: Annotated[
        bool,
        typer.Option("--memory/--no-memory", help="Measure memory in an invocation of its own."),
    ] = True,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0.1, help="Seconds after which an invocation is ended as hanging."
        ),
    ] = None,
    benchmark_binary: BenchmarkBinary = None,
    json: Json = False,
) -> None:
    """Measure .tflite models on a device with the official benchmark_model."""
    from android_bench import console, reporting
    from android_bench.matrix import configurations
    from android_bench.session import measure_models

    configs = configurations(
        threads=threads,
        delegates=delegate or [DelegateKind.CPU],
        external_library=external_delegate,
        invocations=invocations,
        num_runs=num_runs,
        min_s=min_s,
        max_s=max_s,
        warmup_min_s=warmup_s,
    )
    with console.run_progress() as progress:
        session = measure_models(
            models,
            configs,
            device_spec=device,
            benchmark_binary=benchmark_binary,
            results=output,
            observer=progress,
            memory=memory,
            timeout_s=timeout,
        )
    raise typer.Exit(reporting.session_outcome(session, output, as_json=json))
