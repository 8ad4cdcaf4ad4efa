"""The stand-in for benchmark_model on this computer: same flags, same output, real LiteRT runs.

``python -m android_bench.host_model --graph=m.tflite --num_threads=4`` takes the Classic tool's
flags in the Classic tool's own style and prints what the Classic tool prints, so that everything
above it treats this computer like a device. It says in its first lines that it is not a phone. What
it cannot do it does not pretend: such flags come back as unconsumed, exactly as an old build would
treat them. The runtime's own log goes to stderr, as it does there.
"""

from __future__ import annotations

import gc
import platform
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from android_bench.host_model.flags import LABELS, FlagValue, HostModelError, parse_flags, usage
from android_bench.host_model.memory import PeakMonitor, high_water_kib, resident_mib

_DEFAULT_CHECK_INTERVAL_MS = 50  # the tool's own default for an interval of 0 or less
_NOTE = (
    "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE "
    "to the actual memory footprint of the model at runtime. Take the information at your discretion."
)
# What a model, a file or an incomplete installation can do. The tool never ends with a traceback.
_EXPECTED = (HostModelError, RuntimeError, ValueError, OSError, MemoryError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stand-in with the tool's arguments; the exit code is 0, or 1 after any failure."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    say("INFO", "STARTING!")
    say("INFO", f"android-bench host_model ({_versions()}) on this machine: not a phone")
    try:
        succeeded = _run(arguments)
    except _EXPECTED as error:
        for line in (str(error) or type(error).__name__).splitlines():
            if line.strip():
                say("ERROR", line)
        succeeded = False
    if not succeeded:
        say("ERROR", "Benchmarking failed.")
    return 0 if succeeded else 1


def say(level: str, text: str) -> None:
    """Print a line in the tool's form, at once: a crash of the runtime must not swallow it."""
    print(f"{level}: {text}", flush=True)


def _run(arguments: Sequence[str]) -> bool:
    flags = parse_flags(arguments)
    if flags.unconsumed:
        say("WARN", f"Unconsumed cmdline flags: {' '.join(flags.unconsumed)}")
    if flags.values["help"]:
        say("ERROR", usage())
        return False
    if not flags.values["graph"]:
        raise HostModelError("Please specify the name of your TF Lite input file with --graph")
    _say_parameters(flags.values, flags.given)
    return _benchmark(flags.values, given=flags.given)


def _benchmark(values: dict[str, FlagValue], *, given: frozenset[str]) -> bool:
    # Imported before anything is measured: neither time nor memory of the import is the model's.
    from android_bench.host_model.interpreter import HostInterpreter, load_runtime

    runtime = load_runtime()
    interval = int(values["memory_footprint_check_interval_ms"])
    if interval <= 0:
        interval = _DEFAULT_CHECK_INTERVAL_MS
    monitor = PeakMonitor(interval / 1000) if values["report_peak_memory_footprint"] else None
    if monitor is not None:
        monitor.start()
    start_kib = high_water_kib()
    began = time.perf_counter_ns()
    model = HostInterpreter(runtime, values, given=given, say=say)
    init_us = (time.perf_counter_ns() - began) // 1000
    init_kib = high_water_kib()
    size = Path(str(values["graph"])).stat().st_size
    say("INFO", f"The input model file size (MB): {size / 1e6:g}")
    say("INFO", f"Initialized session in {init_us / 1e3:g}ms.")
    model.prepare_inputs()

    dry = bool(values["dry_run"])
    warmup, failure = _phase(
        model.reset_inputs,
        model.invoke,
        min_runs=0 if dry else int(values["warmup_runs"]),
        min_s=-1.0 if dry else float(values["warmup_min_secs"]),
        max_s=float(values["max_secs"]),
        delay_s=float(values["run_delay"]),
    )
    say("INFO", f"{describe(warmup)}\n")
    if failure is None:
        inferences, failure = _phase(
            model.reset_inputs,
            model.invoke,
            min_runs=0 if dry else int(values["num_runs"]),
            min_s=-1.0 if dry else float(values["min_secs"]),
            max_s=float(values["max_secs"]),
            delay_s=float(values["run_delay"]),
        )
        overall_kib = high_water_kib()
        say("INFO", f"{describe(inferences)}\n")
        _say_timings(init_us, warmup, inferences)
        _say_memory(start_kib, init_kib, overall_kib, monitor)
    elif monitor is not None:
        monitor.stop()
    if failure is not None:
        raise HostModelError(failure)
    if values["output_filepath"]:
        model.save_outputs(Path(str(values["output_filepath"])))
    return True


def _phase(
    reset: Callable[[], None],
    invoke: Callable[[], None],
    *,
    min_runs: int,
    min_s: float,
    max_s: float,
    delay_s: float,
) -> tuple[Sequence[int], str | None]:
    """Run at least ``min_runs`` times *and* ``min_s`` seconds, but begin none after ``max_s``.

    Returns:
        The durations in whole microseconds, as the tool counts them, and what the first inference
        that failed said, if one did. A failed inference does not end the phase, as in the tool.
    """
    say(
        "INFO",
        f"Running benchmark for at least {min_runs} iterations and at least {min_s:g} seconds but "
        f"terminate if exceeding {max_s:g} seconds.",
    )
    durations = array("q")  # a list of ints would itself be seen in the memory footprint
    failure: str | None = None
    gc.collect()
    gc.disable()
    try:
        now = time.perf_counter_ns()
        earliest, latest = now + int(min_s * 1e9), now + int(max_s * 1e9)
        while (len(durations) < min_runs or now < earliest) and now <= latest:
            reset()
            began = time.perf_counter_ns()
            try:
                invoke()
            except (RuntimeError, ValueError) as error:
                failure = failure or f"Failed to invoke!\n{error}"
            durations.append((time.perf_counter_ns() - began) // 1000)
            if delay_s > 0:
                time.sleep(delay_s)
            now = time.perf_counter_ns()
    finally:
        gc.enable()
    return durations, failure


def describe(durations: Sequence[int]) -> str:
    """The tool's ``count=`` line of these durations.

    The formulas are those of tsl::StatWithPercentiles: the spread is the population's and is cut to
    whole microseconds, a percentile is the value at rank ``n * p // 100``, a mean has six digits.
    """
    count = len(durations)
    if count == 0:
        return "count=0 p5=0 median=0 p95=0"
    ordered = sorted(durations)
    ranks = " ".join(
        f"{name}={ordered[count * percent // 100]}"
        for name, percent in (("p5", 5), ("median", 50), ("p95", 95))
    )
    if ordered[0] == ordered[-1]:
        same = "(all same)" if count > 1 else ""
        return f"count={count} curr={durations[-1]}{same} {ranks}"
    mean = sum(durations) / count
    spread = int((sum((value - mean) ** 2 for value in durations) / count) ** 0.5)
    return (
        f"count={count} first={durations[0]} curr={durations[-1]} min={ordered[0]} "
        f"max={ordered[-1]} avg={mean:g} std={spread} {ranks}"
    )


def _say_timings(init_us: int, warmup: Sequence[int], inferences: Sequence[int]) -> None:
    first = warmup[0] if warmup else 0
    means = [sum(items) / len(items) if items else 0.0 for items in (warmup, inferences)]
    say(
        "INFO",
        f"Inference timings in us: Init: {init_us}, First inference: {first}, "
        f"Warmup (avg): {means[0]:g}, Inference (avg): {means[1]:g}",
    )


def _say_memory(
    start_kib: int | None,
    init_kib: int | None,
    overall_kib: int | None,
    monitor: PeakMonitor | None,
) -> None:
    peak_mib = monitor.stop() if monitor is not None else None
    if start_kib is None or init_kib is None or overall_kib is None:
        return
    say("INFO", _NOTE)
    say(
        "INFO",
        "Memory footprint delta from the start of the tool (MB): "
        f"init={(init_kib - start_kib) / 1024:g} overall={(overall_kib - start_kib) / 1024:g}",
    )
    if peak_mib is None:
        return
    say("INFO", f"Overall peak memory footprint (MB) via periodic monitoring: {peak_mib:g}")
    say("INFO", "Memory status at the end of exeution:")  # the tool's own spelling
    for label, mib in resident_mib().items():
        say("INFO", f"{label:<21}: {mib:.0f} MB")


def _say_parameters(values: dict[str, FlagValue], given: frozenset[str]) -> None:
    verbose = bool(values["verbose"])
    say("INFO", f"Log parameter values verbosely: [{int(verbose)}]")
    for name, label in LABELS.items():
        if verbose or name in given:
            value = values[name]
            shown = int(value) if isinstance(value, bool) else value
            say(
                "INFO",
                f"{label}: [{shown:g}]" if isinstance(shown, float) else f"{label}: [{shown}]",
            )


def _versions() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        litert = f"LiteRT {version('ai-edge-litert')}"
    except PackageNotFoundError:
        litert = "no LiteRT"
    return f"{litert}, Python {platform.python_version()}"
