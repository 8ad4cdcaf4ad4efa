"""Timelines as Chrome's trace events: of the session, and of one inference of each run that was profiled.

The form is the "Trace Event Format" with complete events ("X"), counters ("C") and names ("M"); times are
microseconds. Perfetto and chrome://tracing open it. A profile holds means, not moments: where the build
prints when operators began, that is taken, else they stand one behind the other in their order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from android_bench.analysis.operators import OperatorTime, operator_times
from android_bench.exports.text import json_text, number, printable
from android_bench.exports.view import ExportView, provenance
from android_bench.results import Conditions, Invocation, ProfilePhase
from android_bench.run_view import RunView, device_key

_Event = dict[str, Any]

_INFERENCE, _INITIALIZATION, _DELEGATE, _FIRST_GRAPH = 1, 2, 3, 10
_COUNTERS: Mapping[str, Callable[[Conditions], float | None]] = {
    "battery, %": lambda state: state.battery_level_pct,
    "battery temperature, °C": lambda state: state.battery_temperature_c,
    "hottest sensor, °C": lambda state: max(state.temperatures_c.values(), default=None),
    "thermal status": lambda state: state.thermal_status,
    "mean core frequency, MHz": lambda state: _mean_mhz(state.cpu_khz),
    "highest allowed frequency, MHz": lambda state: _highest_mhz(state.cpu_limit_khz),
    "load of 1 minute": lambda state: state.load_1min,
    "memory available, MiB": lambda state: _mib(state.memory_available_bytes),
}


def document(export: ExportView) -> str:
    """The trace of these runs."""
    events: list[_Event] = []
    devices: dict[object, list[RunView]] = {}
    for view in export.runs:
        devices.setdefault(device_key(view.run.device), []).append(view)
    starts = [
        start
        for view in export.runs
        for item in view.run.invocations
        if (start := _moment_us(item.started_at)) is not None
    ]
    for process, views in enumerate(devices.values(), 1):
        events += _session(process, views, min(starts, default=0.0))
    for process, view in enumerate(export.runs, len(devices) + 1):
        events += _inference(process, view)
    value = {
        "displayTimeUnit": "ms",
        "otherData": {
            "tool": f"android-bench {export.tool_version}",
            "generated_at": export.generated_at,
        },
        "traceEvents": events,
    }
    return json_text(value, indent=None)


def _session(process: int, views: Sequence[RunView], origin: float) -> Iterator[_Event]:
    """A device's invocations as they were made, a track for each run, with its conditions as counters."""
    note = provenance(views[0])
    device = printable(views[0].run.device.label) + (f" ({note})" if note else "")
    yield from _named_process(process, f"{device}: invocations as they were made")
    for track, view in enumerate(views, 1):
        yield _name("thread_name", process, track, _label(view))
        timed = [
            (start, item)
            for item in view.run.invocations
            if (start := _moment_us(item.started_at)) is not None
        ]
        timed.sort(key=lambda one: one[0])
        # Clocks that were set meanwhile make slices overlap, which viewers cannot draw.
        ends = [start for start, _ in timed[1:]] + [math.inf] * bool(timed)
        for (start, item), end in zip(timed, ends, strict=True):
            yield {
                "name": f"{item.kind.value} {item.index}",
                "cat": f"invocation,{item.status.value}",
                "ph": "X",
                "pid": process,
                "tid": track,
                "ts": _us(start - origin),
                "dur": _us(min(max(item.wall_s, 0.0) * 1e6, end - start)),
                "args": _told(view, item),
            }
            for state in (item.before, item.after):
                if state is not None:
                    yield from _counters(process, state, origin)


def _told(view: RunView, item: Invocation) -> _Event:
    found = {
        "run_id": view.run.run_id,
        "model": view.run.artifact.name,
        "device": view.run.device.label,
        "status": item.status.value,
        "wall_s": item.wall_s,
        "throttled": item.throttled,
        "mean_us": item.latency.mean_us if item.latency else None,
        "inferences": item.latency.count if item.latency else None,
        "init_us": item.init_us,
        "startup": item.startup.value if item.startup else None,
        "problem": item.problem,
        "log": item.log,
    }
    return _clean(found)


def _counters(process: int, state: Conditions, origin: float) -> Iterator[_Event]:
    moment = _moment_us(state.taken_at)
    if moment is None:
        return
    for name, read in _COUNTERS.items():
        value = number(read(state))
        if value is not None:
            # Read a moment before the first invocation: no time of a trace is negative.
            yield {
                "name": name,
                "cat": "conditions",
                "ph": "C",
                "pid": process,
                "tid": 0,
                "ts": _us(max(moment - origin, 0.0)),
                "args": {"value": value},
            }


