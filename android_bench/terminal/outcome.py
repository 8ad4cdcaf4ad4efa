"""How a finished session is told: table and findings, or JSON, and the exit code."""

from __future__ import annotations

from pathlib import Path

from android_bench import schema
from android_bench.analysis.checks import check_runs
from android_bench.errors import ExitCode
from android_bench.measuring.runner import Session
from android_bench.terminal import console


def session_outcome(session: Session, results: Path, *, as_json: bool) -> ExitCode:
    """Print what a session brought; return the exit code it deserves.

    A lost device is 5, a run without any valid invocation is 1.
    """
    if as_json:
        console.emit_json([schema.run_to_json(run) for run in session.runs])
    else:
        console.print_runs(session.runs)
    console.print_findings(check_runs(session.runs), session.runs)
    console.say(f"Results are in {results}. A page of them: android-bench report {results}")
    if session.interrupted_by is not None:
        _tell_what_is_missing(session)
        return ExitCode.DEVICE
    return ExitCode.OK if all(run.timing for run in session.runs) else ExitCode.ERROR


def _tell_what_is_missing(session: Session) -> None:
    cut = [run for run in session.runs if not run.complete]
    planned = sum(run.planned for run in cut)
    missing = planned - sum(len(run.invocations) for run in cut)
    cause = session.interrupted_by
    lack = f" {missing} of {planned} invocations are missing." if planned else ""
    console.complain(
        f"The device was lost: {cause}{lack}",
        (cause.hint if cause else None) or "Reconnect it and run the same command again.",
    )
