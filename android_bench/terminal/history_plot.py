"""Series drawn with characters: a line of bars, and a plot with intervals, levels and changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from android_bench.history.series import Point
from android_bench.history.trend import Trend

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-=+*#"
_SPARKLINE = 24
# A series that moves less than this is drawn flat: a sparkline has no axis that would say how little.
_FLAT = 1.002
# Few runs stand together at the left rather than far apart.
_WIDEST_STEP = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """The characters of a plot."""

    run: str
    interval: str
    change: str
    level: str
    edge: str


_DRAWN = _Marks(run="●", interval="│", change="┊", level="╌", edge="┤")
_PLAIN = _Marks(run="*", interval="|", change=":", level="-", edge="|")


def sparkline(values: Sequence[float], *, plain: bool, width: int = _SPARKLINE) -> str:
    """The newest values as one line of bars, the lowest value the lowest bar."""
    shown = list(values)[-width:]
    bars = _PLAIN_BARS if plain else _BARS
    low, high = min(shown), max(shown)
    if high <= low * _FLAT:
        return bars[len(bars) // 2] * len(shown)
    return "".join(bars[round((value - low) / (high - low) * (len(bars) - 1))] for value in shown)


def plot(trend: Trend, *, width: int, height: int, plain: bool) -> list[str]:
    """A series as lines of text: values upwards, the newest run on the right.

    Where there are more runs than columns the newest ones are shown.
    """
    low, high = _range(trend.series.points)
    text = trend.series.measure.text
    labels = [text(high - (high - low) * row / (height - 1)) for row in range(height)]
    margin = max(map(len, labels)) + 2
    grid = _Grid(trend.series.points, columns=max(width - margin - 1, 10), height=height)
    marks = _PLAIN if plain else _DRAWN
    for segment in trend.segments:
        grid.across(segment.start, segment.end - 1, segment.level, marks.level)
    for change in trend.changes:
        grid.cut(change.index, marks.change)
    for index, point in enumerate(trend.series.points):
        if point.low is not None and point.high is not None:
            grid.upright(index, point.low, point.high, marks.interval)
        grid.upright(index, point.value, point.value, marks.run)
    lines = [
        f"{label.rjust(margin - 1)} {marks.edge}{line}"
        for label, line in zip(labels, grid.lines(), strict=True)
    ]
    return [*lines, " " * (margin + 1) + grid.foot()]


def _range(points: Iterable[Point]) -> tuple[float, float]:
    """The least and the most that is drawn, never the same."""
    every = list(points)
    low = min(point.value if point.low is None else point.low for point in every)
    high = max(point.value if point.high is None else point.high for point in every)
    return (low, high) if high > low else (low * 0.99, high * 1.01 or 1.0)


class _Grid:
    """Characters by row and column; runs are told by their place in the series."""

    def __init__(self, points: Sequence[Point], *, columns: int, height: int) -> None:
        self._shown = points[-columns:]
        self._first = len(points) - len(self._shown)
        self._low, self._high = _range(points)
        self._step = min((columns - 1) / max(len(self._shown) - 1, 1), _WIDEST_STEP)
        self._cells = [[" "] * columns for _ in range(height)]

    def across(self, first: int, last: int, value: float, mark: str) -> None:
        """A level from one run to another."""
        if last >= self._first:
            row = self._cells[self._row(value)]
            for column in range(self._column(max(first, self._first)), self._column(last) + 1):
                row[column] = mark

    def cut(self, index: int, mark: str) -> None:
        """A line from top to bottom before a run."""
        if index > self._first:
            column = (self._column(index - 1) + self._column(index)) // 2
            for row in self._cells:
                row[column] = mark

    def upright(self, index: int, low: float, high: float, mark: str) -> None:
        """What a run shows between two values."""
        if index >= self._first:
            for row in range(self._row(high), self._row(low) + 1):
                self._cells[row][self._column(index)] = mark

    def lines(self) -> list[str]:
        """The rows from above."""
        return ["".join(row).rstrip() for row in self._cells]

    def foot(self) -> str:
        """The first and the last run in words, below their places."""
        first, last = self._shown[0].when, self._shown[-1].when
        if len(self._shown) == 1:
            return first
        end = self._column(self._first + len(self._shown) - 1) + 1
        return first + " " * max(end - len(first) - len(last), 2) + last

    def _row(self, value: float) -> int:
        height = len(self._cells)
        place = (self._high - value) / (self._high - self._low) * (height - 1)
        return min(max(round(place), 0), height - 1)

    def _column(self, index: int) -> int:
        return round((index - self._first) * self._step)
