"""Gates: each variant's runs and file against the baseline's, and a sentence for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.analysis.compare import Comparison, Verdict, compare_runs
from android_bench.analysis.metrics import Metric
from android_bench.analysis.noise import NoiseFloor
from android_bench.analysis.summary import summarise
from android_bench.ci.outcome import GateName, GateResult, GateState
from android_bench.ci.project import (
    AccuracyGate,
    Gate,
    GrowthGate,
    NodesGate,
    NumericsGate,
    fraction,
)
from android_bench.results import BenchmarkRun, InvocationKind, Status
from optimizer.artifact import Artifact

_METRICS = {
    GateName.LATENCY: (Metric.LATENCY,),
    GateName.STARTUP: (Metric.INIT, Metric.FIRST_INFERENCE),
    GateName.MEMORY: (Metric.PEAK_MEMORY,),
    GateName.FILE_SIZE: (Metric.FILE_SIZE,),
}
_TEXTS = {Metric.PEAK_MEMORY: formatting.memory, Metric.FILE_SIZE: formatting.file_size}
_STATES = {
    Verdict.IMPROVED: GateState.PASSED,
    Verdict.UNCHANGED: GateState.PASSED,
    Verdict.REGRESSED: GateState.FAILED,
    Verdict.INCONCLUSIVE: GateState.INCONCLUSIVE,
    Verdict.INCOMPARABLE: GateState.INCOMPARABLE,
}
_NEW = "There is nothing to compare it with: the baseline has no such variant."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A candidate's run and the baseline's run of the same variant, device and configuration, if any."""

    candidate: BenchmarkRun
    baseline: BenchmarkRun | None


def pair_up(
    baseline: Sequence[BenchmarkRun], candidate: Sequence[BenchmarkRun]
) -> tuple[Pair, ...]:
    """Pair each candidate's run with the newest run of the baseline that is like it.

    The same device goes before another of the same model, such as the emulator of another day.
    """
    ordered = sorted(baseline, key=lambda run: run.started_at)
    alike = {_identity(run): run for run in ordered}
    same_device = {(*_identity(run), run.device.serial): run for run in ordered}
    return tuple(
        Pair(
            candidate=run,
            baseline=same_device.get(
                (*_identity(run), run.device.serial), alike.get(_identity(run))
            ),
        )
        for run in candidate
    )


def judge(
    gates: Mapping[GateName, Gate], pairs: Sequence[Pair], *, floors: Sequence[NoiseFloor] = ()
) -> tuple[tuple[GateResult, ...], tuple[Comparison, ...]]:
    """Judge every pair by every gate; the comparisons that were made for it come along.

    Gates about the file alone are judged once for each variant, not on each device again.
    """
    results: list[GateResult] = []
    comparisons: list[Comparison] = []
    judged: set[tuple[GateName, str]] = set()
    # A device that is new has no baseline; another may have one to hold the file against.
    for pair in sorted(pairs, key=lambda one: one.baseline is None):
        for name, gate in gates.items():
            about_file = name in {GateName.FILE_SIZE, GateName.ACCURACY}
            key = (name, pair.candidate.artifact.name)
            if about_file and key in judged:
                continue
            judged.add(key)
            for result in _judged(name, gate, pair, floors):
                results.append(result)
                if result.comparison is not None:
                    comparisons.append(result.comparison)
    return tuple(results), tuple(comparisons)


def _judged(
    name: GateName, gate: Gate, pair: Pair, floors: Sequence[NoiseFloor]
) -> Iterator[GateResult]:
    if isinstance(gate, GrowthGate):
        for metric in _METRICS[name]:
            yield _growth(name, gate, pair, metric, floors)
    elif isinstance(gate, AccuracyGate):
        yield _accuracy(gate, pair)
    elif isinstance(gate, NumericsGate):
        yield _numerics(gate, pair)
    elif isinstance(gate, NodesGate):
        yield _nodes(gate, pair)


