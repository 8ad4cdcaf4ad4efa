"""Example outcomes of ``android-bench ci``, from comparisons that are really made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from android_bench.analysis.compare import Comparison, compare_metrics
from android_bench.ci.outcome import CiOutcome, GateAction, GateName, GateResult, GateState
from android_bench.results import BenchmarkRun, DeviceKind
from tests import examples

SLOWER = (3480, 3490, 3500, 3510, 3520, 3530)


def pair(
    name: str = "digits.int8",
    *,
    kind: DeviceKind = DeviceKind.PHONE,
    means_us: Sequence[float] = SLOWER,
    model: str = "One",
) -> tuple[BenchmarkRun, BenchmarkRun]:
    """A baseline's run and a candidate's that takes 20 % longer, unless other means are given."""
    device = replace(examples.PHONE, kind=kind, model=model)
    old = examples.run(name=name, device=device)
    new = examples.run(means_us, name=name, device=device)
    return (
        replace(old, run_id=f"old-{name}-{model}", session_id="s"),
        replace(new, run_id=f"new-{name}-{model}", session_id="s"),
    )


def gate(
    state: GateState = GateState.PASSED,
    *,
    run: BenchmarkRun | None = None,
    compared: Comparison | None = None,
    **changes: Any,
) -> GateResult:
    """A gate on latency that fails the build, unless something else is given."""
    example = GateResult(
        gate=GateName.LATENCY,
        action=GateAction.FAIL,
        state=state,
        variant=run.artifact.name if run else "digits.int8",
        message=f"It is {state.value}.",
        device=run.device.label if run else "",
        config=run.config.label if run else "",
        baseline="2.92 ms",
        candidate="3.50 ms",
        limit="+1.0 %",
        comparison=compared,
        candidate_run_id=run.run_id if run else None,
    )
    return replace(example, **changes)


def outcome(*gates: GateResult, **changes: Any) -> CiOutcome:
    example = CiOutcome(
        project="digits",
        baseline_name="git main (3f2a1c9)",
        revision="0123456789abcdef0123456789abcdef01234567",
        gates=gates,
        comparisons=(),
        baseline_runs=(),
        candidate_runs=(),
        built=1,
        reused=3,
        kept="build/.android-bench",
        report="build/.android-bench/report.html",
    )
    return replace(example, **changes)


def regressed(kind: DeviceKind = DeviceKind.PHONE, **changes: Any) -> CiOutcome:
    """A latency that regressed, a memory gate that warns, a file that passed."""
    old, new = pair(kind=kind)
    comparisons = compare_metrics(old, new)
    example = outcome(
        gate(GateState.PASSED, gate=GateName.FILE_SIZE, baseline="255 kB", candidate="255 kB"),
        gate(GateState.FAILED, run=new, gate=GateName.MEMORY, action=GateAction.WARN),
        gate(GateState.FAILED, run=new, compared=comparisons[0]),
        comparisons=comparisons,
        baseline_runs=(old,),
        candidate_runs=(new,),
    )
    return replace(example, **changes)


def hostile(name: str) -> CiOutcome:
    """An outcome in which everything that has a name, and every message, is this text."""
    old, new = pair(name)
    device = replace(old.device, manufacturer=name, model=name, serial=name)
    old, new = replace(old, device=device), replace(new, device=device)
    comparisons = compare_metrics(old, new)
    named = {"variant": name, "message": name, "device": name, "config": name}
    values = {"baseline": name, "candidate": name, "limit": name}
    gates = [
        gate(state, run=new, compared=comparisons[0], **named, **values) for state in GateState
    ]
    return outcome(
        *gates,
        project=name,
        baseline_name=name,
        revision=name,
        comparisons=comparisons,
        baseline_runs=(old,),
        candidate_runs=(new,),
        infrastructure=(name,),
        notes=(name,),
        kept=name,
        report=name,
    )
