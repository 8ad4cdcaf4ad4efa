"""The metrics that runs are compared by, and the samples of each."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from android_bench.results import BenchmarkRun, Invocation, InvocationKind


class Metric(str, Enum):
    """What is compared. Times are microseconds, sizes bytes; less is better in all of them."""

    LATENCY = "latency"
    INIT = "init"
    FIRST_INFERENCE = "first-inference"
    PEAK_MEMORY = "peak-memory"
    FILE_SIZE = "file-size"


def samples_of(run: BenchmarkRun, metric: Metric) -> tuple[tuple[int, float], ...]:
    """The round and the value of each invocation that tells this metric, in their order.

    The size of the file is one value of round 0. Zero is what a build prints that does not know.
    """
    if metric is Metric.FILE_SIZE:
        return ((0, float(run.artifact.size_bytes)),)
    kind = InvocationKind.MEMORY if metric is Metric.PEAK_MEMORY else InvocationKind.TIMING
    items = run.timing if kind is InvocationKind.TIMING else run.of_kind(kind)
    return tuple(_known(items, metric))


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
