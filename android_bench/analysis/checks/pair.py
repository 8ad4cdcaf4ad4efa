"""Findings about two runs that are compared: was the device in the same state for both?

What must be alike is the comparability key, and without it there is no verdict. Here stands what should be.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from android_bench import formatting
from android_bench.analysis.checks.conditions import CLOCK_TOLERANCE, other_busy_cores
from android_bench.analysis.checks.finding import Code, Finding, Severity, Told
from android_bench.analysis.checks.samples import LEAST_DRIFT
from android_bench.analysis.summary import summarise
from android_bench.results import BenchmarkRun, Conditions

# Silicon that is warmer by so much leaks more, clocks lower and throttles sooner; less than that is what a
# session itself changes.
TEMPERATURE_STEP_C = 5.0
# A quarter of a core on average: a side that shared its device differs from one that had it alone.
LOAD_STEP = 0.25
# Cores of one cluster are read at a moment: clocks that a governor moves differ by chance.
FREQUENCY_STEP = 0.10


def check_pair(baseline: BenchmarkRun, candidate: BenchmarkRun) -> Iterator[Finding]:
    """Yield what a reader of the comparison must know; the findings are about the candidate."""
    for told in _all(baseline, candidate):
        yield told.about(candidate.run_id)


def _all(baseline: BenchmarkRun, candidate: BenchmarkRun) -> Iterator[Told]:
    if baseline.session_id == candidate.session_id:
        return  # interleaved: what happened, happened to both
    differences = [
        *_differences(_readings(baseline), _readings(candidate)),
        *_other_work(baseline, candidate),
    ]
    if differences:
        yield Told(
            Code.CONDITIONS_DIFFER,
            Severity.WARNING,
            f"The device was not in the same state for both: {'; '.join(differences)}.",
            "Measure both in one session: android-bench run OLD.tflite NEW.tflite.",
        )
    moved = [
        f"the {side} by {formatting.change(1 + found.change)}"
        for side, run in (("baseline", baseline), ("candidate", candidate))
        if (found := summarise(run).drift) is not None
        and found.significant
        and abs(found.change) >= LEAST_DRIFT
    ]
    if moved:
        yield Told(
            Code.DRIFT_BETWEEN_SESSIONS,
            Severity.WARNING,
            f"Latency drifted while measuring, {' and '.join(moved)}: between sessions nothing tells that "
            "from a change.",
            "Measure both in one session: android-bench run OLD.tflite NEW.tflite.",
        )


def _readings(run: BenchmarkRun) -> list[Conditions]:
    return [
        state for item in run.timing for state in (item.before, item.after) if state is not None
    ]


def _differences(before: list[Conditions], after: list[Conditions]) -> Iterator[str]:
    yield from _governors(before, after)
    yield from _clocks("limit", before, after, lambda state: state.cpu_limit_khz, CLOCK_TOLERANCE)
    yield from _clocks("clock", before, after, lambda state: state.cpu_khz, FREQUENCY_STEP)
    yield from _temperatures(before, after)
    for name, flag in _FLAGS:
        sides = [_mostly(flag, side) for side in (before, after)]
        if None not in sides and sides[0] != sides[1]:
            yield f"{name} {_yes_no(sides[0])} against {_yes_no(sides[1])}"


_FLAGS: tuple[tuple[str, Callable[[Conditions], bool | None]], ...] = (
    ("charging", lambda state: state.charging),
    ("power saving", lambda state: state.power_save),
    ("screen on", lambda state: state.screen_on),
)


def _governors(before: list[Conditions], after: list[Conditions]) -> Iterator[str]:
    sides = [
        {name for state in side for name in state.governors.values()} for side in (before, after)
    ]
    if all(sides) and sides[0] != sides[1]:
        first, second = (", ".join(sorted(side)) for side in sides)
        yield f"governor {first} against {second}"


def _clocks(
    name: str,
    before: list[Conditions],
    after: list[Conditions],
    of: Callable[[Conditions], dict[int, int]],
    tolerance: float,
) -> Iterator[str]:
    """Compare each core's median; name the core that differs most."""
    sides = [_by_core(side, of) for side in (before, after)]
    ratios = {cpu: sides[1][cpu] / sides[0][cpu] for cpu in sides[0].keys() & sides[1].keys()}
    if not ratios:
        return
    cpu = max(sorted(ratios), key=lambda core: abs(ratios[core] - 1))
    if abs(ratios[cpu] - 1) > tolerance:
        first, second = (side[cpu] / 1e6 for side in sides)
        yield f"{name} of core {cpu} {first:.2f} against {second:.2f} GHz"


def _by_core(
    side: list[Conditions], of: Callable[[Conditions], dict[int, int]]
) -> dict[int, float]:
    values: dict[int, list[int]] = {}
    for state in side:
        for cpu, khz in of(state).items():
            values.setdefault(cpu, []).append(khz)
    medians = {cpu: statistics.median(found) for cpu, found in values.items()}
    return {cpu: khz for cpu, khz in medians.items() if khz > 0}


def _temperatures(before: list[Conditions], after: list[Conditions]) -> Iterator[str]:
    sides: list[dict[str, list[float]]] = []
    for side in (before, after):
        found: dict[str, list[float]] = {}
        for state in side:
            known = dict(state.temperatures_c)
            if state.battery_temperature_c is not None:
                known["battery"] = state.battery_temperature_c
            for sensor, celsius in known.items():
                found.setdefault(sensor, []).append(celsius)
        sides.append(found)
    medians = [
        {sensor: statistics.median(values) for sensor, values in side.items()} for side in sides
    ]
    shared = sorted(medians[0].keys() & medians[1].keys())
    if not shared:
        return
    sensor = max(shared, key=lambda name: abs(medians[1][name] - medians[0][name]))
    first, second = (side[sensor] for side in medians)
    if abs(second - first) >= TEMPERATURE_STEP_C:
        yield (
            f"temperature of {sensor} {formatting.temperature(first)} against "
            f"{formatting.temperature(second)}"
        )


def _other_work(baseline: BenchmarkRun, candidate: BenchmarkRun) -> Iterator[str]:
    sides = [
        [busy for item in run.timing if (busy := other_busy_cores(run, item)) is not None]
        for run in (baseline, candidate)
    ]
    if all(sides):
        first, second = (statistics.fmean(side) for side in sides)
        if abs(second - first) > LOAD_STEP:
            yield f"other work on {first:.1f} against {second:.1f} cores"


def _mostly(flag: Callable[[Conditions], bool | None], side: list[Conditions]) -> bool | None:
    known = [value for state in side if (value := flag(state)) is not None]
    return sum(known) * 2 > len(known) if known else None


def _yes_no(value: bool | None) -> str:  # noqa: FBT001 (a value, not a switch)
    return "yes" if value else "no"