def _growth(
    name: GateName, gate: GrowthGate, pair: Pair, metric: Metric, floors: Sequence[NoiseFloor]
) -> GateResult:
    limit = f"+{formatting.percent(fraction(gate.max))}"
    if pair.baseline is None:
        return _result(name, gate, pair, GateState.NOT_MEASURED, _NEW, limit=limit)
    broken = _does_not_run(pair) if metric is Metric.LATENCY else None
    if broken is not None:
        return _result(name, gate, pair, GateState.FAILED, broken, limit=limit)
    found = compare_runs(
        pair.baseline,
        pair.candidate,
        max_slowdown=fraction(gate.max),
        metric=metric,
        floors=floors,
    )
    text = _TEXTS.get(metric, formatting.duration)
    change = f" {formatting.change(found.ratio.estimate)}:" if found.ratio else ""
    reason = "; ".join(found.reasons) or found.verdict.value
    if name is GateName.LATENCY and (found.noise_floor or 0) > found.max_slowdown:
        limit = f"+{formatting.percent(found.gate)} (noise floor)"
    return _result(
        name,
        gate,
        pair,
        _STATES[found.verdict],
        f"{metric.value}{change} {reason}.",
        baseline=None if found.baseline is None else text(found.baseline),
        candidate=None if found.candidate is None else text(found.candidate),
        limit=limit,
        comparison=found,
    )


def _does_not_run(pair: Pair) -> str | None:
    """Why the candidate gives no result at all where the baseline does; a device's faults do not count."""
    run, old = pair.candidate, pair.baseline
    if old is None or not old.of_kind(InvocationKind.TIMING) or run.of_kind(InvocationKind.TIMING):
        return None
    own = {Status.FAILED, Status.INVALID, Status.CRASHED}
    broken = [item for item in run.invocations if item.status in own and item.problem]
    return f"It gives no result any more: {broken[0].problem}" if broken else None


def _accuracy(gate: AccuracyGate, pair: Pair) -> GateResult:
    after = _accuracy_of(pair.candidate.artifact)
    before = _accuracy_of(pair.baseline.artifact) if pair.baseline else None
    limit = f"-{gate.max_drop:g} points"
    if pair.baseline is None:
        return _result(GateName.ACCURACY, gate, pair, GateState.NOT_MEASURED, _NEW, limit=limit)
    if before is None or after is None:
        side = "baseline" if before is None else "candidate"
        message = f"The accuracy of the {side} is not known: its model table needs evaluation data."
        return _result(GateName.ACCURACY, gate, pair, GateState.NOT_MEASURED, message, limit=limit)
    drop = (before - after) * 100
    # Rounded far below what a sample can make, so that 92.0 - 91.5 is not more than 0.5.
    failed = round(drop - gate.max_drop, 9) > 0
    message = f"Accuracy fell by {drop:.2f} points." if drop > 0 else "Accuracy did not fall."
    return _result(
        GateName.ACCURACY,
        gate,
        pair,
        GateState.FAILED if failed else GateState.PASSED,
        message,
        baseline=formatting.percent(before, digits=2),
        candidate=formatting.percent(after, digits=2),
        limit=limit,
    )


