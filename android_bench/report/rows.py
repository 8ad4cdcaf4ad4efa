"""One run as the page sees it: :mod:`android_bench.run_view`, and what its charts need besides."""

from __future__ import annotations

from android_bench.report.panels import DotKind
from android_bench.results import Invocation, InvocationKind, Numerics, Status
from android_bench.run_view import CommandView, RunView

__all__ = ["CommandView", "RunView", "kind_of", "mean_of", "numerics_of"]


def mean_of(item: Invocation) -> float | None:
    """The mean of a valid timing invocation in µs, throttled or not."""
    if item.kind is not InvocationKind.TIMING or item.status is not Status.OK:
        return None
    return item.latency.mean_us if item.latency else None


def kind_of(view: RunView, item: Invocation) -> DotKind:
    """What is special about a timing invocation of this run."""
    if item.throttled:
        return DotKind.APART
    far = any(other.index == item.index for other in view.summary.outliers)
    return DotKind.OUTLIER if far else DotKind.COUNTED


def numerics_of(view: RunView) -> tuple[Numerics, ...]:
    """How far the outputs on the device are off, one for each sample."""
    found = (item.numerics for item in view.run.of_kind(InvocationKind.NUMERICS))
    return tuple(item for item in found if item is not None)
