from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.compare import (
    Verdict,
    compare_runs,
    compare_sets,
    comparison_to_json,
    exit_code,
    judge_ratio,
    parse_fraction,
)
from android_bench.config import BenchmarkConfig
from android_bench.errors import ExitCode, UsageError
from android_bench.run_ratio import Method
from android_bench.stats import Interval
from tests import examples

STEADY = (2900, 2910, 2920, 2930, 2940, 2950)


def scaled(factor: float) -> tuple[float, ...]:
    return tuple(value * factor for value in STEADY)


@pytest.mark.parametrize(
    ("factor", "verdict", "code"),
    [
        (1.0, Verdict.UNCHANGED, ExitCode.OK),
        (1.03, Verdict.UNCHANGED, ExitCode.OK),
        (1.05, Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
        (1.10, Verdict.REGRESSED, ExitCode.REGRESSED),
        (0.80, Verdict.IMPROVED, ExitCode.OK),
    ],
)
def test_verdict_follows_the_interval(factor: float, verdict: Verdict, code: ExitCode) -> None:
    found = compare_runs(examples.run(STEADY), examples.run(scaled(factor)), max_slowdown=0.05)
    assert found.verdict is verdict
    assert exit_code([found]) is code
    assert found.method is Method.PAIRED
    assert "6 rounds of one session" in found.reasons[1]


def test_two_fully_separated_samples_differ_significantly() -> None:
    # asv says "not different" of 6 against 6 perfectly separated samples (shared style page, row 6).
    found = compare_runs(examples.run(STEADY), examples.run(scaled(1.02)), max_slowdown=0.0)
    assert found.verdict is Verdict.REGRESSED


def test_too_few_invocations_are_inconclusive_not_unchanged() -> None:
    found = compare_runs(
        examples.run((2900, 2910, 2920)), examples.run((2900, 2910, 2920)), max_slowdown=0.05
    )
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "4 a side" in found.reasons[0]


def test_no_valid_invocation_is_inconclusive() -> None:
    empty = replace(examples.run(), invocations=())
    found = compare_runs(examples.run(), empty, max_slowdown=0.05)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons == ("the candidate has no valid invocation",)


def test_unlike_runs_are_incomparable_and_every_field_is_named() -> None:
    candidate = examples.run(
        config=BenchmarkConfig(num_threads=4),
        binary=replace(examples.BINARY, sha256="c" * 64),
    )
    found = compare_runs(examples.run(), candidate, max_slowdown=0.05)
    assert found.verdict is Verdict.INCOMPARABLE
    assert exit_code([found]) is ExitCode.INCONCLUSIVE
    assert found.reasons == (
        "config.num_threads differs: 1 against 4",
        "binary.sha256 differs: bbbbbbbbbbbb against cccccccccccc",
    )


def test_sets_are_paired_by_name_device_and_configuration() -> None:
    before = [examples.run(name="a"), examples.run(name="b"), examples.run(name="old")]
    after = [examples.run(scaled(1.2), name="b"), examples.run(name="a"), examples.run(name="new")]
    found = {item.name: item for item in compare_sets(before, after, max_slowdown=0.05)}
    assert found["a"].verdict is Verdict.UNCHANGED
    assert found["b"].verdict is Verdict.REGRESSED
    assert found["new"].reasons == ("only the candidate has it, the baseline does not",)
    assert found["old"].reasons == ("only the baseline has it, the candidate does not",)
    assert exit_code(found.values()) is ExitCode.REGRESSED


def test_one_against_one_is_a_pair_whatever_the_names() -> None:
    (found,) = compare_sets(
        [examples.run(name="float32")], [examples.run(scaled(0.5), name="int8")], max_slowdown=0.05
    )
    assert found.name == "float32 → int8"
    assert found.verdict is Verdict.IMPROVED


def test_nothing_compared_is_inconclusive() -> None:
    assert exit_code([]) is ExitCode.INCONCLUSIVE


@given(
    st.floats(min_value=0.2, max_value=5),
    st.floats(min_value=0.0, max_value=0.5),
    st.floats(min_value=0.0, max_value=0.5),
)
def test_a_regression_is_never_called_where_the_gate_is_within_reach(
    estimate: float, width: float, gate: float
) -> None:
    ratio = Interval(estimate=estimate, low=estimate * (1 - width), high=estimate * (1 + width))
    assert ratio.low is not None
    assert ratio.high is not None
    verdict, _ = judge_ratio(ratio, max_slowdown=gate)
    assert (verdict is Verdict.REGRESSED) == (ratio.low > 1 + gate)
    if verdict in {Verdict.UNCHANGED, Verdict.IMPROVED}:
        assert ratio.high <= 1 + gate


def test_json_has_plain_values() -> None:
    found = compare_runs(examples.run(), examples.run(), max_slowdown=0.05)
    data = comparison_to_json(found)
    assert data["verdict"] == "unchanged"
    assert data["ratio"]["estimate"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "value"), [("5%", 0.05), ("0.05", 0.05), (" 2.5 % ", 0.025), ("0", 0)]
)
def test_gate_is_read(text: str, value: float) -> None:
    assert parse_fraction(text, flag="--max-slowdown") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "five", "-1%", "nan", "inf", "%%"])
def test_gate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-slowdown"):
        parse_fraction(text, flag="--max-slowdown")
