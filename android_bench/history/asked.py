"""What the commands ask of a history: the trends of the series that fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from android_bench.errors import UsageError
from android_bench.history.history import History, open_history
from android_bench.history.provenance import commits_between
from android_bench.history.series import Series
from android_bench.history.trend import Trend, trend_of

ALL = "all"


def trends(
    url: str | None,
    *,
    measure: str,
    name: str | None = None,
    device: str | None = None,
    branch: str | None = None,
    last: int | None = None,
    keys: Sequence[str] = (),
) -> tuple[Trend, ...]:
    """The trends of the series that fit; ``keys`` are those of ``history list``, or their beginnings.

    Raises:
        HistoryMissingError: there is no history yet.
        UsageError: no series fits what was asked for.
    """
    with open_history(url, create=False) as history:
        names = history.known_measures() if measure == ALL else (measure,)
        found = [
            series
            for each in names
            for series in history.series(
                measure=each, name=name, device=device, branch=branch, last=last
            )
            if not keys or any(series.key.startswith(key) for key in keys)
        ]
        if not found:
            raise _nothing_fits(history, measure, (name, device, branch, *keys))
    return tuple(map(trend_of, found))


def commits_of(trend: Trend) -> list[list[str] | None]:
    """The commits of each change, as far as git knows them here."""
    return [commits_between(item.before.revision, item.after.revision) for item in trend.changes]


def _nothing_fits(history: History, measure: str, asked: Sequence[str | None]) -> UsageError:
    known: list[Series] = list(history.series(measure="latency" if measure == ALL else measure))
    if not known:
        return UsageError(
            f"The history in {history.label} holds no complete run with {measure}.",
            hint=f"Its runs tell {', '.join(told)}."
            if (told := history.known_measures())
            else "android-bench history add RESULTS adds runs.",
        )
    words = " ".join(str(part) for part in asked if part)
    some = "; ".join(series.label for series in itertools.islice(known, 3))
    return UsageError(
        f"No series fits {words!r}.", hint=f"android-bench history list shows all. There is {some}."
    )
