"""The outcome and its gates in words: the same sentences in the summary, the annotations and JUnit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from android_bench import formatting
from android_bench.ci.outcome import (
    CiOutcome,
    GateAction,
    GateName,
    GateResult,
    GateState,
    gravest_first,
)
from android_bench.errors import ExitCode
from android_bench.exports.markdown_cells import MARKS, change_text
from android_bench.exports.text import one_line
from android_bench.report.pairs import metric_name
from android_bench.results import DeviceKind

_NOT_A_PHONE = {DeviceKind.HOST: "a computer", DeviceKind.EMULATOR: "an emulator"}
INFRASTRUCTURE_HINT = (
    "This says nothing about the model. Run the job again; what was measured before is kept."
)


def headline(outcome: CiOutcome, quote: Callable[[str], str] = one_line) -> str:
    """What everything amounts to, in a line. ``quote`` makes a name fit for where the line stands."""
    gates = outcome.gates
    failed = [gate for gate in gates if gate.fails]
    undecided = [gate for gate in gates if gate.undecided]
    code = outcome.exit_code
    if code is ExitCode.DEVICE:
        told = f", {formatting.count(len(failed), 'gate')} failed before it" if failed else ""
        return f"Infrastructure failed, which is no verdict about the model{told}"
    if code is ExitCode.REGRESSED:
        return f"Regressed: {_which(failed, gates, quote)}"
    if code is ExitCode.INCONCLUSIVE:
        return f"Inconclusive: {_which(undecided, gates, quote, verb=' cannot be told')}"
    if not gates:
        return "Passed: there is no gate"
    warned = sum(1 for gate in gates if gate.state is GateState.FAILED)
    untold = sum(1 for gate in gates if gate.state not in {GateState.PASSED, GateState.FAILED})
    remarks = [formatting.count(warned, "warning")] if warned else []
    remarks += [f"{untold} without an answer"] if untold else []
    passed = len(gates) - warned - untold
    if not remarks:
        return f"Passed: {formatting.count(passed, 'gate')}"
    return f"Passed: {passed} of {formatting.count(len(gates), 'gate')}, {', '.join(remarks)}"


def _which(
    found: Sequence[GateResult],
    gates: Sequence[GateResult],
    quote: Callable[[str], str],
    *,
    verb: str = "",
) -> str:
    """The only gate by its name and change; of several their names, and how many of how many."""
    if len(found) > 1:
        names = ", ".join(dict.fromkeys(map(gate_name, found)))
        return f"{names}{verb} ({len(found)} of {formatting.count(len(gates), 'gate')})"
    (gate,) = found
    where = f" on {quote(gate.device)}" if gate.device else ""
    change = f" {change_text(gate.comparison)}" if gate.comparison and gate.comparison.ratio else ""
    return f"{gate_name(gate)} of {quote(gate.variant)}{where}{change}{verb}"


def remark(outcome: CiOutcome) -> str | None:
    """What makes every number of the outcome no phone's, ``None`` when some are a phone's."""
    kinds = {run.device.kind for run in (*outcome.candidate_runs, *outcome.baseline_runs)}
    if not kinds or DeviceKind.PHONE in kinds:
        return None
    words = " and ".join(word for kind, word in _NOT_A_PHONE.items() if kind in kinds)
    return f"measured on {words}, not on a phone"


def fails_build(outcome: CiOutcome, gate: GateResult) -> bool:
    """Whether this gate is a regression that the outcome is sure of.

    Where the infrastructure failed there is none: what failed so far may be the same fault.
    """
    return gate.fails and not outcome.infrastructure


def mark(outcome: CiOutcome, gate: GateResult) -> str | None:
    """What must stand beside the numbers of a gate: ``computer``, ``emulator``, ``None`` for a phone."""
    kind = device_kind(outcome, gate)
    return MARKS.get(kind) if kind else None


def device_kind(outcome: CiOutcome, gate: GateResult) -> DeviceKind | None:
    """The kind of a gate's device, ``None`` for a gate about the file alone."""
    if not gate.device:
        return None
    runs = (*outcome.candidate_runs, *outcome.baseline_runs)
    for run in runs:
        if run.run_id == gate.candidate_run_id:
            return run.device.kind
    return next((run.device.kind for run in runs if run.device.label == gate.device), None)


def gate_name(gate: GateResult) -> str:
    """The gate as it is called in a sentence: ``file size``, ``startup (init)``."""
    text = gate.gate.value.replace("_", " ")
    # The one gate that looks at two metrics, with a result for each.
    if gate.gate is GateName.STARTUP and gate.comparison is not None:
        text += f" ({metric_name(gate.comparison.metric)})"
    return text


def state_word(outcome: CiOutcome, gate: GateResult) -> str:
    """What became of the gate: one that only warns never *fails*, nor one beside a broken device."""
    if gate.fails and outcome.infrastructure:
        return "failed so far"
    if gate.state is GateState.FAILED and gate.action is GateAction.WARN:
        return "warning"
    return gate.state.value.replace("-", " ")


def place(outcome: CiOutcome, gate: GateResult) -> str:
    """Where a gate was measured: ``Pixel 8, cpu ×4``; empty for a gate about the file alone."""
    note = mark(outcome, gate)
    device = f"{gate.device} ({note})" if gate.device and note else gate.device
    return ", ".join(part for part in (device, gate.config) if part)


def figures(gate: GateResult) -> str:
    """Baseline, candidate, change and limit in a line; empty when there are none."""
    parts = []
    if gate.baseline is not None or gate.candidate is not None:
        parts.append(
            f"{gate.baseline or formatting.UNKNOWN} → {gate.candidate or formatting.UNKNOWN}"
        )
    if gate.comparison is not None and gate.comparison.ratio is not None:
        parts.append(change_text(gate.comparison))
    if gate.limit is not None:
        parts.append(f"limit {gate.limit}")
    return ", ".join(parts)


def ordered(outcome: CiOutcome) -> tuple[GateResult, ...]:
    """The gates, the gravest first."""
    return gravest_first(outcome.gates)
