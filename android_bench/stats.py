"""Statistics of invocations, as pure functions of numbers.

The sample is the invocation's mean, never the single inference: inferences of one process share its
memory layout, its core and its moment, and benchmark_model prints only their aggregate. Intervals are
distribution-free and exact for small samples, because latencies are skewed and samples are few.
"""

from __future__ import annotations

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
    tail = (1 - confidence) / 2
    rank, below = 0, 0.0
    while rank < count // 2:
        below += math.comb(count, rank) * 0.5**count
        if below > tail:
            break
        rank += 1
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


def ratio_interval(
    baseline: Sequence[float], candidate: Sequence[float], *, confidence: float = CONFIDENCE
) -> Interval:
    """The ratio candidate / baseline by Hodges and Lehmann, with its exact interval.

    The estimate is the median of all pairwise ratios; the interval takes the order statistics of those
    ratios that the exact distribution of the Mann-Whitney U allows (Hollander, Wolfe and Chicken,
    Nonparametric Statistical Methods, 3rd ed., section 4.3), on logarithms, so that swapping the sides
    inverts the answer. At 95 % it takes four samples a side.

    Raises:
        ValueError: a side is empty or holds a value that is not above zero.
    """
    if not baseline or not candidate:
        raise ValueError("a ratio needs samples on both sides")
    if min(*baseline, *candidate, math.inf) <= 0:
        raise ValueError("a ratio needs samples above zero")
    shifts = sorted(math.log(new / old) for new in candidate for old in baseline)
    estimate = math.exp(statistics.median(shifts))
    rank = _mann_whitney_rank(len(baseline), len(candidate), (1 - confidence) / 2)
    if rank == 0:
        return Interval(estimate=estimate, low=None, high=None, confidence=confidence)
    return Interval(
        estimate=estimate,
        low=math.exp(shifts[rank - 1]),
        high=math.exp(shifts[len(shifts) - rank]),
        confidence=confidence,
    )


def coefficient_of_variation(samples: Sequence[float]) -> float | None:
    """Standard deviation over mean, as a fraction; ``None`` below two samples."""
    if len(samples) < 2:
        return None
    mean = statistics.fmean(samples)
    return statistics.stdev(samples) / mean if mean else None


def _mann_whitney_rank(first: int, second: int, tail: float) -> int:
    """The largest rank k with P(U <= k - 1) <= tail under no difference; 0 when there is none.

    ``counts[u]`` is the number of orderings of both samples with statistic u: the coefficients of the
    Gaussian binomial, built up one factor (1 - q^(n+i)) / (1 - q^i) at a time in whole numbers.
    """
    size = first * second
    counts = [1] + [0] * size
    for step in range(1, first + 1):
        for u in range(size, second + step - 1, -1):
            counts[u] -= counts[u - second - step]
        for u in range(step, size + 1):
            counts[u] += counts[u - step]
    orderings = math.comb(first + second, first)
    rank, cumulative = 0, 0
    for count in counts:
        cumulative += count
        if cumulative > tail * orderings:
            break
        rank += 1
    return min(rank, size // 2)
