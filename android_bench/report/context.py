"""The columns that say under what conditions a run was made, and what executed its graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.report.clocks import big_cores, highest_khz
from android_bench.report.columns import Column, Read, known
from android_bench.report.rows import RunView
from android_bench.results import Conditions, Delegation, DeviceInfo
from optimizer.artifact import MetadataSummary

_State = Callable[[Conditions], float | None]
# First, last, least and most.
_Seen = tuple[float, float, float, float]


def _path(seen: _Seen, text: Callable[[float], str]) -> str:
    """First to last reading; the extremes too when they lie outside."""
    first, last, least, most = seen
    path = text(first) if first == last else f"{text(first)} → {text(last)}"
    if least < min(first, last) or most > max(first, last):
        path += f" ({text(least)} to {text(most)})"
    return path


def _flag(read: Callable[[Conditions], bool | None], yes: str, no: str) -> Read:
    def describe(view: RunView) -> str | None:
        seen = view.observed(read)
        if seen is None:
            return None
        return {(0, 0): no, (1, 1): yes}.get((int(seen[2]), int(seen[3])), "changed")

    return describe


def _hottest(state: Conditions) -> float | None:
    return max(state.temperatures_c.values(), default=None)


def _condition(
    heading: str, about: str, read: Callable[[RunView], _Seen | None], text: Callable[[float], str]
) -> Column:
    """A column of one condition, in the order of its highest reading."""
    return Column(
        group="Conditions",
        heading=heading,
        about=about,
        kind="text",
        read=read,
        words=lambda seen: _path(seen, text),
        order=lambda seen: seen[3],
    )


def _state(heading: str, about: str, of: _State, text: Callable[[float], str]) -> Column:
    """A column of what a reading tells by itself."""
    return _condition(heading, about, lambda view: view.observed(of), text)


def _switch(
    heading: str, about: str, of: Callable[[Conditions], bool | None], yes: str, no: str
) -> Column:
    """A column of one condition that holds or does not."""
    return Column(
        group="Conditions", heading=heading, about=about, kind="text", read=_flag(of, yes, no)
    )


def _clock(view: RunView) -> _Seen | None:
    """The big cores' clock over the run, of those that tell."""
    cores = big_cores(view.run.device)
    return view.observed(lambda state: highest_khz(state.cpu_khz, cores))


def _limit(view: RunView) -> _Seen | None:
    """The highest clock that the big cores were allowed."""
    cores = big_cores(view.run.device)
    return view.observed(lambda state: highest_khz(state.cpu_limit_khz, cores))


def _gigahertz(khz: float) -> str:
    return f"{khz / 1e6:.2f} GHz"


def _governors(view: RunView) -> str | None:
    names = dict.fromkeys(
        name
        for item in view.run.invocations
        for state in (item.before, item.after)
        if state is not None
        for name in state.governors.values()
    )
    return ", ".join(names) or None


def clusters_in_words(device: DeviceInfo) -> str | None:
    """The clusters as ``4 × 1.80 GHz, 3 × 2.40 GHz``, the slowest first."""
    parts = [
        f"{len(item.cpus)} × {_gigahertz(item.max_khz) if item.max_khz else 'unknown'}"
        for item in device.clusters
    ]
    return ", ".join(parts) or None


def _text(heading: str, about: str, read: Read) -> Column:
    return Column(group="Conditions", heading=heading, about=about, kind="text", read=read)


