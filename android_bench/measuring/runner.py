"""The measuring loop on one device: push once, then invocations in the order of the plan.

Each record is on disk before the next invocation begins. A session that was cut short can be taken up
again: what is recorded is not measured twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from android_bench.analysis.stats import precise_enough
from android_bench.analysis.summary import summarise
from android_bench.benchmark_model import startup_modes
from android_bench.config import StartupMode
from android_bench.errors import DeviceError
from android_bench.measuring import plan, preparation
from android_bench.measuring.invocation import Bench, Placement
from android_bench.measuring.pending import end_noted_job
from android_bench.measuring.plan import Step
from android_bench.measuring.preparation import Cell, Demands, Observer
from android_bench.results import BenchmarkRun, Invocation, InvocationKind, Status
from android_bench.store import RunWriter

# For a folder to be removed; a device that was just lost is not waited for.
_SWEEP_S = 5.0


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
    placement: Placement
    modes: tuple[StartupMode, ...]
    stopped: bool = False
    given_up: set[tuple[InvocationKind, bool]] = field(default_factory=set)

    def missing(self) -> int:
        """How many steps of the plan are not on record; at least one while a precision may ask for more."""
        config = self.cell.config
        steps = [Step(lane=0, round=1, kind=InvocationKind.TIMING)] * config.invocations
        steps += plan.disturbing_steps([config], [self.modes], first_round=1)
        made = Counter(plan.done_key(item) for item in self.writer.run.invocations)
        left = (Counter(step.key for step in steps) - made).total()
        return left if config.precision is None else max(left, 1)

    def finish(self, *, complete: bool) -> None:
        """Write the run. A precision that was reached, or given up for the budget, makes the plan what
        was done; of what was cut short it is that and what is missing.
        """
        done, missing = len(self.writer.run.invocations), self.missing()
        if complete or not missing:
            self.writer.finish(complete=True, planned=None if self.stopped else done)
        else:
            self.writer.finish(complete=False, planned=None if self.stopped else done + missing)

    def skips(self, step: Step) -> bool:
        """Whether a step is not worth making: its like has failed before."""
        return self.stopped or (step.kind, _is_cached(step)) in self.given_up

    def learn(self, record: Invocation) -> None:
        """Draw the conclusions of a record that does not count."""
        if record.status is Status.OK:
            return
        if record.kind is not InvocationKind.TIMING:
            self.given_up.add((record.kind, _is_cached(record)))
        elif not self.writer.run.of_kind(InvocationKind.TIMING):
            self.stopped = True


def _is_cached(one: Step | Invocation) -> bool:
    """Start-ups with a cache are a kind of their own: a build may know none."""
    return one.startup in {StartupMode.COLD, StartupMode.WARM}


def measure(
    bench: Bench,
    cells: Sequence[Cell],
    *,
    results: Path,
    observer: Observer,
    demands: Demands,
) -> Session:
    """Measure all cells on one device and write a run for each under ``results``.

    A cell whose first invocation gives no result is not tried again: its failure is recorded and the
    others go on. When the device is lost, what was recorded stays and the session says so; on Ctrl-C as
    well, and it is raised on.

    Raises:
        DeviceError: the device failed before the first invocation (push, disk full).
    """
    configs = [cell.config for cell in cells]
    modes = [startup_modes(one.delegate.kind, bench.binary.info.flavor) for one in configs]
    preparation.announce(bench, configs, modes, observer, demands)
    pushed = preparation.push_binary(bench, observer)
    placements, models_pushed = preparation.place(bench.workspace, cells, observer)
    pushed += models_pushed
    with _scratch(bench):
        writers = preparation.writers(bench, cells, modes, results, demands)
        lanes = [
            _Lane(cell, writer, placement, known)
            for cell, writer, placement, known in zip(
                cells, writers, placements, modes, strict=True
            )
        ]
        cause = _run_all(bench, lanes, observer, demands)
    runs = tuple(lane.writer.run for lane in lanes)
    return Session(runs=runs, pushed_bytes=pushed, interrupted_by=cause)


@contextmanager
def _scratch(bench: Bench) -> Iterator[None]:
    """The session's folder on the device; gone when the session ends, however it ends.

    A device that is away keeps it until a later session sweeps what is stale.
    """
    bench.device.run(["mkdir", "-p", bench.scratch], check=True)
    try:
        yield
    finally:
        with suppress(DeviceError):
            bench.device.run(["rm", "-rf", bench.scratch], timeout_s=_SWEEP_S)


def _run_all(
    bench: Bench, lanes: Sequence[_Lane], observer: Observer, demands: Demands
) -> DeviceError | None:
    """Make every invocation of the plan; always leave finished run files behind, and no empty ones."""
    for lane in lanes:
        for record in lane.writer.run.invocations:
            lane.learn(record)
    remaining = plan.Remaining.of([lane.writer.run.invocations for lane in lanes])
    steps = _Steps(lanes, demands)
    complete = False
    try:
        for lane in lanes:
            end_noted_job(lane.writer.folder, bench.device)
        for step in steps:
            lane = lanes[step.lane]
            if remaining.is_done(step) or lane.skips(step):
                continue
            if demands.cancelled():
                return None
            cell = lane.cell
            observer.started(cell.label, steps.made, steps.expected)
            record = bench.invoke(step, cell.artifact, cell.config, lane.placement, lane.writer)
            lane.writer.add(record)
            lane.learn(record)
            observer.finished(cell.label, record)
        complete = True
    except DeviceError as error:
        return error
    finally:
        for lane in lanes:
            lane.finish(complete=complete)
    return None


@dataclass(slots=True)
class _Steps:
    """The steps of a session in order; rounds go on while a precision asks for them."""

    lanes: Sequence[_Lane]
    demands: Demands
    clock: Callable[[], float] = time.monotonic
    made: int = 0
    expected: int = 0

    def __iter__(self) -> Iterator[Step]:
        configs = [lane.cell.config for lane in self.lanes]
        first, last = plan.first_rounds(configs), plan.last_round(configs)
        disturbing = plan.disturbing_steps(
            configs, [lane.modes for lane in self.lanes], first_round=last + 1
        )
        began = self.clock()
        self.expected = sum(config.invocations for config in configs) + len(disturbing)
        for number in range(1, last + 1):
            spent = self.demands.budget_s and self.clock() - began >= self.demands.budget_s
            if number > first and (spent or self._precise()):
                break
            steps = list(plan.timing_round(number, configs))
            if number > first:
                self.expected += len(steps)
            yield from self._counted(steps)
        yield from self._counted(disturbing)

    def _counted(self, steps: Sequence[Step]) -> Iterator[Step]:
        for step in steps:
            self.made += 1
            yield step

    def _precise(self) -> bool:
        """Whether every run that can still give a result is known as precisely as was asked."""
        return all(
            lane.stopped
            or lane.cell.config.precision is None
            or precise_enough(summarise(lane.writer.run).samples_us, lane.cell.config.precision)
            for lane in self.lanes
        )
