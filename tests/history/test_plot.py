"""Series drawn with characters: plain without a terminal, the right size, and true to the values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.history.trend import trend_of
from android_bench.terminal.history_plot import plot, sparkline
from tests.history.test_trend import exact, series


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], plain=False) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 2, 3, 4, 5, 6], plain=True) == "_.-+*#"
    assert sparkline([3.0, 3.001, 3.0], plain=True) == "==="
    assert len(sparkline(list(range(1, 100)), plain=True)) == 24


@pytest.mark.parametrize("plain", [True, False])
def test_a_plot_shows_the_step(plain: bool) -> None:
    trend = trend_of(series(40, lambda day: 3300 if day >= 20 else 3000))
    lines = plot(trend, width=100, height=12, plain=plain)
    assert len(lines) == 13
    assert all(len(line) <= 100 for line in lines)
    mark, cut = ("*", ":") if plain else ("●", "┊")
    column = {line.index(cut) for line in lines[:-1]}
    assert len(column) == 1
    (middle,) = column
    upper = [line for line in lines[:3] if mark in line]
    lower = [line for line in lines[9:12] if mark in line]
    assert upper
    assert lower
    assert all(line.index(mark) > middle for line in upper)
    assert all(line.rindex(mark) < middle for line in lower)
    assert lines[0].lstrip().startswith("3.3")
    assert "".join(lines).isascii() is (plain and "µ" not in lines[0])


@given(
    values=st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=150),
    width=st.integers(30, 120),
    height=st.integers(4, 20),
)
@settings(max_examples=50, deadline=None)
def test_any_series_can_be_drawn(values: list[float], width: int, height: int) -> None:
    trend = trend_of(exact(values, "peak-memory"))
    lines = plot(trend, width=width, height=height, plain=True)
    assert len(lines) == height + 1
    assert all(len(line) <= max(width, 45) for line in lines[:-1])
    assert any("*" in line for line in lines)
    assert sparkline(values, plain=False)


def test_more_runs_than_columns_show_the_newest() -> None:
    made = series(300, lambda day: 3000)
    first, last = (
        replace(made.points[index], revision=name) for index, name in ((0, "old"), (299, "new"))
    )
    trend = trend_of(replace(made, points=(first, *made.points[1:-1], last)))
    foot = plot(trend, width=60, height=6, plain=True)[-1]
    assert "new" in foot
    assert "old" not in foot
