"""The Markdown summary: the verdict in words, the gates that need a look, then all else, folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import android_bench
from android_bench import formatting
from android_bench.analysis.checks import Severity
from android_bench.analysis.compare import Comparison
from android_bench.ci.git import DIRTY
from android_bench.ci.outcome import CiOutcome, GateResult, GateState
from android_bench.ci.outputs.wording import (
    INFRASTRUCTURE_HINT,
    fails_build,
    gate_name,
    headline,
    mark,
    ordered,
    remark,
    state_word,
)
from android_bench.errors import ExitCode
from android_bench.exports.markdown import evidence, provenance_notes
from android_bench.exports.markdown_cells import cell, change_text, named, row
from android_bench.exports.markdown_findings import findings
from android_bench.exports.markdown_page import LIMIT, Section, assemble
from android_bench.exports.text import markdown_text
from android_bench.exports.view import ExportView
from android_bench.run_view import run_views
from android_bench.store import utc_now

_GRAVE = (Severity.ERROR, Severity.WARNING)
# Longer reasons are cut: one must not fill the page.
_LONGEST_REASON = 400
_HASH = re.compile(r"[0-9a-f]{40}")
_HEAD = (
    "| verdict | variant | on | gate | baseline | candidate | change | limit | why |",
    "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
)
_DO_NEXT = {
    ExitCode.DEVICE: INFRASTRUCTURE_HINT,
    ExitCode.INCONCLUSIVE: (
        "Nothing is known to be worse, and nothing rules it out: the reasons say what would help."
    ),
}


def document(outcome: CiOutcome, *, limit: int = LIMIT) -> str:
    """The page, at most ``limit`` characters long."""
    export = _export(outcome)
    note = remark(outcome)
    sections = [
        *_infrastructure(outcome),
        *_gates(outcome),
        *_remarks(outcome),
        *findings(export, severities=_GRAVE, folded=_is_calm(outcome), one_a_code=True),
        *evidence(export, _told_by_no_gate(outcome)),
        *findings(export, severities=(Severity.INFO,), title="For information"),
    ]
    return assemble(
        f"## {headline(outcome, named)}" + (f" ({note})" if note else ""),
        [*_introduction(outcome), *provenance_notes(export)],
        sections,
        foot=f"android-bench {markdown_text(android_bench.__version__)}",
        limit=limit,
    )


def _told_by_no_gate(outcome: CiOutcome) -> tuple[Comparison, ...]:
    told = {_identity(gate.comparison) for gate in outcome.gates if gate.comparison}
    return tuple(item for item in outcome.comparisons if _identity(item) not in told)


def _identity(item: Comparison) -> tuple[str | None, ...]:
    return (item.metric, item.baseline_run_id, item.candidate_run_id, item.name)


def _is_calm(outcome: CiOutcome) -> bool:
    """Whether nothing needs a look, so that what could explain it is for the curious."""
    states = {gate.state for gate in outcome.gates}
    return states <= {GateState.PASSED} and not outcome.infrastructure


def _export(outcome: CiOutcome) -> ExportView:
    """The outcome's runs as the exports show them."""
    baseline = {run.run_id: run for run in outcome.baseline_runs}
    candidate = {run.run_id: run for run in outcome.candidate_runs}
    sides = dict.fromkeys(baseline, "baseline") | dict.fromkeys(candidate, "candidate")
    views = run_views(tuple((baseline | candidate).values()), sides)
    return ExportView(
        runs=tuple(view for view in views if view.run.run_id in candidate),
        baseline=tuple(view for view in views if view.run.run_id not in candidate),
        comparisons=outcome.comparisons,
        deciding=frozenset(item.metric for item in outcome.comparisons),
        generated_at=utc_now(),
        tool_version=android_bench.__version__,
    )


def _introduction(outcome: CiOutcome) -> Iterator[str]:
    """What was compared with what, and what a reader should do with a verdict that is none."""
    revision = f" at {named(_short(outcome.revision))}" if outcome.revision else ""
    against = f" against {named(outcome.baseline_name)}" if outcome.baseline_name else ""
    built = f"{formatting.count(outcome.built, 'variant')} built, {outcome.reused} reused"
    yield f"{named(outcome.project)}{revision}{against} ({built})."
    if outcome.exit_code in _DO_NEXT:
        yield _DO_NEXT[outcome.exit_code]


def _short(revision: str) -> str:
    """A revision as the baseline's is told: ten digits of a hash, other names as they are."""
    commit = revision.removesuffix(DIRTY)
    return commit[:10] + revision[len(commit) :] if _HASH.fullmatch(commit) else revision


def _infrastructure(outcome: CiOutcome) -> Iterator[Section]:
    if outcome.infrastructure:
        yield Section(
            title=f"Infrastructure ({formatting.count(len(outcome.infrastructure), 'problem')})",
            rows=tuple(f"- {_reason(problem)}" for problem in outcome.infrastructure),
            noun="problem",
        )


def _gates(outcome: CiOutcome) -> Iterator[Section]:
    """The gates that were not passed, open as far as that is readable; the passed ones, folded."""
    gates = ordered(outcome)
    look = [gate for gate in gates if gate.state is not GateState.PASSED]
    passed = [gate for gate in gates if gate.state is GateState.PASSED]
    if look:
        yield _table(outcome, look, title=f"Gates to look at ({len(look)} of {len(gates)})")
    if passed:
        title = f"Gates that passed ({len(passed)} of {len(gates)})"
        yield _table(outcome, passed, title=title, folded=True)


def _table(
    outcome: CiOutcome, gates: Sequence[GateResult], *, title: str, folded: bool = False
) -> Section:
    return Section(
        title=title,
        head=_HEAD,
        rows=tuple(_gate(outcome, gate) for gate in gates),
        noun="gate",
        folded=folded,
    )


def _gate(outcome: CiOutcome, gate: GateResult) -> str:
    word = state_word(outcome, gate)
    decides = fails_build(outcome, gate) or (gate.undecided and not outcome.infrastructure)
    compared = gate.comparison
    cautions = compared.cautions if compared else ()
    return row(
        f"**{word}**" if decides else word,
        cell(gate.variant),
        _place(outcome, gate),
        gate_name(gate),
        _value(gate.baseline),
        _value(gate.candidate),
        change_text(compared) if compared else formatting.UNKNOWN,
        _value(gate.limit),
        " ".join(
            [
                _reason(gate.message),
                *(f"**{one.severity.value}:** {_reason(one.message)}" for one in cautions),
            ]
        ),
    )


def _place(outcome: CiOutcome, gate: GateResult) -> str:
    """The device and configuration, marked when the device is no phone."""
    if not gate.device:
        return "the file"
    note = mark(outcome, gate)
    device = cell(gate.device) + (f" (**{note}**)" if note else "")
    return f"{device}, {cell(gate.config)}" if gate.config else device


def _value(text: str | None) -> str:
    return formatting.UNKNOWN if text is None else markdown_text(text)


def _reason(text: str) -> str:
    short = text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"
    return markdown_text(short)


def _remarks(outcome: CiOutcome) -> Iterator[Section]:
    if outcome.notes:
        yield Section(
            title="Notes",
            rows=tuple(f"- {_reason(note)}" for note in outcome.notes),
            noun="note",
        )
