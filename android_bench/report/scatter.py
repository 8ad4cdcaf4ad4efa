"""Geometry of the charts with two or no lengths to compare: the trade-off, and ratios against a gate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.analysis.compare import Comparison
from android_bench.report.charts import Axis, round_axis

PLOT_HEIGHT = 300.0
SMALLEST_RADIUS, LARGEST_RADIUS = 5.0, 15.0
# Labels are placed for the narrowest plot, a phone's: what does not collide there does not on a wide
# screen, where points are farther apart and text is as large.
NARROWEST_PLOT = 290.0
CHARACTER_WIDTH, LINE_HEIGHT = 6.8, 15.0
LONGEST_LABEL = 24
MOST_LABELS = 16
MOST_BEHIND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A variant with what it costs and what it is worth.

    ``cost`` (latency) is better when smaller. ``worth`` is better when larger, for accuracy, and when
    smaller, for a size. ``weight`` becomes the area of the mark.
    """

    label: str
    anchor: str
    cost: float
    worth: float
    weight: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A circle and its label: ``x`` in fractions, the rest in pixels, ``label_dx`` from the centre."""

    label: str | None
    anchor: str
    text: str
    x: float
    y: float
    radius: float
    on_front: bool
    label_dx: float = 0.0
    label_y: float = 0.0
    label_side: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A straight piece of the Pareto front's staircase."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterChart:
    """Marks over two axes, those on the Pareto front joined by a staircase.

    ``hidden`` counts marks behind the front that were left out.
    """

    across: Axis
    down: Axis
    marks: tuple[Mark, ...]
    front: tuple[Segment, ...]
    height: float
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """A ratio with its interval and its gate, as fractions of the plot's width."""

    centre: float
    low: float | None
    high: float | None
    gate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestChart:
    """Ratios on one scale; ``same`` is where nothing changed. A row is ``None`` without a ratio."""

    same: float
    rows: tuple[ForestRow | None, ...]


def pareto_front(candidates: Sequence[Candidate], *, larger_is_better: bool) -> frozenset[int]:
    """The indexes of those that no other beats in one respect without being worse in the other."""
    sign = -1.0 if larger_is_better else 1.0
    order = sorted(
        range(len(candidates)), key=lambda i: (candidates[i].cost, sign * candidates[i].worth)
    )
    front: list[int] = []
    best: tuple[float, float] | None = None
    for index in order:
        here = (sign * candidates[index].worth, candidates[index].cost)
        if best is None or here[0] < best[0] or here == best:
            front.append(index)
            best = here
    return frozenset(front)


def trade_off(candidates: Sequence[Candidate], *, worth_is_accuracy: bool) -> ScatterChart:
    """Latency across from zero; accuracy (on a cut axis) or file size (from zero) upwards."""
    costs = [item.cost for item in candidates]
    worths = [item.worth for item in candidates]
    divisor, unit = formatting.duration_unit(max(costs, default=0.0))
    across = round_axis(
        0.0, max(costs, default=0.0), label=lambda us: f"{us / divisor:g}", unit=unit
    )
    down = _accuracy_axis(worths) if worth_is_accuracy else _size_axis(worths)
    front = pareto_front(candidates, larger_is_better=worth_is_accuracy)
    heaviest = max((item.weight for item in candidates), default=0.0) or 1.0
    bare = [
        Mark(
            label=None,
            anchor=item.anchor,
            text=item.text,
            x=across.place(item.cost),
            y=(1 - down.place(item.worth)) * PLOT_HEIGHT,
            radius=max(
                SMALLEST_RADIUS, LARGEST_RADIUS * math.sqrt(max(item.weight, 0.0) / heaviest)
            ),
            on_front=index in front,
        )
        for index, item in enumerate(candidates)
    ]
    behind = [index for index in range(len(bare)) if index not in front]
    # Every n-th of them where they are many; then the front, so that nothing lies upon it.
    shown = [*behind[:: math.ceil(len(behind) / MOST_BEHIND) or 1], *sorted(front)]
    return ScatterChart(
        across=across,
        down=down,
        marks=_labelled(
            [bare[index] for index in shown], [candidates[index].label for index in shown]
        ),
        front=_staircase([bare[index] for index in front]),
        height=PLOT_HEIGHT,
        hidden=len(bare) - len(shown),
    )


