"""Terminal output of the history: series, runs, plots and changes; plain ASCII where no terminal is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from android_bench import formatting
from android_bench.history.history import StoredRun
from android_bench.history.recording import Added
from android_bench.history.series import Point, Series, short_revision
from android_bench.history.trend import Trend
from android_bench.history.words import amount, direction, drift_sentence, place, sentence
from android_bench.terminal.console import harmless, listing, out, say
from android_bench.terminal.history_plot import plot, sparkline

_DIRECTION_STYLE = {"worse": "bold red", "better": "green", "moved": "yellow"}
_MOST_COMMITS = 8


def print_added(added: Added, where: str) -> None:
    """Say what became of the runs that were added."""
    say(
        f"{formatting.count(added.new, 'new run')} in {where}"
        f" ({added.updated} updated, {added.known} known before)."
    )


def print_series(trends: Sequence[Trend]) -> None:
    """A line for each series: its runs, its newest value, its course, its last change."""
    rows = []
    for trend in trends:
        series, newest = trend.series, trend.newest
        change = f"{direction(newest)} {amount(newest, series)} {place(newest)}" if newest else ""
        values = [point.value for point in series.points]
        rows.append(
            (
                series.key,
                *(escape(part) for part in (series.name, _device(series), series.configuration)),
                escape(series.branch or formatting.UNKNOWN),
                str(len(series.points)),
                series.measure.text(values[-1]),
                sparkline(values, plain=not out.is_terminal),
                escape(change),
            )
        )
    columns = (
        "series", "model", "device", "configuration", "branch", "runs", "newest", "course", "last change",
    )  # fmt: skip
    listing(columns, rows)


def print_points(trend: Trend) -> None:
    """A line for each run of a series, the newest first, with the change that it begins."""
    series = trend.series
    out.print(
        f"[bold]{escape(harmless(series.label))}[/], {series.measure.title.lower()}", soft_wrap=True
    )
    begins = {change.index: change for change in trend.changes}
    rows = []
    for index in reversed(range(len(series.points))):
        point = series.points[index]
        change = begins.get(index)
        rows.append(
            (
                formatting.moment(point.started_at),
                escape(short_revision(point.revision) or formatting.UNKNOWN),
                series.measure.text(point.value),
                _interval(series, point),
                escape(f"{direction(change)} {sentence(change, series)}") if change else "",
                escape(point.run_id),
            )
        )
    listing(("started", "revision", "median", "95 % interval", "change", "run"), rows)


def print_stored(runs: Sequence[StoredRun]) -> None:
    """A line for each run as it was added, whatever its series."""
    rows = [
        (
            formatting.moment(item.run.started_at),
            *(
                escape(text or formatting.UNKNOWN)
                for text in (
                    item.run.artifact.name,
                    item.run.device.label,
                    item.run.config.label,
                    item.branch,
                    short_revision(item.revision),
                    ", ".join(item.tags),
                )
            ),
            "yes" if item.run.complete else "no",
            escape(item.run.run_id),
        )
        for item in runs
    ]
    columns = (
        "started", "model", "device", "configuration", "branch", "revision", "tags", "complete", "run",
    )  # fmt: skip
    listing(columns, rows)


def print_changes(trend: Trend, commits: Sequence[Sequence[str] | None]) -> None:
    """The changes and drifts of a series in sentences, the newest last, with the commits between."""
    series = trend.series
    head = f"{series.measure.title} of {series.label}"
    out.print(
        f"[bold]{escape(harmless(head))}[/], {formatting.count(len(series.points), 'run')}",
        soft_wrap=True,
    )
    for change, between in zip(trend.changes, commits, strict=True):
        word = direction(change)
        text = escape(harmless(sentence(change, series, between)))
        out.print(f"  [{_DIRECTION_STYLE[word]}]{word}[/] {text}", soft_wrap=True)
        for line in (between or ())[:_MOST_COMMITS]:
            out.print(f"      {escape(harmless(line))}", soft_wrap=True)
        if between and len(between) > _MOST_COMMITS:
            out.print(f"      and {len(between) - _MOST_COMMITS} more")
    for segment in trend.drifting:
        text = drift_sentence(segment, series) or ""
        out.print(f"  [yellow]drift[/] {escape(harmless(text))}", soft_wrap=True)
    if not trend.changes and not trend.drifting:
        out.print("  no change")


def print_plot(trend: Trend, *, width: int | None = None, height: int = 12) -> None:
    """Draw a series: a mark for each run, its interval, a line where a change is."""
    plain = not out.is_terminal
    title = f"{trend.series.measure.title} of {trend.series.label}"
    out.print(f"[bold]{escape(harmless(title))}[/]", soft_wrap=True)
    for line in plot(trend, width=width or min(out.width, 120), height=height, plain=plain):
        print(harmless(line))


def _device(series: Series) -> str:
    kind = series.kind.value
    device = series.device if series.serial is None else f"{series.device} {series.serial}"
    return device if kind == "phone" else f"{device} ({kind})"


def _interval(series: Series, point: Point) -> str:
    if point.low is None or point.high is None:
        return ""
    return f"{series.measure.text(point.low)} to {series.measure.text(point.high)}"
