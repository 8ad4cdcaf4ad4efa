"""Whether the numbers of an invocation count: the exit code first, then what was asked for."""

from __future__ import annotations

import math

from android_bench.benchmark_model.failures import explain, last_words, short
from android_bench.benchmark_model.output import ParsedOutput
from android_bench.config import BenchmarkConfig, DelegateKind
from android_bench.results import LatencySummary, Status

# A shell reports a process that died of signal N with 128 + N.
_SHELL_SIGNAL_BASE = 128
_LAST_SIGNAL = 64
_SIGNALS = {
    2: ("interrupted (SIGINT)", "run it again"),
    4: ("illegal instruction (SIGILL)", "take a build for this processor"),
    6: ("aborted (SIGABRT)", "read the last lines of the log; a check in the tool failed"),
    7: ("bus error (SIGBUS)", "push model and binary again: a file may be cut short"),
    8: ("arithmetic error (SIGFPE)", "check the model's shapes and quantization"),
    9: ("killed (SIGKILL)", "most likely out of memory: close apps, or take a smaller model"),
    11: (
        "segmentation fault (SIGSEGV)",
        "try another delegate or build, and keep the log for a report",
    ),
    13: ("broken pipe (SIGPIPE)", "the connection was lost; run it again"),
    15: ("terminated (SIGTERM)", "something on the device ended it; run it again"),
    31: ("forbidden system call (SIGSYS)", "take a build for this Android version"),
}
# Delegates whose silent absence means that the CPU was measured instead.
_ACCELERATORS = frozenset({DelegateKind.GPU, DelegateKind.NNAPI, DelegateKind.EXTERNAL})


def judge(
    parsed: ParsedOutput,
    *,
    exit_code: int | None,
    signal: int | None,
    timed_out: bool,
    config: BenchmarkConfig,
) -> tuple[Status, str | None]:
    """How the invocation ended and, unless it is ``OK``, one sentence of why and what to do.

    ``exit_code`` is the shell's or, negative, Python's way to tell of a signal; ``signal`` is for
    transports that know it apart. A delegate that executes a part of the graph is ``OK`` (the
    delegation says how much); one that executes nothing is ``INVALID``. For a GPU, NNAPI or external
    delegate the absence of any evidence is ``INVALID`` as well: the fallback to the CPU is silent,
    and a CPU's number under an accelerator's name is worse than none. XNNPACK is different: builds
    that apply it by default do not say so.
    """
    if timed_out:
        return Status.TIMEOUT, (
            "It did not end in time and was stopped; lower num_runs or max_s, or allow more time."
        )
    number = _signal(exit_code, signal)
    if number is not None:
        return Status.CRASHED, _crash(parsed, number)
    if exit_code is None:
        return Status.UNREADABLE, (
            "No exit code came back, so its numbers cannot be trusted; run it again."
        )
    if exit_code != 0:
        return Status.FAILED, _failure(parsed, exit_code)
    problem = _not_as_asked(parsed, config)
    if problem is not None:
        return Status.INVALID, problem
    problem = _unreadable(parsed.latency)
    return (Status.OK, None) if problem is None else (Status.UNREADABLE, problem)


def _signal(exit_code: int | None, signal: int | None) -> int | None:
    if signal:
        return signal
    if exit_code is None:
        return None
    if exit_code < 0:
        return -exit_code
    number = exit_code - _SHELL_SIGNAL_BASE
    return number if 0 < number <= _LAST_SIGNAL else None


def _crash(parsed: ParsedOutput, number: int) -> str:
    name, advice = _SIGNALS.get(number, (f"ended by signal {number}", "read the log"))
    # A failed check aborts after it has said why; that is the better sentence.
    cause = explain(parsed.errors)
    if cause is not None:
        return f"benchmark_model crashed: {name}. {cause}"
    words = last_words(parsed.errors)
    said = f" It said: {words}." if words else ""
    return f"benchmark_model crashed: {name}; {advice}.{said}"


def _failure(parsed: ParsedOutput, exit_code: int) -> str:
    cause = explain(parsed.errors)
    if cause is not None:
        return cause
    words = last_words(parsed.errors)
    if exit_code == 126:
        return f"The binary cannot be executed{_said(words)}; check its permissions and its ABI."
    if exit_code == 127:
        return f"The binary was not found{_said(words)}; push it again."
    return f"benchmark_model exited with {exit_code}{_said(words)}; read its log."


def _said(words: str | None) -> str:
    return f" ({words})" if words else ""


def _not_as_asked(parsed: ParsedOutput, config: BenchmarkConfig) -> str | None:
    if parsed.unconsumed_flags:
        flags = short(" ".join(parsed.unconsumed_flags))
        return (
            f"This build does not know {flags}, so what was asked for was not done; "
            "leave the flag out or take another build."
        )
    kind = config.delegate.kind
    if parsed.delegation.applied is False:
        if kind is DelegateKind.NO_XNNPACK:
            return "XNNPACK ran although it was switched off; take a build that can leave it out."
        return (
            f"The {kind.value} delegate executes no part of the model, the CPU was measured instead; "
            "take another delegate or convert the model for this one."
        )
    if parsed.delegation.applied is None and kind in _ACCELERATORS:
        return (
            f"Nothing in the output shows that the {kind.value} delegate was applied, and the "
            "fallback to the CPU is silent; take a build that reports its delegates."
        )
    if parsed.latency is not None and parsed.latency.count == 0:
        return "The model was never run (a dry run?); leave --dry_run and --num_runs=0 out."
    return None


def _unreadable(latency: LatencySummary | None) -> str | None:
    if latency is None or latency.mean_us is None:
        return (
            "It exited with 0 and printed no result that this tool can read; "
            "keep its log and report the build."
        )
    oddity = _oddity(latency)
    if oddity is None:
        return None
    return f"Its numbers cannot be true: {oddity}; run it again, and report the build if it stays."


def _oddity(latency: LatencySummary) -> str | None:
    values = {
        "first": latency.first_us,
        "min": latency.min_us,
        "max": latency.max_us,
        "mean": latency.mean_us,
        "std": latency.std_us,
        "p5": latency.p5_us,
        "median": latency.median_us,
        "p95": latency.p95_us,
    }
    known = {name: value for name, value in values.items() if value is not None}
    for name, value in known.items():
        if not math.isfinite(value) or value < 0:
            return f"{name} is {value:g} µs"
    if latency.mean_us == 0:
        return "the mean is 0 µs, less than its clock can tell"
    low, high = latency.min_us, latency.max_us
    if low is None or high is None:
        return None
    if low > high:
        return f"min is {low:g} µs and max is {high:g} µs"
    # The mean has six significant digits, so it may lie a little outside.
    for name in ("first", "mean", "p5", "median", "p95"):
        value = known.get(name, low)
        if not low * (1 - 1e-5) <= value <= high * (1 + 1e-5):
            return f"{name} is {value:g} µs, outside of {low:g} to {high:g} µs"
    return None
