"""What GitHub is told: annotations, the step's summary, the step's outputs; and what is written when a disk is full."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.ci.outcome import CiOutcome, GateAction, GateState
from android_bench.ci.outputs import failures_told, junit, summary, write_outputs
from android_bench.ci.outputs.annotations import SHOWN, escaped, escaped_property
from android_bench.ci.outputs.github import assignment
from android_bench.errors import BenchError, DeviceNotFoundError, UsageError
from android_bench.results import DeviceKind
from optimizer.errors import ModelError
from tests.ci.outcomes import gate, hostile, outcome, pair, regressed
from tests.exports.junit_rules import validate
from tests.exports.made import NAMES

_COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")
Command = tuple[str, str, str]


def unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def printed(found: CiOutcome, **environment: str) -> list[Command]:
    """The commands as the runner reads them, a line each."""
    stream = io.StringIO()
    assert write_outputs(found, environment=environment, stream=stream) == ()
    read = []
    for line in stream.getvalue().splitlines():
        matched = _COMMAND.fullmatch(line)
        assert matched is not None, line
        read.append((matched[1], unescaped(matched[2]), unescaped(matched[3])))
    return read


def annotated(found: CiOutcome) -> list[Command]:
    return printed(found, GITHUB_ACTIONS="true")


def outputs_in(text: str) -> dict[str, str]:
    """The assignments as GitHub's runner reads them (``FileCommandManager``)."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    assert lines.pop() == ""
    while lines:
        line = lines.pop(0)
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line.split("<<", 1)
            value: list[str] = []
            while (line := lines.pop(0)) != delimiter:
                value.append(line)
            found[name] = "\n".join(value)
        else:
            assert equals >= 0, line
            found[line[:equals]] = line[equals + 1 :]
    return found


def test_annotations_are_for_github_alone() -> None:
    for environment in ({}, {"GITHUB_ACTIONS": "false"}, {"CI": "true"}, {"GITLAB_CI": "true"}):
        assert printed(regressed(), **environment) == []


def test_what_is_surely_worse_is_an_error_and_what_warns_a_warning() -> None:
    levels = [(level, title) for level, title, _ in annotated(regressed())]
    assert levels == [
        ("error", "latency regressed: digits.int8"),
        ("warning", "memory warning: digits.int8"),
        ("notice", "android-bench"),
    ]
    message = annotated(regressed())[0][2]
    assert message.startswith("Acme One, cpu, 1 thread; 2.92 ms → 3.50 ms, +19.8 % (")
    assert message.endswith("limit +1.0 %. It is failed.")


def test_what_cannot_be_told_is_no_error() -> None:
    found = outcome(*(gate(state) for state in GateState if state is not GateState.FAILED))
    assert [level for level, *_ in annotated(found)] == ["warning"] * 3 + ["notice"]


def test_infrastructure_is_an_error_that_accuses_no_model() -> None:
    level, title, message = annotated(outcome(infrastructure=("It hung up.",)))[0]
    assert (level, title) == ("error", "Infrastructure failed")
    assert message.startswith("It hung up.")
    assert "nothing about the model" in message


def test_beside_broken_infrastructure_nothing_regressed() -> None:
    found = annotated(regressed(infrastructure=("It hung up.",)))
    assert [(level, title) for level, title, _ in found] == [
        ("error", "Infrastructure failed"),
        ("warning", "latency failed so far: digits.int8"),
        ("warning", "memory warning: digits.int8"),
        ("notice", "android-bench"),
    ]
    assert "egressed" not in str(found)


def test_numbers_that_are_no_phones_say_so() -> None:
    *gates, verdict = annotated(regressed(DeviceKind.EMULATOR))
    assert all("(emulator)" in message for _, _, message in gates)
    assert verdict[2].endswith("(measured on an emulator, not on a phone)")


@pytest.mark.parametrize(("action", "level"), [("fail", "error"), ("warn", "warning")])
def test_no_more_than_github_shows(action: str, level: str) -> None:
    def many(count: int) -> list[Command]:
        gates = [
            gate(GateState.FAILED, action=GateAction(action), variant=f"m{number}")
            for number in range(count)
        ]
        return [one for one in annotated(outcome(*gates)) if one[0] == level]

    assert len(many(SHOWN)) == SHOWN
    assert "more" not in many(SHOWN)[-1][1]
    crowded = many(25)
    assert len(crowded) == SHOWN
    assert crowded[-1][1] == f"and 16 more {level}s"


@given(st.text())
def test_escapes_leave_nothing_that_ends_a_command(text: str) -> None:
    assert not re.search(r"[\r\n]", escaped(text))
    assert not re.search(r"[\r\n:,]", escaped_property(text))
    assert unescaped(escaped(text)) == text.replace("%3A", "%3A")
    assert unescaped(escaped_property(text)) == text


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(NAMES, st.sampled_from(["::error::x", "a\n::set-output name=x::y", "%0A::error::"]))
)
def test_hostile_names_make_no_command_and_no_output(name: str) -> None:
    found = hostile(name)
    assert len(annotated(found)) <= 2 * SHOWN + 1
    assert len(annotated(replace(found, infrastructure=()))) <= 2 * SHOWN + 1
    from android_bench.ci.outputs.github import step_outputs

    text = "".join(assignment(key, value) for key, value in step_outputs(found).items())
    assert set(outputs_in(text)) == {
        "verdict", "exit-code", "headline", "failed-gates", "report", "results",
    }  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])), st.integers(0, 3))
def test_an_output_comes_back_as_it_was(text: str, lines: int) -> None:
    value = "\n".join([text] * (lines + 1))
    expected = value.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert outputs_in(assignment("name", value)) == {"name": expected}


