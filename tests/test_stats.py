from __future__ import annotations

import itertools
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.analysis.ratio import (
    least_pairs,
    least_per_side,
    paired_ratio_interval,
    ratio_interval,
)
from android_bench.analysis.stats import (
    coefficient_of_variation,
    median_interval,
    precise_enough,
)

latencies = st.floats(min_value=1.0, max_value=1e7, allow_nan=False)


def test_median_of_five_has_no_95_percent_interval() -> None:
    found = median_interval([1, 2, 3, 4, 5])
    assert (found.estimate, found.low, found.high) == (3, None, None)


def test_median_of_six_lies_between_the_extremes() -> None:
    # 1 - 2 × (1/2)^6 = 96.9 % is the least coverage above 95 %.
    found = median_interval([6, 5, 4, 3, 2, 1])
    assert (found.estimate, found.low, found.high) == (3.5, 1, 6)


def test_median_interval_of_twenty_is_the_textbook_one() -> None:
    # Conover's table: n = 20, 95 %: the 6th and the 15th order statistic (coverage 95.9 %).
    found = median_interval(list(range(1, 21)))
    assert (found.low, found.high) == (6, 15)


def test_no_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        median_interval([])
    with pytest.raises(ValueError, match="both sides"):
        ratio_interval([], [1.0])
    with pytest.raises(ValueError, match="above zero"):
        ratio_interval([1.0], [0.0])


@settings(deadline=None)
@given(st.lists(latencies, min_size=6, max_size=40))
def test_median_interval_encloses_the_median(samples: list[float]) -> None:
    found = median_interval(samples)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= statistics.median(samples) <= found.high


@pytest.mark.parametrize(
    ("samples", "enough"),
    [
        ([], False),
        ([100.0] * 5, False),  # no interval below six samples, however alike they are
        ([100.0] * 6, True),
        ([99.0, 100, 100, 100, 100, 101], True),
        ([98.9, 100, 100, 100, 100, 100], False),  # one side is enough to be imprecise
        ([100.0, 100, 100, 100, 100, 101.1], False),
    ],
)
def test_precision_is_asked_of_both_sides(samples: list[float], enough: bool) -> None:
    assert precise_enough(samples, 0.01) is enough


def test_ratio_of_three_against_three_has_no_interval() -> None:
    assert ratio_interval([1, 2, 3], [4, 5, 6]).low is None


def test_ratio_of_four_against_four_uses_the_extremes() -> None:
    # P(U = 0) = 1 / C(8, 4) = 1/70 = 1.4 %, below 2.5 %: the extreme ratios are the bounds.
    found = ratio_interval([1.0, 1.1, 1.2, 1.3], [2.0, 2.1, 2.2, 2.3])
    assert found.low == pytest.approx(2.0 / 1.3)
    assert found.high == pytest.approx(2.3 / 1.0)


@pytest.mark.parametrize(
    ("first", "second", "rank"), [(5, 5, 3), (6, 6, 6), (10, 10, 24), (8, 6, 9)]
)
def test_ranks_are_those_of_the_published_table(first: int, second: int, rank: int) -> None:
    # Two-sided 5 % critical values of U (2, 5, 23, 8 in every textbook's table), plus one.
    baseline = [math.exp(value) for value in range(first)]
    candidate = [math.exp(0.001 * (value + 1) ** 2) for value in range(second)]
    found = ratio_interval(baseline, candidate)
    ratios = sorted(
        math.exp(math.log(new) - math.log(old)) for new in candidate for old in baseline
    )
    assert found.low == pytest.approx(ratios[rank - 1])
    assert found.high == pytest.approx(ratios[-rank])


def test_interval_covers_by_enumeration() -> None:
    """Under no difference, every ordering is equally likely: at most 5 % of intervals miss 1."""
    ranks = range(1, 11)
    missed = total = 0
    for chosen in itertools.combinations(ranks, 5):
        found = ratio_interval(
            [1.1**rank for rank in chosen], [1.1**rank for rank in ranks if rank not in chosen]
        )
        assert found.low is not None
        assert found.high is not None
        total += 1
        missed += not found.low <= 1 <= found.high
    assert total == 252
    assert 0 < missed / total <= 0.05


