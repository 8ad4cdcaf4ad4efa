"""Geometry: every mark lies inside its plot, whatever the numbers are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.analysis.compare import Comparison, Verdict
from android_bench.analysis.stats import Interval, median_interval
from android_bench.report.charts import (
    COMPACT_STEP,
    ROOMY_ROWS,
    RowChart,
    Series,
    latency_chart,
    round_axis,
    size_chart,
    spread_chart,
)
from android_bench.report.scatter import (
    PLOT_HEIGHT,
    Candidate,
    forest,
    pareto_front,
    shorten,
    trade_off,
)

MICROSECONDS = st.floats(min_value=1e-3, max_value=1e10)
SAMPLES = st.lists(MICROSECONDS, min_size=0, max_size=12)


def series(samples: list[float]) -> Series:
    interval = median_interval(samples) if samples else None
    return Series(label="m", anchor="run-1", samples=tuple(samples), interval=interval)


def assert_inside(chart: RowChart) -> None:
    for tick in chart.axis.ticks:
        assert 0 <= tick.at <= 1
    for row in chart.rows:
        marks = (*row.bars, *row.dots, row.centre, row.low, row.high)
        assert all(0 <= mark <= 1 for mark in marks if mark is not None)
        assert 0 <= row.top < row.middle < chart.height


@given(st.lists(SAMPLES, min_size=1, max_size=30))
def test_marks_of_latency_and_spread_lie_inside(runs: list[list[float]]) -> None:
    items = [series(samples) for samples in runs]
    assert_inside(latency_chart(items))
    assert_inside(spread_chart(items))


@given(st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 10**12)), max_size=30))
def test_bars_of_sizes_lie_inside(sizes: list[tuple[int, int]]) -> None:
    assert_inside(size_chart([("m", f"run-{i}", *pair) for i, pair in enumerate(sizes)]))


@given(
    st.lists(
        st.tuples(MICROSECONDS, st.floats(0, 1), st.floats(1, 1e12), st.text(max_size=60)),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
)
def test_marks_of_the_trade_off_lie_inside(
    points: list[tuple[float, float, float, str]], accuracy: bool
) -> None:
    chart = trade_off(
        [
            Candidate(label=label, anchor="a", cost=cost, worth=worth, weight=weight, text="")
            for cost, worth, weight, label in points
        ],
        worth_is_accuracy=accuracy,
    )
    assert any(mark.on_front for mark in chart.marks)
    for mark in chart.marks:
        assert 0 <= mark.x <= 1
        assert 0 <= mark.y <= PLOT_HEIGHT
        assert mark.radius > 0
    for piece in chart.front:
        assert 0 <= piece.x1 <= piece.x2 <= 1


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_a_round_axis_covers_its_range_with_few_ticks(low: float, span: float) -> None:
    axis = round_axis(low, low + span, label=str)
    slack = max(abs(low), span, 1) * 1e-5
    assert axis.low <= low + slack
    assert axis.high >= low + span - slack
    assert 2 <= len(axis.ticks) <= 9
    assert [axis.ticks[0].at, axis.ticks[-1].at] == [0, 1]


def test_lengths_are_compared_from_zero() -> None:
    chart = latency_chart([series([200.0] * 6), series([100.0] * 6)])
    long, short = (row.bars[0] for row in chart.rows)
    assert chart.axis.low == 0
    assert long == pytest.approx(2 * short)
    sizes = size_chart([("a", "1", 4000, 1000)])
    assert sizes.axis.low == 0
    assert sizes.rows[0].bars[0] == pytest.approx(4 * sizes.rows[0].bars[1])


def test_only_the_last_tick_carries_the_unit() -> None:
    labels = [tick.label for tick in latency_chart([series([2900.0] * 6)]).axis.ticks]
    assert labels == ["0", "1", "2", "3 ms"]


def test_quiet_runs_look_quiet() -> None:
    chart = spread_chart([series([1000.0, 1000.1, 999.9, 1000.0, 1000.0, 1000.05])])
    assert chart.axis.high == pytest.approx(0.01)
    assert all(abs(dot - 0.5) < 0.01 for dot in chart.rows[0].dots)
    assert [tick.label for tick in chart.axis.ticks] == ["-1", "-0.5", "median", "+0.5", "+1 %"]


def test_many_rows_are_compact() -> None:
    few = latency_chart([series([1.0])] * ROOMY_ROWS)
    many = latency_chart([series([1.0])] * (ROOMY_ROWS + 1))
    assert not few.compact
    assert few.plot_left == 0
    assert many.compact
    assert 0 < many.plot_left < 0.5
    assert many.height < (ROOMY_ROWS + 3) * COMPACT_STEP


def candidates(*pairs: tuple[float, float]) -> list[Candidate]:
    return [
        Candidate(label="m", anchor="a", cost=cost, worth=worth, weight=1, text="")
        for cost, worth in pairs
    ]


def test_the_front_holds_what_nothing_beats() -> None:
    points = candidates((1, 0.90), (2, 0.95), (3, 0.94), (2, 0.93), (4, 0.99))
    assert pareto_front(points, larger_is_better=True) == {0, 1, 4}
    assert pareto_front(points, larger_is_better=False) == {0}
    assert pareto_front(candidates((1, 0.9), (1, 0.9)), larger_is_better=True) == {0, 1}
    assert pareto_front([], larger_is_better=True) == set()


def test_labels_do_not_lie_on_each_other() -> None:
    chart = trade_off(candidates(*[(1000, 0.9)] * 12), worth_is_accuracy=True)
    places = [(m.label_dx, m.label_y, m.label_side) for m in chart.marks if m.label is not None]
    assert places
    assert len(places) == len(set(places))


def comparison(ratio: Interval | None, gate: float = 0.05) -> Comparison:
    return Comparison(
        metric="latency",
        name="m",
        device="d",
        config="c",
        baseline=1.0,
        candidate=1.0,
        ratio=ratio,
        max_slowdown=gate,
        verdict=Verdict.UNCHANGED,
    )


@given(st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3), st.floats(0, 10))
def test_the_forest_lies_inside_and_mirrors(bounds: list[float], gate: float) -> None:
    low, middle, high = sorted(bounds)
    chart = forest([comparison(Interval(estimate=middle, low=low, high=high), gate)])
    row = chart.rows[0]
    assert row is not None
    assert row.low is not None
    assert row.high is not None
    assert 0 <= row.low <= row.centre <= row.high <= 1
    assert 0 <= row.gate <= 1
    mirrored = forest([comparison(Interval(estimate=1 / middle, low=1 / high, high=1 / low), gate)])
    assert mirrored.rows[0] is not None
    assert math.isclose(mirrored.rows[0].centre, 1 - row.centre, abs_tol=1e-9)


def test_a_comparison_without_ratio_has_no_mark() -> None:
    assert forest([comparison(None)]).rows == (None,)
    assert forest([]).rows == ()


def test_shortening_keeps_both_ends() -> None:
    assert shorten("mobilenet_v2_pruned_int8", 13) == "mobile…d_int8"
    assert shorten("short", 13) == "short"


def test_of_many_candidates_the_whole_front_is_shown() -> None:
    worst = [(1000.0 + n, 0.5) for n in range(2000)]
    best = [(100.0 * n, 0.8 + n / 100) for n in range(1, 6)]
    chart = trade_off(candidates(*worst, *best), worth_is_accuracy=True)
    assert len([mark for mark in chart.marks if mark.on_front]) == 5
    assert len(chart.marks) + chart.hidden == 2005
    assert len(chart.marks) <= 205
    # Nothing is drawn upon the front.
    assert all(mark.on_front for mark in chart.marks[-5:])
