"""The tables come to be by migrations only, whole or not at all, and a newer tool's are left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from android_bench.errors import ExitCode
from android_bench.history import HistoryVersionError, open_history, tables
from android_bench.history.address import find_address
from android_bench.history.database import Database
from android_bench.history.migrating import FOLDER, bring_up_to_date, current_version
from tests.history.made import run_on_day

ADDS_A_COLUMN = '''
"""A migration of the tests."""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("bench_runs", sa.Column("note", sa.Text))
'''


def with_migration(folder: Path, text: str) -> Path:
    """The migrations of the package, and one more."""
    shutil.copytree(FOLDER, folder / "migrations")
    (folder / "migrations" / "versions" / "v0002_test.py").write_text(text)
    return folder / "migrations"


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(FOLDER)).get_current_head() == tables.HEAD


def test_migrations_make_the_tables_that_are_declared(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(find_address(url))
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": tables.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, tables.metadata) == []
    database.close()


def test_a_migration_keeps_what_is_there(url: str, tmp_path: Path) -> None:
    run = run_on_day(0)
    with open_history(url) as history:
        history.add([run], revision="abc")
    folder = with_migration(tmp_path, ADDS_A_COLUMN)
    database = Database(find_address(url))
    for _ in range(2):  # the second finds nothing to do
        with database.writing() as connection:
            bring_up_to_date(connection, where="here", folder=folder)
    with database.reading() as connection:
        assert current_version(connection) == "0002"
        row = connection.execute(sa.text("SELECT run_id, revision, note FROM bench_runs")).one()
        assert tuple(row) == (run.run_id, "abc", None)
    database.close()


def test_a_migration_that_fails_leaves_nothing_of_itself(url: str, tmp_path: Path) -> None:
    breaks = ADDS_A_COLUMN + '    raise RuntimeError("in the middle")\n'
    database = Database(find_address(url))
    with pytest.raises(RuntimeError, match="in the middle"), database.writing() as connection:
        bring_up_to_date(connection, where="here", folder=with_migration(tmp_path, breaks))
    with database.reading() as connection:
        assert current_version(connection) == tables.HEAD
        columns = {column["name"] for column in sa.inspect(connection).get_columns("bench_runs")}
        assert "note" not in columns
    database.close()


def test_an_older_tool_says_that_it_is_older(url: str) -> None:
    run = run_on_day(0)
    with open_history(url) as history:
        history.add([run])
    database = Database(find_address(url))
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE bench_schema SET version_num = '9999'"))
    database.close()
    for create in (True, False):
        with pytest.raises(HistoryVersionError, match="tables of version 9999") as raised:
            open_history(url, create=create)
        assert raised.value.hint == "pip install --upgrade android-bench"
        assert raised.value.exit_code is ExitCode.ERROR
