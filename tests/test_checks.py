from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.analysis.checks import Code, Finding, Severity, check_pair, check_run, check_runs
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.results import (
    BenchmarkRun,
    BinaryFlavor,
    Conditions,
    Delegation,
    DeviceKind,
    Invocation,
    InvocationKind,
    LatencySummary,
    Numerics,
    Status,
)
from optimizer.artifact import Fidelity, MetadataSummary
from tests import examples

DOCS = Path(__file__).parents[1] / "docs" / "findings.md"


def every(
    change: Callable[[Invocation], Invocation], run: BenchmarkRun | None = None
) -> BenchmarkRun:
    """The example run with each timing invocation changed."""
    run = run or examples.run()
    return replace(
        run,
        invocations=tuple(
            change(item) if item.kind is InvocationKind.TIMING else item for item in run.invocations
        ),
    )


def state(seconds: float = 0.0, **known: Any) -> Conditions:
    return Conditions(
        taken_at=f"2026-11-23T10:00:{seconds:06.3f}Z", uptime_s=100 + seconds, **known
    )


def around(run: BenchmarkRun | None = None, **known: Any) -> BenchmarkRun:
    """The run with these conditions before and after each timing invocation."""
    return every(lambda item: replace(item, before=state(**known), after=state(1.6, **known)), run)


def bad(status: Status, **changes: Any) -> BenchmarkRun:
    failed = examples.timing(9, 2900.0, status=status, problem="It was not so.", **changes)
    return replace(examples.run(), invocations=(*examples.run().invocations, failed))


def with_numerics(*compared: Numerics) -> BenchmarkRun:
    items = [replace(examples.numerics(90, 0, error=0.0), numerics=item) for item in compared]
    return replace(examples.run(), invocations=(*examples.run().invocations, *items))


def numerics(**changes: Any) -> Numerics:
    same = Numerics(sample=0, max_abs_error=0.001, cosine=1.0, top1_agrees=True, reference="LiteRT")
    return replace(same, **changes)


def on(kind: DelegateKind, **told: Any) -> BenchmarkRun:
    run = examples.run(config=BenchmarkConfig(delegate=Delegate(kind=kind)))
    return every(lambda item: replace(item, delegation=Delegation(requested=kind, **told)), run)


def busy(cores: float) -> BenchmarkRun:
    """Runs of one thread while so many cores were busy in all."""
    return every(
        lambda item: replace(
            item,
            before=state(cpu_busy_s=50.0),
            after=state(1.6, cpu_busy_s=50.0 + 1.6 * cores),
        )
    )


def device(**changes: Any) -> BenchmarkRun:
    return examples.run(device=replace(examples.PHONE, **changes))


def precise(precision: float) -> BenchmarkRun:
    return examples.run(config=BenchmarkConfig(precision=precision))


HALVES = (100.0, 140, 101, 139, 99, 141, 100, 140, 101, 139, 100, 102, 98, 100, 140)
STRAY = (2920, 2900, 2940, 2910, 2950, 2930, 2935, 2925, 3050)
FULL = {0: 1_800_000, 4: 2_400_000, 7: 3_000_000}
SHORT = LatencySummary(count=300, mean_us=99.0)

