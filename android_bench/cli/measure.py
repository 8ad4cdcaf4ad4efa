"""The command that measures: run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from android_bench.cli.app import app
from android_bench.cli.options import Json
from android_bench.cli.run_options import (
    Airplane,
    Binary,
    Brightness,
    Budget,
    Cores,
    Delegates,
    Devices,
    ExternalDelegate,
    ExternalOptions,
    ExtraFlags,
    Governor,
    Invocations,
    Matrix,
    MaxInvocations,
    MaxSecs,
    Memory,
    MinSecs,
    Numerics,
    NumericsSamples,
    NumRuns,
    Patience,
    Precision,
    Profile,
    Resume,
    Startup,
    StayAwake,
    Threads,
    Timeout,
    WaitCool,
    WarmupSecs,
)


@app.command(
    epilog="Example: android-bench run out/*.tflite --device 192.168.1.7:5555 --threads 1,4 --cores big "
    "--precision 1% -o results/"
)
def run(
    models: Annotated[
        list[Path] | None, typer.Argument(metavar="MODEL.tflite", help="What to measure.")
    ] = None,
    *,
    device: Devices = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder that gets a folder for each run.")
    ] = Path("results"),
    matrix: Matrix = None,
    threads: Threads = None,
    delegate: Delegates = None,
    external_delegate: ExternalDelegate = None,
    external_options: ExternalOptions = None,
    cores: Cores = None,
    invocations: Invocations = None,
    precision: Precision = None,
    max_invocations: MaxInvocations = None,
    budget: Budget = None,
    num_runs: NumRuns = None,
    min_s: MinSecs = None,
    max_s: MaxSecs = None,
    warmup_s: WarmupSecs = None,
    memory: Memory = None,
    profile: Profile = None,
    startup: Startup = None,
    numerics: Numerics = None,
    numerics_samples: NumericsSamples = None,
    wait_cool: WaitCool = None,
    stay_awake: StayAwake = False,
    brightness: Brightness = None,
    airplane: Airplane = False,
    governor: Governor = None,
    extra_flag: ExtraFlags = None,
    timeout: Timeout = None,
    patience: Patience = None,
    resume: Resume = False,
    benchmark_binary: Binary = None,
    json: Json = False,
) -> None:
    """Measure .tflite models on devices with the official benchmark_model."""
    from android_bench.device.settings import DeviceSettings
    from android_bench.measuring.matrix import Wishes, delegates_of, thread_counts, words
    from android_bench.measuring.matrix_file import read_matrix
    from android_bench.measuring.session import Order, measure_models
    from android_bench.quantities import seconds, share
    from android_bench.terminal import console, outcome

    external = external_delegate or external_options
    wishes = Wishes(
        models=tuple(models) if models else None,
        devices=tuple(device) if device else None,
        threads=None if threads is None else thread_counts(threads),
        delegates=delegates_of(delegate or (), library=external_delegate, options=external_options)
        if delegate or external
        else None,
        cores=None if cores is None else tuple(words(cores)),
        invocations=invocations,
        precision=share(precision, flag="--precision"),
        max_invocations=max_invocations,
        budget_s=seconds(budget, flag="--budget"),
        num_runs=num_runs,
        min_s=min_s,
        max_s=max_s,
        warmup_min_s=warmup_s,
        memory=None if memory is None else int(memory),
        profile=None if profile is None else int(profile),
        startup=startup,
        numerics=numerics,
        numerics_samples=numerics_samples,
        wait_cool_s=seconds(wait_cool, flag="--wait-cool"),
        timeout_s=timeout,
        patience_s=seconds(patience, flag="--patience"),
        extra_flags=tuple(extra_flag) if extra_flag else None,
    )
    order = Order(
        wishes=wishes.over(read_matrix(matrix)) if matrix else wishes,
        results=output,
        binary=benchmark_binary,
        settings=DeviceSettings(
            stay_awake=stay_awake, brightness=brightness, airplane=airplane, governor=governor
        ),
        resume=resume,
    )
    with console.run_progress() as progress:
        session = measure_models(order, observer=progress)
    raise typer.Exit(outcome.session_outcome(session, output, as_json=json))
