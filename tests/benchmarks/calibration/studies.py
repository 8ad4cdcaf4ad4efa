"""What else is quoted: optional stopping, what steady series are called, verdicts by noise and number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from android_bench.analysis.stability import drift, outliers, two_modes
from android_bench.analysis.stats import median_interval, precise_enough
from android_bench.config import BenchmarkConfig
from tests.benchmarks.calibration.kinds import Kind
from tests.benchmarks.calibration.trials import INVOCATIONS, MEDIAN_US, NOISE

MOST = BenchmarkConfig().max_invocations
# The true median of 1 % normal noise is MEDIAN_US: the noise is on the logarithm.


def coverage(
    kind: Kind, *, first: int, precision: float | None, count: int, seed: int
) -> tuple[float, float]:
    """How often the interval of the median holds the true one, and the mean number of invocations.

    With a precision, sampling stops at the first number from ``first`` on at which the interval is
    narrow enough, as ``--precision`` does; without one, at ``first``.
    """
    rng = np.random.default_rng(seed)
    true = float(np.median(kind.make(rng, 200_000, 1)))
    centre = MEDIAN_US * float(np.exp(NOISE * true))
    held, made = 0, 0
    for series in (MEDIAN_US * np.exp(NOISE * kind.make(rng, count, MOST))).tolist():
        number = _stop(series, first, precision)
        found = median_interval(series[:number])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= centre <= found.high
        made += number
    return held / count, made / count


def _stop(series: Sequence[float], first: int, precision: float | None) -> int:
    if precision is None:
        return first
    numbers = range(first, MOST + 1)
    return next((n for n in numbers if precise_enough(series[:n], precision)), MOST)


def steadiness(kind: Kind, *, count: int, seed: int) -> tuple[float, float, float]:
    """The shares of series that are said to drift, to have outliers, to have two modes."""
    rng = np.random.default_rng(seed)
    series = (MEDIAN_US * np.exp(NOISE * kind.make(rng, count, INVOCATIONS))).tolist()
    moved = sum(bool((found := drift(one)) and found.significant) for one in series)
    return (
        moved / count,
        sum(bool(outliers(one)) for one in series) / count,
        sum(two_modes(one) is not None for one in series) / count,
    )
