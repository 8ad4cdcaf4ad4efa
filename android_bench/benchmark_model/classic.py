"""The part of the output that the Classic tool prints, and LiteRT's tool and the stand-in share.

Only aggregates come out, one ``count=`` line for each phase: the first is the warm-up, the last the
measurement. Averages have six significant digits, and from one second on an exponent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from android_bench.benchmark_model.lines import (
    NUMBER,
    Line,
    finite,
    to_bytes,
    to_count,
    to_number,
    whole,
)
from android_bench.results import LatencySummary, MemorySummary

_MARKER = re.compile(r"Running benchmark for at least ")
# The whole line or nothing: a line that another stream broke into is not half a result.
_COUNT = re.compile(
    rf"count=(?P<count>\d+)"
    rf"(?: first=(?P<first>{NUMBER}) curr={NUMBER} min=(?P<min>{NUMBER}) max=(?P<max>{NUMBER})"
    rf" avg=(?P<avg>{NUMBER}) std=(?P<std>{NUMBER})"
    rf"| curr=(?P<only>{NUMBER})(?P<same> ?\(all same\))?)?"
    rf"(?: p5=(?P<p5>{NUMBER}) median=(?P<median>{NUMBER}) p95=(?P<p95>{NUMBER}))?",
    re.ASCII | re.IGNORECASE,
)
_SESSION = re.compile(rf"Initialized session in ({NUMBER})ms\.?", re.ASCII)
_TIMINGS = re.compile(
    rf"(?:Average i|I)nference timings in us:.*?\bInit: ({NUMBER})(?:, First inference: ({NUMBER}))?",
    re.ASCII,
)
_SIZE = re.compile(rf"The input model file size \(MB\): ({NUMBER})", re.ASCII)
_FOOTPRINT = re.compile(
    rf"(?:Memory footprint delta from the start of the tool|Peak memory footprint) \(MB\): "
    rf"init=({NUMBER}) overall=({NUMBER})",
    re.ASCII,
)
_PEAK = re.compile(
    rf"Overall peak memory footprint \(MB\) via periodic monitoring: ({NUMBER})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicReading:
    """What these lines say; times in microseconds, sizes in bytes, ``None`` where they say nothing."""

    init_us: float | None
    first_inference_us: float | None
    warmup: LatencySummary | None
    latency: LatencySummary | None
    memory: MemorySummary | None
    model_size_bytes: int | None


def read_classic(lines: Sequence[Line]) -> ClassicReading:
    """Read the shared part; incomplete lines are passed over."""
    texts = [line.text for line in lines if line.complete]
    warmup, latency = _phases(texts)
    exact = _last(_TIMINGS, texts)
    rounded = _last(_SESSION, texts)
    size = _last(_SIZE, texts)
    # "Initialized session in 1234.57ms" is rounded to six digits; the timings line is not.
    init_us = to_number(exact[1]) if exact else None
    if init_us is None and rounded:
        milliseconds = to_number(rounded[1])
        init_us = None if milliseconds is None else finite(round(milliseconds * 1000, 3))
    first_us = to_number(exact[2]) if exact else None
    megabytes = to_number(size[1]) if size else None
    return ClassicReading(
        init_us=init_us,
        first_inference_us=_first_inference(first_us, warmup),
        warmup=warmup,
        latency=latency,
        memory=_memory(texts),
        # This one is 10^6 bytes (bytes / 1e6), other than the footprints.
        model_size_bytes=None if megabytes is None else whole(megabytes * 1e6),
    )


def summary_of(text: str) -> LatencySummary | None:
    """The latency summary of a ``count=`` line, ``None`` when it is not one or is damaged."""
    match = _COUNT.fullmatch(text)
    count = to_count(match["count"]) if match else None
    if match is None or count is None:
        return None
    has_values = match["avg"] is not None or match["only"] is not None
    if has_values != (count > 0):
        return None
    if count == 0:
        # "count=0 p5=0 median=0 p95=0": the percentiles of nothing are not 0.
        return LatencySummary(count=0)
    only = to_number(match["only"])
    return LatencySummary(
        count=count,
        first_us=only if match["only"] else to_number(match["first"]),
        min_us=only if match["only"] else to_number(match["min"]),
        max_us=only if match["only"] else to_number(match["max"]),
        mean_us=only if match["only"] else to_number(match["avg"]),
        # A single inference has no spread to speak of; inferences that are all the same have 0.
        std_us=(0.0 if match["same"] else None) if match["only"] else to_number(match["std"]),
        p5_us=to_number(match["p5"]),
        median_us=to_number(match["median"]),
        p95_us=to_number(match["p95"]),
    )


def _phases(texts: Sequence[str]) -> tuple[LatencySummary | None, LatencySummary | None]:
    """The warm-up and the measurement.

    A phase begins with "Running benchmark for at least …". Where those lines are missing the order
    decides, and a lone ``count=`` line is the warm-up: the run failed before the measurement.
    """
    markers = 0
    warmup: LatencySummary | None = None
    latency: LatencySummary | None = None
    for text in texts:
        if _MARKER.match(text):
            markers += 1
            continue
        summary = summary_of(text)
        if summary is None:
            continue
        if markers >= 2 or (markers == 0 and warmup is not None):
            latency = summary
        elif warmup is None:
            warmup = summary
    return warmup, latency


def _first_inference(printed: float | None, warmup: LatencySummary | None) -> float | None:
    """The first inference of all. Without a warm-up the tool prints 0 for it, which means unknown."""
    if warmup is not None and warmup.count == 0:
        return None
    if printed is not None:
        return printed
    return warmup.first_us if warmup else None


def _memory(texts: Sequence[str]) -> MemorySummary | None:
    footprint = _last(_FOOTPRINT, texts)
    peak = _last(_PEAK, texts)
    if footprint is None and peak is None:
        return None
    return MemorySummary(
        init_footprint_bytes=to_bytes(footprint[1]) if footprint else None,
        overall_footprint_bytes=to_bytes(footprint[2]) if footprint else None,
        peak_bytes=to_bytes(peak[1]) if peak else None,
    )


def _last(pattern: re.Pattern[str], texts: Sequence[str]) -> re.Match[str] | None:
    found = None
    for text in texts:
        found = pattern.match(text) or found
    return found
