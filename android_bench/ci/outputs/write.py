"""Everything that was asked for is written, and everything that the CI system asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from android_bench.ci.outcome import CiOutcome
from android_bench.ci.outputs import failure, github
from android_bench.ci.outputs.annotations import Annotation, worth_annotating
from android_bench.ci.outputs.junit import document as junit_text
from android_bench.ci.outputs.metrics import document as metrics_text
from android_bench.ci.outputs.summary import document as summary_text
from optimizer.files import write_atomic

_Work = Sequence[tuple[Path | None, Callable[[Path], str | None]]]


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
    _annotate(worth_annotating(outcome), environment, stream)
    return _written(
        (
            (junit, _whole(partial(junit_text, outcome))),
            (markdown, _whole(partial(summary_text, outcome))),
            (metrics, _whole(partial(metrics_text, outcome))),
        ),
        environment,
        page=lambda limit: summary_text(outcome, limit=limit),
        outputs=github.step_outputs(outcome),
    )


@contextmanager
def failures_told(
    *,
    environment: Mapping[str, str],
    junit: Path | None = None,
    markdown: Path | None = None,
    stream: TextIO | None = None,
    complain: Callable[[str], None],
) -> Iterator[None]:
    """Tell the CI system of an expected error in the block as of an outcome; then the error goes on.

    What cannot be written is told to ``complain``.
    """
    try:
        yield
    except failure.Expected as error:
        found = failure.Failure.of(error)
        _annotate((failure.annotation(found),), environment, stream)
        problems = _written(
            (
                (junit, _whole(partial(failure.junit, found))),
                (markdown, _whole(partial(failure.summary, found))),
            ),
            environment,
            page=lambda _: failure.summary(found),
            outputs=failure.step_outputs(found),
        )
        for problem in problems:
            complain(problem)
        raise


def _annotate(
    found: Sequence[Annotation], environment: Mapping[str, str], stream: TextIO | None
) -> None:
    if environment.get("GITHUB_ACTIONS") == "true":
        print(*found, sep="\n", file=stream or sys.stdout, flush=True)


def _written(
    files: _Work,
    environment: Mapping[str, str],
    *,
    page: Callable[[int], str],
    outputs: Mapping[str, str],
) -> tuple[str, ...]:
    """Write the files and GitHub's own; a sentence for each that cannot be written."""
    work: _Work = (
        *files,
        (
            github.named_by(environment, github.SUMMARY_VARIABLE),
            partial(github.append_summary, render=page),
        ),
        (
            github.named_by(environment, github.OUTPUT_VARIABLE),
            partial(github.append_outputs, outputs=outputs),
        ),
    )
    problems = (_attempt(path, write) for path, write in work if path is not None)
    return tuple(problem for problem in problems if problem)


def _attempt(path: Path, write: Callable[[Path], str | None]) -> str | None:
    """Write a file; say why it cannot be written."""
    try:
        return write(path)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}."


def _whole(render: Callable[[], str]) -> Callable[[Path], None]:
    """How a file is written whole or not at all, in a folder that is made if it is missing."""

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, render().encode("utf-8", "replace"))

    return write
