"""JUnit XML: a test suite for each variant on each device, a test case for each gate.

A gate that fails the build is a failure. A gate of which nothing can be told is an error, as the job ends
with exit code 4 and must not look green. What only warns is skipped with its message: JUnit has no
warning, a note beside a passed case is shown nowhere, and pytest writes its expected failures so.
Where the infrastructure failed that is the error, and gates beside it, which decide nothing, are skipped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from android_bench.ci.outcome import CiOutcome, GateResult, GateState
from android_bench.ci.outputs.wording import (
    INFRASTRUCTURE_HINT,
    device_kind,
    fails_build,
    figures,
    gate_name,
    mark,
    ordered,
    place,
    state_word,
)
from android_bench.exports.junit_xml import Case, add_suite, document_text
from android_bench.exports.text import number
from android_bench.exports.view import unit_of
from android_bench.store import utc_now

# Ant's schema wants a host's name; gates about the file alone have none.
_NO_DEVICE = "no device"


def document(outcome: CiOutcome) -> str:
    """The document, valid by Ant's schema and by that of Jenkins' xUnit plugin."""
    root = ET.Element("testsuites")
    started_at = min((run.started_at for run in outcome.candidate_runs), default=utc_now())
    if outcome.infrastructure:
        add_suite(
            root,
            name="infrastructure",
            hostname=_NO_DEVICE,
            started_at=started_at,
            cases=[_broken(number, text) for number, text in enumerate(outcome.infrastructure, 1)],
            properties=_about(outcome),
            said=INFRASTRUCTURE_HINT,
        )
    groups: dict[tuple[str, str], list[GateResult]] = {}
    for gate in outcome.gates:
        groups.setdefault((gate.variant, gate.device), []).append(gate)
    for (variant, device), gates in groups.items():
        add_suite(
            root,
            name=f"{variant} on {device}" if device else variant,
            hostname=device or _NO_DEVICE,
            started_at=started_at,
            cases=_told_apart([_case(outcome, gate) for gate in gates]),
            properties=(*_about(outcome), *_properties(outcome, gates)),
            said="\n".join(_line(outcome, gate) for gate in ordered(outcome) if gate in gates),
        )
    return document_text(root)


def _broken(position: int, problem: str) -> Case:
    return Case(
        name=f"infrastructure {position}",
        outcome="error",
        kind="infrastructure",
        message=problem,
        details=f"{problem}\n{INFRASTRUCTURE_HINT}",
    )


def _case(outcome: CiOutcome, gate: GateResult) -> Case:
    """The case of a gate. GitLab tells cases of a job apart by class and name, so the variant is in it."""
    cautions = gate.comparison.cautions if gate.comparison else ()
    lines = [
        place(outcome, gate),
        figures(gate),
        gate.message,
        *(f"{one.severity.value}: {one.message}" for one in cautions),
    ]
    where = f" ({gate.config})" if gate.config else ""
    note = mark(outcome, gate)
    word = "regressed" if fails_build(outcome, gate) else state_word(outcome, gate)
    return Case(
        name=f"{gate.variant}: {gate_name(gate)}{where}",
        outcome=_element(outcome, gate),
        kind="regressed" if gate.fails else gate.state.value,
        message=f"{word}: {gate.message}" + (f" ({note})" if note else ""),
        details="\n".join(line for line in lines if line),
    )


def _told_apart(cases: Sequence[Case]) -> list[Case]:
    """The cases with names that differ: a rack can hold two phones of one model."""
    seen: Counter[str] = Counter()
    different = []
    for case in cases:
        seen[case.name] += 1
        count = seen[case.name]
        different.append(replace(case, name=f"{case.name} #{count}") if count > 1 else case)
    return different


def _element(outcome: CiOutcome, gate: GateResult) -> str | None:
    if gate.state is GateState.PASSED:
        return None
    if fails_build(outcome, gate):
        return "failure"
    return "error" if gate.undecided and not outcome.infrastructure else "skipped"


def _line(outcome: CiOutcome, gate: GateResult) -> str:
    """The gate in a line, with whose numbers they are."""
    parts = (place(outcome, gate), figures(gate), gate.message)
    return f"{state_word(outcome, gate)} {gate_name(gate)}: {'; '.join(part for part in parts if part)}"


def _about(outcome: CiOutcome) -> tuple[tuple[str, object], ...]:
    known = {
        "project": outcome.project,
        "baseline": outcome.baseline_name,
        "revision": outcome.revision,
        "verdict": outcome.verdict,
    }
    return tuple((name, value) for name, value in known.items() if value)


def _properties(outcome: CiOutcome, gates: Sequence[GateResult]) -> Iterator[tuple[str, object]]:
    kind = device_kind(outcome, gates[0])
    if kind is not None:
        yield "device_kind", kind.value
    for gate in gates:
        compared = gate.comparison
        if compared is None:
            continue
        unit = unit_of(compared.metric)
        values = {
            f"baseline_{unit}": compared.baseline,
            f"candidate_{unit}": compared.candidate,
            "ratio": compared.ratio.estimate if compared.ratio else None,
            "ratio_low": compared.ratio.low if compared.ratio else None,
            "ratio_high": compared.ratio.high if compared.ratio else None,
        }
        prefix = f"{gate.gate.value}.{gate.config}" if gate.config else gate.gate.value
        for name, value in values.items():
            if number(value) is not None:
                yield f"{prefix}.{name}", value
