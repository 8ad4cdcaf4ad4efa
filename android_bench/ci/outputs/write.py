"""Everything that was asked for is written, and everything that the CI system asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from android_bench.ci.outcome import CiOutcome
from android_bench.ci.outputs import github
from android_bench.ci.outputs.annotations import worth_annotating
from android_bench.ci.outputs.junit import document as junit_text
from android_bench.ci.outputs.metrics import document as metrics_text
from android_bench.ci.outputs.summary import document as summary_text
from optimizer.files import write_atomic


def write_outputs(
    outcome: CiOutcome,
    *,
    environment: Mapping[str, str],
    junit: Path | None = None,
    markdown: Path | None = None,
    metrics: Path | None = None,
    stream: TextIO | None = None,
) -> tuple[str, ...]:
    """Write the files that are named, GitHub's own, and GitHub's annotations to ``stream``.

    ``stream`` is standard output unless that holds something else: GitHub reads standard error too.
    Annotations are printed only where ``GITHUB_ACTIONS`` is ``true``. Nothing is raised for a file that
    cannot be written, because a full disk must not hide a verdict: a sentence for each comes back, and
    a caller whose verdict is *passed* ends with an error.
    """
    work: list[tuple[Path | None, Callable[[Path, CiOutcome], str | None]]] = [
        (junit, _whole(junit_text)),
        (markdown, _whole(summary_text)),
        (metrics, _whole(metrics_text)),
        (github.named_by(environment, github.SUMMARY_VARIABLE), github.append_summary),
        (github.named_by(environment, github.OUTPUT_VARIABLE), github.append_outputs),
    ]
    problems = [_attempt(path, write, outcome) for path, write in work if path is not None]
    if environment.get("GITHUB_ACTIONS") == "true":
        print(*worth_annotating(outcome), sep="\n", file=stream or sys.stdout, flush=True)
    return tuple(problem for problem in problems if problem)


def _attempt(
    path: Path, write: Callable[[Path, CiOutcome], str | None], outcome: CiOutcome
) -> str | None:
    """Write a file; say why it cannot be written."""
    try:
        return write(path, outcome)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}."


def _whole(render: Callable[[CiOutcome], str]) -> Callable[[Path, CiOutcome], None]:
    """How a file is written whole or not at all, in a folder that is made if it is missing."""

    def write(path: Path, outcome: CiOutcome) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, render(outcome).encode("utf-8", "replace"))

    return write
