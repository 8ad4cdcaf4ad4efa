"""Findings: what a reader must know about a run before believing its numbers.

Findings are data, rendered twice: in the terminal and in the report. Each has a stable code, which
docs/findings.md explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from android_bench import formatting
from android_bench.results import (
    THROTTLING_STATUS,
    BenchmarkRun,
    Conditions,
    DeviceKind,
    InvocationKind,
    Status,
)
from android_bench.summary import summarise

# A coefficient of variation between processes above this makes a 5 % gate undecidable with a handful
# of invocations: with six a side the interval is then about ±5 % wide.
HIGH_SPREAD = 0.05
LOW_BATTERY_PCT = 20


class Severity(str, Enum):
    """How much a finding touches the numbers."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know. ``run_id`` says about which run; ``hint`` what to do."""

    code: str
    severity: Severity
    message: str
    hint: str
    run_id: str


def check_runs(runs: Sequence[BenchmarkRun]) -> tuple[Finding, ...]:
    """All findings about these runs, the gravest first, in the order of the runs."""
    found = [finding for run in runs for finding in check_run(run)]
    order = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def check_run(run: BenchmarkRun) -> Iterator[Finding]:
    """Yield the findings about one run."""
    for code, severity, message, hint in _all_checks(run):
        yield Finding(code=code, severity=severity, message=message, hint=hint, run_id=run.run_id)


_Raw = tuple[str, Severity, str, str]


def _all_checks(run: BenchmarkRun) -> Iterator[_Raw]:
    yield from _about_the_device(run)
    yield from _about_completeness(run)
    yield from _about_spread(run)
    yield from _about_delegation(run)
    yield from _about_conditions(run)
    yield from _about_the_model(run)


def _about_the_device(run: BenchmarkRun) -> Iterator[_Raw]:
    if run.device.kind is DeviceKind.HOST:
        yield (
            "host-not-phone",
            Severity.INFO,
            "Measured on this computer, not on a phone.",
            "Use it to compare variants with each other; measure on a device before you ship.",
        )
    elif run.device.kind is DeviceKind.EMULATOR:
        yield (
            "emulator-not-phone",
            Severity.INFO,
            "Measured on an emulator, not on a phone.",
            "Good for comparing with itself; measure on a device before you ship.",
        )


def _about_completeness(run: BenchmarkRun) -> Iterator[_Raw]:
    done = len(run.invocations)
    if not run.complete:
        yield (
            "incomplete",
            Severity.ERROR,
            f"Only {done} of {run.planned} invocations were made before the work ended.",
            "Reconnect the device and run it again; the records so far are kept.",
        )
    bad = [item for item in run.invocations if item.status is not Status.OK]
    for status in dict.fromkeys(item.status for item in bad):
        items = [item for item in bad if item.status is status]
        yield (
            f"invocation-{status.value}",
            Severity.ERROR,
            f"{len(items)} of {done} invocations do not count ({status.value}): {items[0].problem}",
            f"Read the raw output in {items[0].log}.stdout and .stderr.",
        )


def _about_spread(run: BenchmarkRun) -> Iterator[_Raw]:
    summary = summarise(run)
    if summary.latency is not None and summary.latency.low is None:
        yield (
            "too-few-invocations",
            Severity.WARNING,
            f"{summary.invocations} valid timing invocations give no "
            f"{summary.latency.confidence:.0%} interval.",
            "Take at least 6: --invocations 6.",
        )
    if summary.between_spread is not None and summary.between_spread > HIGH_SPREAD:
        yield (
            "high-spread",
            Severity.WARNING,
            f"Invocations differ by {formatting.percent(summary.between_spread)} (standard deviation "
            "over mean).",
            "Close other work on the device, let it cool, or take more invocations.",
        )


def _about_delegation(run: BenchmarkRun) -> Iterator[_Raw]:
    partial = [
        item.delegation
        for item in run.timing
        if item.delegation
        and item.delegation.nodes_delegated is not None
        and item.delegation.nodes_total is not None
        and 0 < item.delegation.nodes_delegated < item.delegation.nodes_total
    ]
    if partial:
        seen = partial[0]
        yield (
            "partial-delegation",
            Severity.INFO,
            f"{seen.delegate_name or seen.requested.value} executes {seen.nodes_delegated} of "
            f"{seen.nodes_total} nodes; the rest runs on the plain CPU kernels.",
            "See which operators are left: android-bench inspect MODEL.",
        )


def _about_conditions(run: BenchmarkRun) -> Iterator[_Raw]:
    seen = [
        state
        for item in run.invocations
        if item.kind is InvocationKind.TIMING
        for state in (item.before, item.after)
        if state is not None
    ]
    yield from _about_heat(seen)
    levels = [state.battery_level_pct for state in seen if state.battery_level_pct is not None]
    if levels and min(levels) < LOW_BATTERY_PCT:
        yield (
            "low-battery",
            Severity.WARNING,
            f"The battery was at {min(levels)} %; many phones lower their clocks then.",
            "Charge above 50 %, unplug, and measure again.",
        )
    if any(state.power_save for state in seen):
        yield (
            "power-save",
            Severity.WARNING,
            "Power-save mode was on, which caps the clocks.",
            "Turn battery saver off on the device.",
        )


def _about_heat(seen: Sequence[Conditions]) -> Iterator[_Raw]:
    statuses = [state.thermal_status for state in seen if state.thermal_status is not None]
    if statuses and max(statuses) >= THROTTLING_STATUS:
        yield (
            "throttling",
            Severity.WARNING,
            f"The device reported thermal status {max(statuses)} while measuring: it was throttling.",
            "Let it cool and measure again.",
        )


def _about_the_model(run: BenchmarkRun) -> Iterator[_Raw]:
    metadata = run.artifact.metadata
    if metadata is not None and metadata.failure is not None:
        yield (
            "metadata-refused",
            Severity.WARNING,
            f"Its metadata do not work in an app: {metadata.failure}",
            "android-bench metadata verify MODEL says which Android APIs take the file.",
        )
    fidelity = run.artifact.fidelity
    for told in run.artifact.warnings:
        if told.startswith("Collapsed"):
            blamed = [
                one for one in run.artifact.warnings if one.startswith("The layers responsible")
            ]
            yield (
                "model-collapsed",
                Severity.ERROR,
                " ".join([told, *blamed]),
                "Do not ship it, however fast: android-bench debug-quantization shows where it went wrong.",
            )
    if fidelity and fidelity.accuracy is not None and fidelity.source_accuracy is not None:
        drop = fidelity.source_accuracy - fidelity.accuracy
        # Twice the standard error of a proportion: below it the drop can be chance.
        share = fidelity.source_accuracy
        noise = 2 * (share * (1 - share) / max(fidelity.samples, 1)) ** 0.5
        if drop > max(noise, 0.01):
            yield (
                "accuracy-drop",
                Severity.WARNING,
                f"Accuracy fell from {formatting.percent(share)} to "
                f"{formatting.percent(fidelity.accuracy)} on {fidelity.samples} samples.",
                "Check the calibration data, or choose a milder recipe.",
            )
