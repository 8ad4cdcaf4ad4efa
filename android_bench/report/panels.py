"""Geometry of quantities over time: curves and dots in panels that share their time axis.

A curve is a path in a box 1000 wide, which the template stretches to the panel's width; dots lie at
fractions of it. Down, both are CSS pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from android_bench.report.charts import Axis, round_axis

PATH_WIDTH = 1000
PANEL_HEIGHT = 64.0
TALL_PANEL_HEIGHT = 132.0
# Above this many readings, only the extremes of each of so many stretches of time are drawn.
MOST_POINTS = 120
# Above this many dots, those with nothing special about them are thinned out.
MOST_DOTS = 600

Point = tuple[float, float | None]


class DotKind(str, Enum):
    """What is special about an invocation, besides its mean."""

    COUNTED = "counted"
    OUTLIER = "outlier"
    APART = "apart"  # valid, and throttled: no average holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An invocation's mean at a moment; ``text`` says whose it is."""

    at: float
    value: float
    kind: DotKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A mark: ``x`` a fraction, ``y`` in pixels."""

    x: float
    y: float
    kind: DotKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """One quantity over time. ``stepped`` holds a value until the next reading; ``tone`` is its style."""

    name: str
    tone: str
    points: tuple[Point, ...]
    stepped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Readings as a path; where one is unknown the path is broken."""

    name: str
    tone: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Curves and dots over an axis that goes up; ``lines`` are levels to hold them against, in pixels.

    ``hidden`` counts the dots that were thinned out.
    """

    heading: str
    summary: str
    down: Axis
    height: float
    curves: tuple[Curve, ...] = ()
    dots: tuple[Dot, ...] = ()
    lines: tuple[float, ...] = ()
    band: tuple[float, float] | None = None
    hidden: int = 0

    def level(self, at: float) -> float:
        """The pixel of a fraction of the axis, counted from above."""
        return (1 - at) * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time, in the unit of the readings, that becomes the width of a panel."""

    start: float
    end: float

    def place(self, at: float) -> float:
        """The fraction of the width at which a moment lies."""
        if self.end <= self.start:
            return 0.5
        return min(max((at - self.start) / (self.end - self.start), 0.0), 1.0)


def curve_panel(
    readings: Sequence[Readings],
    *,
    span: Span,
    heading: str,
    label: Callable[[float], str],
    unit: str = "",
    levels: Sequence[float] = (),
    at_least: tuple[float, float] | None = None,
) -> Panel | None:
    """Quantities of one unit over time; ``None`` when nothing was read.

    ``levels`` are drawn as lines where the axis reaches them, ``at_least`` the axis covers in any case.
    """
    known = [item for item in readings if any(value is not None for _, value in item.points)]
    values = [value for item in known for _, value in item.points if value is not None]
    if not values:
        return None
    low, high = min(*values, *(at_least or values)), max(*values, *(at_least or values))
    axis = round_axis(low, high, label=label, unit=unit, steps=2)
    height = PANEL_HEIGHT
    return Panel(
        heading=heading,
        summary="; ".join(_in_words(item, label, unit) for item in known),
        down=axis,
        height=height,
        curves=tuple(
            Curve(name=item.name, tone=item.tone, path=_path(item, axis, span, height))
            for item in known
        ),
        lines=tuple(
            (1 - axis.place(level)) * height for level in levels if axis.low <= level <= axis.high
        ),
    )


def dot_panel(
    samples: Sequence[Sample],
    *,
    axis: Axis,
    span: Span,
    heading: str,
    summary: str,
    lines: Sequence[float] = (),
    band: tuple[float, float] | None = None,
    trend: Readings | None = None,
    height: float = TALL_PANEL_HEIGHT,
) -> Panel:
    """Invocations over time; ``lines``, ``band`` and ``trend`` are what they are held against."""
    shown = _thinned(samples)
    return Panel(
        heading=heading,
        summary=summary,
        down=axis,
        height=height,
        dots=tuple(
            Dot(
                x=span.place(item.at),
                y=(1 - axis.place(item.value)) * height,
                kind=item.kind,
                text=item.text,
            )
            for item in shown
        ),
        curves=(Curve(name=trend.name, tone=trend.tone, path=_path(trend, axis, span, height)),)
        if trend
        else (),
        lines=tuple((1 - axis.place(value)) * height for value in lines),
        band=((1 - axis.place(band[1])) * height, (1 - axis.place(band[0])) * height)
        if band
        else None,
        hidden=len(samples) - len(shown),
    )


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    """All that is special, and of the rest every n-th."""
    plain = [item for item in samples if item.kind is DotKind.COUNTED]
    room = max(MOST_DOTS - (len(samples) - len(plain)), 1)
    kept = {id(item) for item in plain[:: math.ceil(len(plain) / room) or 1]}
    return [item for item in samples if item.kind is not DotKind.COUNTED or id(item) in kept]


def _path(item: Readings, axis: Axis, span: Span, height: float) -> str:
    """Draw readings as an SVG path with one decimal; a step holds each value until the next."""
    pieces: list[str] = []
    pen_down = False
    for at, value in _condensed(item.points):
        if value is None:
            pen_down = False
            continue
        x, y = span.place(at) * PATH_WIDTH, (1 - axis.place(value)) * height
        if not pen_down:
            pieces.append(f"M{x:.5g},{y:.4g}")
        elif item.stepped:
            pieces.append(f"H{x:.5g}V{y:.4g}")
        else:
            pieces.append(f"L{x:.5g},{y:.4g}")
        pen_down = True
    # A single reading is a path of no length, which only a line's round end makes visible.
    return "".join(pieces) + ("h0" if len(pieces) == 1 else "")


def _condensed(points: Sequence[Point]) -> Sequence[Point]:
    """At most ``MOST_POINTS``: the least and the most of each stretch, in their order."""
    if len(points) <= MOST_POINTS:
        return points
    size = math.ceil(len(points) / (MOST_POINTS / 2))
    kept: list[Point] = []
    for start in range(0, len(points), size):
        stretch = [(value, at) for at, value in points[start : start + size] if value is not None]
        if not stretch:
            kept.append((points[start][0], None))
            continue
        ends = {min(stretch), max(stretch)}
        kept += [(at, value) for value, at in sorted(ends, key=lambda end: end[1])]
    return kept


def _in_words(item: Readings, label: Callable[[float], str], unit: str) -> str:
    values = [value for _, value in item.points if value is not None]
    ends = " to ".join(dict.fromkeys((label(min(values)), label(max(values)))))
    return f"{item.name} {ends}{' ' + unit if unit else ''}"
