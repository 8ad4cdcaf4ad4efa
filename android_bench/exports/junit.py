"""JUnit XML for CI servers: a measurement is a test case, and so is each verdict.

Numbers are properties of the test suite: Ant's test cases have none.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

from android_bench import formatting
from android_bench.analysis.compare import Comparison, Verdict
from android_bench.exports.junit_xml import Case, add_suite, document_text
from android_bench.exports.text import number
from android_bench.exports.view import ExportView, provenance, unit_of
from android_bench.report.pairs import metric_name, metric_text
from android_bench.results import Status
from android_bench.run_view import RunView

_VERDICTS = {
    Verdict.REGRESSED: "failure",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.INCOMPARABLE: "skipped",
}


def document(export: ExportView) -> str:
    """The document: a test suite for each run, and one for the comparisons."""
    root = ET.Element("testsuites")
    for view in export.runs:
        add_suite(
            root,
            name=view.full_label,
            hostname=view.run.device.label,
            started_at=view.run.started_at,
            cases=[_measurement(view)],
            properties=_properties(view),
            said=_findings(view),
        )
    if export.comparisons:
        add_suite(
            root,
            name="comparison with the baseline",
            hostname=export.comparisons[0].device,
            started_at=export.generated_at,
            cases=[_verdict(item) for item in export.decided],
            properties=_compared((*export.decided, *export.informing)),
            said=_told(export.informing),
        )
    return document_text(root)


def _measurement(view: RunView) -> Case:
    """The run: an error when an invocation does not count or is missing."""
    run = view.run
    bad = [item for item in run.invocations if item.status is not Status.OK]
    missing = run.planned - len(run.invocations)
    time_s = sum(item.wall_s for item in run.invocations)
    if not bad and run.complete and view.summary.latency is not None:
        return Case(name=view.full_label, time_s=time_s)
    problems = [f"{len(bad)} of {len(run.invocations)} invocations do not count"] if bad else []
    if not run.complete:
        problems.append(f"the work ended early, {max(missing, 0)} invocations are missing")
    if view.summary.latency is None:
        problems.append("there is no valid timing invocation")
    lines = [
        f"{item.index} ({item.kind.value}) {item.status.value}: {item.problem or 'no reason known'} "
        f"[{item.log}]"
        for item in bad
    ]
    return Case(
        name=view.full_label,
        time_s=time_s,
        outcome="error",
        kind=bad[0].status.value if bad else "incomplete",
        message="; ".join(problems),
        details="\n".join(lines),
    )


def _verdict(item: Comparison) -> Case:
    """A comparison: regressed fails, what cannot be told is skipped, with the reason."""
    figures = _figures(item)
    cautions = [f"{one.severity.value}: {one.message}" for one in item.cautions]
    return Case(
        name=f"{item.name}: {metric_name(item.metric)} ({item.config})",
        time_s=0.0,
        outcome=_VERDICTS.get(item.verdict),
        kind=item.verdict.value,
        message=f"{item.verdict.value}: " + ("; ".join(item.reasons) or figures),
        details="\n".join((figures, *item.reasons, *cautions)),
    )


def _told(items: Sequence[Comparison]) -> str:
    """What does not decide, a line each."""
    return "\n".join(
        f"{item.verdict.value} {item.name}: {metric_name(item.metric)} {_figures(item)}"
        for item in items
    )


def _figures(item: Comparison) -> str:
    sides = (metric_text(item.metric, value) for value in (item.baseline, item.candidate))
    change = formatting.change(item.ratio.estimate if item.ratio else None)
    return " → ".join(side or formatting.UNKNOWN for side in sides) + f", {change}"


def _properties(view: RunView) -> list[tuple[str, object]]:
    run, summary = view.run, view.summary
    latency = summary.latency
    found: list[tuple[str, object]] = [
        ("run_id", run.run_id),
        ("model_sha256", run.artifact.sha256),
        ("device_kind", run.device.kind.value),
        ("config", run.config.label),
        ("binary_sha256", run.binary.sha256),
    ]
    note = provenance(view)
    if note:
        found.append(("note", note))
    numbers = {
        "latency_median_us": latency.estimate if latency else None,
        "latency_low_us": latency.low if latency else None,
        "latency_high_us": latency.high if latency else None,
        "timing_invocations": summary.invocations,
        "throttled_invocations": summary.set_apart,
        "between_invocations_spread_fraction": summary.between_spread,
        "init_us": summary.init_us,
        "first_inference_us": summary.first_inference_us,
        "monitored_peak_bytes": summary.peak_bytes,
        "file_size_bytes": run.artifact.size_bytes,
        "accuracy_fraction": view.accuracy,
    }
    # What is not known has no property: an empty value would read as a number that failed.
    known = {name: number(value) for name, value in numbers.items()}
    return found + [(name, value) for name, value in known.items() if value is not None]


def _compared(items: Sequence[Comparison]) -> Iterable[tuple[str, object]]:
    for position, item in enumerate(items):
        unit = unit_of(item.metric)
        values = {
            f"baseline_{unit}": item.baseline,
            f"candidate_{unit}": item.candidate,
            "ratio": item.ratio.estimate if item.ratio else None,
            "ratio_low": item.ratio.low if item.ratio else None,
            "ratio_high": item.ratio.high if item.ratio else None,
        }
        yield f"{position}.name", f"{item.name}: {item.metric}"
        yield f"{position}.verdict", item.verdict.value
        for name, value in values.items():
            if number(value) is not None:
                yield f"{position}.{name}", value


def _findings(view: RunView) -> str:
    return "\n".join(
        f"{item.severity.value} {item.code}: {item.message} {item.hint}" for item in view.findings
    )
