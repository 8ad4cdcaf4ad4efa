"""Operators in the report: bars that add up, delegates explained once, changes with their direction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from android_bench.report.operators import REST, change_view, operators_view, parts, type_chart
from android_bench.report.view import build_page
from android_bench.results import BenchmarkRun, InvocationKind
from android_bench.run_view import RunView, run_views
from tests import examples as plain
from tests.report import examples, rich


def profiled(name: str, *operators: tuple[str, str, float], inside: bool = False) -> BenchmarkRun:
    items = [plain.operator(label, kind, mean) for kind, label, mean in operators]
    if inside:
        items = [replace(item, inside_delegate=index > 0) for index, item in enumerate(items)]
    run = examples.make_run(name)
    return replace(run, invocations=(*run.invocations, plain.profile(9, *items)))


def view_of(run: BenchmarkRun) -> RunView:
    return run_views([run])[0]


def test_the_parts_of_a_bar_are_the_whole() -> None:
    kinds = [(f"TYPE_{n}", f"[m/layer_{n}/Op]:{n}", 10.0 * n) for n in range(1, 10)]
    seen = operators_view([view_of(profiled("a", *kinds))], None, prefix="d")
    assert seen is not None
    (row,) = seen.by_type.rows
    assert seen.by_type.types[-1] == REST
    assert len(seen.by_type.types) == 7
    assert row.total_us == pytest.approx(450)
    assert sum(time or 0 for time in row.times_us) == pytest.approx(450)
    assert sum(part.width for part in row.segments) == pytest.approx(seen.by_type.axis.place(450))


def test_no_time_is_told_from_no_operator() -> None:
    one = view_of(profiled("a", ("CONV_2D", "[c]:0", 50.0), ("SOFTMAX", "[s]:1", 0.0)))
    other = view_of(profiled("b", ("CONV_2D", "[c]:0", 40.0), ("QUANTIZE", "[q]:1", 9.0)))
    seen = operators_view([one, other], None, prefix="d")
    assert seen is not None
    first = dict(zip(seen.by_type.types, seen.by_type.rows[0].times_us, strict=True))
    assert first == {"CONV_2D": 50.0, "QUANTIZE": None, "SOFTMAX": 0.0}


def test_a_delegate_gives_way_to_what_is_inside_it() -> None:
    from android_bench.analysis.operators import operator_times

    run = profiled(
        "a",
        ("TfLiteXNNPackDelegate", "[out]:7", 100.0),
        ("Convolution (NHWC, F32)", "", 60.0),
        ("Fully Connected (NC, F32)", "", 30.0),
        inside=True,
    )
    found = {item.node_type: item.time_us for item in parts(operator_times(run))}
    assert found == {
        "Convolution (NHWC, F32)": 60.0,
        "Fully Connected (NC, F32)": 30.0,
        "TfLiteXNNPackDelegate itself": 10.0,
    }
    chart = type_chart([(view_of(run), parts(operator_times(run)))])
    assert chart.rows[0].total_us == pytest.approx(100)


def test_changes_go_left_when_faster_and_right_when_slower() -> None:
    before = view_of(profiled("a", ("CONV_2D", "[m/c/Conv]:0", 50.0), ("ADD", "[m/a/Add]:1", 5.0)))
    after = view_of(profiled("b", ("CONV_2D", "[m/c/Conv]:0", 20.0), ("ADD", "[m/a/Add]:1", 15.0)))
    seen = change_view(before, after, anchor="x")
    assert seen is not None
    faster, slower = seen.rows
    assert (seen.baseline_us, seen.candidate_us) == (55.0, 35.0)
    assert faster.ratio == pytest.approx(0.4)
    assert faster.start == 0
    assert faster.start + faster.width == pytest.approx(seen.zero) == pytest.approx(slower.start)
    assert slower.start + slower.width == pytest.approx(1)


def test_without_a_profile_there_is_no_view() -> None:
    view = view_of(examples.make_run())
    assert operators_view([view], None, prefix="d") is None
    assert change_view(view, view, anchor="x") is None


def test_the_baseline_is_held_against_the_fastest() -> None:
    page = build_page(rich.make_session(), (), title=None, generated_at="now", tool_version="0")
    seen = page.devices[0].operators
    assert seen is not None
    (change,) = seen.changes
    assert change.baseline.run.artifact.recipe_name == "float32"
    assert change.candidate is page.devices[0].answer.fastest
    assert change.baseline.run.config == change.candidate.run.config
    assert change.candidate_us < change.baseline_us
    assert seen.layers_left > 0
    assert any(view.run.of_kind(InvocationKind.PROFILE) for view in page.runs)