def _numerics(gate: NumericsGate, pair: Pair) -> GateResult:
    after = summarise(pair.candidate).numerics
    before = summarise(pair.baseline).numerics if pair.baseline else None
    limits = []
    if gate.max_error is not None:
        limits.append(f"error {gate.max_error:g}")
    if gate.min_top1 is not None:
        limits.append(f"same class {gate.min_top1}")
    limit = ", ".join(limits)
    lost = [
        item
        for item in pair.candidate.invocations
        if item.kind is InvocationKind.NUMERICS and item.numerics is None and item.problem
    ]
    if after is None:
        message = (
            f"No output came back: {lost[0].problem}"
            if lost
            else "Outputs on the device were not compared: set measure.numerics."
        )
        return _result(GateName.NUMERICS, gate, pair, GateState.NOT_MEASURED, message, limit=limit)
    broken = []
    if gate.max_error is not None and after.max_abs_error > gate.max_error:
        broken.append(
            f"the largest error is {after.max_abs_error:.3g}, {gate.max_error:g} is accepted"
        )
    agreement = after.top1_agreement
    if gate.min_top1 is not None and agreement is not None and agreement < fraction(gate.min_top1):
        share = formatting.percent(agreement)
        broken.append(f"the class is the same on {share} of {after.samples} samples")
    unknown = []
    if lost:
        unknown.append(f"of one sample no output came back: {(lost[0].problem or '').rstrip('.')}")
    if gate.min_top1 is not None and agreement is None:
        unknown.append("no output is a row of scores, so none has a class: set max_error instead")
    fine = f"{formatting.count(after.samples, 'sample')} on the device give what LiteRT gives here"
    sentence = "; ".join([*broken, *unknown]) or fine
    doubtful = GateState.NOT_MEASURED if unknown else GateState.PASSED
    return _result(
        GateName.NUMERICS,
        gate,
        pair,
        GateState.FAILED if broken else doubtful,
        f"{sentence[0].upper()}{sentence[1:]}.",
        baseline=None if before is None else f"{before.max_abs_error:.3g}",
        candidate=f"{after.max_abs_error:.3g}",
        limit=limit,
    )


def _nodes(gate: NodesGate, pair: Pair) -> GateResult:
    name, limit = GateName.DELEGATED_NODES, f"{gate.max_fewer} fewer"
    after, total = _delegated(pair.candidate)
    before, _ = _delegated(pair.baseline) if pair.baseline else (None, None)
    if pair.baseline is None:
        return _result(name, gate, pair, GateState.NOT_MEASURED, _NEW, limit=limit)
    if before is None or after is None:
        side = "baseline" if before is None else "candidate"
        message = f"How many nodes a delegate executes is not known of the {side}."
        return _result(name, gate, pair, GateState.NOT_MEASURED, message, limit=limit)
    fewer = before - after
    of = "" if total is None else f" of {total}"
    return _result(
        name,
        gate,
        pair,
        GateState.FAILED if fewer > gate.max_fewer else GateState.PASSED,
        f"The delegate executes {after}{of} nodes, {before} in the baseline.",
        baseline=str(before),
        candidate=str(after),
        limit=limit,
    )


def _result(
    name: GateName,
    gate: Gate,
    pair: Pair,
    state: GateState,
    message: str,
    *,
    baseline: str | None = None,
    candidate: str | None = None,
    limit: str | None = None,
    comparison: Comparison | None = None,
) -> GateResult:
    run = pair.candidate
    about_file = name in {GateName.FILE_SIZE, GateName.ACCURACY}
    return GateResult(
        gate=name,
        action=gate.action,
        state=state,
        variant=run.artifact.name,
        message=message,
        device="" if about_file else run.device.label,
        config="" if about_file else run.config.label,
        baseline=baseline,
        candidate=candidate,
        limit=limit,
        comparison=comparison,
        candidate_run_id=run.run_id,
    )


def _identity(run: BenchmarkRun) -> tuple[str, str, str]:
    return (run.artifact.name, run.device.label, run.config.label)


def _accuracy_of(artifact: Artifact) -> float | None:
    return artifact.fidelity.accuracy if artifact.fidelity else None


def _delegated(run: BenchmarkRun) -> tuple[int | None, int | None]:
    """The fewest nodes that a delegate took in a timing invocation, and how many there are."""
    seen = [
        item.delegation
        for item in run.of_kind(InvocationKind.TIMING)
        if item.delegation is not None and item.delegation.nodes_delegated is not None
    ]
    if not seen:
        return None, None
    least = min(seen, key=lambda item: item.nodes_delegated or 0)
    return least.nodes_delegated, least.nodes_total
