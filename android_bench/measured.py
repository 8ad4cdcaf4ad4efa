"""Candidates with the latencies and memory that were measured on devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from android_bench.analysis.summary import summarise
from android_bench.results import BenchmarkRun, DeviceKind
from optimizer.choice import Candidate


def with_measurements(
    candidates: Sequence[tuple[Candidate, str]], runs: Sequence[BenchmarkRun]
) -> tuple[Candidate, ...]:
    """Candidates, each given with its file's SHA-256, with what a device said of it.

    A phone's figures go before an emulator's, and those before this computer's. Figures of different
    devices or configurations cannot be ranked together: those of the one that has measured most
    candidates are taken.
    """
    groups: dict[str, dict[str, BenchmarkRun]] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if summarise(run).latency is not None:
            groups.setdefault(_where(run), {})[run.artifact.sha256] = run
    digests = {digest for _, digest in candidates}
    known = [group for group in groups.values() if digests & group.keys()]
    if not known:
        return tuple(candidate for candidate, _ in candidates)
    best = max(known, key=lambda group: (_nearness(group), len(digests & group.keys())))
    return tuple(_measured(candidate, best.get(digest)) for candidate, digest in candidates)


def _measured(candidate: Candidate, run: BenchmarkRun | None) -> Candidate:
    """A candidate with a run's figures; without a run with none, for this computer's do not compare."""
    if run is None:
        return replace(candidate, latency_us=None, memory_bytes=None, latency_source=None)
    summary = summarise(run)
    return replace(
        candidate,
        latency_us=summary.latency.estimate if summary.latency else None,
        memory_bytes=summary.peak_bytes,
        latency_source=_where(run),
    )


def _nearness(group: dict[str, BenchmarkRun]) -> int:
    """How near the figures are to those of an app on a phone."""
    order = (DeviceKind.HOST, DeviceKind.EMULATOR, DeviceKind.PHONE)
    return max(order.index(run.device.kind) for run in group.values())


def _where(run: BenchmarkRun) -> str:
    """The device and configuration in words."""
    kind = run.device.kind
    named = "this computer" if kind is DeviceKind.HOST else run.device.label
    emulated = " (an emulator)" if kind is DeviceKind.EMULATOR else ""
    return f"{named}{emulated}, {run.config.label}"
