"""The columns of what has invocations of its own: start-up by the state of the cache, and numerics."""

from __future__ import annotations

from collections.abc import Iterator

from android_bench import formatting
from android_bench.analysis.stats import Interval
from android_bench.config import StartupMode
from android_bench.report.columns import Column, Read
from android_bench.report.rows import RunView


def _startup(mode: StartupMode, name: str) -> tuple[Read, Read]:
    """The median of a start-up figure and its interval in words."""

    def interval(view: RunView) -> Interval | None:
        seen = view.summary.startup.get(mode)
        found: Interval | None = getattr(seen, name) if seen else None
        return found

    def estimate(view: RunView) -> float | None:
        seen = interval(view)
        return seen.estimate if seen else None

    def note(view: RunView) -> str | None:
        seen = interval(view)
        if seen is None or seen.low is None:
            return None
        return formatting.duration_range(seen.low, seen.high)

    return estimate, note


def _startup_columns() -> Iterator[Column]:
    for mode, words in (
        (StartupMode.NO_CACHE, "No cache"),
        (StartupMode.COLD, "Cold: empty cache"),
        (StartupMode.WARM, "Warm: filled cache"),
    ):
        for heading, name in (("Init", "init"), ("First inference", "first_inference")):
            read, note = _startup(mode, name)
            yield Column(
                group=words,
                heading=heading,
                about="median of the start-up invocations, with its 95 % interval below",
                kind="duration",
                read=read,
                note=note,
            )


STARTUP = tuple(_startup_columns())


def _numerics(name: str) -> Read:
    return lambda view: getattr(view.summary.numerics, name, None)


NUMERICS = (
    Column(
        group="Numerics",
        heading="Delegate",
        about="what was asked to execute the graph",
        kind="text",
        read=lambda view: view.run.config.delegate.label if view.summary.numerics else None,
    ),
    Column(
        group="Numerics",
        heading="Samples",
        about="inputs that were run on both sides",
        kind="number",
        read=_numerics("samples"),
    ),
    Column(
        group="Numerics",
        heading="Largest error",
        about="largest difference of any output value, in units of the dequantized output",
        kind="number",
        read=_numerics("max_abs_error"),
    ),
    Column(
        group="Numerics",
        heading="Least cosine",
        about="cosine of the angle between both sides' outputs: 1 is the same direction",
        kind="cosine",
        read=_numerics("min_cosine"),
    ),
    Column(
        group="Numerics",
        heading="Top-1 same",
        about="share of the inputs on which both sides choose the same class",
        kind="percent",
        read=_numerics("top1_agreement"),
    ),
    Column(
        group="Numerics",
        heading="Compared with",
        about="what ran the same inputs",
        kind="text",
        read=_numerics("reference"),
    ),
)
