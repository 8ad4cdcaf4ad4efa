"""Repeated comparisons of runs that are made of known noise, through the function that the command calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from android_bench.analysis.compare import DEFAULT_MAX_SLOWDOWN, Verdict, compare_runs, judge_ratio
from android_bench.analysis.stats import Interval
from android_bench.config import BenchmarkConfig
from android_bench.results import (
    BenchmarkRun,
    Invocation,
    InvocationKind,
    LatencySummary,
    Status,
)
from tests import examples
from tests.benchmarks.calibration.kinds import Array, Kind, Rng

INVOCATIONS = BenchmarkConfig().invocations
NOISE = 0.01
SLOWDOWN = 0.03
MEDIAN_US = 3000.0


@dataclass(frozen=True)
class Trials:
    """The intervals of comparisons of unchanged models, one a trial."""

    intervals: tuple[Interval, ...]
    gate: float = DEFAULT_MAX_SLOWDOWN

    def share(self, verdict: Verdict, *, change: float = 0.0) -> float:
        """The share of trials with this verdict, had the candidate changed by ``change``.

        A change multiplies every latency of the candidate, so it multiplies the ratio and its interval:
        ``test_ratio_scales_and_inverts`` holds that.
        """
        found = [
            judge_ratio(_scaled(item, 1 + change), max_slowdown=self.gate)[0]
            for item in self.intervals
        ]
        return found.count(verdict) / len(found)


def _scaled(interval: Interval, factor: float) -> Interval:
    low, high = interval.low, interval.high
    return replace(
        interval,
        estimate=interval.estimate * factor,
        low=None if low is None else low * factor,
        high=None if high is None else high * factor,
    )


def trials(
    kind: Kind,
    *,
    paired: bool,
    count: int,
    seed: int,
    invocations: int = INVOCATIONS,
    noise: float = NOISE,
) -> Trials:
    """Compare runs that differ by noise only, ``count`` times."""
    rng = np.random.default_rng(seed)
    sides = _one_session if paired else _two_sessions
    before, after = sides(kind, rng, count, invocations)
    template = examples.run((), invocations=())
    other = replace(template, run_id="candidate", session_id="session-of-the-candidate")
    if paired:
        other = replace(other, session_id=template.session_id)
    found = (
        compare_runs(_run(template, old), _run(other, new))
        for old, new in zip(_latencies(before, noise), _latencies(after, noise), strict=True)
    )
    return Trials(intervals=tuple(item.ratio for item in found if item.ratio is not None))


def _one_session(kind: Kind, rng: Rng, count: int, invocations: int) -> tuple[Array, Array]:
    """Both sides out of one series, A B B A …, as the runner interleaves them."""
    series = kind.make(rng, count, 2 * invocations).reshape(count, invocations, 2)
    series[:, 1::2] = series[:, 1::2, ::-1]
    return series[:, :, 0], series[:, :, 1]


def _two_sessions(kind: Kind, rng: Rng, count: int, invocations: int) -> tuple[Array, Array]:
    other = kind.candidate or kind.make
    return kind.make(rng, count, invocations), other(rng, count, invocations)


def _latencies(noise: Array, cv: float) -> Iterator[list[float]]:
    yield from (MEDIAN_US * np.exp(cv * noise)).tolist()


def _run(template: BenchmarkRun, means_us: list[float]) -> BenchmarkRun:
    return replace(
        template,
        invocations=tuple(_invocation(index, mean) for index, mean in enumerate(means_us, 1)),
    )


def _invocation(index: int, mean_us: float) -> Invocation:
    return Invocation(
        index=index,
        round=index,
        kind=InvocationKind.TIMING,
        status=Status.OK,
        exit_code=0,
        command="",
        started_at="",
        wall_s=1.6,
        log="",
        latency=LatencySummary(count=300, mean_us=mean_us),
    )