def _inference(process: int, view: RunView) -> Iterator[_Event]:
    """One inference of a run and its initialization, as their profile tells them."""
    times = operator_times(view.run)
    setup = operator_times(view.run, ProfilePhase.INITIALIZATION)
    if not times and not setup:
        return
    note = provenance(view)
    yield from _named_process(
        process, f"{_label(view)}: one inference" + (f" ({note})" if note else "")
    )
    main = [item for item in times if not item.nested]
    inside = [item for item in times if item.inside_delegate]
    if main:
        yield from _track(process, _INFERENCE, "operators", main, whole="inference")
    if setup:
        yield from _track(process, _INITIALIZATION, "initialization", setup, whole="initialization")
    if inside:
        start = _start_of_delegate(main)
        yield from _track(process, _DELEGATE, "inside delegates", inside, whole=None, start=start)
    graphs = [item for item in times if item.nested and not item.inside_delegate]
    for subgraph in dict.fromkeys(item.subgraph for item in graphs):
        items = [item for item in graphs if item.subgraph == subgraph]
        name = printable(items[0].subgraph_name or f"graph {subgraph}")
        track = _FIRST_GRAPH + subgraph
        yield from _track(process, track, f"{name}, called by control flow", items, whole=None)


def _track(
    process: int,
    track: int,
    name: str,
    items: Sequence[OperatorTime],
    *,
    whole: str | None,
    start: float = 0.0,
) -> Iterator[_Event]:
    """Operators on a track of their own, inside one slice for the whole of them if it has a name."""
    yield _name("thread_name", process, track, name)
    yield {**_name("thread_sort_index", process, track, ""), "args": {"sort_index": track}}
    places = _places(items, start)
    common = {"ph": "X", "pid": process, "tid": track}
    if whole is not None:
        first, last = places[0][0], max(end for _, end in places)
        yield {
            "name": whole,
            "cat": "whole",
            **common,
            "ts": first,
            "dur": _us(last - first),
            "args": {"operators": len(items)},
        }
    for item, (begin, end) in zip(items, places, strict=True):
        yield {
            "name": printable(item.layer or item.node_type),
            "cat": "operator",
            **common,
            "ts": begin,
            "dur": _us(end - begin),
            "args": _clean(
                {
                    "node_type": item.node_type,
                    "layers": ", ".join(item.layers) or None,
                    "tensors": item.name,
                    "index": item.index,
                    "calls": item.calls,
                    "share_pct": None if item.share is None else round(item.share * 100, 3),
                }
            ),
        }


def _places(items: Sequence[OperatorTime], start: float) -> list[tuple[float, float]]:
    """Begin and end of each operator in microseconds, never overlapping."""
    told = [item.start_us for item in items]
    if all(value is not None for value in told) and start == 0.0:
        begins = [_us(value or 0.0) for value in told]
        ends = [_us(begin + item.time_us) for begin, item in zip(begins, items, strict=True)]
        # Means of begins and of durations need not fit together to the microsecond.
        fit = all(end <= begin + 1.0 for end, begin in zip(ends, begins[1:], strict=False))
        if fit and begins == sorted(begins):
            cut = [min(end, begin) for end, begin in zip(ends, begins[1:], strict=False)]
            return list(zip(begins, [*cut, ends[-1]], strict=True))
    places = []
    position = start
    for item in items:
        end = position + item.time_us
        places.append((_us(position), _us(end)))
        position = end
    return places


def _start_of_delegate(main: Sequence[OperatorTime]) -> float:
    """Where the first delegate's node begins: what ran inside it is drawn from there on."""
    position = 0.0
    for item in main:
        if item.is_delegate:
            return position
        position += item.time_us
    return 0.0


def _named_process(process: int, name: str) -> Iterator[_Event]:
    yield _name("process_name", process, 0, name)
    yield {**_name("process_sort_index", process, 0, ""), "args": {"sort_index": process}}


def _name(what: str, process: int, track: int, name: str) -> _Event:
    return {"name": what, "ph": "M", "pid": process, "tid": track, "ts": 0, "args": {"name": name}}


def _label(view: RunView) -> str:
    return printable(view.full_label)


def _clean(found: dict[str, Any]) -> _Event:
    """Arguments that are known, as text that can be shown."""
    cleaned = {
        key: printable(value)
        if isinstance(value, str)
        else number(value)
        if isinstance(value, float)
        else value
        for key, value in found.items()
    }
    return {key: value for key, value in cleaned.items() if value is not None}


def _moment_us(iso: str) -> float | None:
    """Microseconds since 1970 of an ISO 8601 time, ``None`` when it is none."""
    try:
        return datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp() * 1e6
    except (ValueError, OverflowError, OSError):
        return None


def _us(value: float) -> float:
    """Microseconds to the nanosecond, so that begins and ends fit together."""
    return round(number(value) or 0.0, 3)


def _mean_mhz(khz: dict[int, int]) -> float | None:
    return round(sum(khz.values()) / len(khz) / 1000, 1) if khz else None


def _highest_mhz(khz: dict[int, int]) -> float | None:
    return max(khz.values()) / 1000 if khz else None


def _mib(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else round(size_bytes / 2**20, 1)
