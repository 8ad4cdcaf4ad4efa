"""The headline is as sure as the samples allow, and no surer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from android_bench.config import BenchmarkConfig
from android_bench.report.answer import Answer, Certainty, accuracy_half_width
from android_bench.report.view import Page, build_page
from android_bench.results import BenchmarkRun
from tests.report import examples


def build(*runs: BenchmarkRun) -> Page:
    return build_page(runs, (), title=None, generated_at="now", tool_version="0")


def answer(*runs: BenchmarkRun) -> Answer:
    return build(*runs).devices[0].answer


def test_a_clear_winner_has_a_margin() -> None:
    found = answer(*examples.make_family())
    assert found.certainty is Certainty.CLEAR
    assert found.fastest is not None
    assert found.fastest.label == "digits.int8"
    assert found.baseline is not None
    assert found.baseline.label == "digits.float32"
    assert found.margin is not None
    assert found.margin.low is not None
    assert found.margin.low > 1
    assert found.accuracy_drop == pytest.approx(-0.0055)
    assert not found.differing


def test_what_cannot_be_told_apart_is_not_ranked() -> None:
    found = answer(
        examples.make_run("a", mean_us=1000, noise=0.02),
        examples.make_run("b", mean_us=1001, noise=0.02),
    )
    assert found.certainty is Certainty.TIED
    assert len(found.rivals) == 1


def test_too_few_samples_are_named() -> None:
    found = answer(
        examples.make_run("a", mean_us=1000), examples.make_run("b", mean_us=1500, count=2)
    )
    assert found.certainty is Certainty.TOO_FEW
    assert [view.label for view in found.undecided] == ["b"]


def test_one_run_is_compared_with_nothing() -> None:
    found = answer(examples.make_run())
    assert found.certainty is Certainty.ALONE
    assert found.baseline is None


def test_no_latency_no_winner() -> None:
    found = answer(examples.make_broken(), examples.make_minimal())
    assert found.fastest is None
    assert found.certainty is Certainty.ALONE


def test_unlike_runs_weaken_the_order() -> None:
    other = examples.make_run("b", config=BenchmarkConfig(num_runs=10, num_threads=4))
    assert answer(examples.make_run("a"), other).differing == ("config.num_runs",)


def test_zero_latencies_do_not_divide() -> None:
    assert (
        answer(examples.make_run("a", mean_us=0.0), examples.make_run("b", mean_us=0.0)).certainty
        is Certainty.TOO_FEW
    )


def test_labels_say_only_what_tells_runs_apart() -> None:
    family = examples.make_family()
    assert [view.label for view in build(*family).runs] == [name for name, *_ in examples.FAMILY]
    four = replace(family[0], config=BenchmarkConfig(num_threads=4))
    assert [view.label for view in build(family[0], four).runs] == [
        "digits.float32 · cpu, 1 thread",
        "digits.float32 · cpu, 4 threads",
    ]
    later = replace(family[0], started_at="2026-08-15T10:15:00Z")
    assert [view.label for view in build(family[0], later).runs] == [
        "digits.float32 · 2026-08-14 10:15 UTC",
        "digits.float32 · 2026-08-15 10:15 UTC",
    ]
    twice = build(family[0], family[0]).runs
    assert len({view.label for view in twice}) == 2


def test_devices_are_answered_one_by_one() -> None:
    page = build(*examples.make_family(), *examples.make_family(examples.HOST))
    assert [len(item.runs) for item in page.devices] == [4, 4]
    assert page.models == 4
    assert {view.full_label for view in page.runs} >= {"digits.int8 · AMD EPYC 7B13"}


def test_the_ratio_is_against_the_float_run_of_the_same_configuration() -> None:
    views = build(*reversed(examples.make_family())).runs
    by_label = {view.label: view for view in views}
    base, best = by_label["digits.float32"], by_label["digits.int8"]
    assert base.is_baseline
    assert base.latency_ratio == 1
    assert base.summary.latency is not None
    assert best.summary.latency is not None
    assert best.latency_ratio == best.summary.latency.estimate / base.summary.latency.estimate


@pytest.mark.parametrize(
    ("share", "samples", "expected"), [(0.97, 360, 0.0183), (1.0, 360, 0.0053), (0.5, 0, None)]
)
def test_the_chance_in_an_accuracy(share: float, samples: int, expected: float | None) -> None:
    width = accuracy_half_width(share, samples)
    assert width == (None if expected is None else pytest.approx(expected, abs=2e-4))
