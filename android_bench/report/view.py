"""The view model: everything the page says, as typed data. Templates only arrange it.

Numbers stay numbers here; the templates format them, so that an export can write the same view in
another form.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass

from android_bench.analysis.compare import Comparison, Verdict
from android_bench.config import BenchmarkConfig
from android_bench.report.answer import Answer, answer
from android_bench.report.charts import RowChart, Series, latency_chart, size_chart, spread_chart
from android_bench.report.columns import VARIANTS, Column, known
from android_bench.report.context import RunTable, run_tables
from android_bench.report.costs import (
    memory_growth_chart,
    memory_peak_chart,
    numerics_chart,
    startup_chart,
)
from android_bench.report.findings import FindingGroup, group_findings
from android_bench.report.logs import LogFiles
from android_bench.report.operators import OperatorsView, operators_view
from android_bench.report.pairs import DECIDING, GRAVEST_FIRST, PairView, pair_views, sides_of
from android_bench.report.rows import RunView
from android_bench.report.run_detail import RunDetail, run_detail
from android_bench.report.scatter import Candidate, ForestChart, ScatterChart, forest, trade_off
from android_bench.report.special_columns import NUMERICS, STARTUP
from android_bench.report.timeline import Timeline, timelines
from android_bench.results import BenchmarkRun, BinaryInfo, DeviceInfo, InvocationKind
from android_bench.run_view import device_key, run_views

# Above this many runs of a device, its charts show the fastest only; the tables show all.
MOST_CHARTED, FASTEST_CHARTED = 48, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A device with what was run on it, the answer it gives and its charts.

    ``charted`` are the runs that the charts show: all of them, or the fastest where they are many.
    """

    anchor: str
    device: DeviceInfo
    runs: tuple[RunView, ...]
    charted: tuple[RunView, ...]
    answer: Answer
    latency: RowChart | None
    spread: RowChart | None
    trade_off: ScatterChart | None
    worth: str
    memory_growth: RowChart | None
    memory_peak: RowChart | None
    startup: RowChart | None
    numerics: RowChart | None
    operators: OperatorsView | None
    timelines: tuple[Timeline, ...]
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A binary or a configuration with the runs that used it."""

    what: BinaryInfo | BenchmarkConfig
    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole report.

    ``comparisons`` are those that decide, the gravest first; ``pair_anchors`` are where their pairs stand.
    """

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
    pairs: tuple[PairView, ...]
    columns: tuple[Column, ...]
    startup_columns: tuple[Column, ...]
    numerics_columns: tuple[Column, ...]
    run_tables: tuple[RunTable, ...]
    sizes: RowChart
    findings: tuple[FindingGroup, ...]
    binaries: tuple[Used, ...]
    configs: tuple[Used, ...]
    details: tuple[RunDetail, ...]
    delegates: tuple[str, ...]
    metrics: tuple[str, ...]
    pair_anchors: tuple[str, ...]


def build_page(
    runs: Sequence[BenchmarkRun],
    comparisons: Sequence[Comparison],
    *,
    title: str | None,
    generated_at: str,
    tool_version: str,
    logs: LogFiles | None = None,
    deciding: Collection[str] = DECIDING,
) -> Page:
    """Make the view of these runs; ``logs`` are the files of raw output that the page can link.

    ``deciding`` are the metrics that decide a verdict.
    """
    views = run_views(runs, sides_of(comparisons))
    grouped = _grouped(views, lambda view: device_key(view.run.device))
    sources = {view.run.artifact.source for view in views}
    counts = dict.fromkeys(GRAVEST_FIRST, 0)
    pairs = pair_views(comparisons, views, deciding)
    deciding_ones = tuple(item for pair in pairs for item in pair.deciding)
    for item in deciding_ones:
        counts[item.verdict] += 1
    return Page(
        title=title,
        generated_at=generated_at,
        tool_version=tool_version,
        runs=views,
        devices=tuple(_device_view(number, group) for number, group in enumerate(grouped, 1)),
        models=len({view.run.artifact.sha256 for view in views}),
        source=next(iter(sources)) if len(sources) == 1 else None,
        comparisons=deciding_ones,
        verdicts=tuple((verdict, count) for verdict, count in counts.items() if count),
        forest=forest(deciding_ones),
        pairs=pairs,
        pair_anchors=tuple(pair.anchor for pair in pairs for _ in pair.deciding),
        columns=known(VARIANTS, views),
        startup_columns=known(STARTUP, views),
        numerics_columns=known(NUMERICS, views),
        run_tables=run_tables(views),
        sizes=_sizes(views),
        findings=group_findings(views),
        binaries=tuple(
            Used(what=group[0].run.binary, runs=group)
            for group in _grouped(views, lambda view: view.run.binary)
        ),
        configs=tuple(
            Used(what=group[0].run.config, runs=group)
            for group in _grouped(views, lambda view: view.run.config)
        ),
        details=tuple(run_detail(view, (logs or {}).get(view.run.run_id, {})) for view in views),
        metrics=tuple(dict.fromkeys(item.metric for item in deciding_ones)),
        delegates=tuple(dict.fromkeys(view.run.config.delegate.label for view in views)),
    )


