"""Findings: what a reader must know about a run before believing its numbers.

Findings are data, rendered twice: in the terminal and in the report. Each has a stable code, which
docs/findings.md explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from android_bench.analysis.checks.conditions import check_conditions
from android_bench.analysis.checks.execution import (
    check_delegation,
    check_device,
    check_numerics,
    check_outcomes,
)
from android_bench.analysis.checks.finding import Code, Finding, Severity
from android_bench.analysis.checks.model import check_model
from android_bench.analysis.checks.pair import check_pair
from android_bench.analysis.checks.samples import check_samples
from android_bench.results import BenchmarkRun

__all__ = ["Code", "Finding", "Severity", "check_pair", "check_run", "check_runs"]

_CHECKS = (
    check_device,
    check_outcomes,
    check_samples,
    check_delegation,
    check_numerics,
    check_conditions,
    check_model,
)


def check_runs(runs: Sequence[BenchmarkRun]) -> tuple[Finding, ...]:
    """All findings about these runs, the gravest first, in the order of the runs."""
    found = [finding for run in runs for finding in check_run(run)]
    order = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def check_run(run: BenchmarkRun) -> Iterator[Finding]:
    """Yield the findings about one run."""
    for check in _CHECKS:
        for told in check(run):
            yield told.about(run.run_id)
