"""The ratio of two runs in one metric, by the method that fits how they were measured.

Runs of one session were interleaved round by round, so that heat and drift hit both: they are compared
pair by pair. Runs of different sessions are independent samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from android_bench.analysis.metrics import Metric
from android_bench.analysis.ratio import (
    least_pairs,
    least_per_side,
    paired_ratio_interval,
    ratio_interval,
)
from android_bench.analysis.stats import Interval
from android_bench.results import BenchmarkRun, Invocation, InvocationKind


class Method(str, Enum):
    """How a ratio was found."""

    PAIRED = "paired"  # rounds of one session, exact signed-rank test
    INDEPENDENT = "independent"  # exact Mann-Whitney test
    EXACT = "exact"  # two numbers without noise


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRatio:
    """Candidate / baseline, how it was found, and the samples of each side that it was found from."""

    ratio: Interval
    method: Method
    counts: tuple[int, int]

    @property
    def explanation(self) -> str:
        """The method in a sentence's words."""
        first, second = self.counts
        if self.method is Method.PAIRED:
            return (
                f"compared round by round: {first} rounds of one session (exact signed-rank test)"
            )
        if self.method is Method.EXACT:
            return "compared as they are: a file's size has no noise"
        return (
            f"compared as independent samples: {first} against {second} (exact Mann-Whitney test)"
        )

    @property
    def shortage(self) -> str | None:
        """What is missing for an interval, ``None`` when it is there."""
        if self.ratio.low is not None:
            return None
        first, second = self.counts
        return (
            f"too few invocations for a {self.ratio.confidence:.0%} interval: {first} against "
            f"{second}, {least_per_side()} a side are the least"
        )


def ratio_of_runs(
    baseline: BenchmarkRun, candidate: BenchmarkRun, metric: Metric = Metric.LATENCY
) -> RunRatio | None:
    """The ratio of two runs in a metric; ``None`` when a side has no sample of it.

    Pairs are the rounds of one session that count on both sides. With fewer than give an interval, or in
    a metric that is not measured in rounds, the samples are independent.
    """
    before, after = samples_of(baseline, metric), samples_of(candidate, metric)
    if not before or not after:
        return None
    if metric is Metric.FILE_SIZE:
        exact = after[0][1] / before[0][1]
        ratio = Interval(estimate=exact, low=exact, high=exact, confidence=1.0)
        return RunRatio(ratio=ratio, method=Method.EXACT, counts=(1, 1))
    if baseline.session_id == candidate.session_id and metric is not Metric.PEAK_MEMORY:
        pairs = _pairs(before, after)
        if len(pairs) >= least_pairs():
            old, new = zip(*pairs, strict=True)
            return RunRatio(
                ratio=paired_ratio_interval(old, new),
                method=Method.PAIRED,
                counts=(len(pairs), len(pairs)),
            )
    return RunRatio(
        ratio=ratio_interval([value for _, value in before], [value for _, value in after]),
        method=Method.INDEPENDENT,
        counts=(len(before), len(after)),
    )


def samples_of(run: BenchmarkRun, metric: Metric) -> tuple[tuple[int, float], ...]:
    """The round and the value of each invocation that tells this metric, in their order.

    The size of the file is one value of round 0. Zero is what a build prints that does not know.
    """
    if metric is Metric.FILE_SIZE:
        return ((0, float(run.artifact.size_bytes)),)
    kind = InvocationKind.MEMORY if metric is Metric.PEAK_MEMORY else InvocationKind.TIMING
    items = run.timing if kind is InvocationKind.TIMING else run.of_kind(kind)
    return tuple(_known(items, metric))


def _pairs(
    before: Sequence[tuple[int, float]], after: Sequence[tuple[int, float]]
) -> list[tuple[float, float]]:
    """The values of the rounds that both sides have exactly once."""
    counts = [Counter(number for number, _ in side) for side in (before, after)]
    new = dict(after)
    return [
        (value, new[number])
        for number, value in before
        if counts[0][number] == 1 == counts[1][number]
    ]


def _known(items: tuple[Invocation, ...], metric: Metric) -> Iterator[tuple[int, float]]:
    for item in items:
        value = _value(item, metric)
        if value is not None and value > 0:
            yield item.round, value


def _value(item: Invocation, metric: Metric) -> float | None:
    if metric is Metric.LATENCY:
        return item.latency.mean_us if item.latency else None
    if metric is Metric.INIT:
        return item.init_us
    if metric is Metric.FIRST_INFERENCE:
        return item.warmup.first_us if item.warmup else None
    return item.memory.peak_bytes if item.memory else None
