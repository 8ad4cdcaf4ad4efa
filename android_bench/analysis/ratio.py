"""Ratios of two samples with exact intervals: independent samples, or pairs made in the same rounds.

Both are the estimators of Hodges and Lehmann with the intervals that invert an exact rank test, on
logarithms, so that swapping the sides inverts the answer. No distribution is assumed; that the
samples are independent is.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence

from android_bench.analysis.stats import CONFIDENCE, Interval


def ratio_interval(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The ratio candidate / baseline of independent samples, with its exact interval.

    The estimate is the median of all pairwise ratios; the interval takes the order statistics of those
    ratios that the exact distribution of the Mann-Whitney U allows (Hollander, Wolfe and Chicken,
    Nonparametric Statistical Methods, 3rd ed., section 4.3). At 95 % it takes four samples a side.

    Raises:
        ValueError: a side is empty or holds a value that is not above zero.
    """
    if not baseline or not candidate:
        raise ValueError("a ratio needs samples on both sides")
    before, after = _logarithms(baseline), _logarithms(candidate)
    shifts = sorted([new - old for new in after for old in before])
    rank = _mann_whitney_rank(len(before), len(after), (1 - confidence) / 2)
    return _between(shifts, rank, confidence)


def paired_ratio_interval(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The ratio candidate / baseline of samples that belong together pair by pair.

    What hits both of a pair alike (heat, another app, a mode of the device) cancels. The estimate is the
    median of the Walsh averages of the log ratios, the interval inverts the exact Wilcoxon signed-rank
    test (Hollander, Wolfe and Chicken, section 3.3). At 95 % it takes six pairs.

    Raises:
        ValueError: there is no pair, the lengths differ, or a value is not above zero.
    """
    if not baseline or len(baseline) != len(candidate):
        raise ValueError("a paired ratio needs as many samples on one side as on the other")
    shifts = [
        new - old for old, new in zip(_logarithms(baseline), _logarithms(candidate), strict=True)
    ]
    walsh = sorted(
        [(shifts[i] + shifts[j]) / 2 for i in range(len(shifts)) for j in range(i, len(shifts))]
    )
    return _between(walsh, _signed_rank_rank(len(shifts), (1 - confidence) / 2), confidence)


@functools.cache
def least_pairs(confidence: float = CONFIDENCE) -> int:
    """The fewest pairs that give an interval: two of the 2^n signs are extreme."""
    return next(n for n in range(1, 1024) if 2.0**-n <= (1 - confidence) / 2)


@functools.cache
def least_per_side(confidence: float = CONFIDENCE) -> int:
    """The fewest independent samples on each of two sides that give an interval."""
    return next(n for n in range(1, 1024) if 1 / math.comb(2 * n, n) <= (1 - confidence) / 2)


def _logarithms(samples: Sequence[float]) -> list[float]:
    if min(samples) <= 0:
        raise ValueError("a ratio needs samples above zero")
    return [math.log(value) for value in samples]


def _between(shifts: Sequence[float], rank: int, confidence: float) -> Interval:
    """The interval between the rank-th smallest and the rank-th largest of sorted log ratios."""
    estimate = math.exp(statistics.median(shifts))
    if rank == 0:
        return Interval(estimate=estimate, low=None, high=None, confidence=confidence)
    return Interval(
        estimate=estimate,
        low=math.exp(shifts[rank - 1]),
        high=math.exp(shifts[len(shifts) - rank]),
        confidence=confidence,
    )


@functools.cache
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
    return min(_rank(counts, math.comb(first + second, first), tail), size // 2)


@functools.cache
def _signed_rank_rank(count: int, tail: float) -> int:
    """The largest rank k with P(W <= k - 1) <= tail under symmetry around no difference; 0 if none.

    ``counts[w]`` is the number of subsets of the ranks 1 to n with the sum w: the coefficients of the
    product of (1 + q^i).
    """
    size = count * (count + 1) // 2
    counts = [1] + [0] * size
    for step in range(1, count + 1):
        for w in range(size, step - 1, -1):
            counts[w] += counts[w - step]
    return min(_rank(counts, 2**count, tail), size // 2)


def _rank(counts: Sequence[int], total: int, tail: float) -> int:
    rank, cumulative = 0, 0
    for count in counts:
        cumulative += count
        if cumulative > tail * total:
            break
        rank += 1
    return rank
