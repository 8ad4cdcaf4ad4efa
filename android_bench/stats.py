"""Statistics of invocations, as pure functions of numbers.

The sample is the invocation's mean, never the single inference: inferences of one process share its
memory layout, its core and its moment, and benchmark_model prints only their aggregate. Intervals are
distribution-free and exact for small samples, because latencies are skewed and samples are few.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its confidence interval; the bounds are ``None`` when samples are too few."""

    estimate: float
    low: float | None
    high: float | None
    confidence: float = CONFIDENCE


def median_interval(samples: Sequence[float], *, confidence: float = CONFIDENCE) -> Interval:
    """The median and its exact interval between order statistics.

    The number of samples below the median is binomial(n, 1/2), so the k-th smallest and k-th largest
    enclose it with a coverage that needs no assumption on the distribution (Conover, Practical
    Nonparametric Statistics, section 3.2). At 95 % it takes six samples.

    Raises:
        ValueError: there is no sample.
    """
    ordered = sorted(samples)
    count = len(ordered)
    if not ordered:
        raise ValueError("a median needs at least one sample")
    rank = _sign_rank(count, (1 - confidence) / 2)
    if rank == 0:
        return Interval(
            estimate=statistics.median(ordered), low=None, high=None, confidence=confidence
        )
    return Interval(
        estimate=statistics.median(ordered),
        low=ordered[rank - 1],
        high=ordered[count - rank],
        confidence=confidence,
    )


def precise_enough(samples: Sequence[float], precision: float) -> bool:
    """Whether the median's interval ends at most ``precision`` (a fraction) from it on either side.

    Too few samples for an interval are never precise enough. Asking after every sample whether to go
    on costs coverage; docs/statistics.md says how much.
    """
    if not samples:
        return False
    found = median_interval(samples)
    if found.low is None or found.high is None:
        return False
    farthest = max(found.estimate - found.low, found.high - found.estimate)
    return farthest <= precision * abs(found.estimate)


def coefficient_of_variation(samples: Sequence[float]) -> float | None:
    """Standard deviation over mean, as a fraction; ``None`` below two samples."""
    if len(samples) < 2:
        return None
    mean = statistics.fmean(samples)
    return statistics.stdev(samples) / mean if mean else None


@functools.cache
def _sign_rank(count: int, tail: float) -> int:
    """The largest rank k with P(fewer than k samples below the median) <= tail; 0 when there is none."""
    rank, below = 0, 0.0
    while rank < count // 2:
        below += math.comb(count, rank) * 0.5**count
        if below > tail:
            break
        rank += 1
    return rank
