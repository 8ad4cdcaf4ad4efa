"""Where the time of an inference goes: by type, by layer, and what changed between two runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.analysis.operators import (
    OperatorChange,
    OperatorTime,
    operator_changes,
    operator_times,
)
from android_bench.report.charts import Axis, Layers, RowChart, layered_chart, round_axis
from android_bench.report.rows import RunView

# As many types have a colour of their own; the rest of them share one.
TYPES_SHOWN = 6
LAYERS_SHOWN = 14
CHANGES_SHOWN = 14
REST = "other types"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSegment:
    """The part of a bar that one type takes: ``tone`` numbers its colour, from 1 on."""

    tone: int
    start: float
    width: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """One run's inference, divided by type.

    ``times_us`` are in the order of the chart's types, ``None`` where the run has none of a type.
    """

    view: RunView
    total_us: float
    times_us: tuple[float | None, ...]
    segments: tuple[TypeSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChart:
    """Bars from zero, divided by type; ``types`` are the dearest over all runs, the last holds the rest."""

    axis: Axis
    types: tuple[str, ...]
    rows: tuple[TypeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """What one operator gained or lost, with its bar from the zero line as fractions of the width."""

    change: OperatorChange
    start: float
    width: float

    @property
    def ratio(self) -> float | None:
        """The candidate's time over the baseline's."""
        before, after = self.change.baseline_us, self.change.candidate_us
        return after / before if before and after is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """What changed between two profiled runs, the largest first. ``zero`` is where nothing changed."""

    anchor: str
    baseline: RunView
    candidate: RunView
    baseline_us: float
    candidate_us: float
    rows: tuple[ChangeRow, ...]
    zero: float
    shown: int = CHANGES_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorsView:
    """The operators of one device's runs."""

    by_type: TypeChart
    by_layer: RowChart | None
    layers_of: RunView
    layers_left: int
    changes: tuple[ChangeView, ...]


def operators_view(
    runs: Sequence[RunView], pair: tuple[RunView, RunView] | None, *, prefix: str
) -> OperatorsView | None:
    """The view of the runs that have a profile; ``None`` when none has one.

    ``pair`` is the baseline and the run to hold against it.
    """
    profiled = [(view, parts(operator_times(view.run))) for view in runs]
    profiled = [(view, times) for view, times in profiled if times]
    if not profiled:
        return None
    chosen = pair[1] if pair else profiled[0][0]
    subject, times = next((item for item in profiled if item[0] is chosen), profiled[0])
    change = change_view(*pair, anchor=f"{prefix}-change") if pair else None
    return OperatorsView(
        by_type=type_chart(profiled),
        by_layer=_layer_chart(times, subject.anchor),
        layers_of=subject,
        layers_left=max(len(times) - LAYERS_SHOWN, 0),
        changes=(change,) if change else (),
    )


def parts(times: Sequence[OperatorTime]) -> tuple[OperatorTime, ...]:
    """What an inference's time is made of, nothing twice.

    A delegate's node gives way to the operators inside it where the profile tells them; what they leave
    of its time stays with it.
    """
    inside = [item for item in times if item.inside_delegate]
    graph = [item for item in times if not item.nested]
    if not inside:
        return tuple(graph)
    delegates = [item for item in graph if _is_delegate(item.node_type)]
    others = [item for item in graph if not _is_delegate(item.node_type)]
    rest = sum(item.time_us for item in delegates) - sum(item.time_us for item in inside)
    if not delegates or rest <= 0:
        return (*others, *inside)
    own = OperatorTime(
        layer=None,
        layers=(),
        node_type=f"{delegates[0].node_type} itself",
        time_us=rest,
        share=None,
        calls=sum(item.calls for item in delegates),
        name="",
        index=None,
        subgraph=delegates[0].subgraph,
        nested=False,
        inside_delegate=False,
    )
    return (*others, *inside, own)


