"""Changes and drifts in sentences, and as JSON: the terminal, the page and CI say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from android_bench import formatting
from android_bench.history.measures import Unit
from android_bench.history.series import Point, Series, short_revision
from android_bench.history.trend import Cause, Change, Segment, Trend

_NOT_THE_MODEL = "so it is not put down to the model"
_CAUSES = {
    Cause.DEVICE: f"with another device or build of its system, {_NOT_THE_MODEL}",
    Cause.BINARY: f"with another benchmark_model, {_NOT_THE_MODEL}",
    Cause.DEVICE_AND_BINARY: f"with another device and another benchmark_model, {_NOT_THE_MODEL}",
    Cause.SURROUNDINGS: "with the same file, device and benchmark_model: something around them changed",
}


def amount(change: Change, series: Series) -> str:
    """How much it moved: ``+4.1 % [+3.2, +5.0]``."""
    measure, ratio = series.measure, change.ratio
    if ratio is None or measure.unit is Unit.FRACTION:
        return measure.change_text(change.level_before, change.level_after)
    text = formatting.change(ratio.estimate)
    if ratio.low is None or ratio.high is None or ratio.low == ratio.high:
        return text
    ends = ", ".join(f"{(end - 1) * 100:+.1f}" for end in (ratio.low, ratio.high))
    return f"{text} [{ends}]"


def place(change: Change, commits: Sequence[str] | None = None) -> str:
    """Between which revisions it moved, and how many commits that are."""
    before, after = change.before, change.after
    if before.revision is None or after.revision is None:
        times = (formatting.moment(point.started_at) for point in (before, after))
        return "between the runs of " + " and ".join(times)
    if before.revision == after.revision:
        return f"at {short_revision(after.revision)}, measured before and after"
    count = "" if commits is None else f" ({formatting.count(len(commits), 'commit')})"
    return f"between {short_revision(before.revision)} and {short_revision(after.revision)}{count}"


def sentence(change: Change, series: Series, commits: Sequence[str] | None = None) -> str:
    """The change in a sentence."""
    levels = (
        f"{series.measure.text(change.level_before)} → {series.measure.text(change.level_after)}"
    )
    cause = _CAUSES.get(change.cause)
    return f"{amount(change, series)} {place(change, commits)}, {levels}" + (
        f", {cause}" if cause else ""
    )


def direction(change: Change) -> str:
    """Worse or better, and for what is not the model's doing only that it moved."""
    if change.cause is not Cause.MODEL:
        return "moved"
    return "worse" if change.worse else "better"


def drift_sentence(segment: Segment, series: Series) -> str | None:
    """The drift of a segment in a sentence; ``None`` when it is steady."""
    if segment.drift is None:
        return None
    first, last = series.points[segment.start], series.points[segment.end - 1]
    return (
        f"{formatting.change(1 + segment.drift.change)} little by little over "
        f"{formatting.count(segment.end - segment.start, 'run')}, from {first.when} to {last.when}, "
        f"without a step (p = {segment.drift.p_value:.2g})"
    )


def trend_to_json(
    trend: Trend, commits: Sequence[Sequence[str] | None] | None = None
) -> dict[str, Any]:
    """A trend as a JSON-able dictionary: microseconds, bytes, ratios as after / before."""
    series = trend.series
    return {
        **series_to_json(series),
        "regressed": trend.regressed(),
        "segments": [
            {
                "start": segment.start,
                "end": segment.end,
                "level": segment.level,
                "drift": segment.drift.change if segment.drift else None,
                "drift_p_value": segment.drift.p_value if segment.drift else None,
            }
            for segment in trend.segments
        ],
        "changes": [
            _change_to_json(change, series, commits[number] if commits else None)
            for number, change in enumerate(trend.changes)
        ],
    }


def drawn_to_json(trend: Trend) -> dict[str, Any]:
    """A trend with all its points."""
    return {**trend_to_json(trend), "points": [point_to_json(item) for item in trend.series.points]}


def series_to_json(series: Series) -> dict[str, Any]:
    """What a series is about, without its points."""
    measure = series.measure
    return {
        "series": series.key,
        "measure": measure.name,
        "unit": measure.unit.value,
        "less_is_better": measure.less_is_better,
        "name": series.name,
        "device": series.device,
        "serial": series.serial,
        "kind": series.kind.value,
        "configuration": series.configuration,
        "branch": series.branch,
        "runs": len(series.points),
        "latest": series.points[-1].value if series.points else None,
    }


def point_to_json(point: Point) -> dict[str, Any]:
    """One run of a series."""
    return {
        "run_id": point.run_id,
        "started_at": point.started_at,
        "revision": point.revision,
        "value": point.value,
        "low": point.low,
        "high": point.high,
        "samples": len(point.samples),
        "artifact_sha256": point.artifact_sha256,
        "binary_sha256": point.binary_sha256,
        "fingerprint": point.fingerprint,
    }


def _change_to_json(
    change: Change, series: Series, commits: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "index": change.index,
        "cause": change.cause.value,
        "worse": change.worse,
        "regression": change.is_regression,
        "level_before": change.level_before,
        "level_after": change.level_after,
        "ratio": change.ratio.estimate if change.ratio else None,
        "ratio_low": change.ratio.low if change.ratio else None,
        "ratio_high": change.ratio.high if change.ratio else None,
        "before": point_to_json(change.before),
        "after": point_to_json(change.after),
        "commits": None if commits is None else list(commits),
        "sentence": sentence(change, series, commits),
    }
