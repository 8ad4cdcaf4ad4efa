"""Findings about what ran: where, how it ended, what executed the graph, and whether it computed right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from android_bench import formatting
from android_bench.analysis.checks.finding import Code, Severity, Told
from android_bench.config import DelegateKind
from android_bench.results import (
    BenchmarkRun,
    DeviceKind,
    Invocation,
    InvocationKind,
    Numerics,
    Status,
)

# With e the relative error of the outputs, their cosine is about 1 - e²/2: these are 4.5 % and 14 %. Half
# precision, the roughest arithmetic that is meant to be harmless, errs by a tenth of a percent.
COSINE_WARNING = 0.999
COSINE_ERROR = 0.99
# So many samples may change their class: one in twenty is what accuracy would show as well.
TOP1_ERROR = 0.95

_OTHER_HARDWARE = {DelegateKind.GPU, DelegateKind.NNAPI, DelegateKind.EXTERNAL}


def check_device(run: BenchmarkRun) -> Iterator[Told]:
    """Yield what was measured that is no phone of a user, and with a program that is no release."""
    if run.device.kind is DeviceKind.HOST:
        yield Told(
            Code.HOST_NOT_PHONE,
            Severity.INFO,
            "Measured on this computer, not on a phone.",
            "Use it to compare variants with each other; measure on a device before you ship.",
        )
    elif run.device.kind is DeviceKind.EMULATOR:
        yield Told(
            Code.EMULATOR_NOT_PHONE,
            Severity.INFO,
            "Measured on an emulator, not on a phone.",
            "Good for comparing with itself; measure on a device before you ship.",
        )
    if run.device.build_type == "eng":
        yield Told(
            Code.ENGINEERING_BUILD,
            Severity.WARNING,
            "The device runs an engineering build of Android, which is slower than what users have.",
            "Measure on a user or userdebug build.",
        )
    if run.binary.debug:
        yield Told(
            Code.DEBUG_BINARY,
            Severity.WARNING,
            "This benchmark_model holds debug information: it may be built without optimization.",
            "Take a release build (bazel build -c opt); if this is one, strip it.",
        )


def check_outcomes(run: BenchmarkRun) -> Iterator[Told]:
    """Yield which invocations are missing or do not count, and why."""
    done = len(run.invocations)
    if not run.complete:
        yield Told(
            Code.INCOMPLETE,
            Severity.ERROR,
            f"Only {done} of {run.planned} invocations were made before the work ended.",
            "Reconnect the device and run it again; the records so far are kept.",
        )
    bad: dict[Code, list[Invocation]] = {}
    for item in run.invocations:
        if item.status is not Status.OK:
            bad.setdefault(_code_of(item), []).append(item)
    for code, items in bad.items():
        yield Told(
            code,
            Severity.ERROR,
            f"{len(items)} of {done} invocations do not count ({items[0].status.value}): "
            f"{items[0].problem}",
            _HINTS.get(code, "Read the raw output in {log}.stdout and .stderr.").format(
                log=items[0].log
            ),
        )


_HINTS = {
    Code.FALLBACK: "The delegate's own words are in {log}.stdout and .stderr; "
    "--delegate cpu measures what really ran.",
    Code.FLAG_NOT_USED: "Give a benchmark_model that knows the flag: --benchmark-binary.",
}


def _code_of(item: Invocation) -> Code:
    if item.status is Status.INVALID:
        if item.delegation is not None and item.delegation.applied is False:
            return Code.FALLBACK
        if item.unconsumed_flags:
            return Code.FLAG_NOT_USED
    return Code(f"invocation-{item.status.value}")


def check_delegation(run: BenchmarkRun) -> Iterator[Told]:
    """Yield what of the graph the delegate did not execute, or whether nothing tells."""
    known = [item.delegation for item in run.timing if item.delegation]
    for seen in known:
        whole, part = seen.nodes_total, seen.nodes_delegated
        if whole is not None and part is not None and 0 < part < whole:
            parts = (
                f" in {formatting.count(seen.partitions, 'partition')}" if seen.partitions else ""
            )
            yield Told(
                Code.PARTIAL_DELEGATION,
                Severity.INFO,
                f"{seen.delegate_name or seen.requested.value} executes {part} of {whole} nodes{parts}; "
                "the rest runs on the plain CPU kernels.",
                "See which operators are left: android-bench inspect MODEL.",
            )
            break
    requested = run.config.delegate.kind
    if requested in _OTHER_HARDWARE and run.timing and all(one.applied is None for one in known):
        yield Told(
            Code.DELEGATION_UNKNOWN,
            Severity.WARNING,
            f"Nothing in the output tells whether {requested.value} executed the graph.",
            "Take a build that logs it, or compare with --delegate cpu: alike is suspicious.",
        )


def check_numerics(run: BenchmarkRun) -> Iterator[Told]:
    """Yield how far the device's outputs lie from the host's, when that is too far."""
    items = [item.numerics for item in run.of_kind(InvocationKind.NUMERICS) if item.numerics]
    severity = _severity_of(items)
    if severity is None:
        return
    worst = max((item.max_abs_error for item in items), key=_finite_first)
    cosine = min((item.cosine for item in items if item.cosine is not None), default=None)
    changed = sum(item.top1_agrees is False for item in items)
    told = [f"largest error {formatting.number(worst)}"]
    if cosine is not None:
        told.append(f"least cosine {cosine:.5f}")
    if changed:
        told.append(f"another class in {changed} of {len(items)} samples")
    yield Told(
        Code.NUMERICS_OFF,
        severity,
        f"The outputs differ from {items[0].reference}: {', '.join(told)}.",
        "A fast wrong answer is no result: try another delegate, or allow no lower precision.",
    )


def _severity_of(items: Sequence[Numerics]) -> Severity | None:
    judged = [item for item in items if item.top1_agrees is not None]
    agreed = sum(item.top1_agrees is True for item in judged) / len(judged) if judged else 1.0
    if agreed < TOP1_ERROR or any(_broken(item) for item in items):
        return Severity.ERROR
    near = all(item.cosine is None or item.cosine >= COSINE_WARNING for item in items)
    return None if agreed == 1.0 and near else Severity.WARNING


def _broken(item: Numerics) -> bool:
    """Not a number, one side all zeros and the other not, or pointing elsewhere."""
    if not math.isfinite(item.max_abs_error):
        return True
    if item.cosine is None:
        return item.max_abs_error > 0
    return not item.cosine >= COSINE_ERROR


def _finite_first(error: float) -> float:
    return error if math.isfinite(error) else math.inf
