"""Is a series of samples steady? Drift, outliers and two modes, each by a rule that has a name.

The order of the samples is the order in which they were measured. Nothing here removes a sample: what is
found is told to the reader.
"""

from __future__ import annotations

import functools
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# One steady series in a hundred is called drifting; six samples are the fewest that can be.
DRIFT_ALPHA = 0.01
# Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993), section 3.3: 0.6745 makes the median
# absolute deviation of normal samples their standard deviation, and 3.5 is their limit.
_NORMAL_MAD = 0.6745
OUTLIER_SCORE = 3.5
# A mode is no mode with fewer samples, nor are there modes in fewer: chance leaves gaps in small series.
LEAST_OF_MODE = 3
LEAST_FOR_MODES = 15
# Above it the number of orders does not fit a table that is worth making, and is normal anyway.
_EXACT_UP_TO = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How a series moved. ``change`` is from its first to its last sample as a fraction of its median.

    ``p_value`` is that of no trend, two-sided.
    """

    change: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether chance explains it no better than once in a hundred."""
        return self.p_value <= DRIFT_ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """Two groups of samples with a gap between them: the median and the number of each."""

    low: float
    high: float
    low_count: int
    high_count: int


def drift(samples: Sequence[float]) -> Drift | None:
    """The trend of a series, by the slope of Theil and Sen and the test of Mann and Kendall.

    The slope is the median of the slopes between all pairs, so a few outliers do not make one (Sen, JASA
    63, 1968). The test counts the pairs that rise less those that fall (Kendall, Rank Correlation Methods),
    and is exact up to 60 samples; ties count as neither, which makes it careful. ``None`` below
    three samples or with a median of 0.
    """
    count = len(samples)
    if count < 3 or not (middle := statistics.median(samples)):
        return None
    pairs = list(itertools.combinations(range(count), 2))
    slope = statistics.median([(samples[j] - samples[i]) / (j - i) for i, j in pairs])
    score = sum((samples[j] > samples[i]) - (samples[j] < samples[i]) for i, j in pairs)
    return Drift(change=slope * (count - 1) / middle, p_value=_kendall_p(count, abs(score)))


def outliers(samples: Sequence[float]) -> tuple[int, ...]:
    """The positions of samples far from the others, by the modified z-score of Iglewicz and Hoaglin.

    It measures by medians, which the outliers themselves hardly move. Where more than half of the samples
    are equal that measure is 0, and the mean absolute deviation serves instead.
    """
    if len(samples) < 3:
        return ()
    middle = statistics.median(samples)
    distances = [abs(value - middle) for value in samples]
    unit = statistics.median(distances) / _NORMAL_MAD
    if not unit:
        unit = statistics.fmean(distances) * math.sqrt(math.pi / 2)  # of normal samples, as above
    return tuple(
        position for position, distance in enumerate(distances) if distance > OUTLIER_SCORE * unit
    )


def two_modes(samples: Sequence[float]) -> Modes | None:
    """Two groups of at least three samples whose gap is wider than either group, if there are such.

    It takes 15 samples, and finds clear modes only: docs/statistics.md says how often it splits steady
    series and finds real modes.
    """
    ordered = sorted(samples)
    count = len(ordered)
    if count < LEAST_FOR_MODES:
        return None
    cuts = range(LEAST_OF_MODE, count - LEAST_OF_MODE + 1)
    cut = max(cuts, key=lambda place: ordered[place] - ordered[place - 1])
    gap = ordered[cut] - ordered[cut - 1]
    if gap <= max(ordered[cut - 1] - ordered[0], ordered[-1] - ordered[cut]):
        return None
    low, high = ordered[:cut], ordered[cut:]
    return Modes(
        low=statistics.median(low),
        high=statistics.median(high),
        low_count=len(low),
        high_count=len(high),
    )


@functools.cache
def _kendall_p(count: int, score: int) -> float:
    """The probability of a Kendall score at least this far from 0 in a series without order."""
    if score == 0:
        return 1.0
    pairs = count * (count - 1) // 2
    if count > _EXACT_UP_TO:
        deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
        return math.erfc((score - 1) / deviation / math.sqrt(2))
    # Orders by their number of inversions; the score is the pairs less twice those.
    most = (pairs - score) // 2
    return min(1.0, 2 * sum(_inversions(count)[: most + 1]) / math.factorial(count))


@functools.cache
def _inversions(count: int) -> tuple[int, ...]:
    """How many orders of ``count`` things have 0, 1, 2, … inversions: the Mahonian numbers."""
    ways = [1]
    for size in range(2, count + 1):
        running = list(itertools.accumulate(ways + [0] * (size - 1)))
        ways = [
            total - (running[place - size] if place >= size else 0)
            for place, total in enumerate(running)
        ]
    return tuple(ways)
