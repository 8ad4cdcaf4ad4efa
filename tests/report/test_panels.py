"""Quantities over time: every mark lies inside, nothing special is lost, what is unknown is a gap."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from android_bench.report.charts import round_axis
from android_bench.report.panels import (
    MOST_DOTS,
    MOST_POINTS,
    PATH_WIDTH,
    DotKind,
    Readings,
    Sample,
    Span,
    curve_panel,
    dot_panel,
)

SPAN = Span(start=0.0, end=100.0)
VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6))


def readings(values: list[float | None], *, stepped: bool = False) -> Readings:
    points = tuple((float(at), value) for at, value in enumerate(values))
    return Readings(name="battery", tone="first", points=points, stepped=stepped)


def numbers(path: str) -> list[float]:
    return [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", path)]


@given(st.lists(VALUES, max_size=300), st.booleans())
def test_curves_lie_inside(values: list[float | None], stepped: bool) -> None:
    span = Span(start=0.0, end=float(max(len(values) - 1, 0)))
    panel = curve_panel([readings(values, stepped=stepped)], span=span, heading="h", label=str)
    assert (panel is None) == all(value is None for value in values)
    if panel is None:
        return
    (curve,) = panel.curves
    for piece in re.findall(r"[ML]([^MLHVh]+)", curve.path):
        x, y = numbers(piece)
        assert 0 <= x <= PATH_WIDTH
        assert -0.1 <= y <= panel.height + 0.1


def test_an_unknown_reading_is_a_gap() -> None:
    panel = curve_panel([readings([1, 2, None, 3, 4])], span=SPAN, heading="h", label=str)
    assert panel is not None
    assert panel.curves[0].path.count("M") == 2


def test_a_step_holds_its_value() -> None:
    panel = curve_panel(
        [readings([0, 2, 2], stepped=True)], span=Span(start=0, end=2), heading="h", label=str
    )
    assert panel is not None
    assert re.fullmatch(r"M0,64H500V0H1000V0", panel.curves[0].path)


@given(st.integers(MOST_POINTS + 1, 5000), st.integers(0, 10**6))
def test_many_readings_keep_their_extremes(count: int, place: int) -> None:
    values: list[float | None] = [float(at % 7) for at in range(count)]
    values[place % count] = 1000.0
    span = Span(start=0, end=count - 1)
    panel = curve_panel([readings(values)], span=span, heading="h", label=str)
    assert panel is not None
    path = panel.curves[0].path
    assert path.count("M") + path.count("L") <= MOST_POINTS
    # The highest reading is the top of the curve, where it was.
    heights = [numbers(piece)[1] for piece in re.findall(r"[ML]([^ML]+)", path)]
    assert min(heights) == (1 - panel.down.place(1000.0)) * panel.height


def test_nothing_special_is_thinned_out() -> None:
    kinds = [DotKind.APART, DotKind.OUTLIER, *[DotKind.COUNTED] * 4000]
    samples = [
        Sample(at=at % 100, value=1.0, kind=kind, text=str(at)) for at, kind in enumerate(kinds)
    ]
    panel = dot_panel(
        samples, axis=round_axis(0, 2, label=str), span=SPAN, heading="h", summary="s"
    )
    assert len(panel.dots) <= MOST_DOTS
    assert {dot.kind for dot in panel.dots} == set(DotKind)
    assert len(panel.dots) + panel.hidden == len(samples)


def test_a_moment_without_length_lies_in_the_middle() -> None:
    assert Span(start=5, end=5).place(5) == 0.5
