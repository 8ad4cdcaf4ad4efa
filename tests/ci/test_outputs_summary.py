"""The summary for pull requests: the verdict first, what needs a look open, names as text, within limits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.analysis.checks import Finding, Severity
from android_bench.ci.outcome import CiOutcome, GateAction, GateName, GateState
from android_bench.ci.outputs import summary
from android_bench.exports.markdown_page import LIMIT
from android_bench.exports.text import one_line
from android_bench.results import DeviceKind
from tests.ci.outcomes import gate, hostile, outcome, pair, regressed
from tests.exports.made import NAMES
from tests.exports.markdown_reader import tables, tokens


def first_line(found: CiOutcome) -> str:
    return summary(found).split("\n", 1)[0]


def test_one_regression_is_named_in_the_headline_with_its_change() -> None:
    head = first_line(regressed())
    assert head.startswith("## Regressed: latency of `digits.int8` on `Acme One` +19.8 % (+")


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ((), "Passed: there is no gate"),
        ((gate(), gate()), "Passed: 2 gates"),
        ((gate(), gate(GateState.FAILED, action=GateAction.WARN)), "Passed: 1 of 2 gates, 1 warning"),
        (
            (gate(), gate(GateState.NOT_MEASURED, action=GateAction.WARN)),
            "Passed: 1 of 2 gates, 1 without an answer",
        ),
        (
            (gate(GateState.FAILED), gate(GateState.FAILED), gate()),
            "Regressed: latency (2 of 3 gates)",
        ),
        (
            (gate(GateState.INCONCLUSIVE), gate()),
            "Inconclusive: latency of `digits.int8` cannot be told",
        ),
        (
            (gate(GateState.INCOMPARABLE), gate(GateState.NOT_MEASURED)),
            "Inconclusive: latency cannot be told (2 of 2 gates)",
        ),
    ],
)  # fmt: skip
def test_the_verdict_in_words(gates: tuple[object, ...], words: str) -> None:
    assert first_line(outcome(*gates)) == f"## {words}"  # type: ignore[arg-type]


def test_infrastructure_is_no_verdict_and_told_apart_from_the_gates() -> None:
    text = summary(regressed(infrastructure=("R5CT was lost: it hung up.",)))
    head, *_ = text.split("\n")
    assert head.startswith("## Infrastructure failed, which is no verdict about the model")
    assert "1 gate failed before it" in head
    assert "egressed" not in head
    told = text.partition("### Infrastructure (1 problem)")[2].partition("###")[0]
    assert "R5CT was lost: it hung up." in told
    assert text.index("### Infrastructure") < text.index("### Gates to look at")
    assert "Run the job again" in text
    look, *_ = tables(text)
    assert [row[0] for row in look[2:]] == ["failed so far", "warning"]


def test_the_gravest_gates_come_first_and_what_passed_is_folded() -> None:
    _, new = pair()
    states = (GateState.PASSED, GateState.INCONCLUSIVE, GateState.FAILED)
    gates = [gate(state, run=new, action=action) for state in states for action in GateAction]
    text = summary(outcome(*gates, candidate_runs=(new,)))
    look, passed, *_ = tables(text)
    assert [row[0] for row in look[2:]] == [
        "**failed**", "warning", "**inconclusive**", "inconclusive",
    ]  # fmt: skip
    assert [row[0] for row in passed[2:]] == ["passed", "passed"]
    before, _, folded = text.partition("### Gates that passed (2 of 6)")
    assert "<details>" not in before
    assert folded.lstrip().startswith("<details>")


def test_a_gate_has_its_figures_limit_and_reason() -> None:
    look, *_ = tables(summary(regressed()))
    assert look[0] == [
        "verdict", "variant", "on", "gate", "baseline", "candidate", "change", "limit", "why",
    ]  # fmt: skip
    assert look[2][:6] == [
        "**failed**", "`digits.int8`", "`Acme One`, `cpu, 1 thread`", "latency", "2.92 ms", "3.50 ms",
    ]  # fmt: skip
    assert re.fullmatch(r"\+19\.8 % \(\+\d+\.\d % to \+\d+\.\d %\)", look[2][6])
    assert look[2][7:] == ["+1.0 %", "It is failed."]


def test_a_caution_stands_beside_the_gate_that_it_is_about() -> None:
    found = regressed()
    caution = Finding(
        code="conditions-differ",
        severity=Severity.WARNING,
        message="The baseline was 12 °C cooler.",
        hint="Measure again.",
        run_id="new",
    )
    compared = replace(found.comparisons[0], cautions=(caution,))
    gates = (gate(GateState.FAILED, run=found.candidate_runs[0], compared=compared),)
    look, *_ = tables(summary(replace(found, gates=gates)))
    assert look[2][8] == "It is failed. **warning:** The baseline was 12 °C cooler."


def test_what_is_about_the_file_alone_names_no_device() -> None:
    _, passed, *_ = tables(summary(regressed()))
    assert passed[2][1:4] == ["`digits.int8`", "the file", "file size"]


@pytest.mark.parametrize(
    ("kind", "word"), [(DeviceKind.HOST, "computer"), (DeviceKind.EMULATOR, "emulator")]
)
def test_numbers_that_are_no_phones_are_marked_everywhere(kind: DeviceKind, word: str) -> None:
    text = summary(regressed(kind))
    assert "not on a phone" in text.split("\n", 1)[0]
    look, passed, *rest = tables(text)
    assert all(f"**{word}**" in row[2] for row in look[2:])
    assert passed[2][2] == "the file"
    comparisons, runs = rest
    assert all(f"**{word}**" in row[2] for row in comparisons[2:])
    assert all(f"({word})" in row[1] for row in runs[2:])
    assert "not on a phone" not in summary(regressed())


def test_an_emulator_beside_a_computer_is_no_phone() -> None:
    runs = [pair(kind=kind, model=kind.value)[1] for kind in (DeviceKind.EMULATOR, DeviceKind.HOST)]
    found = outcome(*(gate(run=run) for run in runs), candidate_runs=tuple(runs))
    assert first_line(found).endswith("(measured on a computer and an emulator, not on a phone)")


def test_a_phone_beside_an_emulator_keeps_its_numbers() -> None:
    old, new = pair(kind=DeviceKind.EMULATOR, model="Emu")
    _, phone = pair(model="One")
    text = summary(
        outcome(
            gate(GateState.FAILED, run=new),
            gate(GateState.FAILED, run=phone),
            baseline_runs=(old,),
            candidate_runs=(new, phone),
        )
    )
    assert "not on a phone" not in text.split("\n", 1)[0]
    places = {row[2] for row in tables(text)[0][2:]}
    assert places == {
        "`Acme Emu` (**emulator**), `cpu, 1 thread`",
        "`Acme One`, `cpu, 1 thread`",
    }


def test_warnings_are_open_only_where_something_needs_a_look() -> None:
    title = "### Findings"
    bad = summary(regressed()).partition(title)[2].partition("###")[0]
    assert "**warning** Latency moved" in bad
    assert "<details>" not in bad
    found = regressed()
    calm = replace(found, gates=(gate(run=found.candidate_runs[0]),))
    assert "<details>" in summary(calm).partition(title)[2].partition("###")[0]


def test_findings_of_a_kind_are_one_line() -> None:
    runs = [
        pair(name, means_us=[mean + 40 * index for index in range(6)])[1]
        for name, mean in (("a", 1000), ("b", 2000), ("c", 3000))
    ]
    text = summary(outcome(gate(GateState.INCONCLUSIVE), candidate_runs=tuple(runs)))
    drifts = [line for line in text.splitlines() if line.startswith("- **warning** Latency moved")]
    assert len(drifts) == 1
    assert drifts[0].endswith("(`a`; 2 more like it)")


def test_both_gates_of_a_startup_are_told_apart() -> None:
    found = regressed()
    by_metric = {item.metric: item for item in found.comparisons}
    gates = [
        gate(
            run=found.candidate_runs[0], gate=GateName.STARTUP, compared=by_metric[metric]
        )
        for metric in ("init", "first-inference")
    ]  # fmt: skip
    (passed, *_) = tables(summary(replace(found, gates=tuple(gates))))
    assert [row[3] for row in passed[2:]] == ["startup (init)", "startup (first inference)"]


def test_what_was_compared_with_what() -> None:
    text = summary(regressed(notes=("No run of `main` is like it.",)))
    assert (
        "`digits` at `0123456789` against `git main (3f2a1c9)` (1 variant built, 3 reused)." in text
    )
    assert "- No run of \\`main\\` is like it." in text
    dirty = summary(outcome(revision="0123456789abcdef0123456789abcdef01234567-dirty"))
    assert "0123456789-dirty" in dirty
    assert " at " not in summary(outcome(revision=None)).split("\n")[2]
    assert "against" not in summary(outcome(baseline_name=None))


@pytest.mark.parametrize("limit", [2_000, 20_000, LIMIT])
def test_hundreds_of_gates_stay_within_the_limit(limit: int) -> None:
    _, new = pair()
    gates = [
        gate(state, run=new, variant=f"model-{number}", message="why " * 200)
        for number in range(400)
        for state in (GateState.FAILED, GateState.PASSED)
    ]
    from android_bench.ci.outputs.summary import document

    text = document(outcome(*gates, candidate_runs=(new,)), limit=limit)
    assert len(text) <= limit
    assert text.startswith("## Regressed: latency (400 of 800 gates)\n")
    assert re.search(r"… and \d+ more gates: see the report\.", text)
    assert text.count("<details>") == text.count("</details>")
    # The gravest are those that are kept.
    assert {row[0] for row in tables(text)[0][2:]} == {"**failed**"}


@settings(deadline=None, max_examples=60)
@given(st.one_of(NAMES, st.sampled_from(["::error::x", "<!-- x", "</details></details>"])))
def test_hostile_names_stay_text(name: str) -> None:
    names_stay_text(name, hostile(name))
    names_stay_text(name, replace(hostile(name), infrastructure=()))


def names_stay_text(name: str, page: CiOutcome) -> None:
    text = summary(page)
    assert len(text) <= LIMIT
    found = tokens(text)
    html = [
        tag
        for token in found
        if token.type in {"html_block", "html_inline"}
        for tag in re.findall(r"<[^>]*>?", token.content)
    ]
    assert set(html) <= {"<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>"}
    kinds = {token.type for token in found}
    assert not kinds & {"link_open", "image", "em_open", "s_open", "fence", "blockquote_open"}
    assert html.count("<details>") == html.count("</details>")
    look, *_ = tables(text)
    assert {len(row) for row in look} == {9}
    shown = one_line(name) or "unnamed"
    spans = [token.content.strip() for token in found if token.type == "code_inline"]
    assert any(span == shown or span.startswith(shown[:70]) for span in spans)
