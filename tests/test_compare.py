from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.analysis.compare import (
    Verdict,
    compare_runs,
    compare_sets,
    comparison_to_json,
    exit_code,
    judge_ratio,
    parse_fraction,
)
from android_bench.analysis.metrics import Metric
from android_bench.analysis.noise import NoiseFloor, Scope
from android_bench.analysis.run_ratio import Method
from android_bench.analysis.stats import Interval
from android_bench.config import BenchmarkConfig
from android_bench.errors import ExitCode, UsageError
from android_bench.results import BenchmarkRun, Conditions
from tests import examples

STEADY = (2900, 2910, 2920, 2930, 2940, 2950)


def scaled(factor: float) -> tuple[float, ...]:
    return tuple(value * factor for value in STEADY)


@pytest.mark.parametrize(
    ("factor", "verdict", "code"),
    [
        (1.0, Verdict.UNCHANGED, ExitCode.OK),
        (1.03, Verdict.UNCHANGED, ExitCode.OK),
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


def test_what_reaches_over_the_gate_is_inconclusive() -> None:
    found = compare_runs(examples.run(STEADY), apart(scaled(1.05)), max_slowdown=0.05)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert exit_code([found]) is ExitCode.INCONCLUSIVE


def apart(means: tuple[float, ...], **changes: Any) -> BenchmarkRun:
    """A run of another session than the examples'."""
    return examples.run(means, session_id="another", run_id="another", **changes)


def test_runs_of_one_session_are_compared_round_by_round() -> None:
    """A drift that hits both sides alike hides a change between sessions, and none within."""
    rising = tuple(2900 * 1.02**step for step in range(8))
    slower = tuple(1.03 * value for value in rising)
    together = compare_runs(examples.run(rising), examples.run(slower), max_slowdown=0.01)
    assert together.method is Method.PAIRED
    assert together.verdict is Verdict.REGRESSED
    alone = compare_runs(examples.run(rising), apart(slower), max_slowdown=0.01)
    assert alone.method is Method.INDEPENDENT
    assert alone.verdict is Verdict.INCONCLUSIVE
    assert [item.code for item in alone.cautions] == ["drift-between-sessions"]


def test_a_round_that_counts_on_one_side_only_is_left_out() -> None:
    before, after = examples.run((*scaled(1.0), 2900.0)), examples.run((*scaled(1.1), 9000.0))
    spoiled = replace(
        after.invocations[6], before=Conditions(taken_at="2026-11-23T10:00:00Z", thermal_status=3)
    )
    after = replace(after, invocations=(*after.invocations[:6], spoiled))
    found = compare_runs(before, after)
    assert found.method is Method.PAIRED
    assert "6 rounds" in found.reasons[1]
    assert found.ratio is not None
    assert found.ratio.estimate == pytest.approx(1.1)


def test_with_too_few_rounds_a_session_counts_as_independent_samples() -> None:
    found = compare_runs(examples.run(STEADY[:5]), examples.run(scaled(1.2)[:5]))
    assert found.method is Method.INDEPENDENT
    assert found.verdict is Verdict.REGRESSED


def test_other_metrics_are_compared_and_do_not_decide() -> None:
    bigger = examples.run(STEADY, artifact=examples.artifact(size_bytes=300_000))
    slow = replace(
        bigger,
        invocations=tuple(replace(item, init_us=9000.0) for item in bigger.invocations),
    )
    found = {
        item.metric: item
        for item in compare_sets([examples.run(STEADY)], [slow], metrics=tuple(Metric))
    }
    assert list(found) == ["latency", "init", "first-inference", "peak-memory", "file-size"]
    assert found["latency"].verdict is Verdict.UNCHANGED
    assert found["init"].verdict is Verdict.REGRESSED
    assert found["file-size"].verdict is Verdict.REGRESSED
    assert found["file-size"].method is Method.EXACT
    assert found["peak-memory"].verdict is Verdict.INCONCLUSIVE  # one invocation a side
    assert exit_code(found.values()) is ExitCode.OK
    assert exit_code(found.values(), deciding=[Metric.INIT]) is ExitCode.REGRESSED
    both = [Metric.LATENCY, Metric.PEAK_MEMORY]
    assert exit_code(found.values(), deciding=both) is ExitCode.INCONCLUSIVE


def test_a_metric_that_one_side_lacks_is_not_compared() -> None:
    bare = examples.run(STEADY)
    bare = replace(
        bare,
        invocations=tuple(
            replace(item, init_us=0.0, warmup=None) for item in bare.invocations if not item.memory
        ),
    )
    found = compare_sets([examples.run(STEADY)], [bare], metrics=tuple(Metric))
    assert [item.metric for item in found] == ["latency", "file-size"]


def test_a_pair_without_the_deciding_metric_is_no_pass() -> None:
    bare = replace(examples.run(name="a"), invocations=examples.run().invocations[:6])
    before = [examples.run(name="a"), examples.run(name="b")]
    after = [bare, examples.run(name="b"), examples.run(name="new")]
    found = compare_sets(before, after, metrics=tuple(Metric))
    assert exit_code(found[:-1], deciding=[Metric.FILE_SIZE]) is ExitCode.OK
    assert exit_code(found, deciding=[Metric.FILE_SIZE]) is ExitCode.INCONCLUSIVE
    no_memory = [item for item in found if item.name == "a"]
    assert "peak-memory" not in {item.metric for item in no_memory}
    assert exit_code(no_memory, deciding=[Metric.PEAK_MEMORY]) is ExitCode.INCONCLUSIVE


def test_a_side_that_throttled_away_is_said_to_have() -> None:
    run = examples.run()
    hot = Conditions(taken_at="2026-11-23T10:00:00Z", thermal_status=3)
    throttled = replace(
        run, invocations=tuple(replace(item, after=hot) for item in run.invocations)
    )
    found = compare_runs(run, throttled)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons == ("the candidate has no invocation that was not throttled",)


def test_sizes_are_compared_even_between_unlike_runs() -> None:
    unlike = examples.run(config=BenchmarkConfig(num_threads=4))
    found = {
        item.metric: item.verdict
        for item in compare_sets([examples.run()], [unlike], metrics=tuple(Metric))
    }
    assert found["file-size"] is Verdict.UNCHANGED
    assert {found[metric] for metric in ("latency", "init")} == {Verdict.INCOMPARABLE}


def noise_floor(scope: Scope, floor: float) -> NoiseFloor:
    return NoiseFloor(
        device="Acme One", scope=scope, floor=floor, typical=floor / 3, largest=floor / 2,
        runs=5, pairs=10, degrees=4,
    )  # fmt: skip


def test_a_noise_floor_above_the_gate_is_the_gate() -> None:
    before, after = examples.run(STEADY), apart(scaled(1.05))
    assert compare_runs(before, after).verdict is Verdict.REGRESSED
    floors = [noise_floor(Scope.BETWEEN_SESSIONS, 0.06), noise_floor(Scope.WITHIN_SESSION, 0.5)]
    found = compare_runs(before, after, floors=floors)
    assert (found.gate, found.noise_floor, found.max_slowdown) == (0.06, 0.06, 0.01)
    assert found.verdict is not Verdict.REGRESSED
    assert "this noise floor is the gate" in found.reasons[2]


def test_a_noise_floor_below_the_gate_or_of_another_scope_changes_nothing() -> None:
    before, after = examples.run(STEADY), apart(scaled(1.05))
    low = compare_runs(before, after, floors=[noise_floor(Scope.BETWEEN_SESSIONS, 0.001)])
    assert (low.verdict, low.gate) == (Verdict.REGRESSED, 0.01)
    assert "within --max-slowdown" in low.reasons[2]
    other = compare_runs(before, after, floors=[noise_floor(Scope.WITHIN_SESSION, 0.5)])
    assert (other.verdict, other.noise_floor) == (Verdict.REGRESSED, None)
    assert "is not known of this device" in other.reasons[2]


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


@settings(deadline=None)
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
    assert (data["method"], data["gate"]) == ("paired", 0.05)
    assert json.loads(json.dumps(data)) == {**data, "reasons": list(data["reasons"])}


@pytest.mark.parametrize(
    ("text", "value"), [("5%", 0.05), ("0.05", 0.05), (" 2.5 % ", 0.025), ("0", 0)]
)
def test_gate_is_read(text: str, value: float) -> None:
    assert parse_fraction(text, flag="--max-slowdown") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "five", "-1%", "nan", "inf", "%%"])
def test_gate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-slowdown"):
        parse_fraction(text, flag="--max-slowdown")