CASES: dict[Code, tuple[BenchmarkRun, Severity]] = {
    Code.HOST_NOT_PHONE: (device(kind=DeviceKind.HOST), Severity.INFO),
    Code.EMULATOR_NOT_PHONE: (device(kind=DeviceKind.EMULATOR), Severity.INFO),
    Code.ENGINEERING_BUILD: (device(build_type="eng"), Severity.WARNING),
    Code.DEBUG_BINARY: (
        examples.run(binary=replace(examples.BINARY, debug=True)),
        Severity.WARNING,
    ),
    Code.INCOMPLETE: (examples.run(complete=False), Severity.ERROR),
    Code.INVOCATION_FAILED: (bad(Status.FAILED), Severity.ERROR),
    Code.INVOCATION_INVALID: (bad(Status.INVALID), Severity.ERROR),
    Code.INVOCATION_CRASHED: (bad(Status.CRASHED), Severity.ERROR),
    Code.INVOCATION_TIMEOUT: (bad(Status.TIMEOUT), Severity.ERROR),
    Code.INVOCATION_UNREADABLE: (bad(Status.UNREADABLE), Severity.ERROR),
    Code.FALLBACK: (
        bad(Status.INVALID, delegation=Delegation(requested=DelegateKind.GPU, applied=False)),
        Severity.ERROR,
    ),
    Code.FLAG_NOT_USED: (
        bad(Status.INVALID, unconsumed_flags=("--use_gpu=true",)),
        Severity.ERROR,
    ),
    Code.PARTIAL_DELEGATION: (
        on(DelegateKind.XNNPACK, applied=True, nodes_delegated=3, nodes_total=9, partitions=2),
        Severity.INFO,
    ),
    Code.DELEGATION_UNKNOWN: (on(DelegateKind.GPU), Severity.WARNING),
    Code.NUMERICS_OFF: (with_numerics(numerics(cosine=0.5)), Severity.ERROR),
    Code.TOO_FEW_INVOCATIONS: (examples.run((2900, 2910, 2905, 2900, 2890)), Severity.WARNING),
    Code.PRECISION_NOT_REACHED: (precise(0.001), Severity.WARNING),
    Code.HIGH_SPREAD: (examples.run((2900, 3200, 2700, 3100, 2800, 3000)), Severity.WARNING),
    Code.DRIFT: (examples.run(tuple(range(2900, 3000, 10))), Severity.WARNING),
    Code.OUTLIERS: (examples.run(STRAY), Severity.INFO),
    Code.TWO_MODES: (examples.run(HALVES), Severity.WARNING),
    Code.COARSE_TIMER: (every(lambda item: replace(item, latency=SHORT)), Severity.WARNING),
    Code.THROTTLING: (around(thermal_status=2), Severity.ERROR),
    Code.CLOCKS_LIMITED: (around(cpu_limit_khz={**FULL, 4: 1_900_000}), Severity.WARNING),
    Code.LOW_BATTERY: (around(battery_level_pct=19), Severity.WARNING),
    Code.CHARGING: (around(charging=True), Severity.INFO),
    Code.POWER_SAVE: (around(power_save=True), Severity.WARNING),
    Code.SCREEN_OFF: (around(screen_on=False), Severity.INFO),
    Code.BACKGROUND_LOAD: (busy(2.0), Severity.WARNING),
    Code.OTHER_INFERENCES: (around(other_inferences=1), Severity.WARNING),
    Code.METADATA_REFUSED: (
        examples.run(
            artifact=examples.artifact(
                metadata=MetadataSummary(task="image_classifier", failure="No task.")
            )
        ),
        Severity.WARNING,
    ),
    Code.MODEL_COLLAPSED: (
        examples.run(artifact=examples.artifact(warnings=("Collapsed: all alike.",))),
        Severity.ERROR,
    ),
    Code.ACCURACY_DROP: (
        examples.run(
            artifact=examples.artifact(
                fidelity=Fidelity(
                    samples=1000, max_abs_error=0.1, cosine=0.9, accuracy=0.80, source_accuracy=0.95
                )
            )
        ),
        Severity.WARNING,
    ),
}
OF_PAIRS = {Code.CONDITIONS_DIFFER, Code.DRIFT_BETWEEN_SESSIONS}


def codes(run: BenchmarkRun) -> dict[str, Finding]:
    return {item.code: item for item in check_run(run)}


def test_a_run_without_anything_to_know_has_no_finding() -> None:
    assert list(check_run(examples.run())) == []
    quiet = around(
        cpu_limit_khz=FULL, thermal_status=1, charging=False, screen_on=True, power_save=False,
        battery_level_pct=20, other_inferences=0, load_1min=4.0,
    )  # fmt: skip
    assert list(check_run(quiet)) == []


