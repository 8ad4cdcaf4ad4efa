"""Comparisons with both sides: who decides, what is told, and which runs stand behind it."""

from __future__ import annotations

from dataclasses import replace

from android_bench.analysis.compare import Verdict, compare_sets
from android_bench.analysis.metrics import Metric
from android_bench.report.pairs import GRAVEST_FIRST, metric_text, pair_views, sides_of
from android_bench.report.view import build_page
from android_bench.run_view import run_views
from tests.report import examples, rich


def test_every_verdict_has_its_place() -> None:
    assert set(GRAVEST_FIRST) == set(Verdict)


def test_one_pair_for_all_metrics_of_two_runs() -> None:
    before, after = rich.make_comparison()
    compared = compare_sets(before, after, metrics=tuple(Metric))
    views = run_views((*before, *after), sides_of(compared))
    pairs = pair_views(compared, views, ["latency"])
    assert len(pairs) == 4
    for pair in pairs:
        assert [item.metric for item in pair.deciding] == ["latency"]
        assert len(pair.others) == len(Metric) - 1
        assert pair.baseline is not None
        assert pair.candidate is not None
        assert (pair.baseline.side, pair.candidate.side) == ("baseline", "candidate")
        assert pair.operators is not None
        assert {fact.group for fact in pair.facts} >= {"Latency", "Memory", "Conditions"}
    latency = next(fact for fact in pairs[0].facts if fact.heading == "Median")
    assert latency.ratio is not None
    assert 1.05 < latency.ratio < 1.13


def test_the_gravest_stands_first_and_only_what_decides_counts() -> None:
    before = [examples.make_run("a"), examples.make_run("b", mean_us=1000)]
    after = [examples.make_run("a"), examples.make_run("b", mean_us=1300)]
    after = [replace(run, run_id=f"new-{run.run_id}") for run in after]
    compared = compare_sets(before, after, max_slowdown=0.05, metrics=tuple(Metric))
    views = run_views((*before, *after), sides_of(compared))
    assert [pair.name for pair in pair_views(compared, views, ["latency"])] == ["b", "a"]
    by_size = pair_views(compared, views, ["file-size"])
    assert {pair.verdict for pair in by_size} == {Verdict.UNCHANGED}


def test_what_only_one_side_has_is_a_pair_with_one_side() -> None:
    before, after = [examples.make_run("a"), examples.make_run("b")], [examples.make_run("a")]
    after = [replace(after[0], run_id="new")]
    compared = compare_sets(before, after)
    (alone,) = (
        pair
        for pair in pair_views(compared, run_views((*before, *after)), ["latency"])
        if pair.candidate is None
    )
    assert alone.name == "b"
    assert alone.verdict is Verdict.INCOMPARABLE
    assert all(fact.candidate is None for fact in alone.facts)


def test_the_answer_is_about_the_candidates() -> None:
    before, after = rich.make_comparison()
    compared = compare_sets(before, after)
    page = build_page((*before, *after), compared, title=None, generated_at="now", tool_version="0")
    fastest = page.devices[0].answer.fastest
    assert fastest is not None
    assert fastest.side == "candidate"
    labels = [view.label for view in page.runs]
    assert "mobilenet.int8 · baseline" in labels
    assert len(set(labels)) == len(labels)


def test_quantities_have_the_unit_of_their_metric() -> None:
    assert metric_text("latency", 1500.0) == "1.50 ms"
    assert metric_text("file-size", 1_500_000.0) == "1.50 MB"
    assert metric_text("peak-memory", 1_572_864.0) == "1.50 MiB"
    assert metric_text("init", None) is None
    for metric in Metric:
        assert metric_text(metric.value, 1.0)
