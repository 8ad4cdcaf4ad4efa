"""Change points of a history: false alarms per 100 unchanged runs, steps found, and how soon.

Series of simulated runs go through the function that ``android-bench history`` calls, one look after each run, as
CI would. A run is 20 invocations with noise of 1 %; what differs is how runs differ from each other. The
figures are those of docs/history.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from android_bench.analysis.stability import DRIFT_ALPHA, drift
from android_bench.analysis.stats import median_interval
from android_bench.history.series import Point
from android_bench.history.steps import find_steps
from tests.benchmarks.calibration import kinds
from tests.benchmarks.calibration.kinds import Array, Rng

TRIALS = 200
INVOCATIONS, NOISE = 20, 0.01
STEP, SLOPE = 0.03, 0.05
LEAST_EFFECT = 0.01
SOON = (2, 3, 5, 10)


@dataclass(frozen=True)
class Between:
    """How runs differ from each other: standard deviation, correlation of neighbours, and the law.

    ``inside`` is the law of a run's invocations.
    """

    name: str
    deviation: float
    correlation: float = 0.0
    law: Callable[[Rng, int, int], Array] = kinds.normal
    inside: Callable[[Rng, int, int], Array] = kinds.normal


KINDS = (
    Between("not at all", 0.0),
    Between("0.3 %", 0.003),
    Between("0.5 %", 0.005),
    Between("1 %", 0.01),
    Between("0.5 %, heavy tails (t, 3 degrees)", 0.005, law=kinds.heavy_tails),
    Between("0.5 %, wandering (autoregressive, 0.5)", 0.005, correlation=0.5),
    Between("0.5 %, wandering (autoregressive, 0.8)", 0.005, correlation=0.8),
    Between("0.3 %; invocations recorded on the lab device", 0.003, inside=kinds.recorded("lab")),
    Between("0.3 %; recorded on the busy lab device", 0.003, inside=kinds.recorded("busy-lab")),
    Between("0.3 %; two modes that last", 0.003, inside=kinds.lasting_modes),
)


def series(rng: Rng, between: Between, levels: Array) -> list[Point]:
    """Runs with these levels (logarithms), each with its own offset and invocations."""
    count = len(levels)
    offsets = between.law(rng, 1, count)[0] * between.deviation
    fresh = math.sqrt(1 - between.correlation**2)
    for index in range(1, count):
        offsets[index] = between.correlation * offsets[index - 1] + fresh * offsets[index]
    samples = 3000 * np.exp(
        levels[:, None] + offsets[:, None] + NOISE * between.inside(rng, count, INVOCATIONS)
    )
    return [_point(index, [float(value) for value in row]) for index, row in enumerate(samples)]


def _point(index: int, samples: list[float]) -> Point:
    found = median_interval(samples)
    return Point(
        run_id=str(index),
        started_at="",
        revision=None,
        artifact_sha256=str(index),
        serial="",
        fingerprint=None,
        binary_sha256="",
        value=found.estimate,
        low=found.low,
        high=found.high,
        samples=tuple(samples),
    )


def steps_at(points: list[Point]) -> list[int]:
    return [step.index for step in find_steps(points, least_effect=LEAST_EFFECT)]


def alarms(points: list[Point]) -> int:
    """How many different steps are seen in a series without one, by any look."""
    seen: list[int] = []
    for count in range(2, len(points) + 1):
        new = [at for at in steps_at(points[:count]) if all(abs(at - old) > 3 for old in seen)]
        seen += new
    return len(seen)


def delay(points: list[Point], step: int, most: int) -> int | None:
    """After how many runs a step is seen within one run of its place."""
    for after in range(1, most + 1):
        if any(abs(at - step) <= 1 for at in steps_at(points[: step + after])):
            return after
    return None


def _percent(count: int) -> str:
    return f"{count / TRIALS * 100:.0f} %"


def main() -> None:
    rng = np.random.default_rng(20261126)
    soon = ", ".join(map(str, SOON))
    print("| runs differ by | false alarms in 100 runs | after 30 runs, a step of 3 % is seen within "
          f"{soon} runs | after 8 runs | a slope of 5 % over 40 runs is called a step | drift |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- |")
    for between in KINDS:
        false = sum(alarms(series(rng, between, np.zeros(100))) for _ in range(TRIALS)) / TRIALS
        columns = [between.name, f"{false:.2f}"]
        for before in (30, 8):
            levels = np.where(np.arange(before + SOON[-1]) >= before, math.log1p(STEP), 0.0)
            found = [delay(series(rng, between, levels), before, SOON[-1]) for _ in range(TRIALS)]
            counts = (sum(1 for at in found if at and at <= most) for most in SOON)
            columns.append(", ".join(map(_percent, counts)))
        slopes = [
            series(rng, between, np.arange(40) / 40 * math.log1p(SLOPE)) for _ in range(TRIALS)
        ]
        stepped = [bool(steps_at(points)) for points in slopes]
        drifts = [drift([point.value for point in points]) for points in slopes]
        told = [
            not step and found is not None and found.p_value <= DRIFT_ALPHA
            for step, found in zip(stepped, drifts, strict=True)
        ]
        columns += [_percent(sum(stepped)), _percent(sum(told))]
        print("| " + " | ".join(columns) + " |", flush=True)


if __name__ == "__main__":
    main()
