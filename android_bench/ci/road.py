"""The whole road of ``android-bench ci``: build, measure, compare, report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from android_bench.ci import git
from android_bench.ci.baseline import (
    Build,
    Built,
    Chosen,
    build_from_git,
    cautions_of,
    kept_runs,
    refuse_lfs_pointers,
)
from android_bench.ci.checked import checked_project
from android_bench.ci.gates import judge, pair_up
from android_bench.ci.outcome import CiOutcome, GateResult
from android_bench.ci.project import Project, needed
from android_bench.errors import BenchError, DeviceError, ExitCode
from android_bench.measuring.matrix import Wishes
from android_bench.measuring.preparation import Observer
from android_bench.measuring.runner import Session
from android_bench.measuring.session import Order, measure_models
from android_bench.results import BenchmarkRun, BinaryFlavor, InvocationKind, Side
from android_bench.store import new_order_id, order_of
from optimizer.files import write_atomic

_RETRY_AFTER_S = 5.0
# In the output folder: which measurement has not gone the whole road yet.
UNFINISHED_FILE = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class CiOrder:
    """What a command orders beside the project file. ``wishes`` go before the file's."""

    project: Project
    wishes: Wishes = field(default_factory=Wishes)
    resume: bool = False
    binary: Path | BinaryFlavor | None = None
    record: bool | None = None
    retry_after_s: float = _RETRY_AFTER_S


def run_ci(order: CiOrder, *, build: Build, observer: Observer) -> CiOutcome:
    """Go the whole road. What the infrastructure does is in the outcome, not raised.

    Raises:
        UsageError: the project, its baseline or its matrix cannot be meant.
        BenchError, OptimizerError: a model cannot be built or used, or a file cannot be read.
    """
    project = order.project
    checked_project(project)
    refuse_lfs_pointers(project)
    _refuse_unusable_history(order)
    baseline = _kept_before(project)
    candidates = build(project, project.output / "models")
    if project.keys.baseline.kind == "git":
        baseline = build_from_git(project, build)
    unfinished = project.output / UNFINISHED_FILE
    order_id = _order_id(unfinished, resume=order.resume)
    session, trouble = _measured(order, candidates, baseline, observer, order_id=order_id)
    runs = session.runs if session else ()
    mine = tuple(run for run in runs if run.side is not Side.BASELINE)
    theirs = tuple(run for run in runs if run.side is Side.BASELINE)
    if baseline is None:
        try:
            baseline = kept_runs(project, mine)
        except BenchError as error:
            if error.exit_code is not ExitCode.DEVICE:
                raise
            trouble.append(f"The history cannot be reached: {error}")
    if baseline is not None and baseline.models is None:
        # The folder may be the one that candidates go to: nothing is its own baseline.
        own = {run.run_id for run in mine}
        theirs = tuple(run for run in baseline.runs if run.run_id not in own)
    gates, comparisons = judge(
        project.keys.gates.wanted(),
        pair_up(theirs, mine),
        floors=baseline.floors if baseline else (),
    )
    trouble += _recorded(order, mine)
    if not trouble:
        unfinished.unlink(missing_ok=True)
    old = baseline.models if baseline and baseline.models else Built(paths=())
    return CiOutcome(
        project=project.name,
        baseline_name=baseline.name if baseline else None,
        revision=git.described_head(project.folder),
        gates=gates,
        comparisons=comparisons,
        baseline_runs=theirs,
        candidate_runs=mine,
        built=candidates.built + old.built,
        reused=candidates.reused + old.reused,
        infrastructure=tuple(trouble),
        notes=(
            *(baseline.notes if baseline else ()),
            *cautions_of(project, mine),
            *_vanished(gates, theirs, mine),
            *_without_result(mine),
        ),
        kept=str(project.output),
    )


