"""Connections to the history's database: one way to begin, to end, and to say what went wrong."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from android_bench.history.address import VARIABLE, Address
from android_bench.history.driver_errors import explained
from android_bench.history.errors import (
    HistoryError,
    HistoryMissingError,
    HistoryUnavailableError,
)
from android_bench.history.migrating import bring_up_to_date, current_version
from android_bench.history.tables import HEAD

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

# Writers take turns; each needs milliseconds, so a minute is a queue of thousands.
BUSY_S = 60.0
# A server that died without a word is noticed after half a minute, not after the kernel's two hours.
_POSTGRES_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_WRITES = "bench_writes"


class Database:
    """A database with the history's tables, of the version that this tool knows."""

    def __init__(self, address: Address, *, create: bool = True) -> None:
        """Connect; make the tables or bring them up to date.

        Raises:
            HistoryMissingError: there is no history and ``create`` is false.
            HistoryVersionError: its tables are newer than this tool.
            HistoryUnavailableError: the database cannot be reached.
        """
        self.address = address
        self._engine = _engine(address, create=create)
        try:
            self._prepare(create=create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that only reads."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction that is kept whole or not at all."""
        with self._transaction(writes=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        from sqlalchemy.exc import DBAPIError
        from sqlalchemy.exc import TimeoutError as NoConnectionError

        try:
            with self._engine.connect() as plain:
                connection = plain.execution_options(**{_WRITES: writes})
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            meant = explained(error, self.address)
            if meant is None:
                raise
            raise meant from None
        except NoConnectionError:
            raise HistoryUnavailableError(
                f"The history in {self.address.label} has no connection left."
            ) from None

    def _prepare(self, *, create: bool) -> None:
        """Look at the version of the tables; only when it is not ours, take the lock and migrate."""
        with self.reading() as connection:
            version = current_version(connection)
        if version == HEAD:
            return
        if version is None and not create:
            raise _no_history(self.address)
        with self.writing() as connection:
            bring_up_to_date(connection, where=self.address.label)


def _engine(address: Address, *, create: bool) -> Engine:
    """The engine of an address.

    Raises:
        HistoryMissingError: there is no such file and none is to be made.
        HistoryError: the driver is not installed.
    """
    import sqlalchemy as sa

    options: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True}
    if address.file is None:
        missing = {
            key: value for key, value in _POSTGRES_DEFAULTS.items() if key not in address.url.query
        }
        options["connect_args"] = {**missing, "application_name": "android-bench"}
        options["json_serializer"] = _dumps
    else:
        _place_of(address, create=create)
        options["connect_args"] = {"timeout": BUSY_S, "check_same_thread": False}
    try:
        engine = sa.create_engine(address.url, **options)
    except ImportError as error:
        raise HistoryError(
            "A history in PostgreSQL needs the driver psycopg, which is not installed.",
            hint='pip install "android-bench[postgres]"',
        ) from error
    if address.file is not None:
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        sa.event.listen(engine, "begin", _begin_postgres)
    return engine


def _place_of(address: Address, *, create: bool) -> None:
    """The file of SQLite is there, or may be made."""
    file = address.file
    if file is None or file.exists():
        if file is not None and not file.is_file():
            raise HistoryError(f"The history {file} is not a file.", hint=f"Set {VARIABLE}.")
        return
    if not create:
        raise _no_history(address)
    if not file.parent.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.parent.name.startswith("."):
            # What measuring made is no source: the folder keeps itself out of the repository.
            (file.parent / ".gitignore").write_text("*\n", encoding="utf-8")


def _no_history(address: Address) -> HistoryMissingError:
    return HistoryMissingError(
        f"There is no history in {address.label} yet.",
        hint=f"android-bench history add RESULTS makes one; {VARIABLE} names another place.",
    )


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Transactions by our own BEGIN, readers beside a writer, and foreign keys that hold."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Let readers go on while one writes. SQLite does not wait for others here, so we do.

    A file that cannot be written stays as it is: it can still be read.
    """
    until = time.monotonic() + BUSY_S
    while not _switched(cursor) and time.monotonic() < until:
        time.sleep(0.02)


def _switched(cursor: sqlite3.Cursor) -> bool:
    """Whether the file is switched, or cannot be."""
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        return "locked" not in str(error)
    return True


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its turn at once: one that first reads and then writes could not wait for it."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if not connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _dumps(value: object) -> str:
    return json.dumps(value, allow_nan=False)
