"""Where a series steps: candidates by PELT, each confirmed by tests that say how sure one can be.

The sample is the run. Runs of different days differ by more than their invocations do (another boot,
another temperature), so a step has to stand out from the differences between runs as well as from those
between invocations.

1. *Candidates*: kernel change points (Arlot, Celisse and Harchaoui, JMLR 20, 2019) by PELT (Killick,
   Fearnhead and Eckley, JASA 107, 2012), as in ``ruptures.KernelCPD``, on the logarithms of the runs'
   medians. With a Gaussian kernel an odd run is far from everything and no further: it moves nothing.
2. *Shape*: a step, a slope, or a slope with a step in it, whichever has the best Bayesian information
   criterion. A slope is no step: it is told as drift.
3. *Confirmation*, at three errors in a thousand shared by all places of the series (Bonferroni): Student's
   t of the step against the differences between runs, and the exact Mann-Whitney test on the invocations'
   values of the runs next to it (:func:`android_bench.analysis.ratio.ratio_interval`).

Candidates that fail are dropped, the weakest first, and their neighbours judged again.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from android_bench.analysis.ratio import ratio_interval
from android_bench.analysis.stats import CONFIDENCE, Interval, student_quantile

if TYPE_CHECKING:
    from android_bench.history.series import Point

# A step that one run shows may be that run.
LEAST_RUNS = 2
# Chosen by simulation: docs/history.md has the figures.
ALPHA = 0.003
# Of each side, the invocations next to the step that the exact test sees: three runs of the default number.
_MOST_SAMPLES = 60
# No series is taken to be quieter than this: benchmark_model prints six digits, clocks have their grain.
_LEAST_NOISE = 0.0005
_NORMAL_MAD = 0.6745
# Of the kernel exp(-gamma d²), d in standard deviations between runs: more than five apart they have
# nothing in common. The penalty is low, one candidate in eighty unchanged runs, for each is judged.
_GAMMA, _PENALTY = 0.1, 0.8
# A candidate moves at most so far, and to where the deviations are larger by at most so much: a run on the
# wrong side of a large step makes more of it.
_MOST_MOVED, _AS_WELL = 2, 3.0
# A slope with a step has four parameters, and takes some runs more than that.
_LEAST_FOR_SLOPE_AND_STEP = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A confirmed step before the run ``index``; ``ratio`` is after / before with its 95 % interval."""

    index: int
    ratio: Interval


def find_steps(points: Sequence[Point], *, least_effect: float) -> tuple[Step, ...]:
    """The steps of a series of runs, in their order, of at least ``least_effect`` (a fraction)."""
    if len(points) < 2 * LEAST_RUNS or min(point.value for point in points) <= 0:
        return ()
    values = [math.log(point.value) for point in points]
    noise = _noise(values, points)
    scaled = [value / noise for value in values]
    bounds = _candidates(scaled)
    # Errors are shared among the places where a step could be, by powers of two so that the exact
    # test's tables serve for series of other lengths too.
    alpha = ALPHA / 2 ** math.ceil(math.log2(len(points) - 1))
    while True:
        bounds = _placed(bounds, points, scaled)
        ends = [0, *bounds, len(points)]
        judged = [
            _judge(points, values, triple, alpha=alpha, least_effect=least_effect)
            for triple in zip(ends[:-2], bounds, ends[2:], strict=True)
        ]
        failed = [item for item in judged if not item.confirmed]
        if not failed:
            return tuple(Step(index=item.index, ratio=item.ratio) for item in judged)
        weakest = min(failed, key=lambda item: item.strength)
        bounds = [bound for bound in bounds if bound != weakest.index]


def _noise(values: Sequence[float], points: Sequence[Point]) -> float:
    """The standard deviation between runs, by the differences of neighbours: steps hardly move it."""
    differences = [abs(new - old) for old, new in itertools.pairwise(values)]
    spread = statistics.median(differences) / _NORMAL_MAD / math.sqrt(2)
    return max(spread, _within(points))


def _within(points: Sequence[Point]) -> float:
    """The standard error of a run's median, the middle of all: runs cannot differ by less than that."""
    normal = statistics.NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    errors = [
        math.log(point.high / point.low) / 2 / normal
        for point in points
        if point.low and point.high and point.low > 0
    ]
    return max(statistics.median(errors) if errors else 0.0, _LEAST_NOISE)


def _candidates(scaled: Sequence[float]) -> list[int]:
    """Where the kernel method would cut a series in units of its noise."""
    import numpy as np
    import ruptures

    found = ruptures.KernelCPD(kernel="rbf", params={"gamma": _GAMMA}, min_size=LEAST_RUNS)
    ends = found.fit(np.array(scaled).reshape(-1, 1)).predict(pen=_PENALTY)
    return [int(end) for end in ends[:-1]]