def _order_id(note: Path, *, resume: bool) -> str:
    """The measurement that is gone on with, or a new one; noted until it went the whole road.

    So ``--resume`` measures nothing again when it was the database that was away.
    """
    noted = note.read_text("ascii", "replace").strip() if resume and note.is_file() else ""
    order_id = noted if order_of(noted) == noted and noted else new_order_id()
    note.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(note, order_id.encode())
    return order_id


def _measured(
    order: CiOrder,
    candidates: Built,
    baseline: Chosen | None,
    observer: Observer,
    *,
    order_id: str,
) -> tuple[Session | None, list[str]]:
    """Measure; a device that fails is tried once more, from where it stopped."""
    project = order.project
    wishes = replace(needed(project, order.wishes), models=candidates.paths)
    models = baseline.models if baseline else None
    placed = Order(
        wishes=wishes,
        results=project.output / "results",
        binary=order.binary,
        resume=order.resume,
        baseline=models.paths if models else None,
        order_id=order_id,
    )
    session, cause = _tried(placed, observer)
    if cause is not None:
        observer.told(f"{cause} Trying once more.")
        time.sleep(order.retry_after_s)
        session, cause = _tried(replace(placed, resume=True), observer, before=session)
    return session, [] if cause is None else [f"{cause} It was tried twice."]


def _tried(
    order: Order, observer: Observer, before: Session | None = None
) -> tuple[Session | None, DeviceError | None]:
    try:
        session = measure_models(order, observer=observer)
    except DeviceError as error:
        return before, error
    return session, session.interrupted_by


def _kept_before(project: Project) -> Chosen | None:
    """A baseline that needs no candidate, found before anything is measured.

    ``None`` for another commit, which is built, for a branch of the history, which is asked for runs like
    the candidate's, and when the database is away, which is infrastructure and told at the end.
    """
    if project.keys.baseline.kind in {"git", "history"}:
        return None
    try:
        return kept_runs(project, ())
    except BenchError as error:
        if error.exit_code is not ExitCode.DEVICE:
            raise
        return None


def _is_recorded(order: CiOrder) -> bool:
    return order.project.keys.history.record if order.record is None else order.record


def _refuse_unusable_history(order: CiOrder) -> None:
    """Raise what is the user's to mend (another version, no driver) before an hour of measuring."""
    if not _is_recorded(order):
        return
    from android_bench.history import open_history

    try:
        with open_history(order.project.keys.history.database):
            pass
    except BenchError as error:
        if error.exit_code is not ExitCode.DEVICE:
            raise


def _recorded(order: CiOrder, runs: tuple[BenchmarkRun, ...]) -> list[str]:
    """Add the candidate's runs to the history, if that is wanted; what failed is infrastructure."""
    project = order.project
    if not _is_recorded(order) or not runs:
        return []
    from android_bench.history import open_history
    from android_bench.history.provenance import provenance

    place = provenance(folder=project.folder)
    try:
        with open_history(project.keys.history.database) as history:
            history.add(runs, revision=place.revision, branch=place.branch)
    except BenchError as error:
        if error.exit_code is not ExitCode.DEVICE:
            raise
        return [f"The runs were not added to the history: {error}"]
    return []


def _vanished(
    gates: tuple[GateResult, ...],
    baseline: tuple[BenchmarkRun, ...],
    candidates: tuple[BenchmarkRun, ...],
) -> tuple[str, ...]:
    """Variants that the baseline has and the candidate has not."""
    left = {run.artifact.name for run in candidates} | {gate.variant for gate in gates}
    gone = sorted({run.artifact.name for run in baseline} - left)
    return tuple(f"{name} is in the baseline and no candidate any more." for name in gone)


def _without_result(candidates: tuple[BenchmarkRun, ...]) -> tuple[str, ...]:
    """Variants that gave no time at all: gates about other things may pass all the same."""
    return tuple(
        f"{run.artifact.name} gave no result on {run.device.label} ({run.config.label}): "
        f"{next((item.problem for item in run.invocations if item.problem), 'nothing was measured.')}"
        for run in candidates
        if not run.of_kind(InvocationKind.TIMING)
    )
