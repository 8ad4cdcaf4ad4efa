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


@functools.cache
def student_quantile(degrees: int, probability: float) -> float:
    """The quantile of Student's t for a probability from 1/2 on, by bisection, to a millionth."""
    low, high = 0.0, 1.0
    while _student_below(high, degrees) < probability:
        high *= 2
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _student_below(middle, degrees) < probability else (low, middle)
        )
    return high


def _student_below(value: float, degrees: int) -> float:
    """P(T <= value) for value >= 0: the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(value / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for step in range(3 if odd else 2, degrees - 1, 2):
        term *= square * (step - 1) / step
        total += term
    within = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return (1 + within) / 2
