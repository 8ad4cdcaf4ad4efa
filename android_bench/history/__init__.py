"""The history of runs in a database: SQLite for one person, PostgreSQL for a team.

::

    address.py     where it is            errors.py      what can go wrong
    tables.py      the tables             migrations/    how they came to be (Alembic)
    database.py    connections, transactions, errors     migrating.py  up to date, beside others
    measures.py    what is followed       rows.py        a run as rows
    history.py     add, ask, baselines
"""

from __future__ import annotations

from android_bench.history.errors import (
    HistoryError,
    HistoryMissingError,
    HistoryUnavailableError,
    HistoryVersionError,
)
from android_bench.history.history import Added, History, StoredRun, open_history

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