@settings(deadline=None)
@given(
    st.lists(latencies, min_size=4, max_size=10),
    st.lists(latencies, min_size=4, max_size=10),
    st.floats(min_value=0.1, max_value=10),
)
def test_ratio_scales_and_inverts(first: list[float], second: list[float], factor: float) -> None:
    found = ratio_interval(first, second)
    swapped = ratio_interval(second, first)
    scaled = ratio_interval(first, [factor * value for value in second])
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.estimate <= found.high
    assert swapped.estimate == pytest.approx(1 / found.estimate)
    assert swapped.low == pytest.approx(1 / found.high)
    assert scaled.estimate == pytest.approx(factor * found.estimate)


def test_six_pairs_have_an_interval_and_five_have_none() -> None:
    assert (least_pairs(), least_per_side()) == (6, 4)
    assert (least_pairs(0.99), least_per_side(0.99)) == (8, 5)
    five = paired_ratio_interval([1.0] * 5, [2.0] * 5)
    six = paired_ratio_interval([1.0] * 6, [2.0, 2.1, 2.2, 2.3, 2.4, 2.5])
    assert five.low is None
    # 2 of 2^6 signs are extreme, 3.1 %: the extreme Walsh averages are the bounds.
    assert (six.low, six.high) == (pytest.approx(2.0), pytest.approx(2.5))


@pytest.mark.parametrize(("count", "rank"), [(6, 1), (7, 3), (8, 4), (10, 9), (15, 26), (20, 53)])
def test_signed_ranks_are_those_of_the_published_table(count: int, rank: int) -> None:
    # Two-sided 5 % critical values of W (0, 2, 3, 8, 25, 52 in every textbook's table), plus one.
    shifts = [0.001 * 1.5**step for step in range(count)]
    found = paired_ratio_interval([1.0] * count, [math.exp(shift) for shift in shifts])
    walsh = sorted(
        (first + second) / 2 for first, second in itertools.combinations_with_replacement(shifts, 2)
    )
    assert found.low == pytest.approx(math.exp(walsh[rank - 1]))
    assert found.high == pytest.approx(math.exp(walsh[-rank]))


def test_paired_interval_covers_by_enumeration() -> None:
    """Under symmetry every choice of signs is equally likely: at most 5 % of intervals miss 1."""
    sizes = [0.01 * 1.3**step for step in range(8)]
    missed = 0
    for signs in itertools.product((-1, 1), repeat=8):
        ratios = [math.exp(sign * size) for sign, size in zip(signs, sizes, strict=True)]
        found = paired_ratio_interval([1.0] * 8, ratios)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= 1 <= found.high
    assert 0 < missed / 2**8 <= 0.05


@settings(deadline=None)
@given(
    st.lists(st.tuples(latencies, latencies), min_size=6, max_size=12),
    st.floats(min_value=0.1, max_value=10),
)
def test_paired_ratio_scales_and_inverts(pairs: list[tuple[float, float]], factor: float) -> None:
    first, second = [old for old, _ in pairs], [new for _, new in pairs]
    found = paired_ratio_interval(first, second)
    swapped = paired_ratio_interval(second, first)
    scaled = paired_ratio_interval(first, [factor * value for value in second])
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.estimate <= found.high
    assert swapped.estimate == pytest.approx(1 / found.estimate)
    assert swapped.low == pytest.approx(1 / found.high)
    assert scaled.low == pytest.approx(factor * found.low)


@settings(deadline=None)
@given(st.lists(latencies, min_size=6, max_size=12), st.floats(min_value=0.5, max_value=2))
def test_what_hits_both_of_a_pair_cancels(before: list[float], factor: float) -> None:
    found = paired_ratio_interval(before, [factor * value for value in before])
    assert found.low == pytest.approx(factor)
    assert found.high == pytest.approx(factor)


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="as many samples"):
        paired_ratio_interval([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="above zero"):
        paired_ratio_interval([1.0], [-1.0])


def test_spread() -> None:
    assert coefficient_of_variation([1.0]) is None
    assert coefficient_of_variation([9.0, 11.0]) == pytest.approx(math.sqrt(2) / 10)
