"""Bring a database's tables to the version that this tool knows, safely beside other processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from android_bench.history.errors import HistoryVersionError
from android_bench.history.tables import HEAD, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection

FOLDER = Path(__file__).parent / "migrations"
# Any number that no other program of the database takes for its own lock: "bench" in ASCII.
_ADVISORY_LOCK = int.from_bytes(b"bench", "big")


def current_version(connection: Connection) -> str | None:
    """The version of the tables; ``None`` when there are none."""
    import sqlalchemy as sa

    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def bring_up_to_date(connection: Connection, *, where: str, folder: Path = FOLDER) -> None:
    """Run the migrations that are missing, in the connection's transaction, which writes.

    One process does it while the others wait: SQLite has one writer anyway (``BEGIN IMMEDIATE``), and on
    PostgreSQL they queue for an advisory lock that ends with the transaction.

    Raises:
        HistoryVersionError: the tables are newer than this tool.
    """
    import sqlalchemy as sa

    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    version = current_version(connection)
    if version == HEAD and folder == FOLDER:
        return
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config(folder)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise newer_version(version, where=where)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def newer_version(version: str, *, where: str) -> HistoryVersionError:
    """The error about tables of a version that this tool has never heard of."""
    return HistoryVersionError(
        f"The history in {where} has tables of version {version}, this android-bench knows up to {HEAD}.",
        hint="pip install --upgrade android-bench",
    )


def _config(folder: Path) -> Config:
    from alembic.config import Config

    config = Config()
    # Of a path with % in it, the parser behind would take a placeholder.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
