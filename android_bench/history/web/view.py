"""What the pages say, as data: the table of all series, and one series with its changes and runs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.history.history import History
from android_bench.history.measures import BY_NAME, Measure
from android_bench.history.provenance import commits_between
from android_bench.history.series import Point, Series, short_revision
from android_bench.history.trend import Change, Trend, trend_of
from android_bench.history.web.chart import Chart, Spark, chart_of, spark_of, words_of
from android_bench.history.words import amount, direction, drift_sentence, place, sentence

# Series do not change between two looks at a page; finding their steps again would take a while.
_trend = functools.lru_cache(maxsize=256)(trend_of)
_commits = functools.lru_cache(maxsize=4096)(commits_between)
_MOST_COMMITS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """A series in the table of all; ``order`` is what the change sorts by, ``course`` how far it came."""

    series: Series
    newest: str
    value: float
    moment: str
    spark: Spark
    course: float
    direction: str | None
    change: str | None
    where: str | None
    order: float | None
    drift: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The first page: the series of one measure."""

    measure: Measure
    measures: tuple[Measure, ...]
    rows: tuple[IndexRow, ...]
    label: str
    regressed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """A change in words, with the commits between."""

    anchor: str
    direction: str
    sentence: str
    moment: str
    commits: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run in the table of a series."""

    anchor: str
    point: Point
    revision: str | None
    value: str
    interval: str | None
    direction: str | None
    change: str | None
    device: str
    binary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPage:
    """The page of one series."""

    series: Series
    measures: tuple[Measure, ...]
    level: str
    since: str
    runs_since: int
    newest: ChangeView | None
    chart: Chart
    words: str
    changes: tuple[ChangeView, ...]
    drifts: tuple[str, ...]
    rows: tuple[RunRow, ...]


def index_of(history: History, measure: str) -> Index:
    """All series of a measure; those that got worse stand first."""
    known = history.known_measures()
    rows = [_index_row(_trend(series)) for series in history.series(measure=measure)]
    rows.sort(key=lambda row: row.direction != "worse")
    return Index(
        measure=BY_NAME[measure],
        measures=tuple(BY_NAME[name] for name in known),
        rows=tuple(rows),
        label=history.label,
        regressed=sum(row.direction == "worse" for row in rows),
    )


def page_of(history: History, key: str, measure: str) -> SeriesPage | None:
    """The page of a series; ``None`` when there is none of that key."""
    if measure not in BY_NAME:
        return None
    found = [series for series in history.series(measure=measure) if series.key == key]
    if not found:
        return None
    trend = _trend(found[0])
    known = [
        name
        for name in history.known_measures()
        if any(
            other.key == key
            for other in history.series(
                measure=name, name=found[0].name, branch=found[0].branch, last=1
            )
        )
    ]
    series, segment = trend.series, trend.segments[-1]
    changes = tuple(
        _change_view(change, series, number) for number, change in enumerate(trend.changes)
    )
    drifts = [drift_sentence(item, series) for item in trend.drifting]
    told = tuple(text for text in drifts if text)
    return SeriesPage(
        series=series,
        measures=tuple(BY_NAME[name] for name in known),
        level=series.measure.text(segment.level),
        since=series.points[segment.start].when,
        runs_since=segment.end - segment.start,
        newest=changes[-1] if changes else None,
        chart=chart_of(trend),
        words=words_of(trend, [item.sentence for item in changes] + list(told)),
        changes=tuple(reversed(changes)),
        drifts=told,
        rows=tuple(_rows(trend)),
    )


def _index_row(trend: Trend) -> IndexRow:
    series, newest = trend.series, trend.newest
    last = series.points[-1]
    drift = trend.segments[-1].drift
    return IndexRow(
        series=series,
        newest=series.measure.text(last.value),
        value=last.value,
        moment=last.started_at,
        spark=spark_of(trend),
        course=last.value / series.points[0].value if series.points[0].value else 0.0,
        direction=direction(newest) if newest else None,
        change=amount(newest, series) if newest else None,
        where=place(newest) if newest else None,
        order=newest.ratio.estimate if newest and newest.ratio else None,
        drift=formatting.change(1 + drift.change) if drift else None,
    )


def _change_view(change: Change, series: Series, number: int) -> ChangeView:
    commits = _commits(change.before.revision, change.after.revision)
    shown = tuple((commits or ())[:_MOST_COMMITS])
    return ChangeView(
        anchor=f"change-{number}",
        direction=direction(change),
        sentence=sentence(change, series, commits),
        moment=change.after.started_at,
        commits=shown,
        more=len(commits or ()) - len(shown),
    )


def _rows(trend: Trend) -> Sequence[RunRow]:
    series = trend.series
    begins = {change.index: change for change in trend.changes}
    rows = []
    for index, point in enumerate(series.points):
        change = begins.get(index)
        has_interval = point.low is not None and point.high is not None
        text = series.measure.text
        rows.append(
            RunRow(
                anchor=f"run-{index}",
                point=point,
                revision=short_revision(point.revision),
                value=text(point.value),
                interval=f"{text(point.low)} to {text(point.high)}" if has_interval else None,
                direction=direction(change) if change else None,
                change=amount(change, series) if change else None,
                device=point.fingerprint or point.serial,
                binary=point.binary_sha256[:12],
            )
        )
    return rows[::-1]