def _grouped(
    views: Sequence[RunView], key: Callable[[RunView], Hashable]
) -> list[tuple[RunView, ...]]:
    groups: dict[Hashable, list[RunView]] = {}
    for view in views:
        groups.setdefault(key(view), []).append(view)
    return [tuple(group) for group in groups.values()]


def _device_view(number: int, runs: tuple[RunView, ...]) -> DeviceView:
    anchor = f"device-{number}"
    charted = _charted(runs)
    series = [
        Series(
            label=view.label,
            anchor=view.anchor,
            samples=view.summary.samples_us,
            interval=view.summary.latency,
        )
        for view in charted
    ]
    measured = any(item.samples for item in series)
    # Over all runs: the front is made of the best, not of the fastest.
    chart, worth = _trade_off(runs)
    # Of a comparison the baseline is history: the answer is about what could be shipped now.
    found = answer([view for view in runs if view.side != "baseline"] or runs)
    return DeviceView(
        anchor=anchor,
        device=runs[0].run.device,
        runs=runs,
        charted=charted,
        answer=found,
        latency=latency_chart(series) if measured else None,
        spread=spread_chart(series) if measured else None,
        trade_off=chart,
        worth=worth,
        memory_growth=memory_growth_chart(charted),
        memory_peak=memory_peak_chart(charted),
        startup=startup_chart(charted),
        numerics=numerics_chart(charted),
        operators=operators_view(charted, _operator_pair(charted, found), prefix=anchor),
        timelines=timelines(runs, prefix=anchor),
        sessions=len({view.run.session_id for view in runs}),
    )


def _charted(runs: tuple[RunView, ...]) -> tuple[RunView, ...]:
    """All runs, or the fastest of them where there are too many for a chart that can be read."""
    if len(runs) <= MOST_CHARTED:
        return runs

    def latency(view: RunView) -> float:
        return view.summary.latency.estimate if view.summary.latency else math.inf

    return tuple(sorted(runs, key=latency)[:FASTEST_CHARTED])


def _operator_pair(runs: Sequence[RunView], found: Answer) -> tuple[RunView, RunView] | None:
    """Which two runs' operators to hold against each other: the baseline's and the fastest's.

    A comparison has pairs of its own.
    """
    profiled = [view for view in runs if view.run.of_kind(InvocationKind.PROFILE)]
    if len(profiled) < 2 or any(view.side for view in runs):
        return None
    fastest = next((view for view in profiled if view is found.fastest), profiled[-1])
    others = [view for view in profiled if view is not fastest]
    if fastest.is_baseline:
        return fastest, others[-1]
    alike = [view for view in others if view.is_baseline and view.run.config == fastest.run.config]
    return (alike or others)[0], fastest


def _trade_off(runs: Sequence[RunView]) -> tuple[ScatterChart | None, str]:
    """Accuracy against latency where it is known for two runs, else file size against latency."""
    timed = [view for view in runs if view.summary.latency]
    judged = [view for view in timed if view.accuracy is not None]
    by_accuracy = len(judged) > 1
    shown = judged if by_accuracy else timed
    labels = _shortest_labels(shown)
    candidates = [
        Candidate(
            label=label,
            anchor=view.anchor,
            cost=view.summary.latency.estimate,
            worth=view.accuracy if by_accuracy and view.accuracy is not None else view.size_bytes,
            weight=view.size_bytes,
            text=view.in_words(),
        )
        for view, label in zip(shown, labels, strict=True)
        if view.summary.latency
    ]
    worth = "accuracy" if by_accuracy else "size"
    if len(candidates) < 2:
        return None, worth
    return trade_off(candidates, worth_is_accuracy=by_accuracy), worth


def _shortest_labels(views: Sequence[RunView]) -> list[str]:
    """For each run the shortest of its names that no other has."""
    choices = [
        [view.run.artifact.name for view in views],
        [f"{view.run.artifact.name} · {view.run.config.delegate.label}" for view in views],
        [view.label for view in views],
    ]
    counts = [Counter(names) for names in choices]
    return [
        next((name for name, seen in zip(names, counts, strict=True) if seen[name] == 1), names[-1])
        for names in zip(*choices, strict=True)
    ]


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