CONDITIONS = (
    _state("Battery", "charge", lambda s: s.battery_level_pct, lambda v: f"{v:.0f} %"),
    _state(
        "Battery temperature",
        "as the battery reports it",
        lambda s: s.battery_temperature_c,
        formatting.temperature,
    ),
    _switch("Charging", "power connected", lambda s: s.charging, "yes", "no"),
    _state(
        "Thermal status",
        "0 none, 1 light, 2 moderate: from here on Android throttles",
        lambda s: s.thermal_status,
        lambda v: f"{v:.0f}",
    ),
    _state("Hottest sensor", "of all that were readable", _hottest, formatting.temperature),
    _condition(
        "Clock", "the highest among the big cores, read between invocations", _clock, _gigahertz
    ),
    _condition(
        "Allowed at most", "the highest clock that the big cores were allowed", _limit, _gigahertz
    ),
    _text("Governor", "what chooses the clocks", _governors),
    _state("Load", "1-minute load average", lambda s: s.load_1min, lambda v: f"{v:.2f}"),
    _state(
        "Other inferences",
        "processes of benchmark_model that are not ours",
        lambda s: s.other_inferences,
        lambda v: f"{v:.0f}",
    ),
    _state(
        "Memory available",
        "as the kernel estimates it",
        lambda s: s.memory_available_bytes,
        formatting.memory,
    ),
    _switch("Power saving", "battery saver", lambda s: s.power_save, "on", "off"),
    _switch("Screen", "whether it was on", lambda s: s.screen_on, "on", "off"),
)


def _delegation(read: Callable[[Delegation], object]) -> Read:
    """One field of the delegation results; several when the invocations disagree."""

    def describe(view: RunView) -> str | None:
        texts = [str(value) for item in view.delegations if (value := read(item)) is not None]
        return " / ".join(dict.fromkeys(texts)) or None

    return describe


def _nodes(item: Delegation) -> str | None:
    if item.nodes_delegated is None:
        return None
    total = "unknown" if item.nodes_total is None else item.nodes_total
    return f"{item.nodes_delegated} of {total}"


def _applied(item: Delegation) -> str | None:
    return None if item.applied is None else ("yes" if item.applied else "no")


DELEGATION = tuple(
    Column(group="Delegation", heading=heading, about=about, kind="text", read=_delegation(read))
    for heading, about, read in (
        ("Requested", "the flag's value", lambda item: item.requested.value),
        ("Applied", "unknown when the build does not tell", _applied),
        ("Delegate", "as the runtime names it", lambda item: item.delegate_name),
        ("Nodes", "of the graph", _nodes),
        ("Partitions", "pieces the graph was cut into", lambda item: item.partitions),
    )
)


def _metadata(read: Callable[[MetadataSummary], object]) -> Read:
    """One field of the metadata that a file carries."""

    def describe(view: RunView) -> str | None:
        metadata = view.run.artifact.metadata
        value = None if metadata is None else read(metadata)
        return None if value is None else str(value)

    return describe


def _pixels(item: MetadataSummary) -> str | None:
    if not item.mean:
        return None
    mean, std = (", ".join(f"{value:g}" for value in part) for part in (item.mean, item.std))
    return f"(pixel - {mean}) / {std}"


def _proof(item: MetadataSummary) -> str:
    if item.verified:
        return "loads and agrees"
    return "not tried" if item.failure is None else f"refused: {item.failure}"


METADATA = tuple(
    Column(group="Metadata", heading=heading, about=about, kind="text", read=_metadata(read))
    for heading, about, read in (
        ("Task", "what the file is for", lambda item: item.task),
        ("Name", "as the metadata call the model", lambda item: item.name),
        ("Labels", "how many classes have a name", lambda item: item.labels),
        ("Input", "how an app prepares pixels, from 0 to 255", _pixels),
        (
            "Task Library",
            "whether Android's Task Library loads the file and gives what LiteRT gives",
            _proof,
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """A table of all runs about one topic, whose findings stand in it."""

    anchor: str
    heading: str
    caption: str
    topic: str
    columns: tuple[Column, ...]


_TABLES = (
    (
        "conditions",
        "While measuring",
        "From the first to the last reading, taken before and after each invocation; in brackets the "
        "extremes where they lie outside",
        CONDITIONS,
    ),
    ("delegation", "Delegation", "What was asked to execute the graph, and what did", DELEGATION),
    (
        "metadata",
        "Metadata",
        "What each file tells an app about itself, and whether that was proven",
        METADATA,
    ),
)


def run_tables(views: Sequence[RunView]) -> tuple[RunTable, ...]:
    """The tables that have anything to tell."""
    return tuple(
        RunTable(
            anchor=f"table-{topic}", heading=heading, caption=caption, topic=topic, columns=columns
        )
        for topic, heading, caption, every in _TABLES
        if (columns := known(every, views))
    )
