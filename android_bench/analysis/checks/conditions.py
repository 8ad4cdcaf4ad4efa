"""Findings about the state of the device while it measured: heat, clocks, power, and other work."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from android_bench import formatting
from android_bench.analysis.checks.finding import Code, Severity, Told
from android_bench.results import (
    BenchmarkRun,
    Conditions,
    Invocation,
    InvocationKind,
    Status,
)

# Android warns of a low battery at 15 or 20 %, as the maker chose, and then many phones save power.
LOW_BATTERY_PCT = 20
# Half a core of other work takes its share of caches, memory bandwidth and heat; reading the conditions
# and the system's own threads stay well below.
BUSY_CORES = 0.5
# Android counts threads that wait for I/O in its load, so that an idle phone shows several: only a load
# of more than half of its cores means anything.
LOAD_SHARE = 0.5
# Limits are compared as they are printed, and some kernels round them.
CLOCK_TOLERANCE = 0.01


def check_conditions(run: BenchmarkRun) -> Iterator[Told]:
    """Yield what the readings around the timing invocations tell. What is unknown tells nothing."""
    timing = [item for item in run.invocations if item.kind is InvocationKind.TIMING]
    seen = [state for item in timing for state in (item.before, item.after) if state is not None]
    yield from _about_heat(run, timing)
    yield from _about_limits(run, seen)
    yield from _about_power(seen)
    yield from _about_other_work(run, timing, seen)


def _about_heat(run: BenchmarkRun, timing: Sequence[Invocation]) -> Iterator[Told]:
    spoiled = [item for item in timing if item.throttled]
    if not spoiled:
        return
    statuses = [
        state.thermal_status
        for item in spoiled
        for state in (item.before, item.after)
        if state is not None and state.thermal_status
    ]
    why = f"thermal status up to {max(statuses)}" if statuses else "the clocks' limit was lowered"
    apart = len(run.set_apart)
    valid = sum(item.status is Status.OK for item in timing)
    if apart and not run.timing:
        yield Told(
            Code.THROTTLING,
            Severity.ERROR,
            f"The device throttled around all {valid} timing invocations ({why}): no latency is left.",
            "Let it cool, out of its case and off the charger, and run again with --wait-cool.",
        )
    else:
        yield Told(
            Code.THROTTLING,
            Severity.WARNING,
            f"The device throttled ({why}): {apart} of {valid} timing invocations are set apart, no "
            "average holds them.",
            "Let it cool and measure again with --wait-cool.",
        )


def _about_limits(run: BenchmarkRun, seen: Sequence[Conditions]) -> Iterator[Told]:
    told = []
    for cluster in run.device.clusters:
        limits = [
            state.cpu_limit_khz[cpu]
            for state in seen
            for cpu in cluster.cpus
            if cpu in state.cpu_limit_khz
        ]
        most = cluster.max_khz
        if limits and most and min(limits) < most * (1 - CLOCK_TOLERANCE):
            told.append(
                f"{_cores(cluster.cpus)} at {min(limits) / 1e6:.2f} of {most / 1e6:.2f} GHz"
            )
    if told:
        yield Told(
            Code.CLOCKS_LIMITED,
            Severity.WARNING,
            f"Clocks were limited below the hardware's: {', '.join(told)}.",
            "Let it cool, leave power saving, or lift the limit that was set; compare only alike limits.",
        )


def _about_power(seen: Sequence[Conditions]) -> Iterator[Told]:
    levels = [state.battery_level_pct for state in seen if state.battery_level_pct is not None]
    if levels and min(levels) < LOW_BATTERY_PCT:
        yield Told(
            Code.LOW_BATTERY,
            Severity.WARNING,
            f"The battery was at {min(levels)} %; many phones lower their clocks then.",
            "Charge above 50 %, unplug, and measure again.",
        )
    if any(state.charging for state in seen):
        yield Told(
            Code.CHARGING,
            Severity.INFO,
            "The device was charging, which warms it.",
            "Connect over Wi-Fi (--device HOST:PORT), or compare only what was measured on the charger.",
        )
    if any(state.power_save for state in seen):
        yield Told(
            Code.POWER_SAVE,
            Severity.WARNING,
            "Power-save mode was on, which caps the clocks.",
            "Turn battery saver off on the device.",
        )
    dark = sum(state.screen_on is False for state in seen)
    if dark:
        yield Told(
            Code.SCREEN_OFF,
            Severity.INFO,
            f"The screen was off in {dark} of {len(seen)} readings; many phones lower their clocks then, "
            "and an app runs with it on.",
            "Wake the device, and keep it awake while it measures.",
        )


def _about_other_work(
    run: BenchmarkRun, timing: Sequence[Invocation], seen: Sequence[Conditions]
) -> Iterator[Told]:
    others = max((state.other_inferences or 0 for state in seen), default=0)
    if others:
        yield Told(
            Code.OTHER_INFERENCES,
            Severity.WARNING,
            f"{formatting.count(others, 'other benchmark_model', 'other benchmark_models')} ran on the "
            "device at the same time.",
            "Let one measurement at a time have the device, and measure again.",
        )
    known = [busy for item in timing if (busy := other_busy_cores(run, item)) is not None]
    loads = [state.load_1min for state in seen if state.load_1min is not None]
    if known:
        busy = sum(cores > BUSY_CORES for cores in known)
        if busy:
            # A moment of other work is part of a phone's life; half of the invocations are not.
            often = statistics.median(known) > BUSY_CORES
            yield Told(
                Code.BACKGROUND_LOAD,
                Severity.WARNING if often else Severity.INFO,
                f"Other work kept up to {max(known):.1f} cores busy in {busy} of {len(known)} "
                "invocations.",
                "Close other apps, wait until updates are done, and measure again.",
            )
    elif loads and run.device.cpu_count:
        waiting = statistics.median(loads) - run.config.num_threads
        if waiting > LOAD_SHARE * run.device.cpu_count:
            yield Told(
                Code.BACKGROUND_LOAD,
                Severity.INFO,
                f"The load was {statistics.median(loads):.1f} on {run.device.cpu_count} cores with "
                f"{formatting.count(run.config.num_threads, 'thread')} of ours: other work may have run.",
                "Close other apps, wait until updates are done, and measure again.",
            )


def other_busy_cores(run: BenchmarkRun, item: Invocation) -> float | None:
    """How many cores were busy around an invocation besides its own threads; ``None`` when unknown.

    Its own are taken as busy all the time, so that less is told rather than too much.
    """
    before, after = item.before, item.after
    if before is None or after is None:
        return None
    if None in {before.cpu_busy_s, after.cpu_busy_s, before.uptime_s, after.uptime_s}:
        return None
    worked = (after.cpu_busy_s or 0.0) - (before.cpu_busy_s or 0.0)
    passed = (after.uptime_s or 0.0) - (before.uptime_s or 0.0)
    if passed <= 0 or worked < 0:  # the device restarted between the readings
        return None
    return max(0.0, worked / passed - run.config.num_threads)


def _cores(cpus: Sequence[int]) -> str:
    shown = ", ".join(map(str, cpus))
    return f"core {shown}" if len(cpus) == 1 else f"cores {shown}"
