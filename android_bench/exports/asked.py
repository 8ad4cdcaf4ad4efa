"""What a command line asks an export for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from android_bench.compare import DEFAULT_MAX_SLOWDOWN, parse_fraction
from android_bench.errors import UsageError
from android_bench.exports.formats import Format
from android_bench.exports.tables import Rows
from android_bench.exports.view import ExportView, export_view
from android_bench.store import load_runs


def asked_view(
    results: Sequence[Path], *, baseline: Sequence[Path], max_slowdown: str | None
) -> ExportView:
    """Read the results, and the baseline if there is one.

    Raises:
        UsageError: a gate without a baseline, or one that is no percentage.
        ResultError: results are missing or cannot be read.
    """
    if max_slowdown is not None and not baseline:
        raise UsageError(
            "--max-slowdown is the gate of a comparison, and there is no baseline.",
            hint="Add --baseline RESULTS.",
        )
    gate = DEFAULT_MAX_SLOWDOWN
    if max_slowdown is not None:
        gate = parse_fraction(max_slowdown, flag="--max-slowdown")
    return export_view(
        load_runs(results),
        baseline=load_runs(baseline) if baseline else (),
        max_slowdown=gate if baseline else None,
    )


def refuse_rows(form: Format, rows: Rows) -> None:
    """Refuse rows for a format that has none."""
    if rows is not Rows.RUNS and form is not Format.CSV:
        raise UsageError(
            f"--rows {rows.value} is about tables, and {form.value} is none.",
            hint="Add --format csv, or leave --rows out.",
        )
