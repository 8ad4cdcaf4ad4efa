"""What a reader finds when a run is opened: its invocations in their order, its operators, its findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.analysis.operators import OperatorTime, operator_times
from android_bench.report.charts import round_axis
from android_bench.report.logs import LogFile
from android_bench.report.panels import DotKind, Panel, Readings, Sample, Span, dot_panel
from android_bench.report.rows import RunView, kind_of, mean_of

LEAST_INVOCATIONS = 3
CHART_HEIGHT = 96.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """One run, opened. ``kinds`` says what is special about a timing invocation, by its index."""

    view: RunView
    chart: Panel | None
    kinds: Mapping[int, DotKind]
    operators: tuple[OperatorTime, ...]
    dearest_us: float
    logs: Mapping[str, tuple[LogFile, ...]]


def run_detail(view: RunView, logs: Mapping[str, tuple[LogFile, ...]]) -> RunDetail:
    """Make the detail of one run; ``logs`` are its files by the invocations' log paths."""
    operators = operator_times(view.run)
    return RunDetail(
        view=view,
        chart=_chart(view),
        kinds={
            item.index: kind
            for item in view.run.invocations
            if mean_of(item) is not None and (kind := kind_of(view, item)) is not DotKind.COUNTED
        },
        operators=operators,
        dearest_us=max((item.time_us for item in operators), default=0.0),
        logs=logs,
    )


def _trend(view: RunView, places: Sequence[int]) -> Readings | None:
    """The drift as a line over the invocations that count, where chance does not explain it."""
    drift, latency = view.summary.drift, view.summary.latency
    if drift is None or not drift.significant or latency is None:
        return None
    ends = ((places[0], 1 - drift.change / 2), (places[-1], 1 + drift.change / 2))
    points = tuple((float(at), latency.estimate * factor) for at, factor in ends)
    return Readings(name="drift", tone="second", points=points)


def _chart(view: RunView) -> Panel | None:
    """The invocations' means in the order they ran, against the median and its interval."""
    timed = [(item, mean) for item in view.run.invocations if (mean := mean_of(item))]
    if len(timed) < LEAST_INVOCATIONS:
        return None
    latency = view.summary.latency
    band = None
    if latency and latency.low is not None and latency.high is not None:
        band = (latency.low, latency.high)
    means = [mean for _, mean in timed]
    levels = [*means, *(band or ()), *((latency.estimate,) if latency else ())]
    divisor, unit = formatting.duration_unit(max(levels))
    axis = round_axis(
        min(levels), max(levels), label=lambda us: f"{us / divisor:.4g}", unit=unit, steps=2
    )
    return dot_panel(
        [
            Sample(
                at=position,
                value=mean,
                kind=kind_of(view, item),
                text=f"Invocation {item.index}: {formatting.duration(mean)}",
            )
            for position, (item, mean) in enumerate(timed)
        ],
        axis=axis,
        span=Span(start=-0.5, end=len(timed) - 0.5),
        heading="Means in the order they ran",
        summary=f"{len(timed)} invocations, {formatting.duration_range(min(means), max(means))}",
        lines=(latency.estimate,) if latency else (),
        band=band,
        trend=_trend(view, [at for at, (item, _) in enumerate(timed) if not item.throttled]),
        height=CHART_HEIGHT,
    )
