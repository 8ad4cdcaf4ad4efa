"""The outcome of ``android-bench ci`` on the terminal, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.markup import escape

from android_bench import formatting
from android_bench.analysis.compare import comparison_to_json
from android_bench.ci.outcome import (
    CiOutcome,
    GateAction,
    GateName,
    GateResult,
    GateState,
    gravest_first,
)
from android_bench.ci.outputs.wording import mark
from android_bench.terminal import console

_STYLES = {
    GateState.PASSED: "green",
    GateState.FAILED: "bold red",
    GateState.INCONCLUSIVE: "yellow",
    GateState.INCOMPARABLE: "yellow",
    GateState.NOT_MEASURED: "yellow",
}


def print_outcome(outcome: CiOutcome) -> None:
    """Print a line for each gate, the gravest first, then what it amounts to."""
    places = {_place(gate) for gate in outcome.gates} - {""}
    several = len(places) > 1
    rows = [
        (
            _state(gate),
            escape(gate.variant),
            *((escape(_place(gate) or "–"),) * several),
            _what(gate),
            gate.baseline or "–",
            gate.candidate or "–",
            gate.limit or "–",
        )
        for gate in gravest_first(outcome.gates)
    ]
    if rows:
        on = ("on",) * several
        columns = ("gate", "variant", *on, "of", "baseline", "candidate", "limit")
        console.listing(columns, rows)
    for gate in gravest_first(outcome.gates):
        if gate.state is not GateState.PASSED:
            kind = mark(outcome, gate)
            device = f"{gate.device} ({kind})" if kind else gate.device
            where = ", ".join(filter(None, (gate.variant, device, gate.config)))
            text = f"{gate.gate.value}: {where}: {gate.message}"
            console.out.print(f"  {escape(console.harmless(text))}", soft_wrap=True)
    for note in outcome.notes:
        console.say(f"note: {note}")
    for trouble in outcome.infrastructure:
        console.complain(
            f"Infrastructure: {trouble}",
            f"What was measured is kept in {outcome.kept}. Go on with: android-bench ci --resume",
        )
    against = f" against {outcome.baseline_name}" if outcome.baseline_name else ""
    style = (
        "green" if outcome.exit_code == 0 else "bold red" if outcome.exit_code == 3 else "yellow"
    )
    name = escape(console.harmless(f"{outcome.project}{against}"))
    console.out.print(
        f"[{style}]{outcome.verdict}[/] {name}: {formatting.count(len(outcome.gates), 'gate')}, "
        f"{formatting.count(outcome.built, 'variant')} built, {outcome.reused} as they were",
        soft_wrap=True,
    )
    if outcome.report:
        console.out.print(console.harmless(outcome.report), markup=False, soft_wrap=True)


def _place(gate: GateResult) -> str:
    """The device and the configuration; empty for a gate about the file alone."""
    return ", ".join(filter(None, (gate.device, gate.config)))


def _what(gate: GateResult) -> str:
    """The gate, with its metric where it looks at several."""
    if gate.gate is GateName.STARTUP and gate.comparison is not None:
        return f"{gate.gate.value}, {gate.comparison.metric}"
    return gate.gate.value


def _state(gate: GateResult) -> str:
    style = _STYLES[gate.state]
    warned = gate.state is GateState.FAILED and gate.action is GateAction.WARN
    return f"[{'yellow' if warned else style}]{'warned' if warned else gate.state.value}[/]"


def outcome_to_json(outcome: CiOutcome) -> dict[str, Any]:
    """An outcome as a JSON-able dictionary, without the runs, which lie in ``kept``."""
    return {
        "project": outcome.project,
        "verdict": outcome.verdict,
        "exit_code": int(outcome.exit_code),
        "baseline": outcome.baseline_name,
        "revision": outcome.revision,
        "built": outcome.built,
        "reused": outcome.reused,
        "infrastructure": list(outcome.infrastructure),
        "notes": list(outcome.notes),
        "report": outcome.report,
        "kept": outcome.kept,
        "runs": [run.run_id for run in outcome.candidate_runs],
        "baseline_runs": [run.run_id for run in outcome.baseline_runs],
        "gates": [_gate_to_json(gate) for gate in outcome.gates],
    }


def _gate_to_json(gate: GateResult) -> dict[str, Any]:
    comparison = None if gate.comparison is None else comparison_to_json(gate.comparison)
    plain = {name: value for name, value in asdict(gate).items() if name != "comparison"}
    return {
        **plain,
        "gate": gate.gate.value,
        "action": gate.action.value,
        "state": gate.state.value,
        "comparison": comparison,
    }
