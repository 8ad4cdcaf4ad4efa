"""The results block of LiteRT's benchmark_model: milliseconds with two decimals, on stderr."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from android_bench.benchmark_model.lines import NUMBER, Line, finite, to_bytes, to_count, to_number
from android_bench.results import LatencySummary, MemorySummary

_TITLE = re.compile(r"=+ BENCHMARK RESULTS =+")
_TIME = re.compile(
    rf"(?P<name>Model initialization|(?:Warmup|Inference) \((?:first|avg|min|max|std)\)): +"
    rf"(?P<value>{NUMBER})(?: ms)?(?: \((?P<runs>\d+) runs\))?",
    re.ASCII,
)
_MEMORY = re.compile(
    rf"(?P<name>Init footprint|Overall footprint|Peak memory): +(?P<value>{NUMBER}) MB", re.ASCII
)
_NO_RUNS = "No inference runs were performed."


@dataclass(frozen=True, slots=True, kw_only=True)
class LitertReading:
    """What the block says; times in microseconds, sizes in bytes. ``found`` is false without one."""

    found: bool
    init_us: float | None = None
    first_inference_us: float | None = None
    warmup: LatencySummary | None = None
    latency: LatencySummary | None = None
    memory: MemorySummary | None = None


def read_litert(lines: Sequence[Line]) -> LitertReading:
    """Read the results block; incomplete lines are passed over."""
    texts = [line.text for line in lines if line.complete]
    start = max((i for i, text in enumerate(texts) if _TITLE.match(text)), default=None)
    if start is None:
        return LitertReading(found=False)
    times: dict[str, float | None] = {}
    runs: dict[str, int | None] = {}
    sizes: dict[str, int | None] = {}
    for text in texts[start:]:
        if time := _TIME.match(text):
            times[time["name"]] = _microseconds(time["value"])
            if time["runs"]:
                runs[time["name"]] = to_count(time["runs"])
        elif size := _MEMORY.match(text):
            sizes[size["name"]] = to_bytes(size["value"])
    return LitertReading(
        found=True,
        init_us=times.get("Model initialization"),
        # Without a warm-up the tool prints 0 for the first inference, which means unknown.
        first_inference_us=times.get("Warmup (first)") if runs.get("Warmup (avg)") else None,
        warmup=_warmup(times, runs.get("Warmup (avg)")),
        latency=_latency(times, runs.get("Inference (avg)"), idle=_NO_RUNS in texts[start:]),
        memory=_memory(sizes),
    )


def _warmup(times: dict[str, float | None], count: int | None) -> LatencySummary | None:
    if count is None:
        return None
    if count == 0:
        return LatencySummary(count=0)
    return LatencySummary(
        count=count, first_us=times.get("Warmup (first)"), mean_us=times.get("Warmup (avg)")
    )


def _latency(
    times: dict[str, float | None], count: int | None, *, idle: bool
) -> LatencySummary | None:
    # The spread comes last: without it the block is cut, and half a summary is none.
    if count is None or (count > 0 and "Inference (std)" not in times):
        return None
    if idle or count == 0:
        return LatencySummary(count=0)
    return LatencySummary(
        count=count,
        min_us=times.get("Inference (min)"),
        max_us=times.get("Inference (max)"),
        mean_us=times.get("Inference (avg)"),
        std_us=times.get("Inference (std)"),
    )


def _memory(sizes: dict[str, int | None]) -> MemorySummary | None:
    if not sizes:
        return None
    return MemorySummary(
        init_footprint_bytes=sizes.get("Init footprint"),
        overall_footprint_bytes=sizes.get("Overall footprint"),
        peak_bytes=sizes.get("Peak memory"),
    )


def _microseconds(milliseconds: str) -> float | None:
    value = to_number(milliseconds)
    # 7430.2 * 1000 is 7430199.999999999 in binary; the tool prints hundredths of a millisecond.
    return None if value is None else finite(round(value * 1000, 3))