def _placed(bounds: Sequence[int], points: Sequence[Point], scaled: Sequence[float]) -> list[int]:
    """Candidates where they fit best, or as well and something else changed.

    Noise can put a candidate a run or two beside its place. Another device or binary there goes before
    another file: what may be the surroundings' doing is not put down to the model.
    """
    moved: list[int] = []
    for bound, after in itertools.pairwise([*bounds, len(scaled)]):
        before = moved[-1] if moved else 0
        costs = {
            place: _cost(scaled, before, place, after)
            for place in range(bound - _MOST_MOVED, bound + _MOST_MOVED + 1)
            if place - before >= LEAST_RUNS and after - place >= LEAST_RUNS
        }
        best = min(costs.values(), default=0.0)
        fitting = [
            (_change_at(points, place), cost, place)
            for place, cost in costs.items()
            if cost <= best + (_AS_WELL if _change_at(points, place) < _NOTHING else 0.0)
        ]
        if fitting:
            moved.append(min(fitting)[2])
    return moved


_SURROUNDINGS, _FILE, _NOTHING = range(3)


def _change_at(points: Sequence[Point], place: int) -> int:
    """What is another thing from this run on than before it."""
    before, after = points[place - 1], points[place]
    if any(
        getattr(before, field) != getattr(after, field)
        for field in ("binary_sha256", "fingerprint", "serial")
    ):
        return _SURROUNDINGS
    return _FILE if before.artifact_sha256 != after.artifact_sha256 else _NOTHING


def _cost(scaled: Sequence[float], start: int, middle: int, end: int) -> float:
    """The absolute deviations from each side's median, in standard deviations between runs."""
    return sum(
        sum(abs(value - statistics.median(part)) for value in part)
        for part in (scaled[start:middle], scaled[middle:end])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    index: int
    confirmed: bool
    strength: float
    ratio: Interval


def _judge(
    points: Sequence[Point],
    values: Sequence[float],
    place: tuple[int, int, int],
    *,
    alpha: float,
    least_effect: float,
) -> _Judged:
    """Judge the step between two segments; ``place`` is where both begin, part and end."""
    start, middle, end = place
    least_error = _within(points[start:end])
    shift, error, degrees = _fitted(values[start:end], middle - start, least_error)
    quantile = student_quantile(degrees, 0.5 + CONFIDENCE / 2)
    ratio = Interval(
        estimate=math.exp(shift),
        low=math.exp(shift - quantile * error),
        high=math.exp(shift + quantile * error),
        confidence=CONFIDENCE,
    )
    strength = abs(shift) / error
    large = abs(shift) >= math.log1p(least_effect)
    confirmed = (
        large
        and strength > student_quantile(degrees, 1 - alpha / 2)
        and _invocations_agree(points[start:middle], points[middle:end], shift, alpha)
    )
    return _Judged(index=middle, confirmed=confirmed, strength=strength, ratio=ratio)


def _fitted(values: Sequence[float], cut: int, least_error: float) -> tuple[float, float, int]:
    """The step of the shape that fits best: its size, its standard error, the degrees of freedom.

    A slope's step is 0. ``least_error`` is the least standard deviation of a run.
    """
    import numpy as np

    count = len(values)
    places = np.arange(count)
    one, line, step = (
        np.ones(count),
        (places - places.mean()) / count,
        (places >= cut).astype(float),
    )
    shapes: list[tuple[int, list[Any]]] = [(3, [one, step]), (2, [one, line])]
    if count >= _LEAST_FOR_SLOPE_AND_STEP:
        shapes.append((4, [one, line, step]))
    observed = np.array(values)
    best: tuple[float, float, float, int] | None = None
    for parameters, columns in shapes:
        design = np.stack(columns, axis=1)
        solved, *_ = np.linalg.lstsq(design, observed, rcond=None)
        residual = max(float(np.sum((observed - design @ solved) ** 2)), count * 1e-12)
        criterion = count * math.log(residual / count + least_error**2) + parameters * math.log(
            count
        )
        degrees = count - len(columns)
        variance = max(residual / degrees, least_error**2)
        covariance = variance * np.linalg.pinv(design.T @ design)
        has_step = columns[-1] is step
        shift = float(solved[-1]) if has_step else 0.0
        error = math.sqrt(float(covariance[-1, -1]))
        if best is None or criterion < best[0]:
            best = (criterion, shift, error, degrees)
    if best is None:
        raise ValueError("a shape needs values")
    return best[1], best[2], best[3]


def _invocations_agree(
    before: Sequence[Point], after: Sequence[Point], shift: float, alpha: float
) -> bool:
    """Whether the exact test on the invocations next to the step sees it too, with the same sign.

    Where they are too few for this level (memory is measured once a run), the runs decide alone.
    """
    old = [value for point in before for value in _samples(point)][-_MOST_SAMPLES:]
    new = [value for point in after for value in _samples(point)][:_MOST_SAMPLES]
    found = ratio_interval(old, new, confidence=1 - alpha)
    if found.low is None or found.high is None:
        return True
    return found.low > 1 if shift > 0 else found.high < 1


def _samples(point: Point) -> tuple[float, ...]:
    return point.samples or (point.value,)