def test_every_code_has_a_case_here_and_a_section_in_the_docs() -> None:
    assert set(CASES) | OF_PAIRS == set(Code)
    sections = re.findall(r"^### `([a-z0-9-]+)`$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [code.value for code in Code]


@pytest.mark.parametrize("code", CASES, ids=lambda code: code.value)
def test_each_finding_is_found_alone_with_a_hint(code: Code) -> None:
    run, severity = CASES[code]
    found = codes(run)
    assert code.value in found
    assert found[code.value].severity is severity
    assert found[code.value].run_id == run.run_id
    for finding in found.values():
        assert finding.message.endswith(".")
        assert finding.hint.endswith(".")
        assert "{" not in finding.hint
    # Throttling leaves no sample, wide samples may look like several things at once.
    together = {Code.HIGH_SPREAD, Code.TWO_MODES}
    assert {name for name in found if Code(name) not in together} <= {code.value}


def test_the_gravest_come_first() -> None:
    found = check_runs([CASES[Code.CHARGING][0], CASES[Code.DRIFT][0], CASES[Code.INCOMPLETE][0]])
    assert [item.code for item in found] == ["incomplete", "drift", "charging"]


def test_throttled_invocations_are_counted_and_set_apart() -> None:
    run = examples.run()
    hot = replace(run.invocations[0], after=state(2, thermal_status=3))
    found = codes(replace(run, invocations=(hot, *run.invocations[1:])))
    assert found["throttling"].severity is Severity.WARNING
    assert "status up to 3" in found["throttling"].message
    assert "1 of 6 timing invocations are set apart" in found["throttling"].message
    assert "5 valid timing invocations" in found["too-few-invocations"].message


def test_a_limit_that_is_lowered_while_it_runs_is_throttling() -> None:
    run = every(
        lambda item: replace(
            item,
            before=state(cpu_limit_khz=FULL),
            after=state(2, cpu_limit_khz={**FULL, 7: 2_000_000}),
        )
    )
    found = codes(run)
    assert "the clocks' limit was lowered" in found["throttling"].message
    assert "core 7 at 2.00 of 3.00 GHz" in found["clocks-limited"].message


@pytest.mark.parametrize(("cores", "severity"), [(1.0, None), (1.4, None), (1.6, Severity.WARNING)])
def test_other_work_is_what_our_threads_did_not_do(cores: float, severity: Severity | None) -> None:
    found = codes(busy(cores)).get("background-load")
    assert (found.severity if found else None) is severity


def test_a_moment_of_other_work_is_information() -> None:
    run = busy(1.0)
    first = replace(run.invocations[0], after=state(1.6, cpu_busy_s=60.0))
    found = codes(replace(run, invocations=(first, *run.invocations[1:])))
    assert found["background-load"].severity is Severity.INFO
    assert "in 1 of 6 invocations" in found["background-load"].message


def test_the_load_counts_where_nothing_better_is_known() -> None:
    assert codes(around(load_1min=5.5))["background-load"].severity is Severity.INFO
    assert "background-load" not in codes(around(load_1min=5.0))  # 8 cores, 1 thread
    known = every(
        lambda item: replace(
            item,
            before=state(cpu_busy_s=1.0, load_1min=30.0),
            after=state(1.6, cpu_busy_s=2.0, load_1min=30.0),
        )
    )
    assert "background-load" not in codes(known)


@pytest.mark.parametrize(
    ("compared", "severity"),
    [
        ([numerics()], None),
        ([numerics(cosine=None, max_abs_error=0.0)], None),
        ([numerics(cosine=0.9985)], Severity.WARNING),
        ([numerics()] * 29 + [numerics(top1_agrees=False)], Severity.WARNING),
        ([numerics()] * 9 + [numerics(top1_agrees=False)], Severity.ERROR),
        ([numerics(cosine=0.98)], Severity.ERROR),
        ([numerics(cosine=None, max_abs_error=2.0)], Severity.ERROR),
        ([numerics(max_abs_error=float("nan"))], Severity.ERROR),
        ([numerics(cosine=float("nan"))], Severity.ERROR),
        ([numerics(top1_agrees=None, cosine=0.9999)], None),
    ],
)
def test_numerics_are_judged_by_what_they_do_to_an_answer(
    compared: list[Numerics], severity: Severity | None
) -> None:
    found = codes(with_numerics(*compared)).get("numerics-off")
    assert (found.severity if found else None) is severity


@pytest.mark.parametrize(
    ("flavor", "mean_us", "coarse"),
    [
        (BinaryFlavor.CLASSIC, 99.0, True),
        (BinaryFlavor.CLASSIC, 101.0, False),
        (BinaryFlavor.LITERT, 999.0, True),
        (BinaryFlavor.LITERT, 1001.0, False),
    ],
)
def test_a_clock_is_coarse_by_what_it_measures(
    flavor: BinaryFlavor, mean_us: float, coarse: bool
) -> None:
    run = examples.run([mean_us] * 6, binary=replace(examples.BINARY, flavor=flavor))
    assert ("coarse-timer" in codes(run)) is coarse


def test_a_small_significant_drift_is_none_and_a_large_chance_neither() -> None:
    assert "drift" not in codes(examples.run(tuple(2900 + step for step in range(10))))
    assert "drift" not in codes(examples.run((2900, 3000, 2800, 3000, 2900, 3100)))


def test_a_precision_that_is_reached_is_no_finding() -> None:
    assert "precision-not-reached" not in codes(precise(0.05))


def other_session(run: BenchmarkRun) -> BenchmarkRun:
    return replace(run, session_id="another", run_id="another")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"governors": {0: "schedutil"}}, {"governors": {0: "performance"}},
         "governor schedutil against performance"),
        ({"cpu_limit_khz": FULL}, {"cpu_limit_khz": {**FULL, 7: 2_000_000}},
         "limit of core 7 3.00 against 2.00 GHz"),
        ({"cpu_khz": FULL}, {"cpu_khz": {**FULL, 4: 1_200_000}},
         "clock of core 4 2.40 against 1.20 GHz"),
        ({"temperatures_c": {"cpu": 40.0}}, {"temperatures_c": {"cpu": 46.0}},
         "temperature of cpu 40.0 °C against 46.0 °C"),
        ({"battery_temperature_c": 25.0}, {"battery_temperature_c": 33.0},
         "temperature of battery 25.0 °C against 33.0 °C"),
        ({"charging": False}, {"charging": True}, "charging no against yes"),
        ({"power_save": True}, {"power_save": False}, "power saving yes against no"),
        ({"screen_on": True}, {"screen_on": False}, "screen on yes against no"),
    ],
)  # fmt: skip
def test_conditions_that_differ_between_sessions_are_named(
    before: dict[str, Any], after: dict[str, Any], told: str
) -> None:
    first, second = around(**before), other_session(around(**after))
    (found,) = check_pair(first, second)
    assert found.code == Code.CONDITIONS_DIFFER.value
    assert told in found.message
    assert found.run_id == "another"
    assert list(check_pair(first, replace(second, session_id=first.session_id))) == []
    assert list(check_pair(first, other_session(first))) == []
    # What is unknown on one side is no difference.
    assert list(check_pair(first, other_session(around()))) == []