def test_outputs_for_later_steps(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_text("before=1\n")
    _, new = pair()
    gates = [gate(GateState.FAILED, run=new, variant=name) for name in ("a", "b")]
    write_outputs(
        outcome(*gates, kept="kept", report=None), environment={"GITHUB_OUTPUT": str(file)}
    )
    found = outputs_in(file.read_text())
    assert found == {
        "before": "1",
        "verdict": "regressed",
        "exit-code": "3",
        "headline": "Regressed: latency (2 of 2 gates)",
        "failed-gates": "latency a Acme One cpu, 1 thread\nlatency b Acme One cpu, 1 thread",
        "report": "",
        "results": str(Path("kept").absolute()),
    }


def test_the_summary_is_appended_to_what_the_step_wrote(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    write_outputs(regressed(), environment={"GITHUB_STEP_SUMMARY": str(file)})
    assert file.read_text() == summary(regressed())
    file.write_text("# mine")
    write_outputs(regressed(), environment={"GITHUB_STEP_SUMMARY": str(file)})
    assert file.read_text() == "# mine\n\n" + summary(regressed())


@pytest.mark.parametrize("left", [20_000, 60_000])
def test_a_nearly_full_summary_gets_a_shorter_page(tmp_path: Path, left: int) -> None:
    file = tmp_path / "summary"
    file.write_bytes(b"x" * ((1 << 20) - left))
    _, new = pair()
    gates = [gate(GateState.FAILED, run=new, message="ẅ" * 300) for _ in range(300)]
    problems = write_outputs(
        outcome(*gates, candidate_runs=(new,)), environment={"GITHUB_STEP_SUMMARY": str(file)}
    )
    assert problems == ()
    assert (1 << 20) - left < file.stat().st_size <= 1 << 20
    assert "more gates: see the report" in file.read_text()


def test_a_full_summary_is_left_alone_and_told(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_bytes(b"x" * ((1 << 20) - 100))
    (problem,) = write_outputs(regressed(), environment={"GITHUB_STEP_SUMMARY": str(file)})
    assert "has no room for the summary" in problem
    assert file.stat().st_size == (1 << 20) - 100


def test_files_that_are_asked_for(tmp_path: Path) -> None:
    names = ("a/junit.xml", "a/b/summary.md", "metrics.txt")
    junit_file, markdown, metrics = (tmp_path / name for name in names)
    found = regressed()
    assert write_outputs(
        found, environment={}, junit=junit_file, markdown=markdown, metrics=metrics
    ) == ()  # fmt: skip
    assert junit_file.read_text() == junit(found)
    assert markdown.read_text() == summary(found)
    assert metrics.read_text().endswith("# EOF\n")


def test_what_cannot_be_written_is_told_and_hides_nothing_else(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    output, markdown = tmp_path / "output", tmp_path / "summary.md"
    problems = write_outputs(
        regressed(),
        environment={"GITHUB_STEP_SUMMARY": str(tmp_path), "GITHUB_OUTPUT": str(output)},
        junit=blocked / "junit.xml",
        markdown=markdown,
    )
    assert len(problems) == 2
    assert str(blocked / "junit.xml") in problems[0]
    assert problems[1].startswith(f"{tmp_path} cannot be written: Is a directory")
    assert outputs_in(output.read_text())["verdict"] == "regressed"
    assert markdown.read_text().startswith("## Regressed")


def test_an_empty_variable_names_no_file() -> None:
    environment = {"GITHUB_STEP_SUMMARY": "", "GITHUB_OUTPUT": ""}
    assert write_outputs(replace(regressed()), environment=environment) == ()


ERRORS = (
    (BenchError("m.keras is damaged.", hint="Save it again."), "error", 1),
    (UsageError("No such gate."), "error", 2),
    (DeviceNotFoundError("R5CT is gone.", hint="Plug it in."), "infrastructure", 5),
    (ModelError("m.keras: 50% of it is missing.\nReally.", hint="a, b: c"), "error", 1),
)


@pytest.mark.parametrize(("error", "verdict", "code"), ERRORS, ids=lambda value: str(value)[:12])
def test_an_error_before_any_verdict_stands_where_a_verdict_would(
    tmp_path: Path, error: Exception, verdict: str, code: int
) -> None:
    output, page, xml, step = (tmp_path / name for name in ("output", "a.md", "a.xml", "summary"))
    xml.write_text("the last run's")
    stream = io.StringIO()
    environment = {
        "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(step),
    }  # fmt: skip
    with pytest.raises(type(error)) as raised, failures_told(
        environment=environment, junit=xml, markdown=page, stream=stream, complain=pytest.fail
    ):  # fmt: skip
        raise error
    assert raised.value is error
    found = outputs_in(output.read_text())
    assert (found["verdict"], found["exit-code"]) == (verdict, str(code))
    assert page.read_text() == step.read_text()
    assert page.read_text().startswith(f"## {found['headline']}\n")
    (line,) = stream.getvalue().splitlines()
    command = _COMMAND.fullmatch(line)
    assert command is not None
    assert command[1] == "error"
    root = ET.fromstring(xml.read_text())
    validate(root)
    assert [one.get("type") for one in root.iter("error")] == [verdict]
    assert ("nothing about the model" in page.read_text()) == (verdict == "infrastructure")


def test_what_cannot_be_written_of_an_error_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(BenchError), failures_told(
        environment={}, junit=tmp_path, complain=told.append
    ):  # fmt: skip
        raise BenchError("It is broken.")
    assert len(told) == 1
    assert str(tmp_path) in told[0]


def test_a_bug_is_no_failure_to_tell(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    with pytest.raises(ZeroDivisionError), failures_told(
        environment={}, markdown=page, complain=pytest.fail
    ):  # fmt: skip
        raise ZeroDivisionError
    assert not page.exists()
