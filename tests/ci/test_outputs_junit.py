"""JUnit XML of an outcome: what fails the job is red, what warns is not, and every case has a name of its own."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from android_bench.ci.outcome import CiOutcome, GateAction, GateName, GateState
from android_bench.ci.outputs import junit
from android_bench.errors import ExitCode
from android_bench.results import DeviceKind
from tests.ci.outcomes import gate, hostile, outcome, pair, regressed
from tests.exports.junit_rules import validate
from tests.exports.made import NAMES


def document(found: CiOutcome) -> ET.Element:
    text = junit(found)
    assert text.endswith(">\n")
    root = ET.fromstring(text)
    validate(root)
    return root


def outcomes(root: ET.Element) -> dict[str, str]:
    return {
        case.get("name", ""): case[0].tag if len(case) else "passed"
        for case in root.iter("testcase")
    }


@pytest.mark.parametrize(
    ("state", "action", "tag"),
    [
        (GateState.PASSED, GateAction.FAIL, None),
        (GateState.PASSED, GateAction.WARN, None),
        (GateState.FAILED, GateAction.FAIL, "failure"),
        (GateState.FAILED, GateAction.WARN, "skipped"),
        (GateState.INCONCLUSIVE, GateAction.FAIL, "error"),
        (GateState.INCOMPARABLE, GateAction.FAIL, "error"),
        (GateState.NOT_MEASURED, GateAction.FAIL, "error"),
        (GateState.INCONCLUSIVE, GateAction.WARN, "skipped"),
        (GateState.INCOMPARABLE, GateAction.WARN, "skipped"),
        (GateState.NOT_MEASURED, GateAction.WARN, "skipped"),
    ],
)
def test_a_gate_is_red_exactly_when_the_job_is(
    state: GateState, action: GateAction, tag: str | None
) -> None:
    found = outcome(gate(state, action=action, message="Why."))
    (case,) = document(found).iter("testcase")
    assert [child.tag for child in case] == ([tag] if tag else [])
    assert (found.exit_code is ExitCode.OK) == (tag in {None, "skipped"})
    if tag:
        assert "Why." in (case[0].get("message") or "")


def test_each_variant_on_each_device_is_a_suite_with_a_case_for_each_gate() -> None:
    runs = [
        pair(name, model=model)[1] for name in ("a", "b") for model in ("One", "Two")
    ]  # fmt: skip
    gates = [
        gate(run=run, gate=name) for name in (GateName.LATENCY, GateName.MEMORY) for run in runs
    ]
    gates.append(gate(gate=GateName.FILE_SIZE, variant="a"))
    root = document(outcome(*gates, candidate_runs=tuple(runs)))
    assert {suite.get("name"): suite.get("tests") for suite in root} == {
        "a on Acme One": "2", "a on Acme Two": "2", "b on Acme One": "2", "b on Acme Two": "2", "a": "1",
    }  # fmt: skip
    assert "a: latency (cpu, 1 thread)" in outcomes(root)
    # GitLab tells the cases of a job apart by class and name.
    keys = Counter((case.get("classname"), case.get("name")) for case in root.iter("testcase"))
    assert set(keys.values()) == {1}


def test_two_phones_of_one_model_are_told_apart() -> None:
    _, new = pair()
    root = document(outcome(gate(run=new), gate(GateState.FAILED, run=new), candidate_runs=(new,)))
    assert outcomes(root) == {
        "digits.int8: latency (cpu, 1 thread)": "passed",
        "digits.int8: latency (cpu, 1 thread) #2": "failure",
    }


def test_infrastructure_is_an_error_of_its_own() -> None:
    root = document(outcome(gate(), infrastructure=("It hung up.", "No disk.")))
    suite = root[0]
    assert (suite.get("name"), suite.get("errors"), suite.get("failures")) == (
        "infrastructure", "2", "0",
    )  # fmt: skip
    assert [error.get("type") for error in suite.iter("error")] == ["infrastructure"] * 2
    assert [error.get("message") for error in suite.iter("error")] == ["It hung up.", "No disk."]


def test_beside_broken_infrastructure_no_gate_is_a_failure_or_an_error() -> None:
    gates = [gate(state, variant=state.value) for state in GateState]
    root = document(outcome(*gates, infrastructure=("It hung up.",)))
    assert set(outcomes(root).values()) == {"passed", "skipped", "error"}
    assert [suite.get("name") for suite in root if suite.get("errors") != "0"] == ["infrastructure"]
    assert not list(root.iter("failure"))
    assert "regressed" not in junit(outcome(*gates, infrastructure=("It hung up.",)))


def test_a_regression_has_its_figures() -> None:
    root = document(regressed())
    failure = next(root.iter("failure"))
    assert failure.get("type") == "regressed"
    assert "2.92 ms → 3.50 ms, +19.8 %" in (failure.text or "")
    assert "limit +1.0 %" in (failure.text or "")
    found = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert found["latency.cpu, 1 thread.baseline_us"] == "2925.0"
    assert found["baseline"] == "git main (3f2a1c9)"


@pytest.mark.parametrize(
    ("kind", "word"), [(DeviceKind.HOST, "computer"), (DeviceKind.EMULATOR, "emulator")]
)
def test_numbers_that_are_no_phones_say_so(kind: DeviceKind, word: str) -> None:
    root = document(regressed(kind))
    failure = next(root.iter("failure"))
    assert (failure.get("message") or "").endswith(f"({word})")
    assert f"({word})" in (failure.text or "")
    assert f"({word})" in (root[1].findtext("system-out") or "")
    assert word not in junit(regressed())


def test_nothing_at_all_is_a_valid_document() -> None:
    assert len(document(outcome())) == 0


def test_a_time_that_cannot_be_read_is_still_valid() -> None:
    _, new = pair()
    document(outcome(gate(run=new), candidate_runs=(replace(new, started_at="yesterday"),)))


@settings(deadline=None, max_examples=60)
@given(NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    document(hostile(name))
    document(replace(hostile(name), infrastructure=()))
