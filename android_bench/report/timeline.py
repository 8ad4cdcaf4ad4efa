"""What a session looked like over time: the invocations' means above the state of the device.

Runs that were measured together took turns, so their invocations share one time axis; as deviations
from each run's own median they share one scale too. A slow invocation then stands above the heat, the
clock or the load that explains it.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from android_bench import formatting
from android_bench.report.charts import SMALLEST_SPREAD_SHOWN, Axis, Tick, round_axis
from android_bench.report.clocks import big_cores, highest_khz
from android_bench.report.panels import (
    DotKind,
    Panel,
    Point,
    Readings,
    Sample,
    Span,
    curve_panel,
    dot_panel,
)
from android_bench.report.rows import RunView, kind_of, mean_of
from android_bench.results import (
    THROTTLING_STATUS,
    Conditions,
    DeviceInfo,
    Invocation,
)

# So many sessions of a page are drawn; those in which something throttled come first.
MOST_TIMELINES = 8
LEAST_INVOCATIONS = 3
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One session on one device. ``shaded`` are stretches, as fractions, in which it throttled."""

    anchor: str
    runs: tuple[RunView, ...]
    started_at: str
    across: Axis
    panels: tuple[Panel, ...]
    shaded: tuple[tuple[float, float], ...]
    apart: int
    outliers: int


def timelines(runs: Sequence[RunView], *, prefix: str) -> tuple[Timeline, ...]:
    """The sessions of one device's runs that are worth drawing, in the order of time."""
    sessions: dict[str, list[RunView]] = {}
    for view in runs:
        sessions.setdefault(view.run.session_id, []).append(view)
    # Drawing is dear: the ranking needs no more than what is summed up already.
    gravest = sorted(sessions.values(), key=_eventfulness, reverse=True)
    found = []
    for number, group in enumerate(gravest, 1):
        timeline = _timeline(group, anchor=f"{prefix}-session-{number}")
        if timeline is not None:
            found.append(timeline)
        if len(found) == MOST_TIMELINES:
            break
    return tuple(sorted(found, key=lambda item: item.started_at))


def _eventfulness(runs: Sequence[RunView]) -> tuple[int, int, int]:
    """What makes a session worth a look: throttling, then outliers, then its size."""
    return (
        sum(view.summary.set_apart for view in runs),
        sum(len(view.summary.outliers) for view in runs),
        len(runs),
    )


def _timeline(runs: Sequence[RunView], *, anchor: str) -> Timeline | None:
    """Draw one session; ``None`` when there are too few invocations with a time."""
    timed = [
        (view, item, started)
        for view in runs
        for item in view.run.invocations
        if (started := _seconds(item.started_at)) is not None
    ]
    states = _states([item for _, item, _ in timed])
    moments = [at for _, item, start in timed for at in (start, start + item.wall_s)]
    moments += [at for at, _ in states]
    samples = [sample for view in runs for sample in _samples(view)]
    if len(samples) < LEAST_INVOCATIONS:
        return None
    span = Span(start=min(moments), end=max(moments))
    panels = (_means(samples, span), *_conditions(states, runs[0].run.device, span))
    return Timeline(
        anchor=anchor,
        runs=tuple(runs),
        started_at=min(view.run.started_at for view in runs),
        across=_time_axis(span),
        panels=tuple(panel for panel in panels if panel),
        shaded=_throttled([item for _, item, _ in timed], span),
        apart=sum(1 for sample in samples if sample.kind is DotKind.APART),
        outliers=sum(1 for sample in samples if sample.kind is DotKind.OUTLIER),
    )


def _samples(view: RunView) -> list[Sample]:
    """The timing invocations of a run, relative to its median; 0.01 is one percent slower."""
    items = [item for item in view.run.invocations if _seconds(item.started_at) is not None]
    means = {item.index: mean for item in items if (mean := mean_of(item))}
    if not means:
        return []
    latency = view.summary.latency
    middle = latency.estimate if latency else statistics.median(means.values())
    if middle <= 0:
        return []
    return [
        Sample(
            at=(_seconds(item.started_at) or 0.0) + item.wall_s / 2,
            value=means[item.index] / middle - 1,
            kind=kind_of(view, item),
            text=(
                f"{view.label}, invocation {item.index}: {formatting.duration(means[item.index])}, "
                f"{formatting.change(means[item.index] / middle)}"
            ),
        )
        for item in items
        if item.index in means
    ]


