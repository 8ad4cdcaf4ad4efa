"""What comes before the first invocation: refusing, announcing, bringing files, opening the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from android_bench import __version__
from android_bench.benchmark_model import InputTensor, command_flags, startup_modes
from android_bench.binaries.resolve import ResolvedBinary
from android_bench.config import BenchmarkConfig, StartupMode
from android_bench.device.workspace import Placed, Workspace
from android_bench.errors import UsageError
from android_bench.measuring import plan
from android_bench.measuring.invocation import Bench, Placement
from android_bench.measuring.numerics import NumericsInputs
from android_bench.results import BenchmarkRun, Invocation, InvocationKind, Side
from android_bench.store import RunWriter, new_run_id, utc_now
from optimizer.artifact import Artifact


class Observer(Protocol):
    """Told what happens, for a progress bar or a log."""

    def for_device(self, name: str) -> Observer:
        """An observer of one of several devices that are measured at once."""

    def planned(self, device: str, steps: int, seconds: float, *, at_most: bool) -> None:
        """How many invocations there will be and how long they take at least; more if not ``at_most``."""

    def pushing(self, name: str, done: int, total: int) -> None:
        """Bytes of a file that went to the device."""

    def started(self, label: str, step: int, steps: int) -> None:
        """An invocation begins; ``step`` counts from 1."""

    def finished(self, label: str, invocation: Invocation) -> None:
        """An invocation has ended and is recorded."""

    def told(self, message: str) -> None:
        """Something a person wants to know while it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One artifact with one configuration: what becomes a run."""

    artifact: Artifact
    config: BenchmarkConfig
    side: Side | None = None

    @property
    def label(self) -> str:
        """The cell's name in progress and messages."""
        side = f"{self.side.value}, " if self.side else ""
        return f"{self.artifact.name} ({side}{self.config.label})"

    @property
    def key(self) -> CellKey:
        """What makes two cells the same work."""
        return (self.artifact.name, self.artifact.sha256, self.side, self.config)


CellKey = tuple[str, str, "Side | None", BenchmarkConfig]


