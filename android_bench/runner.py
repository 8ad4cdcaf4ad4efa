"""The measuring loop: push once, then invocations interleaved over everything compared.

Round 1 goes A B C, round 2 goes C B A, and so on, so that heat and drift hit every side alike. Memory
is measured after all timing, in invocations of its own, because the monitoring disturbs the clock. Each
record is on disk before the next invocation begins.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from android_bench import __version__
from android_bench.benchmark_model import command_flags
from android_bench.binaries import ResolvedBinary
from android_bench.config import BenchmarkConfig
from android_bench.device import Device
from android_bench.errors import DeviceError, UsageError
from android_bench.reading import read_output
from android_bench.results import (
    BenchmarkRun,
    Conditions,
    DeviceInfo,
    Invocation,
    InvocationKind,
    Status,
)
from android_bench.store import RunWriter, new_run_id, utc_now
from android_bench.workspace import Workspace
from optimizer.artifact import Artifact

# On top of what benchmark_model may take by its own flags: loading the model and its delegate.
STARTUP_ALLOWANCE_S = 120.0


class Observer(Protocol):
    """Told what happens, for a progress bar or a log."""

    def pushing(self, name: str, done: int, total: int) -> None:
        """Bytes of a file that went to the device."""

    def started(self, label: str, step: int, steps: int) -> None:
        """An invocation begins; ``step`` counts from 1."""

    def finished(self, label: str, invocation: Invocation) -> None:
        """An invocation has ended and is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One artifact with one configuration: what becomes a run."""

    artifact: Artifact
    config: BenchmarkConfig

    @property
    def label(self) -> str:
        """The cell's name in progress and messages."""
        return f"{self.artifact.name} ({self.config.label})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a session left: its runs, the bytes it pushed, and what cut it short if anything did."""

    runs: tuple[BenchmarkRun, ...]
    pushed_bytes: int
    interrupted_by: DeviceError | None = None


@dataclass(slots=True)
class _Lane:
    """A cell while it is measured. ``stopped`` is set when going on cannot give a result."""

    cell: Cell
    writer: RunWriter
    remote_model: str
    stopped: bool = False


@dataclass(slots=True)
class _Bench:
    """The device side of a session: what every invocation needs."""

    device: Device
    binary: ResolvedBinary
    binary_argv: tuple[str, ...]
    timeout_s: float | None
    conditions: Conditions | None = None
    lanes: list[_Lane] = field(default_factory=list)


def measure(
    device: Device,
    workspace: Workspace,
    binary: ResolvedBinary,
    cells: Sequence[Cell],
    *,
    device_info: DeviceInfo,
    results: Path,
    observer: Observer,
    memory: bool = True,
    timeout_s: float | None = None,
) -> Session:
    """Measure all cells on one device and write a run for each under ``results``.

    Impossible combinations are refused before anything is pushed. A cell whose first invocation gives
    no result is not tried again: its failure is recorded and the others go on. When the device is
    lost, what was recorded stays and the session says so; on Ctrl-C as well, and it is raised on.

    Raises:
        UsageError: a cell asks for what the binary cannot do, or two cells are the same.
        DeviceError: the device failed before the first invocation (push, disk full).
    """
    _refuse_impossible(cells, binary, memory=memory)
    argv, pushed = _push_binary(workspace, binary, observer)
    bench = _Bench(device=device, binary=binary, binary_argv=argv, timeout_s=timeout_s)
    remote = {}
    for artifact in {cell.artifact.sha256: cell.artifact for cell in cells}.values():
        placed = workspace.ensure(
            artifact.path,
            sha256=artifact.sha256,
            progress=partial(observer.pushing, artifact.name),
        )
        remote[artifact.sha256] = placed.remote_path
        pushed += placed.pushed_bytes
    session_id = new_run_id(device_info.label)
    for cell in cells:
        run = _empty_run(cell, session_id, device_info, binary, memory=memory)
        bench.lanes.append(
            _Lane(
                cell=cell, writer=RunWriter(results, run), remote_model=remote[cell.artifact.sha256]
            )
        )
    cause = _run_all(bench, observer, memory=memory)
    runs = tuple(lane.writer.run for lane in bench.lanes)
    return Session(runs=runs, pushed_bytes=pushed, interrupted_by=cause)