def type_chart(profiled: Sequence[tuple[RunView, Sequence[OperatorTime]]]) -> TypeChart:
    """Divide each run's bar by type; the dearest types over all runs have a colour."""
    sums: list[dict[str, float]] = []
    overall: dict[str, float] = defaultdict(float)
    for _, times in profiled:
        by_type: dict[str, float] = defaultdict(float)
        for item in times:
            by_type[item.node_type] += item.time_us
            overall[item.node_type] += item.time_us
        sums.append(by_type)
    dearest = sorted(overall, key=lambda name: -overall[name])[:TYPES_SHOWN]
    types = (*dearest, REST) if len(overall) > TYPES_SHOWN else tuple(dearest)
    totals = [sum(by_type.values()) for by_type in sums]
    divisor, unit = formatting.duration_unit(max(totals))
    axis = round_axis(0.0, max(totals), label=lambda us: f"{us / divisor:g}", unit=unit)
    rows = []
    for (view, _), by_type, total in zip(profiled, sums, totals, strict=True):
        others = [time_us for name, time_us in by_type.items() if name not in dearest]
        rest = sum(others) if others else None
        times_us = (*(by_type.get(name) for name in dearest), rest)[: len(types)]
        rows.append(
            TypeRow(
                view=view,
                total_us=total,
                times_us=times_us,
                segments=_segments(types, times_us, axis),
            )
        )
    return TypeChart(axis=axis, types=types, rows=tuple(rows))


def _segments(
    types: Sequence[str], times: Sequence[float | None], axis: Axis
) -> tuple[TypeSegment, ...]:
    found, start = [], 0.0
    total = sum(time_us or 0.0 for time_us in times) or 1.0
    for tone, (name, time_us) in enumerate(zip(types, times, strict=True), 1):
        if time_us:
            width = axis.place(start + time_us) - axis.place(start)
            text = f"{name}: {formatting.duration(time_us)}, {formatting.percent(time_us / total)}"
            found.append(TypeSegment(tone=tone, start=axis.place(start), width=width, text=text))
        start += time_us or 0.0
    return tuple(found)


def _layer_chart(times: Sequence[OperatorTime], anchor: str) -> RowChart | None:
    """The dearest operators by layer, as bars from zero."""
    total = sum(item.time_us for item in times)
    dearest = sorted(times, key=lambda item: -item.time_us)[:LAYERS_SHOWN]
    items = [
        Layers(
            label=f"{item.layer} · {item.node_type}" if item.layer else item.node_type,
            anchor=anchor,
            whole=item.time_us,
            part=None,
            text=f"{formatting.duration(item.time_us)}, {formatting.percent(item.time_us / total)}"
            if total
            else formatting.duration(item.time_us),
        )
        for item in dearest
    ]
    return layered_chart(items, unit=formatting.duration_unit) if items else None


def change_view(baseline: RunView, candidate: RunView, *, anchor: str) -> ChangeView | None:
    """What changed operator by operator; ``None`` unless both runs have a profile."""
    changes = operator_changes(baseline.run, candidate.run)
    if not changes:
        return None
    if any(change.inside_delegate for change in changes):
        # The delegate's node is the sum of what is listed.
        changes = tuple(
            change
            for change in changes
            if change.inside_delegate or not _is_delegate(change.node_type)
        )
    reach = [0.0, *(change.delta_us for change in changes)]
    low, high = min(reach), max(reach)
    width = (high - low) or 1.0
    zero = -low / width
    return ChangeView(
        anchor=anchor,
        baseline=baseline,
        candidate=candidate,
        baseline_us=_total(baseline),
        candidate_us=_total(candidate),
        rows=tuple(
            ChangeRow(
                change=change,
                start=zero + min(change.delta_us, 0.0) / width,
                width=abs(change.delta_us) / width,
            )
            for change in changes
        ),
        zero=zero,
    )


def _total(view: RunView) -> float:
    return sum(item.time_us for item in operator_times(view.run) if not item.nested)


def _is_delegate(node_type: str) -> bool:
    return "delegate" in node_type.lower()