def _means(samples: Sequence[Sample], span: Span) -> Panel:
    values = [0.0, *(sample.value for sample in samples)]
    low, high = min(values), max(values)
    # As much room as the noise chart leaves, so that a quiet session looks quiet.
    low, high = min(low, -SMALLEST_SPREAD_SHOWN / 2), max(high, SMALLEST_SPREAD_SHOWN / 2)
    axis = round_axis(low, high, label=lambda value: f"{value * 100:+g}", unit="%", steps=4)
    ticks = tuple(
        Tick(
            at=tick.at,
            label=tick.label.replace("+0", "0") if tick.label in {"+0", "-0"} else tick.label,
        )
        for tick in axis.ticks
    )
    apart = sum(1 for sample in samples if sample.kind is DotKind.APART)
    words = f"{formatting.change(1 + min(values))} to {formatting.change(1 + max(values))}"
    return dot_panel(
        samples,
        axis=Axis(low=axis.low, high=axis.high, ticks=ticks),
        span=span,
        heading="Invocation means against their run's median",
        summary=f"{len(samples)} invocations, {words}"
        + (f"; {apart} set apart because the device throttled" if apart else ""),
        lines=(0.0,),
    )


_State = tuple[float, Conditions]


def _states(items: Sequence[Invocation]) -> list[_State]:
    found = [
        (at, state)
        for item in items
        for state in (item.before, item.after)
        if state is not None and (at := _seconds(state.taken_at)) is not None
    ]
    return sorted(found, key=lambda pair: pair[0])


def _conditions(states: Sequence[_State], device: DeviceInfo, span: Span) -> list[Panel | None]:
    def read(of: Callable[[Conditions], float | None]) -> tuple[Point, ...]:
        return tuple((at, of(state)) for at, state in states)

    cores = big_cores(device)
    whose = "big cores" if cores else "fastest core"
    battery = Readings(
        name="battery", tone="first", points=read(lambda state: state.battery_temperature_c)
    )
    hottest = Readings(
        name="hottest sensor",
        tone="second",
        points=read(lambda state: max(state.temperatures_c.values(), default=None)),
    )
    clock = Readings(
        name="clock", tone="first", points=read(lambda state: highest_khz(state.cpu_khz, cores))
    )
    limit = Readings(
        name="allowed at most",
        tone="second",
        points=read(lambda state: highest_khz(state.cpu_limit_khz, cores)),
        stepped=True,
    )
    status = Readings(
        name="status", tone="first", points=read(lambda state: state.thermal_status), stepped=True
    )
    load = Readings(name="load", tone="first", points=read(lambda state: state.load_1min))
    return [
        curve_panel(
            (battery, hottest),
            span=span,
            heading="Temperature",
            label=lambda v: f"{v:g}",
            unit="°C",
        ),
        curve_panel(
            (status,),
            span=span,
            heading="Thermal status",
            label=lambda v: f"{v:g}",
            levels=(THROTTLING_STATUS,),
            at_least=(0, THROTTLING_STATUS),
        ),
        curve_panel(
            (clock, limit),
            span=span,
            heading=f"Clock of the {whose}",
            label=lambda khz: f"{khz / 1e6:.3g}",
            unit="GHz",
        ),
        curve_panel(
            (load,), span=span, heading="Load (1 min)", label=lambda v: f"{v:.3g}", at_least=(0, 1)
        ),
    ]


def _time_axis(span: Span) -> Axis:
    """Time since the beginning, in the unit in which it reads best."""
    seconds = max(span.end - span.start, 1.0)
    units = ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min"))
    divisor, unit = next((item for item in units if seconds >= 2 * item[0]), (1, "s"))
    step = round_axis(0.0, seconds / divisor, label=lambda value: f"{value:g}").ticks
    high = round_axis(0.0, seconds / divisor, label=str).high
    ticks = tuple(
        Tick(at=place, label=tick.label)
        for tick in step
        if (place := tick.at * high * divisor / seconds) <= 1
    )
    last = ticks[-1]
    return Axis(
        low=0.0, high=seconds, ticks=(*ticks[:-1], Tick(at=last.at, label=f"{last.label} {unit}"))
    )


def _throttled(items: Sequence[Invocation], span: Span) -> tuple[tuple[float, float], ...]:
    """The stretches, as fractions, in which one invocation after the other throttled."""
    ordered = sorted(items, key=lambda item: _seconds(item.started_at) or 0.0)
    stretches = []
    for throttled, group in itertools.groupby(ordered, key=lambda item: item.throttled):
        if throttled:
            several = list(group)
            start, end = _seconds(several[0].started_at), _seconds(several[-1].started_at)
            if start is not None and end is not None:
                stretches.append((span.place(start), span.place(end + several[-1].wall_s)))
    return tuple(stretches)


def _seconds(iso: str) -> float | None:
    """A moment in seconds since 1970; ``None`` for what is no time."""
    try:
        parsed = datetime.fromisoformat(iso.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed.timestamp() if parsed.tzinfo is not None else None
