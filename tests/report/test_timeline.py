"""A session over time: throttling coincides with what it slows, and stands apart."""

from __future__ import annotations

from dataclasses import replace

from android_bench.report.panels import DotKind
from android_bench.report.timeline import MOST_TIMELINES, Timeline, timelines
from android_bench.results import BenchmarkRun
from android_bench.run_view import run_views
from tests.report import examples, rich


def drawn(*runs: BenchmarkRun) -> tuple[Timeline, ...]:
    return timelines(run_views(runs), prefix="d")


def test_interleaved_runs_share_one_axis_with_their_conditions() -> None:
    (session,) = drawn(*rich.make_session())
    assert len(session.runs) == 8
    assert [panel.heading.split()[0] for panel in session.panels] == [
        "Invocation",
        "Temperature",
        "Thermal",
        "Clock",
        "Load",
    ]
    assert session.panels[0].summary.startswith("80 invocations")
    assert session.across.ticks[-1].label.endswith(" min")


def test_what_throttled_lies_in_the_shade_and_above() -> None:
    (session,) = drawn(*rich.make_session())
    (shade,) = session.shaded
    dots = session.panels[0].dots
    apart = [dot for dot in dots if dot.kind is DotKind.APART]
    counted = [dot for dot in dots if dot.kind is DotKind.COUNTED]
    assert len(apart) == session.apart > 3
    assert all(shade[0] <= dot.x <= shade[1] for dot in apart)
    assert all(dot.x < shade[0] for dot in counted)
    # Slower is higher, and all but the one that began before the device throttled are slow.
    slow = [dot for dot in apart if dot.y < min(other.y for other in counted)]
    assert len(slow) >= len(apart) - 1
    assert session.outliers == 1


def test_the_clock_is_that_of_the_big_cores() -> None:
    (session,) = drawn(*rich.make_session())
    clock = next(panel for panel in session.panels if panel.heading.startswith("Clock"))
    assert clock.heading == "Clock of the big cores"
    assert clock.summary == "clock 1.9 to 2.91 GHz; allowed at most 1.9 to 2.91 GHz"


def test_what_was_never_read_has_no_panel() -> None:
    (session,) = drawn(examples.make_run(device=examples.HOST))
    assert [panel.heading for panel in session.panels][1:] == ["Load (1 min)"]


def test_times_that_are_none_draw_nothing() -> None:
    run = examples.make_run()
    lost = tuple(
        replace(item, started_at="yesterday", before=None, after=None) for item in run.invocations
    )
    assert drawn(replace(run, invocations=lost)) == ()
    assert drawn(examples.make_minimal()) == ()


def test_of_many_sessions_those_that_throttled_are_drawn() -> None:
    quiet = [
        replace(examples.make_run(f"m{n}"), run_id=str(n), session_id=str(n)) for n in range(30)
    ]
    found = drawn(*quiet, *rich.make_session())
    assert len(found) == MOST_TIMELINES
    assert any(session.apart for session in found)


def test_a_run_that_only_throttled_is_drawn_against_itself() -> None:
    run = rich.make_session()[0]
    hot = tuple(item for item in run.invocations if item.throttled or item.kind.value != "timing")
    view = run_views([replace(run, invocations=hot)])[0]
    assert view.summary.latency is None
    timeline = timelines([view], prefix="d")
    assert all(session.apart for session in timeline)
