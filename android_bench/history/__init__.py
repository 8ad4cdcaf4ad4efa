"""The history of runs in a database: SQLite for one person, PostgreSQL for a team.

::

    address.py     where it is            errors.py      what can go wrong
    tables.py      the tables             migrations/    how they came to be (Alembic)
    database.py    connections, transactions             migrating.py  up to date, beside others
    driver_errors.py  what a driver's error means
    measures.py    what is followed       rows.py        a run as rows
    history.py     open, add, ask         recording.py   what is new, what is taken further
    series.py      one measure over time  steps.py       where it steps: candidates, confirmation
    trend.py       changes, drifts and what they coincide with
    provenance.py  revision and branch    words.py       changes in sentences and as JSON
    asked.py       what the commands ask  web/           the page of `android-bench serve`
"""

from __future__ import annotations

from android_bench.history.errors import (
    HistoryError,
    HistoryMissingError,
    HistoryUnavailableError,
    HistoryVersionError,
)
from android_bench.history.history import History, StoredRun, open_history
from android_bench.history.recording import Added

__all__ = [
    "Added",
    "History",
    "HistoryError",
    "HistoryMissingError",
    "HistoryUnavailableError",
    "HistoryVersionError",
    "StoredRun",
    "open_history",
]
