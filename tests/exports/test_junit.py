"""JUnit XML: valid by the rules that Ant's and Jenkins' schemas have in common, and true."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings

from android_bench.exports import Format
from android_bench.results import BenchmarkRun, DeviceKind, Status
from tests import examples
from tests.exports.junit_rules import validate
from tests.exports.made import NAMES, device, distinct, exported, hostile, profiled


def document(*runs: BenchmarkRun, baseline: Sequence[BenchmarkRun] = ()) -> ET.Element:
    text = exported(Format.JUNIT, *runs, baseline=baseline)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ET.fromstring(text)
    validate(root)
    return root


def properties(suite: ET.Element) -> dict[str | None, str | None]:
    return {one.get("name"): one.get("value") for one in suite.find("properties") or ()}


def test_a_run_passes_and_carries_its_numbers() -> None:
    (suite,) = document(examples.run())
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    found = properties(suite)
    assert (found["latency_median_us"], found["file_size_bytes"]) == ("2925.0", "254904")
    assert "note" not in found
    assert "accuracy_fraction" not in found  # unknown


def test_invocations_that_do_not_count_are_an_error() -> None:
    run = examples.run()
    bad = replace(
        run.invocations[2], status=Status.INVALID, problem="The gpu delegate executes nothing."
    )
    invocations = (*run.invocations[:2], bad, *run.invocations[3:])
    (suite,) = document(replace(run, invocations=invocations))
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("type") == "invalid"
    assert error.get("message") == "1 of 7 invocations do not count"
    assert "The gpu delegate executes nothing." in (error.text or "")
    assert "logs/0003.timing" in (error.text or "")


def test_an_interrupted_run_is_an_error() -> None:
    run = examples.run()
    (suite,) = document(replace(run, complete=False, planned=9, invocations=run.invocations[:3]))
    error = suite.find("testcase/error")
    assert error is not None
    assert "6 invocations are missing" in (error.get("message") or "")


def test_verdicts() -> None:
    old = distinct(*(examples.run(name=name) for name in ("slow", "same", "lost")))
    slow = examples.run([3480, 3490, 3500, 3510, 3520, 3530], name="slow")
    same = examples.run(name="same")
    *_, suite = document(
        replace(slow, run_id="a", session_id="new"),
        replace(same, run_id="b", session_id="new"),
        baseline=[replace(run, session_id="old") for run in old],
    )
    outcomes = {
        (case.get("name") or "").partition(":")[0]: case[0].tag if len(case) else "passed"
        for case in suite.findall("testcase")
        if "latency" in (case.get("name") or "") or "lost" in (case.get("name") or "")
    }
    assert outcomes == {"slow": "failure", "same": "passed", "lost": "skipped"}
    # What does not decide is told and fails nothing.
    assert {one.tag for one in suite.iter()} >= {"failure", "skipped"}
    assert len(suite.findall("testcase")) == 3
    assert "peak memory" in (suite.findtext("system-out") or "")
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert "only the baseline has it" in (skipped.get("message") or "")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "regressed"


def test_numbers_of_a_computer_say_so() -> None:
    for kind, word in ((DeviceKind.HOST, "computer"), (DeviceKind.EMULATOR, "emulator")):
        (suite,) = document(examples.run(device=device(kind)))
        assert word in (properties(suite)["note"] or "")
        assert "not on a phone" in (suite.findtext("system-out") or "").lower()


def test_a_time_that_cannot_be_read_is_still_valid() -> None:
    document(replace(examples.run(), started_at="yesterday"))


@settings(deadline=None)
@given(NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    run = hostile(name)
    document(run)
    document(run, baseline=[replace(run, run_id="other", session_id="other")])


def test_each_run_is_a_suite() -> None:
    assert len(document(*distinct(profiled(), examples.run(name="b")))) == 2