def test_other_work_beside_one_side_is_told() -> None:
    (found,) = check_pair(busy(1.0), other_session(busy(1.5)))
    assert "other work on 0.0 against 0.5 cores" in found.message
    assert list(check_pair(busy(1.0), other_session(busy(1.2)))) == []


def test_drift_is_told_where_it_looks_like_a_change() -> None:
    drifting = CASES[Code.DRIFT][0]
    (found,) = check_pair(examples.run(), other_session(drifting))
    assert found.code == Code.DRIFT_BETWEEN_SESSIONS.value
    assert "the candidate by +3.1 %" in found.message


conditions = st.builds(
    Conditions,
    taken_at=st.just("2026-11-23T10:00:00Z"),
    battery_level_pct=st.none() | st.integers(0, 100),
    charging=st.none() | st.booleans(),
    thermal_status=st.none() | st.integers(0, 6),
    load_1min=st.none() | st.floats(0, 100),
    cpu_limit_khz=st.dictionaries(st.integers(0, 9), st.integers(0, 4_000_000), max_size=3),
    cpu_khz=st.dictionaries(st.integers(0, 9), st.integers(0, 4_000_000), max_size=3),
    governors=st.dictionaries(st.integers(0, 9), st.text(max_size=3), max_size=2),
    uptime_s=st.none() | st.floats(0, 1e7),
    cpu_busy_s=st.none() | st.floats(0, 1e7),
    other_inferences=st.none() | st.integers(0, 3),
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(1, 1e7), st.none() | conditions, st.none() | conditions), max_size=8
    )
)
def test_any_conditions_give_findings_and_no_error(
    taken: list[tuple[float, Conditions | None, Conditions | None]],
) -> None:
    items = tuple(
        examples.timing(index, mean, before=before, after=after)
        for index, (mean, before, after) in enumerate(taken, 1)
    )
    run = replace(examples.run(), invocations=items)
    for finding in (*check_run(run), *check_pair(run, other_session(examples.run()))):
        assert Code(finding.code)
        assert finding.message
        assert "None" not in finding.message
