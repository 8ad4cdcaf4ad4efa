"""What candidates are compared with: another commit built now, or runs that were kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from android_bench.analysis.noise import NoiseFloor, load_floors, noise_floors
from android_bench.ci import git
from android_bench.ci.project import Baseline, Project
from android_bench.ci.project_file import read_project
from android_bench.errors import BenchError, UsageError
from android_bench.results import BenchmarkRun, DeviceKind
from android_bench.store import load_runs
from optimizer.errors import OptimizerError

# Fewer runs of an unchanged model say that there is noise, not how much (docs/statistics.md).
_RUNS_FOR_A_FLOOR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The files of a project's variants, how many had to be built and how many were there."""

    paths: tuple[Path, ...]
    built: int = 0
    reused: int = 0


Build = Callable[[Project, Path], Built]
"""Builds a project's variants into a folder; given by the command, which knows the optimizer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A baseline: models to measure beside the candidates, or runs, or a way to find runs for each.

    ``floors`` are what unchanged models differ by there, where that is known.
    """

    name: str
    models: Built | None = None
    runs: tuple[BenchmarkRun, ...] = ()
    floors: tuple[NoiseFloor, ...] = ()
    notes: tuple[str, ...] = ()


def overridden(project: Project, source: str | None) -> Project:
    """The project with another baseline, as a flag gives it.

    Raises:
        UsageError: the text names none.
    """
    if source is None:
        return project
    try:
        baseline = Baseline.model_validate(
            {**project.keys.baseline.model_dump(by_alias=True), "from": source}
        )
    except ValueError as error:
        raise UsageError(
            f"--baseline {source!r} names no baseline.",
            hint="git:REVISION, tag:NAME, history:BRANCH or results:FOLDER",
        ) from error
    keys = project.keys.model_copy(update={"baseline": baseline})
    return replace(project, keys=keys)


def build_from_git(project: Project, build: Build) -> Chosen:
    """Build the variants of another commit, by that commit's own project file where it has one.

    Raises:
        UsageError: there is no such commit, or its project file cannot be used.
        BenchError: its models cannot be built; the message names the commit.
    """
    commit = git.resolve(project.folder, project.keys.baseline.what)
    target = project.output / "baseline" / commit.sha[:12]
    try:
        with git.checked_out(project.folder, commit) as folder:
            file = folder / project.path.name
            old = read_project(file) if file.is_file() else replace(project, path=file)
            refuse_lfs_pointers(old)
            built = build(replace(old, elsewhere=project.folder), target)
    except (BenchError, OptimizerError) as error:
        kind = UsageError if isinstance(error, UsageError) else BenchError
        raise kind(
            f"The baseline, git {commit.label}, cannot be built: {error}",
            hint=error.hint
            or "Another commit (--baseline git:REVISION), or runs that are kept (results:FOLDER).",
        ) from error
    return Chosen(name=f"git {commit.label}", models=built, floors=_given_floors(project), notes=())


def kept_runs(project: Project, candidates: Sequence[BenchmarkRun]) -> Chosen:
    """Find the runs that a results folder, a tag or a branch of the history holds for these candidates.

    Raises:
        BenchError: the folder or the database cannot be read.
        UsageError: nobody has that tag.
    """
    baseline = project.keys.baseline
    floors = _given_floors(project)
    if baseline.kind == "results":
        runs = load_runs([project.folder / baseline.what])
        return Chosen(name=baseline.source, runs=runs, floors=floors)
    from android_bench.history import open_history

    with open_history(project.keys.history.database) as history:
        if baseline.kind == "tag":
            runs = history.tagged(baseline.what)
            if not runs:
                raise UsageError(
                    f"No run in the history has the tag {baseline.what!r}.",
                    hint=f"android-bench history add RESULTS --tag {baseline.what}",
                )
            return Chosen(name=f"tag {baseline.what}", runs=runs, floors=floors)
        series = [
            history.baseline(like, branch=baseline.what, last=baseline.last) for like in candidates
        ]
    chosen = tuple(_middle(runs) for runs in series if runs)
    measured = [run for runs in series for run in _of_one_model(runs)]
    if not floors:
        floors = noise_floors(measured)
    missing = [
        f"{like.artifact.name} has no complete run on {like.device.label} in the history of "
        f"{baseline.what}."
        for like, runs in zip(candidates, series, strict=True)
        if not runs
    ]
    return Chosen(
        name=f"the last {baseline.last} runs of {baseline.what}",
        runs=chosen,
        floors=floors,
        notes=tuple(missing),
    )


def cautions_of(project: Project, candidates: Sequence[BenchmarkRun]) -> tuple[str, ...]:
    """What must be said of a comparison that is not made in one session."""
    if project.keys.baseline.kind == "git":
        return ()
    emulated = {run.device.label for run in candidates if run.device.kind is DeviceKind.EMULATOR}
    return tuple(
        f"{label} is an emulator, whose speed is its host's: compare within one session, with "
        "baseline.from = 'git:REVISION'."
        for label in sorted(emulated)
    )


def _given_floors(project: Project) -> tuple[NoiseFloor, ...]:
    file = project.keys.baseline.noise_floor
    return () if file is None else load_floors(project.folder / file)


def _middle(runs: Sequence[BenchmarkRun]) -> BenchmarkRun:
    """The run whose latency is the median of all; of an even number the slower of the two."""
    from android_bench.analysis.summary import summarise

    timed = [(summarise(run).latency, run) for run in runs]
    known = sorted(
        ((latency.estimate, run) for latency, run in timed if latency), key=lambda one: one[0]
    )
    return known[len(known) // 2][1] if known else runs[0]


def _of_one_model(runs: Sequence[BenchmarkRun]) -> list[BenchmarkRun]:
    """The runs of the newest content, if there are enough of them to tell noise from chance."""
    same = [run for run in runs if run.artifact.sha256 == runs[0].artifact.sha256]
    return same if len(same) >= _RUNS_FOR_A_FLOOR else []


def refuse_lfs_pointers(project: Project) -> None:
    """Raise when a model is only Git LFS' note of it.

    Raises:
        BenchError: it is.
    """
    for name, model in project.keys.models.items():
        path = project.folder / model.source
        if path.is_file() and git.is_lfs_pointer(path):
            raise BenchError(
                f"models.{name}.source, {path}, is a pointer of Git LFS, not the model.",
                hint="git lfs pull  (in actions/checkout: lfs: true)",
            )
