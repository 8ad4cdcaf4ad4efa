"""One run in a few numbers: what a table row, a chart bar and a comparison are made of."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from android_bench.results import BenchmarkRun, InvocationKind, Status
from android_bench.stats import Interval, coefficient_of_variation, median_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run's latency, start-up and memory. Times in microseconds, spreads as fractions, memory in bytes.

    ``latency`` is the median of the invocations' means with its interval. ``between_spread`` is the
    coefficient of variation of those means, ``within_spread`` the median over invocations of the
    inferences' own. ``fastest_us`` and ``slowest_us`` are the extremes over single inferences.
    """

    invocations: int
    inferences: int
    latency: Interval | None
    between_spread: float | None
    within_spread: float | None
    fastest_us: float | None
    slowest_us: float | None
    init_us: float | None
    first_inference_us: float | None
    init_footprint_bytes: int | None
    overall_footprint_bytes: int | None
    peak_bytes: int | None
    samples_us: tuple[float, ...]


def summarise(run: BenchmarkRun) -> RunSummary:
    """Reduce a run to its summary; what was not measured is ``None``."""
    timing = run.timing
    latencies = [item.latency for item in timing if item.latency is not None]
    samples = tuple(item.mean_us for item in latencies if item.mean_us is not None)
    within = [
        item.std_us / item.mean_us for item in latencies if item.std_us is not None and item.mean_us
    ]
    memories = [
        item.memory
        for item in run.invocations
        if item.kind is InvocationKind.MEMORY and item.status is Status.OK and item.memory
    ]
    return RunSummary(
        invocations=len(samples),
        inferences=sum(item.count for item in latencies),
        latency=median_interval(samples) if samples else None,
        between_spread=coefficient_of_variation(samples),
        within_spread=statistics.median(within) if within else None,
        fastest_us=min(
            (item.min_us for item in latencies if item.min_us is not None), default=None
        ),
        slowest_us=max(
            (item.max_us for item in latencies if item.max_us is not None), default=None
        ),
        init_us=_median(item.init_us for item in timing),
        first_inference_us=_median(item.warmup.first_us for item in timing if item.warmup),
        init_footprint_bytes=_median_int(item.init_footprint_bytes for item in memories),
        overall_footprint_bytes=_median_int(item.overall_footprint_bytes for item in memories),
        peak_bytes=_median_int(item.peak_bytes for item in memories),
        samples_us=samples,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _median_int(values: Iterable[int | None]) -> int | None:
    middle = _median(values)
    return None if middle is None else round(middle)
