"""Geometry of the report's charts: numbers in, positions out, no markup and no I/O.

Across, positions are fractions of the plot's width, which the templates write as percentages: an SVG
without a ``viewBox`` then fits a phone and a wide screen with text of the same size. Down, they are CSS
pixels. Axes along which lengths are compared begin at zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from android_bench import formatting
from android_bench.analysis.stats import Interval

# Up to this many rows each label gets a line of its own; above, it stands beside its bar.
ROOMY_ROWS = 18
ROOMY_STEP = 46.0
COMPACT_STEP = 20.0
COMPACT_LABEL_SHARE = 0.36
AXIS_HEIGHT = 26.0
# Below this, noise would be blown up until a quiet run looked like a loud one.
SMALLEST_SPREAD_SHOWN = 0.01
# Far below a nanosecond, a byte or a thousandth of a percent: no measured thing is that small.
SMALLEST_SPAN = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled position on an axis; ``at`` is a fraction of its length."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear axis from ``low`` to ``high`` with round ends."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def place(self, value: float) -> float:
        """The fraction of the axis at which ``value`` lies; what lies outside stays at its end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What one row of a chart is drawn from."""

    label: str
    anchor: str
    samples: tuple[float, ...] = ()
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A whole and a part of it, in one unit; ``text`` stands beside the bars."""

    label: str
    anchor: str
    whole: float | None
    part: float | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: ``top`` of its label's line, ``middle`` of its marks, and where the marks lie.

    ``bars`` end at these fractions, the longest first; ``low`` and ``high`` bound the interval.
    """

    label: str
    anchor: str
    value: str | None
    top: float
    middle: float
    bars: tuple[float, ...] = ()
    centre: float | None = None
    low: float | None = None
    high: float | None = None
    dots: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChart:
    """Rows over a common axis. ``plot_left`` is the fraction of the width that labels take."""

    axis: Axis
    rows: tuple[Row, ...]
    height: float
    plot_left: float
    compact: bool


def round_axis(
    low: float, high: float, *, label: Callable[[float], str], unit: str = "", steps: int = 5
) -> Axis:
    """An axis that covers ``low`` to ``high`` with about ``steps`` steps of 1, 2, 2.5 or 5 × 10ⁿ.

    Only the last tick carries the unit.
    """
    span, largest = high - low, max(abs(low), abs(high))
    if span <= max(largest * 1e-6, SMALLEST_SPAN):  # one value, or none: leave room around it
        span = largest * 0.1 if largest > SMALLEST_SPAN else 1.0
        high = low + span
    power = 10.0 ** math.floor(math.log10(span / steps))
    step = next(
        (k * power for k in (1, 2, 2.5, 5) if k * power * steps >= span * 0.999), 10 * power
    )
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    last = max(last, first + 1)
    values = [index * step for index in range(first, last + 1)]
    ticks = tuple(
        Tick(
            at=position / (len(values) - 1),
            label=label(value) + (f" {unit}" if unit and position == len(values) - 1 else ""),
        )
        for position, value in enumerate(values)
    )
    return Axis(low=values[0], high=values[-1], ticks=ticks)


def latency_chart(series: Sequence[Series]) -> RowChart:
    """Bars from zero to each run's median, with its interval and each invocation's mean as a dot."""
    known = [value for item in series for value in _extent(item)]
    largest = max(known, default=0.0)
    divisor, unit = formatting.duration_unit(largest)
    axis = round_axis(0.0, largest, label=lambda us: f"{us / divisor:g}", unit=unit)

    def row(item: Series, top: float, middle: float) -> Row:
        interval = item.interval
        return Row(
            label=item.label,
            anchor=item.anchor,
            value=formatting.duration(interval.estimate) if interval else None,
            top=top,
            middle=middle,
            bars=(axis.place(interval.estimate),) if interval else (),
            centre=axis.place(interval.estimate) if interval else None,
            low=_placed(axis, interval.low if interval else None),
            high=_placed(axis, interval.high if interval else None),
            dots=tuple(axis.place(value) for value in item.samples),
        )

    return stack(series, axis, row)


def spread_chart(series: Sequence[Series]) -> RowChart:
    """Each invocation's deviation from its run's median, on one scale for all runs."""
    relative = [_deviations(item) for item in series]
    limit = max((abs(value) for item in relative for value in _extent(item)), default=0.0)
    limit = max(limit, SMALLEST_SPREAD_SHOWN)
    half = round_axis(0.0, limit, label=str, steps=2)
    last = len(half.ticks) - 1
    ticks = tuple(
        Tick(
            at=(index + last) / (2 * last),
            label="median"
            if index == 0
            else f"{half.high * index / last * 100:+g}" + " %" * (index == last),
        )
        for index in range(-last, last + 1)
    )
    axis = Axis(low=-half.high, high=half.high, ticks=ticks)

    def row(item: Series, top: float, middle: float) -> Row:
        interval = item.interval
        widest = max((abs(value) for value in item.samples), default=None)
        return Row(
            label=item.label,
            anchor=item.anchor,
            value=None if widest is None else f"± {widest * 100:.1f} %",
            top=top,
            middle=middle,
            centre=axis.place(0.0) if interval else None,
            low=_placed(axis, interval.low if interval else None),
            high=_placed(axis, interval.high if interval else None),
            dots=tuple(axis.place(value) for value in item.samples),
        )

    return stack(relative, axis, row)


def size_chart(sizes: Sequence[tuple[str, str, int, int]]) -> RowChart:
    """Bars from zero for the file and, in front of it, for what gzip makes of it.

    Each item is a label, an anchor, the file's size and its gzip size in bytes.
    """
    items = [
        Layers(
            label=label,
            anchor=anchor,
            whole=size,
            part=packed,
            text=f"{formatting.file_size(size)}, gzip {formatting.file_size(packed)}",
        )
        for label, anchor, size, packed in sizes
    ]
    return layered_chart(items, unit=formatting.file_size_unit)


def layered_chart(
    items: Sequence[Layers], *, unit: Callable[[float], tuple[float, str]]
) -> RowChart:
    """Bars from zero for a whole and, in front of it, for a part of it.

    ``unit`` gives the divisor and the unit in which values up to the largest read best.
    """
    largest = max(
        (value for item in items for value in (item.whole, item.part) if value), default=0
    )
    divisor, name = unit(largest)
    # In the unit itself, whose steps are round also where it is a power of two.
    axis = round_axis(0.0, largest / divisor, label=lambda size: f"{size:g}", unit=name)

    def row(item: Layers, top: float, middle: float) -> Row:
        lengths = (item.whole, item.part)
        return Row(
            label=item.label,
            anchor=item.anchor,
            value=item.text,
            top=top,
            middle=middle,
            bars=tuple(axis.place(value / divisor) for value in lengths if value is not None),
        )

    return stack(items, axis, row)


_Item = TypeVar("_Item")


def stack(
    series: Sequence[_Item], axis: Axis, row: Callable[[_Item, float, float], Row]
) -> RowChart:
    """Put rows under each other: roomy while they are few, compact when they are many."""
    compact = len(series) > ROOMY_ROWS
    step = COMPACT_STEP if compact else ROOMY_STEP
    offset = step / 2 if compact else 32.0
    rows = tuple(
        row(item, index * step, index * step + offset) for index, item in enumerate(series)
    )
    return RowChart(
        axis=axis,
        rows=rows,
        height=len(series) * step + AXIS_HEIGHT,
        plot_left=COMPACT_LABEL_SHARE if compact else 0.0,
        compact=compact,
    )


def _extent(item: Series) -> list[float]:
    bounds = (
        (item.interval.low, item.interval.estimate, item.interval.high) if item.interval else ()
    )
    return [*item.samples, *(value for value in bounds if value is not None)]


def _deviations(item: Series) -> Series:
    """The series relative to its estimate: 0.01 is one percent slower than the median."""
    if item.interval is None or item.interval.estimate <= 0:
        return Series(label=item.label, anchor=item.anchor)
    middle = item.interval.estimate

    def relative(value: float | None) -> float | None:
        return None if value is None else value / middle - 1

    interval = Interval(
        estimate=0.0, low=relative(item.interval.low), high=relative(item.interval.high)
    )
    samples = tuple(value / middle - 1 for value in item.samples)
    return Series(label=item.label, anchor=item.anchor, samples=samples, interval=interval)


def _placed(axis: Axis, value: float | None) -> float | None:
    return None if value is None else axis.place(value)
