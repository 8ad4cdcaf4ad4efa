"""Charts of what a variant costs besides latency: memory, start-up, and how far its outputs are off."""

from __future__ import annotations

import math
from collections.abc import Sequence

from android_bench import formatting
from android_bench.config import StartupMode
from android_bench.report.charts import Axis, Layers, Row, RowChart, Tick, layered_chart, stack
from android_bench.report.rows import RunView, numerics_of

STARTUP_WORDS = {
    StartupMode.NO_CACHE: "no cache",
    StartupMode.COLD: "cold",
    StartupMode.WARM: "warm",
}


# Each run has a row for each state of the cache: more are no picture.
MOST_STARTUPS = 16


def memory_growth_chart(runs: Sequence[RunView]) -> RowChart | None:
    """Growth of the high-water mark over the whole invocation and, in front of it, by initialisation."""
    items = [
        Layers(
            label=view.label,
            anchor=view.anchor,
            whole=view.summary.overall_footprint_bytes,
            part=view.summary.init_footprint_bytes,
            text=_part_of(view.summary.init_footprint_bytes, view.summary.overall_footprint_bytes),
        )
        for view in runs
        if view.summary.overall_footprint_bytes is not None
        or view.summary.init_footprint_bytes is not None
    ]
    return layered_chart(items, unit=formatting.memory_unit) if items else None


def memory_peak_chart(runs: Sequence[RunView]) -> RowChart | None:
    """The absolute peak of the process; another thing than growth, so on an axis of its own."""
    items = [
        Layers(
            label=view.label,
            anchor=view.anchor,
            whole=view.summary.peak_bytes,
            part=None,
            text=formatting.memory(view.summary.peak_bytes),
        )
        for view in runs
        if view.summary.peak_bytes is not None
    ]
    return layered_chart(items, unit=formatting.memory_unit) if items else None


def startup_chart(runs: Sequence[RunView]) -> RowChart | None:
    """Until the first result, by the state of the cache: initialisation, then the first inference."""
    items = []
    for view in [view for view in runs if view.summary.startup][:MOST_STARTUPS]:
        for mode, seen in view.summary.startup.items():
            if seen.init is None or seen.first_inference is None:
                continue
            init, first = seen.init.estimate, seen.first_inference.estimate
            items.append(
                Layers(
                    label=f"{STARTUP_WORDS[mode]} · {view.label}",
                    anchor=view.anchor,
                    whole=init + first,
                    part=init,
                    text=_sum(init, first),
                )
            )
    return layered_chart(items, unit=formatting.duration_unit) if items else None


def numerics_chart(runs: Sequence[RunView]) -> RowChart | None:
    """Each sample's largest error as a dot on a logarithmic axis; no error at all lies at its beginning."""
    compared = [view for view in runs if numerics_of(view)]
    if not compared:
        return None
    errors = [item.max_abs_error for view in compared for item in numerics_of(view)]
    axis = _decades([value for value in errors if value > 0], with_zero=min(errors) <= 0)

    def place(value: float) -> float:
        return axis.place(math.log10(value)) if value > 0 else 0.0

    def row(view: RunView, top: float, middle: float) -> Row:
        own = sorted({item.max_abs_error for item in numerics_of(view)})
        return Row(
            label=_with_delegate(view),
            anchor=view.anchor,
            value=formatting.number(own[-1], digits=3),
            top=top,
            middle=middle,
            low=place(own[0]),
            high=place(own[-1]),
            dots=tuple(place(value) for value in own),
        )

    return stack(compared, axis, row)


def _part_of(part: float | None, whole: float | None) -> str:
    """Two amounts of memory in one unit, as short as it goes: ``21 of 29.6 MiB``."""
    if part is None or whole is None:
        return formatting.memory(part if whole is None else whole)
    divisor, unit = formatting.memory_unit(max(part, whole))
    return f"{part / divisor:.3g} of {whole / divisor:.3g} {unit}"


def _sum(first: float, second: float) -> str:
    """Two durations in one unit: ``32.4 + 18 ms``."""
    divisor, unit = formatting.duration_unit(max(first, second))
    return f"{first / divisor:.3g} + {second / divisor:.3g} {unit}"


def _with_delegate(view: RunView) -> str:
    """A label that names the delegate, which the label of a run does only where there are several."""
    if view.run.config.label in view.label:
        return view.label
    return f"{view.label} · {view.run.config.delegate.label}"


def _decades(values: Sequence[float], *, with_zero: bool) -> Axis:
    """Powers of ten around the values, every second or third where they are many."""
    low = math.floor(math.log10(min(values))) if values else -7
    high = math.ceil(math.log10(max(values))) if values else 0
    low -= with_zero
    high = max(high, low + 1)
    step = math.ceil((high - low) / 6)
    ticks = [
        Tick(at=(power - low) / (high - low), label=f"1e{power}" if power else "1")
        for power in range(low, high + 1, step)
    ]
    if with_zero:
        ticks[0] = Tick(at=0.0, label="0")
    return Axis(low=low, high=high, ticks=tuple(ticks))
