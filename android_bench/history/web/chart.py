"""Geometry of a series' chart: across as fractions of the width, down in CSS pixels, as in the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.history.measures import Unit
from android_bench.history.series import Series
from android_bench.history.trend import Change, Trend
from android_bench.history.words import amount, direction
from android_bench.report.charts import Axis, Tick, round_axis

HEIGHT = 260.0
_MOST_LABELS = 5
SPARK_WIDTH, SPARK_HEIGHT = 132.0, 26.0
_SPARK_MARGIN = 3.0
_UNITS = {
    Unit.DURATION: formatting.duration_unit,
    Unit.FILE_SIZE: formatting.file_size_unit,
    Unit.MEMORY: formatting.memory_unit,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One run: its place across, its value and its interval down, and what a pointer over it reads."""

    anchor: str
    x: float
    y: float
    low: float | None
    high: float | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The median of the runs between two changes."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A change, a line from top to bottom; ``direction`` is worse, better or moved."""

    x: float
    text: str
    when: str
    direction: str
    anchor: str
    at_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A series as marks; ``ticks`` go up the side, ``times`` along the foot."""

    height: float
    ticks: tuple[Tick, ...]
    times: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    levels: tuple[Level, ...]
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A series as one small line; ``cuts`` are the places of changes."""

    width: float
    height: float
    points: str
    last: tuple[float, float]
    cuts: tuple[float, ...]


def chart_of(trend: Trend) -> Chart:
    """The chart of a series with at least one run."""
    series = trend.series
    points = series.points
    axis = _axis(series)
    count = len(points)

    def across(index: float) -> float:
        return (index + 0.5) / count

    def down(value: float) -> float:
        return HEIGHT * (1 - axis.place(value))

    return Chart(
        height=HEIGHT,
        ticks=tuple(Tick(at=HEIGHT * (1 - tick.at), label=tick.label) for tick in axis.ticks),
        times=tuple(
            Tick(at=across(index), label=points[index].started_at[:10])
            for index in _spaced(count, _MOST_LABELS)
        ),
        marks=tuple(
            Mark(
                anchor=f"run-{index}",
                x=across(index),
                y=down(point.value),
                low=None if point.low is None else down(point.low),
                high=None if point.high is None else down(point.high),
                words=f"{point.when}: {series.measure.text(point.value)}, "
                f"{formatting.moment(point.started_at)}",
            )
            for index, point in enumerate(points)
        ),
        levels=tuple(
            Level(
                x1=across(segment.start - 0.5),
                x2=across(segment.end - 0.5),
                y=down(segment.level),
            )
            for segment in trend.segments
        ),
        cuts=tuple(
            _cut(change, series, number, across(change.index - 0.5))
            for number, change in enumerate(trend.changes)
        ),
    )


def spark_of(trend: Trend, *, most: int = 60) -> Spark:
    """The newest runs as one line."""
    values = [point.value for point in trend.series.points][-most:]
    first = len(trend.series.points) - len(values)
    low, high = min(values), max(values)
    # A steady series is a straight line: less than the least change of interest is not blown up.
    room = max(high - low, abs(high) * trend.series.measure.least_effect) or 1.0
    middle = (low + high) / 2
    wide, tall = SPARK_WIDTH - 2 * _SPARK_MARGIN, SPARK_HEIGHT - 2 * _SPARK_MARGIN

    def place(index: float, value: float) -> tuple[float, float]:
        x = _SPARK_MARGIN + wide * (index / (len(values) - 1) if len(values) > 1 else 1.0)
        return x, SPARK_HEIGHT / 2 - tall * (value - middle) / room

    placed = [place(index, value) for index, value in enumerate(values)]
    return Spark(
        width=SPARK_WIDTH,
        height=SPARK_HEIGHT,
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in placed),
        last=placed[-1],
        cuts=tuple(
            place(change.index - first - 0.5, middle)[0]
            for change in trend.changes
            if change.index > first
        ),
    )


def _axis(series: Series) -> Axis:
    points = series.points
    low = min(point.value if point.low is None else point.low for point in points)
    high = max(point.value if point.high is None else point.high for point in points)
    # Room above the highest mark for the words at the changes.
    high += (high - low) * 0.08
    if series.measure.unit is Unit.FRACTION:
        return round_axis(low, high, label=lambda value: f"{value * 100:g}", unit=" %")
    scale = _UNITS.get(series.measure.unit)
    divisor, unit = scale(high) if scale else (1.0, "")
    axis = round_axis(
        low / divisor,
        high / divisor,
        label=lambda value: f"{value:.6g}",
        unit=f" {unit}" if unit else "",
    )
    return Axis(low=axis.low * divisor, high=axis.high * divisor, ticks=axis.ticks)


def _spaced(count: int, most: int) -> list[int]:
    """Places from the first to the last, evenly between."""
    if count <= most:
        return list(range(count))
    return sorted({round(step * (count - 1) / (most - 1)) for step in range(most)})


def _cut(change: Change, series: Series, number: int, x: float) -> Cut:
    return Cut(
        x=x,
        text=amount(change, series).partition(" [")[0],
        when=change.after.when,
        direction=direction(change),
        anchor=f"change-{number}",
        at_end=x > 0.8,
    )


def words_of(trend: Trend, sentences: Sequence[str]) -> str:
    """The chart in words, for who cannot see it."""
    values = [point.value for point in trend.series.points]
    text = trend.series.measure.text
    told = "; ".join(sentences) or "no change"
    return f"{len(values)} runs from {text(min(values))} to {text(max(values))}: {told}"
