"""The view model: everything the page says, as typed data. Templates only arrange it.

Numbers stay numbers here; the templates format them, so that an export can write the same view in
another form.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.checks import Finding, Severity, check_run
from android_bench.compare import Comparison, Verdict
from android_bench.report.answer import Answer, answer
from android_bench.report.charts import RowChart, Series, latency_chart, size_chart, spread_chart
from android_bench.report.columns import CONDITIONS, DELEGATION, VARIANTS, Column, known
from android_bench.report.rows import RunView
from android_bench.report.scatter import Candidate, ForestChart, ScatterChart, forest, trade_off
from android_bench.results import BenchmarkRun, BinaryInfo, DeviceInfo
from android_bench.config import BenchmarkConfig
from android_bench.summary import RunSummary, summarise

FLOAT_RECIPE = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A device with what was run on it, the answer it gives and its charts."""

    anchor: str
    device: DeviceInfo
    runs: tuple[RunView, ...]
    answer: Answer
    latency: RowChart
    spread: RowChart
    trade_off: ScatterChart | None
    worth: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A binary or a configuration with the runs that used it."""

    what: BinaryInfo | BenchmarkConfig
    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole report."""

    title: str | None
    generated_at: str
    tool_version: str
    runs: tuple[RunView, ...]
    devices: tuple[DeviceView, ...]
    models: int
    source: str | None
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[tuple[Verdict, int], ...]
    forest: ForestChart
    columns: tuple[Column, ...]
    condition_columns: tuple[Column, ...]
    delegation_columns: tuple[Column, ...]
    sizes: RowChart
    findings: tuple[FindingGroup, ...]
    binaries: tuple[Used, ...]
    configs: tuple[Used, ...]


def build_page(
    runs: Sequence[BenchmarkRun],
    comparisons: Sequence[Comparison],
    *,
    title: str | None,
    generated_at: str,
    tool_version: str,
) -> Page:
    """Make the view of these runs."""
    views = _views(runs)
    grouped = _grouped(views, lambda view: _device_key(view.run.device))
    sources = {view.run.artifact.source for view in views}
    counts = {verdict: 0 for verdict in _GRAVEST_FIRST}
    for item in comparisons:
        counts[item.verdict] += 1
    return Page(
        title=title,
        generated_at=generated_at,
        tool_version=tool_version,
        runs=views,
        devices=tuple(_device_view(number, group) for number, group in enumerate(grouped, 1)),
        models=len({view.run.artifact.sha256 for view in views}),
        source=next(iter(sources)) if len(sources) == 1 else None,
        comparisons=tuple(comparisons),
        verdicts=tuple((verdict, count) for verdict, count in counts.items() if count),
        forest=forest(comparisons),
        columns=known(VARIANTS, views),
        condition_columns=known(CONDITIONS, views),
        delegation_columns=known(DELEGATION, views),
        sizes=_sizes(views),
        findings=_findings(views),
        binaries=tuple(
            Used(what=group[0].run.binary, runs=group)
            for group in _grouped(views, lambda view: view.run.binary)
        ),
        configs=tuple(
            Used(what=group[0].run.config, runs=group)
            for group in _grouped(views, lambda view: view.run.config)
        ),
    )


_GRAVEST_FIRST = (
    Verdict.REGRESSED,
    Verdict.INCOMPARABLE,
    Verdict.INCONCLUSIVE,
    Verdict.IMPROVED,
    Verdict.UNCHANGED,
)
_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def _views(runs: Sequence[BenchmarkRun]) -> tuple[RunView, ...]:
    """Summarise each run once and name it by what tells it from its siblings."""
    summaries = [summarise(run) for run in runs]
    baselines = _baselines(runs, summaries)
    several_devices = len({_device_key(run.device) for run in runs}) > 1
    labels = _labels(runs)
    return tuple(
        RunView(
            anchor=f"run-{number}",
            label=label,
            full_label=f"{label} · {run.device.label}" if several_devices else label,
            run=run,
            summary=summary,
            findings=tuple(check_run(run)),
            is_baseline=baseline is run,
            latency_ratio=_ratio(summary, baselines_summary),
        )
        for number, (run, summary, (baseline, baselines_summary), label) in enumerate(
            zip(runs, summaries, baselines, labels, strict=True), 1
        )
    )


def _labels(runs: Sequence[BenchmarkRun]) -> list[str]:
    """The artifact's name; the configuration, the time and a number are added only where needed."""
    several_configs = len({run.config for run in runs}) > 1
    labels = [run.artifact.name or "unnamed" for run in runs]
    if several_configs:
        labels = [f"{name} · {run.config.label}" for name, run in zip(labels, runs, strict=True)]
    for addition in (
        lambda index: formatting.moment(runs[index].started_at),
        lambda index: f"#{index + 1}",
    ):
        keys = [(_device_key(run.device), label) for run, label in zip(runs, labels, strict=True)]
        repeated = {key for key in keys if keys.count(key) > 1}
        labels = [
            f"{label} · {addition(index)}" if keys[index] in repeated else label
            for index, label in enumerate(labels)
        ]
    return labels