def forest(comparisons: Sequence[Comparison]) -> ForestChart:
    """All ratios with their intervals and gates on one logarithmic scale, so that ½ and 2 mirror."""
    gates = sorted({1 + item.gate for item in comparisons})
    logs = [math.log(gate) for gate in gates]
    for item in comparisons:
        if item.ratio:
            bounds = (item.ratio.low, item.ratio.estimate, item.ratio.high)
            logs += [math.log(value) for value in bounds if value]
    reach = max((abs(value) for value in logs), default=0.0) * 1.1 or 1.0

    def place(ratio: float) -> float:
        return 0.5 + math.log(ratio) / reach / 2

    rows = tuple(
        ForestRow(
            centre=place(item.ratio.estimate),
            low=place(item.ratio.low) if item.ratio.low else None,
            high=place(item.ratio.high) if item.ratio.high else None,
            gate=place(1 + item.gate),
        )
        if item.ratio
        else None
        for item in comparisons
    )
    return ForestChart(same=0.5, rows=rows)


def shorten(text: str, length: int) -> str:
    """Cut the middle out of a long label: its beginning and its end tell variants apart."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def _accuracy_axis(values: Sequence[float]) -> Axis:
    low, high = min(values, default=0.0), max(values, default=1.0)
    # At least two points of accuracy high, so that chance does not look like a cliff.
    missing = max(0.02 - (high - low), 0.0) / 2
    low, high = max(low - missing - 0.002, 0.0), min(high + missing + 0.002, 1.0)
    return round_axis(low, high, label=lambda share: f"{share * 100:.4g} %", steps=5)


def _size_axis(values: Sequence[float]) -> Axis:
    largest = max(values, default=0.0)
    divisor, unit = formatting.file_size_unit(largest)
    return round_axis(0.0, largest, label=lambda size: f"{size / divisor:g}", unit=unit, steps=4)


def _staircase(marks: Sequence[Mark]) -> tuple[Segment, ...]:
    """Join marks by level and upright pieces: between two of them there is no third choice."""
    ordered = sorted(marks, key=lambda mark: mark.x)
    pieces: list[Segment] = []
    for before, after in itertools.pairwise(ordered):
        pieces += [
            Segment(x1=before.x, y1=before.y, x2=after.x, y2=before.y),
            Segment(x1=after.x, y1=before.y, x2=after.x, y2=after.y),
        ]
    return tuple(pieces)


_Box = tuple[float, float, float, float]


def _labelled(marks: Sequence[Mark], labels: Sequence[str]) -> tuple[Mark, ...]:
    """Give each mark its label where there is room, the front first; without room it has none.

    Its name is then in the tooltip and in the table.
    """
    taken: list[_Box] = [
        (
            mark.x * NARROWEST_PLOT - mark.radius,
            mark.y - mark.radius,
            mark.x * NARROWEST_PLOT + mark.radius,
            mark.y + mark.radius,
        )
        for mark in marks
    ]
    done = list(marks)
    order = sorted(range(len(marks)), key=lambda index: not marks[index].on_front)
    for index in order[:MOST_LABELS]:
        mark, text = marks[index], shorten(labels[index], LONGEST_LABEL)
        for dx, dy, side in _places(mark.radius):
            box = _label_box(mark, text, dx, dy, side)
            if _inside(box) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                done[index] = Mark(
                    label=text,
                    anchor=mark.anchor,
                    text=mark.text,
                    x=mark.x,
                    y=mark.y,
                    radius=mark.radius,
                    on_front=mark.on_front,
                    label_dx=dx,
                    label_y=mark.y + dy,
                    label_side=side,
                )
                break
    return tuple(done)


def _places(radius: float) -> list[tuple[float, float, str]]:
    """Where a label may stand, the best first: beside, then above or below, then farther off."""
    side = radius + 4
    near = [(side, 4.0, "start"), (-side, 4.0, "end")]
    over = [(0.0, -radius - 5, "middle"), (0.0, radius + 14, "middle")]
    corners = [
        (sign * side * 0.7, dy, "start" if sign > 0 else "end")
        for dy in (-radius - 3, radius + 12, -radius - 18, radius + 27)
        for sign in (1, -1)
    ]
    return near + over + corners


def _label_box(mark: Mark, text: str, dx: float, dy: float, side: str) -> _Box:
    width = len(text) * CHARACTER_WIDTH
    start = mark.x * NARROWEST_PLOT + dx - {"start": 0.0, "middle": width / 2, "end": width}[side]
    bottom = mark.y + dy + 3
    return (start, bottom - LINE_HEIGHT, start + width, bottom)


def _inside(box: _Box) -> bool:
    return box[0] >= 0 and box[2] <= NARROWEST_PLOT + 12 and box[1] >= -12 and box[3] <= PLOT_HEIGHT


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
