"""Write runs into the tables: what is new is inserted, what is there is taken further, nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from android_bench.history.rows import Row, RunRows

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of runs that were added.

    ``updated`` were there with less in them, as a run that was resumed since, or under no revision,
    branch or tag that is known now; ``known`` were there as they are.
    """

    new: int = 0
    updated: int = 0
    known: int = 0


def record_rows(connection: Connection, rows: Sequence[RunRows], *, tag: str | None) -> Added:
    """Write the rows, which are in the order that all writers keep."""
    from android_bench.history.tables import binaries, configurations, devices, runs, tags
    from android_bench.store import utc_now

    for table, shared in (
        (devices, {item.device["key"]: item.device for item in rows}),
        (configurations, {item.configuration["key"]: item.configuration for item in rows}),
        (binaries, {item.binary["sha256"]: item.binary for item in rows}),
    ):
        for key in sorted(shared):
            _insert_unless_there(connection, table, shared[key])
    now, counts = utc_now(), {"new": 0, "updated": 0, "known": 0}
    for item in rows:
        if _insert_unless_there(connection, runs, {**item.run, "added_at": now}):
            _write_measures(connection, item)
            state = "new"
        else:
            state = "updated" if _update(connection, item) else "known"
        if tag is not None:
            tagged = {"run_id": item.run["run_id"], "tag": tag}
            if _insert_unless_there(connection, tags, tagged) and state == "known":
                state = "updated"
        counts[state] += 1
    return Added(**counts)


def _insert_unless_there(connection: Connection, table: Table, row: Row) -> bool:
    """Insert a row unless its key is taken; say whether it was inserted."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    query = insert(table).values(row).on_conflict_do_nothing()
    keys = list(table.primary_key.columns)
    return connection.execute(query.returning(*keys)).first() is not None


def _update(connection: Connection, item: RunRows) -> bool:
    """Take in what a run that is there already has more of; say whether it had."""
    import sqlalchemy as sa

    from android_bench.history.tables import measures, runs

    same = runs.c.run_id == item.run["run_id"]
    columns = (runs.c.document_sha256, runs.c.invocations, runs.c.revision, runs.c.branch)
    old = connection.execute(sa.select(*columns).where(same).with_for_update()).one()
    changes: Row = {
        field: item.run[field]
        for field in ("revision", "branch")
        if item.run[field] is not None and getattr(old, field) is None
    }
    other = old.document_sha256 != item.run["document_sha256"]
    if other and item.run["invocations"] >= old.invocations:
        kept = {"run_id", "revision", "branch"}
        changes |= {key: value for key, value in item.run.items() if key not in kept}
        connection.execute(sa.delete(measures).where(measures.c.run_id == item.run["run_id"]))
        _write_measures(connection, item)
    if changes:
        connection.execute(sa.update(runs).where(same).values(changes))
    return bool(changes)


def _write_measures(connection: Connection, item: RunRows) -> None:
    import sqlalchemy as sa

    from android_bench.history.tables import measures

    if item.measures:
        connection.execute(sa.insert(measures), list(item.measures))
