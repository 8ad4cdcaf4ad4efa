"""The measuring loop over a fake device: order, records, and what happens when things break.

The real loop over a real adbd and the real benchmark_model is in tests/lab.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from android_bench.binaries import ResolvedBinary
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.detached import CapturedProcess
from android_bench.errors import DeviceOfflineError, UsageError
from android_bench.results import Conditions, Invocation, InvocationKind, Status
from android_bench.runner import Cell, Session, measure
from android_bench.store import load_runs
from android_bench.workspace import Placed
from tests import examples

OUTPUT = """INFO: STARTING!
INFO: Loaded model m.tflite
INFO: Initialized session in 6.395ms.
INFO: count=153 first=2761 curr=2885 min=2605 max=18080 avg=3243.58 std=2165
INFO: count=337 first=2881 curr=2703 min=2605 max=20356 avg=2942.27 std=1190
INFO: Inference timings in us: Init: 6395, First inference: 2761, Warmup (avg): 3243.58, Inference (avg): 2942.27
INFO: Overall peak memory footprint (MB) via periodic monitoring: 93.2383
"""

Answer = Callable[[Sequence[str]], CapturedProcess]


def answer(stdout: str = OUTPUT, exit_code: int | None = 0, **changes: Any) -> CapturedProcess:
    fields: dict[str, Any] = {
        "stderr": "",
        "wall_s": 1.6,
        "timed_out": False,
        "signal": None,
        **changes,
    }
    return CapturedProcess(exit_code=exit_code, stdout=stdout, **fields)


@dataclass
class FakeDevice:
    """Stands for a device behind the same verbs; ``respond`` is its benchmark_model."""

    respond: Answer = lambda argv: answer()
    ran: list[list[str]] = field(default_factory=list)

    def read_conditions(self) -> Conditions:
        return Conditions(taken_at="2026-11-23T10:00:00.000Z", battery_level_pct=80)

    def capture(self, argv: Sequence[str], **_: Any) -> CapturedProcess:
        self.ran.append(list(argv))
        return self.respond(argv)


@dataclass
class FakeWorkspace:
    ensured: list[str] = field(default_factory=list)

    def ensure(self, path: Path, **_: Any) -> Placed:
        self.ensured.append(path.name)
        return Placed(remote_path=f"/ws/{path.name}", pushed_bytes=100)


class Silent:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def pushing(self, name: str, done: int, total: int) -> None: ...

    def started(self, label: str, step: int, steps: int) -> None:
        self.seen.append(f"{step}/{steps}")

    def finished(self, label: str, invocation: Invocation) -> None: ...


def cells(*names: str, **config: Any) -> list[Cell]:
    chosen = BenchmarkConfig(**{"invocations": 2, **config})
    return [
        Cell(artifact=examples.artifact(name, sha256=f"{index:064d}"), config=chosen)
        for index, name in enumerate(names)
    ]


def session(
    tmp_path: Path, chosen: list[Cell], device: FakeDevice, *, memory: bool = True
) -> tuple[Session, FakeWorkspace]:
    workspace = FakeWorkspace()
    binary = ResolvedBinary(path=Path("benchmark_model"), argv_prefix=(), info=examples.BINARY)
    found = measure(
        cast("Any", device),
        cast("Any", workspace),
        binary,
        chosen,
        device_info=examples.PHONE,
        results=tmp_path,
        observer=Silent(),
        memory=memory,
    )
    return found, workspace


def graphs(device: FakeDevice) -> str:
    """Which model each invocation ran, as letters in order."""
    flags = [flag for argv in device.ran for flag in argv if flag.startswith("--graph=")]
    return "".join(flag.rsplit("/", 1)[1].removesuffix(".tflite") for flag in flags)


def test_invocations_are_interleaved_forth_and_back_and_memory_comes_last(tmp_path: Path) -> None:
    device = FakeDevice()
    found, workspace = session(tmp_path, cells("a", "b", "c"), device)
    assert graphs(device) == "abc" + "cba" + "abc"
    assert workspace.ensured == ["benchmark_model", "a.tflite", "b.tflite", "c.tflite"]
    assert found.pushed_bytes == 400
    for run in found.runs:
        kinds = [item.kind for item in run.invocations]
        assert kinds == [InvocationKind.TIMING] * 2 + [InvocationKind.MEMORY]
        assert run.complete
        assert len(run.timing) == run.planned - 1 == 2
    assert {run.session_id for run in found.runs} == {found.runs[0].session_id}
    assert load_runs([tmp_path]) == tuple(
        sorted(found.runs, key=lambda run: (run.started_at, run.run_id))
    )


def test_one_model_with_two_configurations_is_pushed_once(tmp_path: Path) -> None:
    (one,) = cells("a")
    two = Cell(artifact=one.artifact, config=BenchmarkConfig(invocations=1, num_threads=4))
    _, workspace = session(tmp_path, [one, two], FakeDevice())
    assert workspace.ensured == ["benchmark_model", "a.tflite"]


def test_numbers_of_a_failed_invocation_are_not_recorded(tmp_path: Path) -> None:
    """A failed measured run still prints timings, then exits 1: exit code first, then numbers."""
    device = FakeDevice(lambda argv: answer(OUTPUT + "ERROR: Benchmarking failed.\n", exit_code=1))
    found, _ = session(tmp_path, cells("a"), device)
    (run,) = found.runs
    (only,) = run.invocations
    assert only.status is Status.FAILED
    assert only.problem
    assert only.latency is None
    assert only.init_us is None
    assert (tmp_path / run.run_id / f"{only.log}.stdout").read_text().startswith("INFO: STARTING!")


def test_a_model_that_fails_at_once_does_not_cost_its_siblings_theirs(tmp_path: Path) -> None:
    def respond(argv: Sequence[str]) -> CapturedProcess:
        bad = any("/bad." in flag for flag in argv)
        return answer("ERROR: Failed to load model\n", exit_code=1) if bad else answer()

    device = FakeDevice(respond)
    found, _ = session(tmp_path, cells("bad", "good"), device)
    bad, good = found.runs
    assert (len(bad.invocations), len(good.timing)) == (1, 2)
    assert bad.complete  # nothing was cut short; its findings tell of the failure
    assert good.complete


def test_a_late_failure_is_one_lost_sample_not_the_end(tmp_path: Path) -> None:
    calls = iter([answer(), answer("", exit_code=None, signal=9), answer(), answer()])
    device = FakeDevice(lambda argv: next(calls))
    found, _ = session(tmp_path, cells("a", invocations=3), device)
    statuses = [item.status for item in found.runs[0].invocations]
    assert statuses == [Status.OK, Status.CRASHED, Status.OK, Status.OK]


def test_a_lost_device_keeps_the_records_and_says_so(tmp_path: Path) -> None:
    calls = iter([answer(), answer(), answer()])

    def respond(argv: Sequence[str]) -> CapturedProcess:
        try:
            return next(calls)
        except StopIteration:
            raise DeviceOfflineError("the cable was pulled") from None

    found, _ = session(tmp_path, cells("a", "b"), FakeDevice(respond))
    assert isinstance(found.interrupted_by, DeviceOfflineError)
    assert [len(run.invocations) for run in found.runs] == [1, 2]
    assert not any(run.complete for run in found.runs)
    assert {run.run_id for run in load_runs([tmp_path])} == {run.run_id for run in found.runs}


def test_a_run_without_a_record_leaves_no_file(tmp_path: Path) -> None:
    def respond(argv: Sequence[str]) -> CapturedProcess:
        raise DeviceOfflineError("gone before the first invocation")

    found, _ = session(tmp_path, cells("a", "b"), FakeDevice(respond))
    assert len(found.runs) == 2
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_records_and_is_raised_on(tmp_path: Path) -> None:
    calls = iter([answer()])

    def respond(argv: Sequence[str]) -> CapturedProcess:
        try:
            return next(calls)
        except StopIteration:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        session(tmp_path, cells("a"), FakeDevice(respond))
    (run,) = load_runs([tmp_path])
    assert len(run.invocations) == 1
    assert not run.complete
    assert run.finished_at is not None


def test_impossible_is_refused_before_the_first_push(tmp_path: Path) -> None:
    chosen = cells("a")
    with pytest.raises(UsageError, match="named twice"):
        session(tmp_path, [*chosen, *chosen], FakeDevice())
    with pytest.raises(UsageError, match="nothing to measure"):
        session(tmp_path, [], FakeDevice())
    assert list(tmp_path.iterdir()) == []


def test_the_mask_goes_through_taskset(tmp_path: Path) -> None:
    device = FakeDevice()
    session(tmp_path, cells("a", cpu_mask="f0"), device, memory=False)
    assert device.ran[0][:3] == ["taskset", "f0", "/ws/benchmark_model"]


def test_a_delegate_that_did_not_apply_is_no_result(tmp_path: Path) -> None:
    text = OUTPUT + (
        "WARN: Though GPU delegate is explicitly applied, the model graph will not be executed by the"
        " delegate.\n"
    )
    device = FakeDevice(lambda argv: answer(text))
    found, _ = session(tmp_path, cells("a", delegate=Delegate(kind=DelegateKind.GPU)), device)
    (only,) = found.runs[0].invocations
    assert only.status is Status.INVALID
    assert only.latency is None
