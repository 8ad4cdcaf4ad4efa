"""What became of a series: its level now, the changes on the way, whether it drifts, and why.

A change is put down to what changed at that place. Where the device or benchmark_model is another one, that
is what is said, whatever the revisions are; where not even the model's file changed, the surroundings did.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from enum import Enum

from android_bench.analysis.stability import Drift, drift
from android_bench.analysis.stats import Interval
from android_bench.history.measures import Measure, Unit
from android_bench.history.series import Point, Series
from android_bench.history.steps import find_steps

# The fewest runs of which a slope can be told, as of invocations.
_LEAST_FOR_DRIFT = 6


class Cause(str, Enum):
    """What a change coincides with."""

    MODEL = "model"  # the .tflite is another file: the change lies between its revisions
    DEVICE = "device"  # another device, or another build of its system
    BINARY = "binary"  # another benchmark_model
    DEVICE_AND_BINARY = "device-and-binary"
    SURROUNDINGS = "surroundings"  # model, device and binary are what they were


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step from one level to another: between the runs ``before`` and ``after``, which are neighbours.

    ``index`` is the place of ``after`` in the series. ``ratio`` is of the levels, without an interval
    for what has no noise, ``None`` where a level is 0.
    """

    index: int
    before: Point
    after: Point
    level_before: float
    level_after: float
    ratio: Interval | None
    cause: Cause
    worse: bool

    @property
    def is_regression(self) -> bool:
        """Whether the model got worse; a change of device or binary says nothing of the model."""
        return self.worse and self.cause is Cause.MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The runs from ``start`` to before ``end``, between two changes: their median, and their drift."""

    start: int
    end: int
    level: float
    drift: Drift | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A series with its segments and the changes between them, the oldest first."""

    series: Series
    segments: tuple[Segment, ...]
    changes: tuple[Change, ...]

    @property
    def newest(self) -> Change | None:
        """The last change."""
        return self.changes[-1] if self.changes else None

    @property
    def drifting(self) -> tuple[Segment, ...]:
        """The segments that drift beyond chance by something that matters."""
        return tuple(segment for segment in self.segments if segment.drift is not None)

    def regressed(self, *, recent: int | None = None) -> bool:
        """Whether the newest segment is worse than the one before, by the model's doing.

        With ``recent`` only if it began within that many of the newest runs.
        """
        change = self.newest
        if change is None or not change.is_regression:
            return False
        return recent is None or len(self.series.points) - change.index <= recent


def trend_of(series: Series) -> Trend:
    """Find the changes and drifts of a series."""
    points, measure = series.points, series.measure
    steps: dict[int, Interval | None]
    if measure.noisy:
        found = find_steps(points, least_effect=measure.least_effect)
        steps = {step.index: step.ratio for step in found}
    else:
        steps = {
            index: _exact_ratio(before.value, after.value)
            for index, (before, after) in enumerate(itertools.pairwise(points), 1)
            if _matters(measure, before.value, after.value)
        }
    ends = [0, *steps, len(points)]
    segments = tuple(
        _segment(series, start, end) for start, end in itertools.pairwise(ends) if end > start
    )
    changes = tuple(
        _change(series, index, old, new, steps[index])
        for index, (old, new) in zip(steps, itertools.pairwise(segments), strict=True)
    )
    return Trend(series=series, segments=segments, changes=changes)


def cause_of(before: Point, after: Point) -> Cause:
    """What else changed between two neighbouring runs."""
    device = (before.fingerprint, before.serial) != (after.fingerprint, after.serial)
    binary = before.binary_sha256 != after.binary_sha256
    if device and binary:
        return Cause.DEVICE_AND_BINARY
    if device:
        return Cause.DEVICE
    if binary:
        return Cause.BINARY
    same_file = before.artifact_sha256 == after.artifact_sha256
    return Cause.SURROUNDINGS if same_file else Cause.MODEL


def _change(
    series: Series, index: int, old: Segment, new: Segment, ratio: Interval | None
) -> Change:
    before, after = series.points[index - 1], series.points[index]
    less = series.measure.less_is_better
    rises = ratio.estimate > 1 if ratio else new.level > old.level
    cause = cause_of(before, after)
    if not series.measure.noisy and cause is not Cause.SURROUNDINGS:
        # A file's size or accuracy is its own: no device has a part in it.
        same_file = before.artifact_sha256 == after.artifact_sha256
        own = series.measure.name in {"file-size", "gzip-size", "accuracy"}
        cause = (Cause.SURROUNDINGS if same_file else Cause.MODEL) if own else cause
    return Change(
        index=index,
        before=before,
        after=after,
        level_before=old.level,
        level_after=new.level,
        ratio=ratio,
        cause=cause,
        worse=rises == less,
    )


def _segment(series: Series, start: int, end: int) -> Segment:
    values = [point.value for point in series.points[start:end]]
    found = drift(values) if len(values) >= _LEAST_FOR_DRIFT else None
    least = series.measure.least_effect
    matters = found is not None and found.significant and abs(found.change) >= least
    return Segment(
        start=start,
        end=end,
        level=statistics.median(values),
        drift=found if matters else None,
    )


def _matters(measure: Measure, before: float, after: float) -> bool:
    if measure.unit is Unit.FRACTION:
        # Half a unit in the ninth digit: 0.902 - 0.901 is a little less than 0.001.
        return abs(after - before) >= measure.least_effect - 5e-10
    return abs(after - before) > measure.least_effect * abs(before)


def _exact_ratio(before: float, after: float) -> Interval | None:
    if before <= 0 or after <= 0:
        return None
    ratio = after / before
    return Interval(estimate=ratio, low=ratio, high=ratio, confidence=1.0)