def key_of(run: BenchmarkRun) -> CellKey:
    """The key of the cell that a run was made of."""
    return (run.artifact.name, run.artifact.sha256, run.side, run.config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What is asked of a session as a whole, beside its cells. Times in seconds.

    ``budget_s`` ends the timing that a precision still asks for; ``wait_cool_s`` bounds each wait for a
    fit device; ``resume_from`` are interrupted runs to go on with; ``session_id`` is that of a new one.
    """

    budget_s: float | None = None
    wait_cool_s: float | None = None
    inputs: NumericsInputs | None = None
    resume_from: tuple[Path, ...] = ()
    session_id: str | None = None
    cancelled: Callable[[], bool] = lambda: False


def announce(
    bench: Bench,
    configs: Sequence[BenchmarkConfig],
    modes: Sequence[tuple[StartupMode, ...]],
    observer: Observer,
    demands: Demands,
) -> None:
    """Tell how much there is to do before anything is pushed."""
    last = plan.first_rounds(configs)
    steps = [step for number in range(1, last + 1) for step in plan.timing_round(number, configs)]
    steps += plan.disturbing_steps(configs, modes, first_round=last + 1)
    seconds = sum(plan.least_seconds(step, configs[step.lane]) for step in steps)
    adaptive = any(config.precision is not None for config in configs)
    observer.planned(bench.info.label, len(steps), seconds, at_most=not adaptive)
    if demands.wait_cool_s is not None:
        observer.told(f"Each invocation waits up to {demands.wait_cool_s:g} s for a fit device.")


def refuse_impossible(cells: Sequence[Cell], binary: ResolvedBinary, demands: Demands) -> None:
    """Raise UsageError for the first cell that cannot be measured as asked."""
    if not cells:
        raise UsageError("There is nothing to measure.", hint="Name at least one .tflite file.")
    seen: dict[CellKey, Cell] = {}
    for cell in cells:
        config = cell.config
        identity = cell.key
        if identity in seen:
            raise UsageError(f"{cell.label} is named twice.", hint="Name each model once.")
        seen[identity] = cell
        for kind, count in (
            (InvocationKind.TIMING, config.invocations),
            (InvocationKind.MEMORY, config.memory_invocations),
            (InvocationKind.PROFILE, config.profile_invocations),
            (InvocationKind.STARTUP, config.startup_rounds),
            (InvocationKind.NUMERICS, config.numerics_samples),
        ):
            if not count:
                continue
            inputs: tuple[InputTensor, ...] = ()
            if kind is InvocationKind.NUMERICS and demands.inputs is not None:
                demands.inputs.refuse_unusable(cell.artifact, count)
                inputs = tuple(item.at("input") for item in demands.inputs.sample(cell.artifact, 0))
            modes = startup_modes(config.delegate.kind, binary.info.flavor)
            command_flags(
                config,
                graph="model.tflite",
                kind=kind,
                flavor=binary.info.flavor,
                inputs=inputs,
                output="output" if inputs else None,
                cache_folder="cache" if StartupMode.COLD in modes else None,
            )


def place(
    workspace: Workspace, cells: Sequence[Cell], observer: Observer
) -> tuple[list[Placement], int]:
    """Bring the cells' files to the device, each content once; return the bytes pushed as well."""
    there: dict[str, Placed] = {}

    def bring(path: Path, sha256: str, name: str, *, executable: bool = False) -> str:
        if sha256 not in there:
            report = partial(observer.pushing, name)
            there[sha256] = workspace.ensure(
                path, sha256=sha256, executable=executable, progress=report
            )
        return there[sha256].remote_path

    placements = []
    for cell in cells:
        artifact, delegate = cell.artifact, cell.config.delegate
        libraries = {}
        if delegate.library is not None and delegate.library_sha256 is not None:
            path = Path(delegate.library)
            libraries[delegate.library] = bring(
                path, delegate.library_sha256, path.name, executable=True
            )
        model = bring(artifact.path, artifact.sha256, artifact.name)
        placements.append(Placement(model=model, libraries=libraries))
    return placements, sum(one.pushed_bytes for one in there.values())


def push_binary(bench: Bench, observer: Observer) -> int:
    """Bring the binary to the device if it is a file; return the bytes pushed."""
    if bench.binary.path is None:
        return 0
    placed = bench.workspace.ensure(
        bench.binary.path,
        sha256=bench.binary.info.sha256,
        executable=True,
        progress=partial(observer.pushing, "benchmark_model"),
    )
    bench.binary_argv = (placed.remote_path,)
    return placed.pushed_bytes


def writers(
    bench: Bench,
    cells: Sequence[Cell],
    modes: Sequence[tuple[StartupMode, ...]],
    results: Path,
    demands: Demands,
) -> list[RunWriter]:
    """A writer for each cell: of the interrupted run that it goes on with, or of a new one."""
    reopened = [RunWriter.reopen(file) for file in demands.resume_from]
    by_cell = {key_of(one.run): one for one in reopened}
    fresh = demands.session_id or new_run_id(bench.info.label)
    session_id = reopened[0].run.session_id if reopened else fresh
    writers: list[RunWriter] = []
    try:
        for cell, known in zip(cells, modes, strict=True):
            writer = by_cell.get(cell.key)
            if writer is None:
                run = _empty_run(cell, session_id, bench, known)
                folder = results if cell.side is None else results / cell.side.value
                writer = RunWriter.create(folder, run)
            writers.append(writer)
    except BaseException:  # such as a disk that is full: no folders without a record stay
        for writer in writers:
            if not writer.run.invocations:
                writer.finish(complete=False)
        raise
    return writers


def _empty_run(
    cell: Cell, session_id: str, bench: Bench, modes: tuple[StartupMode, ...]
) -> BenchmarkRun:
    config = cell.config
    disturbing = plan.disturbing_steps([config], [modes], first_round=1)
    return BenchmarkRun(
        run_id=new_run_id(cell.artifact.name, bench.info.label, config.label),
        session_id=session_id,
        started_at=utc_now(),
        tool_version=__version__,
        artifact=cell.artifact,
        device=bench.info,
        config=config,
        binary=bench.binary.info,
        planned=config.invocations + len(disturbing),
        complete=False,
        side=cell.side,
    )