_Baseline = tuple[BenchmarkRun | None, RunSummary | None]


def _baselines(
    runs: Sequence[BenchmarkRun], summaries: Sequence[RunSummary]
) -> list[_Baseline]:
    """For each run the float32 run, or else the first, of the same device and configuration."""
    keys = [(_device_key(run.device), run.config, run.binary.sha256) for run in runs]
    chosen: dict[Hashable, int] = {}
    for index, key in enumerate(keys):
        best = chosen.setdefault(key, index)
        is_float = runs[index].artifact.recipe_name == FLOAT_RECIPE
        if is_float and runs[best].artifact.recipe_name != FLOAT_RECIPE:
            chosen[key] = index
    alone = {key for key in keys if keys.count(key) == 1}
    return [
        (None, None) if key in alone else (runs[chosen[key]], summaries[chosen[key]])
        for key in keys
    ]


def _ratio(summary: RunSummary, baseline: RunSummary | None) -> float | None:
    """The ratio of the two medians shown, so that a reader who divides finds the same."""
    if baseline is None or baseline.latency is None or summary.latency is None:
        return None
    below = baseline.latency.estimate
    return summary.latency.estimate / below if below > 0 else None


def _device_key(device: DeviceInfo) -> tuple[str | None, ...]:
    return (device.kind.value, device.label, device.fingerprint)


def _grouped(
    views: Sequence[RunView], key: Callable[[RunView], Hashable]
) -> list[tuple[RunView, ...]]:
    groups: dict[Hashable, list[RunView]] = {}
    for view in views:
        groups.setdefault(key(view), []).append(view)
    return [tuple(group) for group in groups.values()]


def _device_view(number: int, runs: tuple[RunView, ...]) -> DeviceView:
    series = [
        Series(
            label=view.label,
            anchor=view.anchor,
            samples=view.summary.samples_us,
            interval=view.summary.latency,
        )
        for view in runs
    ]
    chart, worth = _trade_off(runs)
    return DeviceView(
        anchor=f"device-{number}",
        device=runs[0].run.device,
        runs=runs,
        answer=answer(runs),
        latency=latency_chart(series),
        spread=spread_chart(series),
        trade_off=chart,
        worth=worth,
    )


def _trade_off(runs: Sequence[RunView]) -> tuple[ScatterChart | None, str]:
    """Accuracy against latency where it is known for two runs, else file size against latency."""
    timed = [view for view in runs if view.summary.latency]
    judged = [view for view in timed if view.accuracy is not None]
    by_accuracy = len(judged) > 1
    shown = judged if by_accuracy else timed
    candidates = [
        Candidate(
            label=view.label,
            anchor=view.anchor,
            cost=view.summary.latency.estimate,
            worth=view.accuracy if by_accuracy and view.accuracy is not None else view.size_bytes,
            weight=view.size_bytes,
            text=view.in_words(),
        )
        for view in shown
        if view.summary.latency
    ]
    worth = "accuracy" if by_accuracy else "size"
    if len(candidates) < 2:
        return None, worth
    return trade_off(candidates, worth_is_accuracy=by_accuracy), worth


def _sizes(views: Sequence[RunView]) -> RowChart:
    """Each file once, whatever it was run on."""
    files = {view.run.artifact.sha256: view for view in reversed(views)}
    ordered = [view for view in views if files[view.run.artifact.sha256] is view]
    return size_chart(
        [
            (
                view.run.artifact.name or "unnamed",
                view.anchor,
                view.run.artifact.size_bytes,
                view.run.artifact.gzip_bytes,
            )
            for view in ordered
        ]
    )


def _findings(views: Sequence[RunView]) -> tuple[FindingGroup, ...]:
    """Group the findings by code, the gravest first; one message on many runs is one case."""
    groups: dict[tuple[Severity, str], dict[tuple[str, str], list[RunView]]] = {}
    for view in views:
        for finding in view.findings:
            cases = groups.setdefault((finding.severity, finding.code), {})
            cases.setdefault((finding.message, finding.hint), []).append(view)
    ordered = sorted(groups.items(), key=lambda item: _SEVERITIES.index(item[0][0]))
    return tuple(
        _finding_group(code, severity, cases) for (severity, code), cases in ordered
    )


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


def gravest(findings: Sequence[Finding]) -> Severity | None:
    """The worst severity among these findings."""
    return min((item.severity for item in findings), key=_SEVERITIES.index, default=None)
