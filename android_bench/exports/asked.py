"""What a command line asks an export for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from android_bench.analysis.compare import DEFAULT_MAX_SLOWDOWN, parse_fraction
from android_bench.analysis.metrics import Metric
from android_bench.analysis.noise import load_floors
from android_bench.errors import UsageError
from android_bench.exports.formats import Format
from android_bench.exports.tables import Rows
from android_bench.exports.view import ExportView, export_view
from android_bench.store import load_runs


def asked_view(
    results: Sequence[Path],
    *,
    baseline: Sequence[Path],
    max_slowdown: str | None,
    metrics: Sequence[Metric],
    noise_floor: Path | None,
) -> ExportView:
    """Read the results, and the baseline if there is one.

    Raises:
        UsageError: a gate without a baseline, or one that is no percentage.
        ResultError: results or the noise floor are missing or cannot be read.
    """
    given = {"--max-slowdown": max_slowdown, "--metric": metrics, "--noise-floor": noise_floor}
    for flag, value in given.items():
        if value and not baseline:
            raise UsageError(
                f"{flag} is about a comparison, and there is no baseline.",
                hint="Add --baseline RESULTS.",
            )
    gate = DEFAULT_MAX_SLOWDOWN
    if max_slowdown is not None:
        gate = parse_fraction(max_slowdown, flag="--max-slowdown")
    return export_view(
        load_runs(results),
        baseline=load_runs(baseline) if baseline else (),
        max_slowdown=gate,
        floors=load_floors(noise_floor) if noise_floor else (),
        deciding=metrics or (Metric.LATENCY,),
    )


def refuse_rows(form: Format, rows: Rows) -> None:
    """Refuse rows for a format that has none."""
    if rows is not Rows.RUNS and form is not Format.CSV:
        raise UsageError(
            f"--rows {rows.value} is about tables, and {form.value} is none.",
            hint="Add --format csv, or leave --rows out.",
        )
