"""Each gate by itself: what passes, what fails, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from android_bench.ci.gates import judge, pair_up
from android_bench.ci.outcome import (
    CiOutcome,
    GateAction,
    GateName,
    GateResult,
    GateState,
    gravest_first,
)
from android_bench.ci.project import AccuracyGate, Gate, GrowthGate, NodesGate, NumericsGate
from android_bench.config import DelegateKind
from android_bench.errors import ExitCode
from android_bench.results import BenchmarkRun, Delegation, Status
from optimizer.artifact import Fidelity
from tests import examples

QUIET = [1000.0 + number % 3 for number in range(20)]


def run(means: list[float] | None = None, **changes: Any) -> BenchmarkRun:
    made = examples.run(means or QUIET, name="m")
    artifact = {
        key: changes.pop(key) for key in ("size_bytes", "fidelity", "sha256") if key in changes
    }
    return replace(made, artifact=replace(made.artifact, **artifact), **changes)


def only(name: GateName, gate: Gate, old: BenchmarkRun | None, new: BenchmarkRun) -> GateResult:
    results, _ = judge({name: gate}, pair_up([old] if old else [], [new]))
    assert len({one.state for one in results}) == 1
    return results[0]


def accurate(share: float | None) -> Fidelity:
    return Fidelity(samples=1000, max_abs_error=0.1, cosine=0.99, accuracy=share)


def delegated(nodes: int | None) -> BenchmarkRun:
    made = run()
    seen = Delegation(
        requested=DelegateKind.GPU, applied=True, nodes_delegated=nodes, nodes_total=9
    )
    return replace(
        made, invocations=tuple(replace(item, delegation=seen) for item in made.invocations)
    )


def with_numerics(*samples: tuple[float, bool]) -> BenchmarkRun:
    made = run()
    extra = [
        examples.numerics(50 + number, number, error=error, agrees=agrees)
        for number, (error, agrees) in enumerate(samples)
    ]
    return replace(made, invocations=(*made.invocations, *extra))


LATENCY = GrowthGate(max="1%")


@pytest.mark.parametrize(
    ("factor", "state"),
    [
        (1.0, GateState.PASSED),
        (1.03, GateState.FAILED),
        (0.9, GateState.PASSED),
        (1.01, GateState.INCONCLUSIVE),
    ],
)
def test_latency(factor: float, state: GateState) -> None:
    new = run([value * factor + 3 * (index % 2) for index, value in enumerate(QUIET)])
    found = only(GateName.LATENCY, LATENCY, run(), replace(new, run_id="new"))
    assert found.state is state, found.message
    assert found.comparison is not None
    assert found.limit == "+1.0 %"
    assert (found.baseline, found.variant, found.device) == ("1.00 ms", "m", "Acme One")


def test_a_model_without_classes_does_not_fail_for_having_none() -> None:
    made = with_numerics((0.001, True), (0.002, True))
    bare = replace(
        made,
        invocations=tuple(
            replace(item, numerics=item.numerics and replace(item.numerics, top1_agrees=None))
            for item in made.invocations
        ),
    )
    found = only(GateName.NUMERICS, NumericsGate(min_top1="99%"), run(), bare)
    assert found.state is GateState.NOT_MEASURED
    assert "max_error" in found.message
    both = NumericsGate(min_top1="99%", max_error=0.001)
    assert only(GateName.NUMERICS, both, run(), bare).state is GateState.FAILED


def test_samples_whose_outputs_never_came_are_not_passed_over() -> None:
    made = with_numerics((0.001, True), (0.002, True))
    last = replace(
        made.invocations[-1], numerics=None, status=Status.CRASHED, problem="It crashed."
    )
    broken = replace(made, invocations=(*made.invocations[:-1], last))
    found = only(GateName.NUMERICS, NumericsGate(max_error=0.01), run(), broken)
    assert found.state is GateState.NOT_MEASURED
    assert "It crashed" in found.message
    strict = NumericsGate(max_error=0.0001)
    assert only(GateName.NUMERICS, strict, run(), broken).state is GateState.FAILED


def test_a_file_is_judged_on_the_device_that_has_a_baseline() -> None:
    elsewhere = run(run_id="new", device=replace(examples.PHONE, serial="other", model="Two"))
    here = run(run_id="here", size_bytes=9_000_000)
    pairs = pair_up([run()], [elsewhere, here])
    (found,), _ = judge({GateName.FILE_SIZE: GrowthGate(max="1%")}, pairs)
    assert found.state is GateState.FAILED


def test_what_was_not_measured_alike_is_incomparable_with_the_field() -> None:
    other = run(binary=replace(examples.BINARY, sha256="c" * 64))
    found = only(GateName.LATENCY, LATENCY, other, run(run_id="new"))
    assert found.state is GateState.INCOMPARABLE
    assert "binary.sha256 differs" in found.message


def test_a_new_variant_has_nothing_to_be_worse_than() -> None:
    for name, gate in (
        (GateName.LATENCY, LATENCY),
        (GateName.ACCURACY, AccuracyGate(max_drop=1)),
        (GateName.DELEGATED_NODES, NodesGate()),
    ):
        found = only(name, gate, None, run())
        assert found.state is GateState.NOT_MEASURED
        assert "no such variant" in found.message


def test_a_model_that_runs_no_more_fails_and_a_device_that_hangs_does_not() -> None:
    broken = run(run_id="new")
    for status, state in (
        (Status.CRASHED, GateState.FAILED),
        (Status.INVALID, GateState.FAILED),
        (Status.TIMEOUT, GateState.INCONCLUSIVE),
    ):
        only_one = replace(broken.invocations[0], status=status, problem="It broke.", latency=None)
        found = only(GateName.LATENCY, LATENCY, run(), replace(broken, invocations=(only_one,)))
        assert found.state is state
        assert (state is GateState.FAILED) == ("no result any more: It broke" in found.message)


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (0.92, 0.92, GateState.PASSED),
        (0.92, 0.915, GateState.PASSED),
        (0.92, 0.9149, GateState.FAILED),
        (0.92, 0.95, GateState.PASSED),
        (None, 0.92, GateState.NOT_MEASURED),
        (0.92, None, GateState.NOT_MEASURED),
    ],
)
def test_accuracy(before: float | None, after: float | None, state: GateState) -> None:
    old, new = (run(fidelity=accurate(share)) for share in (before, after))
    found = only(GateName.ACCURACY, AccuracyGate(max_drop=0.5), old, new)
    assert found.state is state
    assert found.device == ""


@pytest.mark.parametrize(
    ("size", "state"), [(254_904, GateState.PASSED), (258_000, GateState.FAILED)]
)
def test_file_size(size: int, state: GateState) -> None:
    found = only(GateName.FILE_SIZE, LATENCY, run(), run(size_bytes=size, run_id="new"))
    assert found.state is state, found.message


@pytest.mark.parametrize(
    ("gate", "samples", "state", "message"),
    [
        (NumericsGate(max_error=0.1), [(0.05, True)], GateState.PASSED, "1 sample on the device"),
        (NumericsGate(max_error=0.1), [(0.2, True)], GateState.FAILED, "The largest error is 0.2"),
        (NumericsGate(min_top1="90%"), [(9.0, True), (0.0, True)], GateState.PASSED, "2 samples"),
        (
            NumericsGate(min_top1="90%"),
            [(0.0, False), (0.0, True)],
            GateState.FAILED,
            "50.0 % of 2",
        ),
        (NumericsGate(max_error=1), [], GateState.NOT_MEASURED, "set measure.numerics"),
    ],
)
def test_numerics(
    gate: NumericsGate, samples: list[tuple[float, bool]], state: GateState, message: str
) -> None:
    found = only(GateName.NUMERICS, gate, run(), with_numerics(*samples))
    assert found.state is state
    assert message in found.message


@pytest.mark.parametrize(
    ("before", "after", "fewer", "state"),
    [
        (9, 9, 0, GateState.PASSED),
        (9, 8, 0, GateState.FAILED),
        (9, 8, 1, GateState.PASSED),
        (8, 9, 0, GateState.PASSED),
        (9, None, 0, GateState.NOT_MEASURED),
    ],
)
def test_delegated_nodes(before: int, after: int | None, fewer: int, state: GateState) -> None:
    gate = NodesGate(max_fewer=fewer)
    assert only(GateName.DELEGATED_NODES, gate, delegated(before), delegated(after)).state is state


def test_gates_about_the_file_are_judged_once_for_several_devices() -> None:
    two = [run(), run(device=replace(examples.PHONE, serial="b", model="Two"), run_id="b")]
    results, _ = judge({GateName.FILE_SIZE: LATENCY, GateName.LATENCY: LATENCY}, pair_up(two, two))
    assert [one.gate for one in results].count(GateName.FILE_SIZE) == 1
    assert [one.gate for one in results].count(GateName.LATENCY) == 2


def test_a_run_is_paired_with_the_same_device_first_and_its_like_else() -> None:
    other = run(device=replace(examples.PHONE, serial="other"), started_at="2026-11-24T00:00:00Z")
    same = run()
    assert pair_up([other, same], [run()])[0].baseline == same
    assert pair_up([other], [run()])[0].baseline == other


# The outcome


def result(state: GateState, action: GateAction = GateAction.FAIL) -> GateResult:
    return GateResult(
        gate=GateName.LATENCY, action=action, state=state, variant="m", message="Because."
    )


@pytest.mark.parametrize(
    ("gates", "infrastructure", "code"),
    [
        ([], (), ExitCode.OK),
        ([result(GateState.PASSED)], (), ExitCode.OK),
        ([result(GateState.FAILED, GateAction.WARN)], (), ExitCode.OK),
        ([result(GateState.NOT_MEASURED, GateAction.WARN)], (), ExitCode.OK),
        ([result(GateState.FAILED), result(GateState.PASSED)], (), ExitCode.REGRESSED),
        ([result(GateState.INCONCLUSIVE), result(GateState.PASSED)], (), ExitCode.INCONCLUSIVE),
        ([result(GateState.INCONCLUSIVE), result(GateState.FAILED)], (), ExitCode.REGRESSED),
        ([result(GateState.FAILED)], ("the device was lost",), ExitCode.DEVICE),
    ],
)
def test_what_everything_amounts_to(
    gates: list[GateResult], infrastructure: tuple[str, ...], code: ExitCode
) -> None:
    outcome = CiOutcome(
        project="p",
        baseline_name="git main",
        revision=None,
        gates=tuple(gates),
        comparisons=(),
        baseline_runs=(),
        candidate_runs=(),
        infrastructure=infrastructure,
    )
    assert outcome.exit_code is code
    assert len(outcome.verdict) > 3


def test_a_person_reads_the_gravest_first() -> None:
    order = [
        result(GateState.FAILED),
        result(GateState.FAILED, GateAction.WARN),
        result(GateState.INCONCLUSIVE),
        result(GateState.PASSED),
    ]
    assert list(gravest_first(reversed(order))) == order
