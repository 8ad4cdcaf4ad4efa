"""Findings over all runs: one line for what twelve runs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from android_bench.analysis.checks import Finding, Severity
from android_bench.report.rows import RunView

# Which part of the page a finding stands beside; what is not named here concerns the latency.
_TOPICS = {
    "accuracy-drop": "fidelity",
    "background-load": "conditions",
    "charging": "conditions",
    "clocks-limited": "conditions",
    "delegation-unknown": "delegation",
    "fallback": "delegation",
    "low-battery": "conditions",
    "metadata-refused": "metadata",
    "model-collapsed": "fidelity",
    "numerics-off": "numerics",
    "other-inferences": "conditions",
    "partial-delegation": "delegation",
    "power-save": "conditions",
    "screen-off": "conditions",
    "throttling": "conditions",
}
_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCase:
    """One message of a finding and the runs it holds for."""

    message: str
    hint: str | None
    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """A finding over all runs that have it. ``hint`` is set when it is the same for all cases."""

    code: str
    severity: Severity
    hint: str | None
    cases: tuple[FindingCase, ...]


def group_findings(views: Sequence[RunView]) -> tuple[FindingGroup, ...]:
    """Group the findings by code, the gravest first; one message on many runs is one case."""
    groups: dict[tuple[Severity, str], dict[tuple[str, str], list[RunView]]] = {}
    for view in views:
        for finding in view.findings:
            cases = groups.setdefault((finding.severity, finding.code), {})
            cases.setdefault((finding.message, finding.hint), []).append(view)
    ordered = sorted(groups.items(), key=lambda item: _SEVERITIES.index(item[0][0]))
    return tuple(_finding_group(code, severity, cases) for (severity, code), cases in ordered)


def _finding_group(
    code: str, severity: Severity, cases: dict[tuple[str, str], list[RunView]]
) -> FindingGroup:
    hints = {hint for _, hint in cases}
    shared = hints.pop() if len(hints) == 1 else None
    return FindingGroup(
        code=code,
        severity=severity,
        hint=shared,
        cases=tuple(
            FindingCase(message=message, hint=None if shared else hint, runs=tuple(runs))
            for (message, hint), runs in cases.items()
        ),
    )


def telling(view: RunView) -> tuple[Finding, ...]:
    """The findings that touch the numbers of a run, the gravest first."""
    found = (item for item in view.findings if item.severity is not Severity.INFO)
    return tuple(sorted(found, key=lambda item: _SEVERITIES.index(item.severity)))


def concerning(view: RunView, topic: str) -> tuple[Finding, ...]:
    """The findings about a run that belong beside one part of the page."""
    return tuple(item for item in view.findings if topic_of(item) == topic)


def topic_of(finding: Finding) -> str:
    """The part of the page that a finding concerns."""
    return _TOPICS.get(finding.code, "latency")
