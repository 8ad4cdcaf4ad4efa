"""The measuring loop over a fake device: order, records, and what happens when things break.

The real loop over a real adbd and the real benchmark_model is in tests/lab.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from android_bench.analysis.summary import summarise
from android_bench.binaries.resolve import ResolvedBinary
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind, StartupMode
from android_bench.device.detached import CapturedProcess
from android_bench.device.workspace import Placed
from android_bench.errors import DeviceOfflineError, UsageError
from android_bench.measuring.invocation import Bench
from android_bench.measuring.pending import noted_job
from android_bench.measuring.preparation import Cell, Demands, refuse_impossible
from android_bench.measuring.resume import find_interrupted, unfinished_order
from android_bench.measuring.runner import Session, measure
from android_bench.results import (
    BenchmarkRun,
    BinaryInfo,
    Conditions,
    DeviceInfo,
    Invocation,
    InvocationKind,
    Side,
    Status,
)
from android_bench.store import RunWriter, load_runs, new_order_id, session_id_of
from android_bench.transport.base import ShellResult
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
    asked: list[list[str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    listed: str = "weights\n"

    def read_conditions(self) -> Conditions:
        return Conditions(taken_at="2026-11-23T10:00:00.000Z", battery_level_pct=80)

    root = "/data/local/tmp/android-bench"
    patience_s = 0.0

    def capture(self, argv: Sequence[str], **_: Any) -> CapturedProcess:
        self.ran.append(list(argv))
        return self.respond(argv)

    def run(self, argv: Sequence[str], **_: Any) -> ShellResult:
        self.asked.append(list(argv))
        return ShellResult(command=" ".join(argv), exit_code=0, stdout=self.listed)

    def end_job(self, name: str) -> None:
        self.ended.append(name)

    @property
    def transport(self) -> FakeDevice:
        return self

    def shell(self, command: str) -> ShellResult:
        return self.run([command])


@dataclass
class FakeWorkspace:
    ensured: list[str] = field(default_factory=list)

    def ensure(self, path: Path, **_: Any) -> Placed:
        self.ensured.append(path.name)
        return Placed(remote_path=f"/ws/{path.name}", pushed_bytes=100)


class Silent:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.said: list[str] = []

    def for_device(self, name: str) -> Silent:
        return self

    def planned(self, device: str, steps: int, seconds: float, *, at_most: bool) -> None:
        self.said.append(f"{steps} in {seconds:.1f} s, at most {at_most}")

    def told(self, message: str) -> None:
        self.said.append(message)

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
    tmp_path: Path,
    chosen: list[Cell],
    device: FakeDevice,
    *,
    observer: Silent | None = None,
    **demands: Any,
) -> tuple[Session, FakeWorkspace]:
    workspace = FakeWorkspace()
    binary = ResolvedBinary(path=Path("benchmark_model"), argv_prefix=(), info=examples.BINARY)
    wanted = Demands(**demands)
    refuse_impossible(chosen, binary, wanted)
    bench = Bench(
        device=cast("Any", device),
        workspace=cast("Any", workspace),
        info=examples.PHONE,
        binary=binary,
        binary_argv=(),
        scratch="/scratch",
    )
    found = measure(bench, chosen, results=tmp_path, observer=observer or Silent(), demands=wanted)
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


def test_a_flag_that_only_a_cold_start_repeats_is_refused_before_the_first_push(
    tmp_path: Path,
) -> None:
    flags = ("--xnnpack_weight_cache_file_path=/mine",)
    with pytest.raises(UsageError, match="repeats --xnnpack_weight_cache_file_path"):
        session(tmp_path, cells("a", startup_rounds=1, extra_flags=flags), FakeDevice())
    assert list(tmp_path.iterdir()) == []


def test_the_mask_goes_through_taskset(tmp_path: Path) -> None:
    device = FakeDevice()
    session(tmp_path, cells("a", cpu_mask="f0", memory_invocations=0), device)
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


# Precision, budget


def mean_output(mean_us: float) -> str:
    return OUTPUT.replace("avg=2942.27", f"avg={mean_us:g}")


def test_a_precision_goes_on_until_every_interval_is_narrow_enough(tmp_path: Path) -> None:
    noisy = itertools.cycle([2900, 3100])
    calls = itertools.count()

    def respond(argv: Sequence[str]) -> CapturedProcess:
        settled = next(calls) >= 24
        return answer(mean_output(3000 if settled else next(noisy)))

    chosen = cells("a", "b", invocations=6, precision=0.01, memory_invocations=0)
    observer = Silent()
    found, _ = session(tmp_path, chosen, FakeDevice(respond), observer=observer)
    counts = [len(run.timing) for run in found.runs]
    assert counts[0] == counts[1]
    assert 6 < counts[0] < 60
    for run in found.runs:
        assert run.complete
        assert run.planned == len(run.invocations)
        interval = summarise(run).latency
        assert interval is not None
        assert interval.high is not None
        assert interval.high - interval.estimate <= 0.01 * interval.estimate
    assert "at most False" in observer.said[0]


def test_a_precision_that_is_never_reached_ends_at_its_most(tmp_path: Path) -> None:
    noisy = itertools.cycle([2700, 4000, 3000])
    chosen = cells("a", invocations=6, precision=0.01, max_invocations=9, memory_invocations=1)
    device = FakeDevice(lambda argv: answer(mean_output(next(noisy))))
    found, _ = session(tmp_path, chosen, device)
    assert len(found.runs[0].timing) == 9
    assert found.runs[0].invocations[-1].kind is InvocationKind.MEMORY
    assert found.runs[0].complete


def test_a_spent_budget_ends_what_a_precision_still_asks_for(tmp_path: Path) -> None:
    noisy = itertools.cycle([2700, 4000, 3000])
    chosen = cells("a", invocations=6, precision=0.01)
    device = FakeDevice(lambda argv: answer(mean_output(next(noisy))))
    found, _ = session(tmp_path, chosen, device, budget_s=1e-9)
    assert len(found.runs[0].timing) == 6


def test_a_precise_run_needs_no_more_than_the_least(tmp_path: Path) -> None:
    found, _ = session(tmp_path, cells("a", invocations=6, precision=0.01), FakeDevice())
    assert len(found.runs[0].timing) == 6


# Start-up, profiles


def startup_of(run: BenchmarkRun) -> list[tuple[StartupMode | None, Status]]:
    return [
        (item.startup, item.status)
        for item in run.invocations
        if item.kind is InvocationKind.STARTUP
    ]


def test_start_ups_are_told_apart_and_the_cold_one_finds_an_empty_cache(tmp_path: Path) -> None:
    device = FakeDevice()
    found, _ = session(tmp_path, cells("a", startup_rounds=2, memory_invocations=0), device)
    ok = [(mode, Status.OK) for mode in StartupMode]
    assert startup_of(found.runs[0]) == ok * 2
    weights = [
        any("--xnnpack_weight_cache_file_path=/scratch/" in flag for flag in argv)
        for argv in device.ran[2:]
    ]
    assert weights == [False, True, True] * 2
    assert ["--use_xnnpack=true" in argv for argv in device.ran[2:]] == [False, True, True] * 2
    emptied = [words for words in device.asked if words[0].startswith("rm -rf /scratch/")]
    assert len(emptied) == 2


def test_a_cold_start_that_fills_no_cache_is_none_and_is_not_tried_again(tmp_path: Path) -> None:
    device = FakeDevice(listed="")
    found, _ = session(tmp_path, cells("a", startup_rounds=3), device)
    assert startup_of(found.runs[0]) == [
        (StartupMode.NO_CACHE, Status.OK),
        (StartupMode.COLD, Status.INVALID),
        (StartupMode.NO_CACHE, Status.OK),
        (StartupMode.NO_CACHE, Status.OK),
    ]
    assert "left nothing in its cache" in str(found.runs[0].invocations[3].problem)
    assert found.runs[0].invocations[-1].kind is InvocationKind.MEMORY
    assert found.runs[0].complete


def test_a_delegate_without_a_cache_starts_without_one_only(tmp_path: Path) -> None:
    chosen = cells("a", startup_rounds=2, delegate=Delegate(kind=DelegateKind.NO_XNNPACK))
    found, _ = session(tmp_path, chosen, FakeDevice())
    assert startup_of(found.runs[0]) == [(StartupMode.NO_CACHE, Status.OK)] * 2
    assert found.runs[0].planned == len(found.runs[0].invocations)


def test_a_profile_invocation_without_a_profile_is_no_result(tmp_path: Path) -> None:
    found, _ = session(tmp_path, cells("a", profile_invocations=1), FakeDevice())
    (profile,) = [item for item in found.runs[0].invocations if item.kind is InvocationKind.PROFILE]
    assert profile.status is Status.INVALID
    assert "no operator profile" in str(profile.problem)


# Resume


def test_an_interrupted_session_goes_on_where_it_stopped(tmp_path: Path) -> None:
    calls = iter([answer()] * 3)

    def respond(argv: Sequence[str]) -> CapturedProcess:
        try:
            return next(calls)
        except StopIteration:
            raise DeviceOfflineError("the cable was pulled") from None

    chosen = cells("a", "b")
    first, _ = session(tmp_path, chosen, FakeDevice(respond))
    assert first.interrupted_by is not None
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text("damaged")
    earlier = find_interrupted(tmp_path, chosen, examples.PHONE, examples.BINARY)
    assert earlier is not None
    (tmp_path / "other" / "run.json").unlink()
    device = FakeDevice()
    second, _ = session(tmp_path, chosen, device, resume_from=earlier.files)
    assert graphs(device) == "a" + "ab"  # the second round's other half, then memory
    assert [run.run_id for run in second.runs] == [run.run_id for run in first.runs]
    for run in second.runs:
        assert [item.index for item in run.invocations] == [1, 2, 3]
        assert run.complete
        assert len(run.timing) == 2
    assert load_runs([tmp_path]) == tuple(
        sorted(second.runs, key=lambda run: (run.started_at, run.run_id))
    )
    assert find_interrupted(tmp_path, chosen, examples.PHONE, examples.BINARY) is None
    assert len(device.ended) == 1  # what may still run there from before is ended first


@pytest.mark.parametrize(
    ("device", "binary"),
    [
        (replace(examples.PHONE, serial="other"), examples.BINARY),
        (examples.PHONE, replace(examples.BINARY, sha256="c" * 64)),
    ],
)
def test_another_device_or_binary_is_not_gone_on_with(
    tmp_path: Path, device: DeviceInfo, binary: BinaryInfo
) -> None:
    def respond(argv: Sequence[str]) -> CapturedProcess:
        raise KeyboardInterrupt

    calls = iter([answer()])
    fake = FakeDevice(lambda argv: next(calls, None) or respond(argv))
    with pytest.raises(KeyboardInterrupt):
        session(tmp_path, cells("a"), fake)
    assert find_interrupted(tmp_path, cells("a"), examples.PHONE, examples.BINARY) is not None
    assert find_interrupted(tmp_path, cells("a"), device, binary) is None
    assert find_interrupted(tmp_path, cells("a", num_threads=2), examples.PHONE, binary) is None


def test_a_killed_process_leaves_a_session_to_go_on_with(tmp_path: Path) -> None:
    """No run file is finished then: the records stand in the stream."""
    found, _ = session(tmp_path, cells("a"), FakeDevice())
    (run,) = found.runs
    writer = RunWriter.reopen(tmp_path / run.run_id / "run.json")
    with noted_job(writer.folder, cast("Any", FakeDevice())) as job:
        interrupted = find_interrupted(tmp_path, cells("a"), examples.PHONE, examples.BINARY)
        assert interrupted is not None
        device = FakeDevice()
        again, _ = session(tmp_path, cells("a"), device, resume_from=interrupted.files)
        assert device.ended == [job.name]
        (tmp_path / run.run_id / "pending").touch()
    assert device.ran == []
    assert again.runs[0].complete
    assert again.runs[0].invocations == run.invocations


def test_a_reason_that_stays_is_told_once(tmp_path: Path) -> None:
    """Battery saver does not pass by itself: the wait ends at once, before each invocation."""
    saving = replace(FakeDevice().read_conditions(), power_save=True)
    device = FakeDevice()
    device.read_conditions = lambda: saving  # type: ignore[method-assign]
    said: list[str] = []
    binary = ResolvedBinary(path=None, argv_prefix=("benchmark_model",), info=examples.BINARY)
    bench = Bench(
        device=cast("Any", device),
        workspace=cast("Any", FakeWorkspace()),
        info=examples.PHONE,
        binary=binary,
        binary_argv=binary.argv_prefix,
        scratch="/scratch",
        wait_cool_s=60.0,
        tell=said.append,
    )
    measure(bench, cells("a"), results=tmp_path, observer=Silent(), demands=Demands())
    assert len(said) == 1
    assert "battery saver is on" in said[0]


def test_both_sides_of_a_comparison_are_neighbours_and_told_apart(tmp_path: Path) -> None:
    (old,) = cells("m", memory_invocations=0)
    new = replace(old, artifact=replace(old.artifact, sha256="b" * 64), side=Side.CANDIDATE)
    same = replace(old, side=Side.CANDIDATE)
    found, _ = session(tmp_path, [replace(old, side=Side.BASELINE), new, same], FakeDevice())
    assert [run.side for run in found.runs] == [Side.BASELINE, Side.CANDIDATE, Side.CANDIDATE]
    folders = sorted(path.name for path in tmp_path.iterdir())
    assert folders == ["baseline", "candidate"]
    assert len({run.session_id for run in found.runs}) == 1
    assert find_interrupted(tmp_path, [same], examples.PHONE, examples.BINARY) is None


def interrupted_after(count: int) -> FakeDevice:
    """A device that is lost at the invocation after so many."""
    calls = itertools.count()
    noisy = itertools.cycle([2700, 4000, 3000])

    def respond(argv: Sequence[str]) -> CapturedProcess:
        if next(calls) >= count:
            raise DeviceOfflineError("the cable was pulled")
        return answer(mean_output(next(noisy)))

    return FakeDevice(respond)


@pytest.mark.parametrize("after", [7, 8, 9])
def test_a_precision_that_was_interrupted_is_never_whole(tmp_path: Path, after: int) -> None:
    """Seven records are as many as were planned at first, and say nothing of what is missing."""
    chosen = cells("a", invocations=6, precision=0.01, max_invocations=12)
    found, _ = session(tmp_path, chosen, interrupted_after(after))
    (run,) = found.runs
    assert len(run.invocations) == after
    assert not run.complete
    assert run.planned > after
    earlier = find_interrupted(tmp_path, chosen, examples.PHONE, examples.BINARY)
    assert earlier is not None
    again, _ = session(tmp_path, chosen, interrupted_after(99), resume_from=earlier.files)
    assert again.runs[0].complete
    assert (len(again.runs[0].timing), again.runs[0].planned) == (12, 13)


def test_a_warm_start_is_never_made_without_the_cold_one_that_filled_its_cache(
    tmp_path: Path,
) -> None:
    chosen = cells("a", invocations=1, startup_rounds=2, memory_invocations=0)
    session(tmp_path, chosen, interrupted_after(3))  # timing, no-cache, cold
    earlier = find_interrupted(tmp_path, chosen, examples.PHONE, examples.BINARY)
    assert earlier is not None
    found, _ = session(tmp_path, chosen, FakeDevice(), resume_from=earlier.files)
    modes = [mode for mode, _ in startup_of(found.runs[0])]
    no, cold, warm = StartupMode
    assert modes == [no, cold, cold, warm, no, cold, warm]
    assert found.runs[0].complete
    assert found.runs[0].planned == len(found.runs[0].invocations)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError("disk full"), DeviceOfflineError("gone"), None]
)
def test_the_sessions_folder_on_the_device_goes_however_it_ends(
    tmp_path: Path, error: BaseException | None
) -> None:
    def respond(argv: Sequence[str]) -> CapturedProcess:
        if error is not None:
            raise error
        return answer()

    device = FakeDevice(respond)
    with suppress(KeyboardInterrupt, OSError):
        session(tmp_path, cells("a"), device)
    assert ["mkdir", "-p", "/scratch"] in device.asked
    assert device.asked[-1] == ["rm", "-rf", "/scratch"]


def test_folders_of_runs_go_again_when_not_all_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = RunWriter.create, itertools.count()

    def create(results: Path, run: BenchmarkRun) -> RunWriter:
        if next(made) == 2:
            raise OSError("disk full")
        return real(results, run)

    monkeypatch.setattr(RunWriter, "create", create)
    with pytest.raises(OSError, match="disk full"):
        session(tmp_path, cells("a", "b", "c"), FakeDevice())
    assert list(tmp_path.iterdir()) == []


def test_a_whole_session_counts_when_its_order_is_unfinished_elsewhere(tmp_path: Path) -> None:
    """Two devices, one of them lost before it began: the other is not measured again."""
    chosen = cells("a")
    order = new_order_id()
    session(tmp_path, chosen, FakeDevice(), session_id=session_id_of(order, "One"))
    places = (examples.PHONE, examples.BINARY)
    assert find_interrupted(tmp_path, chosen, *places) is None
    found = find_interrupted(tmp_path, chosen, *places, devices=2)
    assert found is not None
    assert (found.files, len(found.done)) == ((), 1)
    assert unfinished_order(tmp_path, chosen, devices=2) == order
    assert find_interrupted(tmp_path, chosen, *places, order_id=order) == found
    assert find_interrupted(tmp_path, chosen, *places, order_id=new_order_id()) is None
    session(tmp_path, chosen, FakeDevice(), session_id=session_id_of(order, "Two"))
    assert find_interrupted(tmp_path, chosen, *places, devices=2) is None
    assert unfinished_order(tmp_path, chosen, devices=2) is None
