"""The HTML page of an outcome: the comparison report of both sides, with links to their raw logs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from android_bench.analysis.compare import Comparison
from android_bench.ci.outcome import CiOutcome, GateAction, GateName
from android_bench.ci.project import Project
from android_bench.results import Side
from android_bench.store import RUN_FILE

_METRICS = {
    GateName.LATENCY: ("latency",),
    GateName.STARTUP: ("init", "first-inference"),
    GateName.MEMORY: ("peak-memory",),
    GateName.FILE_SIZE: ("file-size",),
}


def write_page(outcome: CiOutcome, project: Project, *, path: Path | None) -> CiOutcome:
    """Write the page, in the output folder unless a path is given; the outcome then names it.

    Nothing is written when nothing was measured.
    """
    from android_bench.report import write_report

    runs = (*outcome.baseline_runs, *outcome.candidate_runs)
    if not any(run.invocations for run in runs):
        return outcome
    target = path or project.output / "report.html"
    deciding = [
        metric
        for name, gate in project.keys.gates.wanted().items()
        if gate.action is GateAction.FAIL
        for metric in _METRICS.get(name, ())
    ]
    write_report(
        runs,
        path=target,
        comparisons=_once(outcome.comparisons),
        title=f"{outcome.project}: {outcome.verdict} against {outcome.baseline_name or 'nothing'}",
        folders=_folders(outcome, project),
        deciding=deciding or ["latency"],
    )
    return replace(outcome, report=str(target))


def _once(comparisons: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """The comparisons pair by pair, the page's order."""
    return tuple(
        sorted(comparisons, key=lambda one: (one.name, one.device, one.config))  # stable by gate
    )


def _folders(outcome: CiOutcome, project: Project) -> dict[str, Path]:
    """Where the runs of this outcome lie; results of other days are not even opened."""
    results = project.output / "results"
    places = (results, *(results / side.value for side in Side))
    runs = (*outcome.baseline_runs, *outcome.candidate_runs)
    return {
        run.run_id: place / run.run_id
        for run in runs
        for place in places
        if (place / run.run_id / RUN_FILE).is_file()
    }
