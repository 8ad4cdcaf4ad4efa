from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.analysis import stability
from android_bench.analysis.stability import drift, outliers, two_modes

latencies = st.floats(min_value=1.0, max_value=1e6, allow_nan=False)


def test_a_rising_series_drifts_by_what_it_rises() -> None:
    found = drift([100.0, 101, 102, 103, 104, 105])
    assert found is not None
    assert found.change == pytest.approx(5 / 102.5)
    # Two of the 6! orders are monotone.
    assert found.p_value == pytest.approx(2 / math.factorial(6))
    assert found.significant


def test_one_outlier_is_no_drift() -> None:
    found = drift([100.0, 101, 99, 100, 101, 99, 100, 101, 99, 180])
    assert found is not None
    assert abs(found.change) < 0.02
    assert not found.significant


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7])
def test_the_trend_test_is_exact_by_enumeration(count: int) -> None:
    """Of all orders of distinct values, those at least as ordered as this one."""
    orders = list(itertools.permutations(range(1, count + 1)))
    scores = [
        abs(sum((b > a) - (b < a) for a, b in itertools.combinations(order, 2))) for order in orders
    ]
    for order, score in zip(orders[::7], scores[::7], strict=True):
        found = drift([float(value) for value in order])
        assert found is not None
        expected = sum(other >= score for other in scores) / len(orders)
        assert found.p_value == pytest.approx(expected)


def test_the_normal_approximation_meets_the_exact_test(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = [stability._kendall_p(60, score) for score in (100, 200, 400)]
    monkeypatch.setattr(stability, "_EXACT_UP_TO", 10)
    stability._kendall_p.cache_clear()
    near = [stability._kendall_p(60, score) for score in (100, 200, 400)]
    stability._kendall_p.cache_clear()
    assert near == pytest.approx(exact, rel=0.05)


def test_ties_and_short_series_are_no_drift() -> None:
    assert drift([]) is None
    assert drift([1.0, 2.0]) is None
    assert drift([0.0, 0.0, 0.0]) is None
    flat = drift([5.0] * 20)
    assert flat is not None
    assert (flat.change, flat.p_value) == (0.0, 1.0)


@settings(deadline=None)
@given(st.lists(latencies, min_size=3, max_size=80), st.floats(min_value=0.1, max_value=10))
def test_drift_does_not_depend_on_the_unit_and_turns_with_time(
    samples: list[float], factor: float
) -> None:
    found, scaled = drift(samples), drift([factor * value for value in samples])
    backwards = drift(samples[::-1])
    assert found is not None
    assert scaled is not None
    assert backwards is not None
    assert 0 < found.p_value <= 1
    assert scaled.change == pytest.approx(found.change, rel=1e-6, abs=1e-9)
    assert backwards.change == pytest.approx(-found.change, rel=1e-6, abs=1e-9)
    assert backwards.p_value == found.p_value


def test_outliers_by_the_published_example() -> None:
    # Median 100, median absolute deviation 1: a score of 3.5 lies 5.19 away.
    samples = [98.0, 99, 99, 100, 100, 100, 101, 101, 102, 105.1]
    assert outliers(samples) == ()
    assert outliers([*samples[:-1], 105.3]) == (9,)


def test_an_outlier_among_equal_samples_is_seen() -> None:
    assert outliers([100.0] * 9 + [130.0]) == (9,)
    assert outliers([100.0] * 10) == ()
    assert outliers([1.0, 100.0]) == ()


def test_two_clear_groups_are_two_modes() -> None:
    found = two_modes([100.0, 140, 101, 139, 99, 141, 100, 140, 101, 139, 100, 102, 98, 100, 140])
    assert found is not None
    assert (found.low, found.high) == (100, 140)
    assert (found.low_count, found.high_count) == (9, 6)


@pytest.mark.parametrize(
    "samples",
    [
        [float(value) for value in range(100, 120)],
        [100.0] * 12 + [140.0] * 2,  # below 15 samples nothing is said
        [100.0] * 18 + [140.0] * 2,  # two are outliers, no mode
        [100.0] * 20,
    ],
)
def test_what_is_no_second_mode(samples: list[float]) -> None:
    assert two_modes(samples) is None


@settings(deadline=None)
@given(st.lists(latencies, max_size=40))
def test_modes_are_a_partition_with_a_gap(samples: list[float]) -> None:
    found = two_modes(samples)
    if found is not None:
        assert found.low_count + found.high_count == len(samples)
        assert min(found.low_count, found.high_count) >= stability.LEAST_OF_MODE
        assert found.low < found.high
