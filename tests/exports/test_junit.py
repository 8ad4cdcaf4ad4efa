"""JUnit XML: valid by the rules that Ant's and Jenkins' schemas have in common, and true."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings

from android_bench.exports import Format
from android_bench.results import BenchmarkRun, DeviceKind, Status
from tests import examples
from tests.exports.made import NAMES, device, distinct, exported, hostile, profiled

SUITE = {
    "id", "package", "name", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time",
}  # fmt: skip


def document(*runs: BenchmarkRun, baseline: Sequence[BenchmarkRun] = ()) -> ET.Element:
    text = exported(Format.JUNIT, *runs, baseline=baseline)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ET.fromstring(text)
    validate(root)
    return root


def validate(root: ET.Element) -> None:
    """The rules of Ant's schema, the stricter of the two (JUnit.xsd of Windy Road)."""
    assert root.tag == "testsuites"
    assert not root.attrib
    for number, suite in enumerate(root):
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        assert suite.get("id") == str(number)
        for name in ("name", "hostname", "package"):
            token(suite.get(name))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        assert re.fullmatch(r"\d+\.\d+", suite.get("time", ""))
        tags = [child.tag for child in suite]
        cases = suite.findall("testcase")
        assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
        for one in suite[0]:
            assert one.tag == "property"
            assert set(one.attrib) == {"name", "value"}
            token(one.get("name"))
        outcomes = [child.tag for case in cases for child in case]
        assert suite.get("tests") == str(len(cases))
        for outcome, attribute in (
            ("failure", "failures"),
            ("error", "errors"),
            ("skipped", "skipped"),
        ):
            assert suite.get(attribute) == str(outcomes.count(outcome))
        for case in cases:
            assert set(case.attrib) == {"classname", "name", "time"}
            token(case.get("name"))
            token(case.get("classname"))
            assert len(case) <= 1
            for child in case:
                assert child.tag in {"skipped", "error", "failure"}
                assert "message" in child.attrib
                assert ("type" in child.attrib) == (child.tag != "skipped")


def token(value: str | None) -> None:
    """An xs:token of at least one character."""
    assert value
    assert value == re.sub(r"\s+", " ", value).strip()


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