def _run_all(bench: _Bench, observer: Observer, *, memory: bool) -> DeviceError | None:
    """Make every invocation of the plan; always leave finished run files behind, and no empty ones."""
    plan = list(_plan(bench.lanes, memory=memory))
    complete = False
    try:
        for step, (round_number, kind, lane) in enumerate(plan, 1):
            if lane.stopped:
                continue
            observer.started(lane.cell.label, step, len(plan))
            invocation = _invoke(bench, lane, round_number, kind)
            lane.writer.add(invocation)
            lane.stopped = invocation.status is not Status.OK and not lane.writer.run.timing
            observer.finished(lane.cell.label, invocation)
        complete = True
    except DeviceError as error:
        return error
    finally:
        for lane in bench.lanes:
            done = len(lane.writer.run.invocations) == lane.writer.run.planned
            lane.writer.finish(complete=complete or done)
    return None


def _plan(lanes: Sequence[_Lane], *, memory: bool) -> Iterator[tuple[int, InvocationKind, _Lane]]:
    """Yield every invocation in the order it is made: timing forth and back, then memory."""
    rounds = max(lane.cell.config.invocations for lane in lanes)
    for number in range(1, rounds + 1):
        ordered = lanes if number % 2 else list(reversed(lanes))
        for lane in ordered:
            if number <= lane.cell.config.invocations:
                yield number, InvocationKind.TIMING, lane
    if memory:
        for lane in lanes:
            yield rounds + 1, InvocationKind.MEMORY, lane


def _invoke(bench: _Bench, lane: _Lane, round_number: int, kind: InvocationKind) -> Invocation:
    """Run benchmark_model once and make a record of it, whatever it did."""
    config = lane.cell.config
    argv = [*bench.binary_argv, *_flags(config, lane.remote_model, kind, bench.binary)]
    if config.cpu_mask is not None:
        argv = ["taskset", config.cpu_mask, *argv]
    before = bench.conditions or bench.device.read_conditions()
    started_at = utc_now()
    captured = bench.device.capture(argv, timeout_s=bench.timeout_s or _bound_s(config))
    # What holds after one invocation holds before the next: one reading serves both.
    after = bench.conditions = bench.device.read_conditions()
    index = len(lane.writer.run.invocations) + 1
    log = lane.writer.log(
        f"{index:04d}.{kind.value}", stdout=captured.stdout, stderr=captured.stderr
    )
    outcome = read_output(
        captured.stdout,
        captured.stderr,
        exit_code=captured.exit_code,
        signal=captured.signal,
        timed_out=captured.timed_out,
        config=config,
    )
    return Invocation(
        index=index,
        round=round_number,
        kind=kind,
        exit_code=captured.exit_code,
        command=shlex.join(argv),
        started_at=started_at,
        wall_s=captured.wall_s,
        log=log,
        before=before,
        after=after,
        **outcome,
    )


def _flags(
    config: BenchmarkConfig, graph: str, kind: InvocationKind, binary: ResolvedBinary
) -> list[str]:
    return command_flags(config, graph=graph, kind=kind, flavor=binary.info.flavor)


def _bound_s(config: BenchmarkConfig) -> float:
    """The longest an invocation may take: ``max_secs`` bounds the warm-up and the measurement each."""
    return STARTUP_ALLOWANCE_S + 2 * config.max_s


def _refuse_impossible(cells: Sequence[Cell], binary: ResolvedBinary, *, memory: bool) -> None:
    """Raise UsageError for the first cell that cannot be measured as asked."""
    if not cells:
        raise UsageError("There is nothing to measure.", hint="Name at least one .tflite file.")
    seen: dict[tuple[str, str, str], Cell] = {}
    for cell in cells:
        identity = (cell.artifact.name, cell.artifact.sha256, repr(cell.config))
        if identity in seen:
            raise UsageError(f"{cell.label} is named twice.", hint="Name each model once.")
        seen[identity] = cell
        kinds = [InvocationKind.TIMING] + [InvocationKind.MEMORY] * memory
        for kind in kinds:
            _flags(cell.config, "model.tflite", kind, binary)


def _push_binary(
    workspace: Workspace, binary: ResolvedBinary, observer: Observer
) -> tuple[tuple[str, ...], int]:
    """Bring the binary to the device if it is a file; return how it is called and the bytes pushed."""
    if binary.path is None:
        return binary.argv_prefix, 0
    placed = workspace.ensure(
        binary.path,
        sha256=binary.info.sha256,
        executable=True,
        progress=partial(observer.pushing, "benchmark_model"),
    )
    return (placed.remote_path,), placed.pushed_bytes


def _empty_run(
    cell: Cell, session_id: str, device: DeviceInfo, binary: ResolvedBinary, *, memory: bool
) -> BenchmarkRun:
    return BenchmarkRun(
        run_id=new_run_id(cell.artifact.name, device.label, cell.config.label),
        session_id=session_id,
        started_at=utc_now(),
        tool_version=__version__,
        artifact=cell.artifact,
        device=device,
        config=cell.config,
        binary=binary.info,
        planned=cell.config.invocations + int(memory),
        complete=False,
    )
