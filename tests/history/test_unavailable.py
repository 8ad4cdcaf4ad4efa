"""Databases that are not there, not ours, full, taken or gone: what is said, and what is kept."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_bench.errors import ExitCode, Fault, UsageError
from android_bench.history import (
    History,
    HistoryError,
    HistoryMissingError,
    HistoryUnavailableError,
    database,
    open_history,
    recording,
)
from tests.history.conftest import new_database, start_server
from tests.history.made import nights, run_on_day
from tests.history.postgres import PASSWORD, QUOTED, Server, free_port


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server that a test may end."""
    made = start_server()
    yield made
    made.remove()


def test_a_server_that_goes_away_in_the_middle_loses_the_whole_step(
    mortal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(mortal)
    before = nights(2, lambda day: 3000.0)
    with open_history(url) as history:
        history.add(before)
        write, written = recording._write_measures, []

        def pull_the_plug(*arguments: object) -> None:
            write(*arguments)
            written.append(arguments)
            if len(written) == 2:
                mortal.stop(signal.SIGQUIT)

        monkeypatch.setattr(recording, "_write_measures", pull_the_plug)
        with pytest.raises(HistoryUnavailableError) as raised:
            history.add(nights(range(5, 9), lambda day: 3000.0))
        error = raised.value
        assert (error.exit_code, error.fault) == (ExitCode.DEVICE, Fault.HOST)
        assert "Nothing of this step was kept" in str(error)
        assert_no_password(error)
        with pytest.raises(HistoryUnavailableError):
            history.runs()
        monkeypatch.undo()
        mortal.start()
        # The same history goes on when the server is back.
        assert history.runs() == tuple(reversed(before))
        assert history.add(nights(range(5, 9), lambda day: 3000.0)) == 4


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ((QUOTED, "wrong%40password"), "refused the login", ExitCode.ERROR),
        (("/postgres", "/nowhere"), "is not there", ExitCode.ERROR),
    ],
)
def test_a_server_that_says_no(
    server: Server, change: tuple[str, str], said: str, code: ExitCode
) -> None:
    url = change[1].join(server.url().rsplit(change[0], 1))
    with pytest.raises(HistoryError, match=said) as raised:
        open_history(url)
    assert raised.value.exit_code is code
    assert raised.value.hint
    assert_no_password(raised.value)


def test_no_server_at_all() -> None:
    url = f"postgresql://bench:{QUOTED}@127.0.0.1:{free_port()}/bench?sslpassword=also-s3cret"
    with pytest.raises(HistoryUnavailableError, match=r"127\.0\.0\.1") as raised:
        open_history(url)
    assert_no_password(raised.value)
    assert "also-s3cret" not in str(raised.value)


def assert_no_password(error: BaseException) -> None:
    """Neither in what is said nor in what a traceback would show of its cause."""
    import traceback

    for text in (str(error), "".join(traceback.format_exception(error))):
        assert not any(secret in text for secret in (PASSWORD, QUOTED, "wrong%40", "wrong@"))


def test_tables_that_somebody_dropped(url: str) -> None:
    import sqlalchemy as sa

    with open_history(url) as history:
        with history._database.writing() as connection:
            connection.execute(sa.text("DROP TABLE bench_tags"))
        with pytest.raises(HistoryError, match="lost its tables"):
            history.add([run_on_day(0)], tag="v1")
        assert history.series() == ()


def test_a_bug_keeps_its_traceback(history: History) -> None:
    import sqlalchemy as sa

    with pytest.raises(sa.exc.DBAPIError), history._database.writing() as connection:
        connection.execute(sa.text("INSERT INTO bench_tags VALUES ('no-such-run', 'v1')"))


def test_readers_do_not_make_a_history(url: str) -> None:
    with pytest.raises(HistoryMissingError, match="no history in") as raised:
        open_history(url, create=False)
    assert "history add" in (raised.value.hint or "")
    assert not Path(url).exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    file.write_text("these are notes, " * 100)
    with pytest.raises(HistoryError, match="no SQLite database"):
        open_history(str(file))
    assert file.read_text().startswith("these are notes")


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="not a file"):
        open_history(str(tmp_path))


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    import sqlalchemy as sa

    with open_history(str(tmp_path / "history.sqlite")) as history:
        history.add([run_on_day(0)])
        engine = history._database._engine

        def as_full(connection: sqlite3.Connection, _record: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages + 1}")

        sa.event.listen(engine, "connect", as_full)
        engine.dispose()
        with pytest.raises(HistoryUnavailableError, match="the disk is full") as raised:
            history.add(nights(range(1, 30), lambda day: 3000.0))
        assert raised.value.exit_code is ExitCode.DEVICE
        assert len(history.runs()) == 1


def test_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    import sqlalchemy as sa

    file = tmp_path / "history.sqlite"
    with open_history(str(file)) as history:
        history.add([run_on_day(0)])
        engine = history._database._engine
        engine.dispose()
        # As the file's permissions would have it, which root does not feel.
        sa.event.listen(
            engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON")
        )
        assert len(history.runs()) == 1
        with pytest.raises(HistoryError, match="cannot be written"):
            history.add([run_on_day(1)])


def test_a_writer_waits_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "history.sqlite")
    with open_history(file) as history:
        other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        done: list[int] = []
        writer = threading.Thread(target=lambda: done.append(history.add([run_on_day(0)])))
        writer.start()
        writer.join(0.3)
        assert done == []
        other.execute("COMMIT")
        writer.join(30)
        assert done == [1]
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(database, "BUSY_S", 0.1)
        with (
            open_history(file) as impatient,
            pytest.raises(HistoryUnavailableError, match="database is locked"),
        ):
            impatient.add([run_on_day(1)])
        other.close()


def test_the_project_s_own_history_stays_out_of_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    with open_history() as history:
        history.add([run_on_day(0)])
    folder = tmp_path / ".android-bench"
    assert (folder / "history.sqlite").is_file()
    assert (folder / ".gitignore").read_text() == "*\n"
    monkeypatch.setenv("ANDROID_BENCH_DB", str(tmp_path / "elsewhere.sqlite"))
    with open_history() as history:
        assert history.runs() == ()
        assert history.label.endswith("elsewhere.sqlite")


@pytest.mark.parametrize(
    "text",
    ["mysql://user:s3cret@host/db", "sqlite:history", "sqlite://", "postgresql://h:port/s3cret"],
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        open_history(text)
    assert "s3cret" not in f"{raised.value} {raised.value.hint}"


def test_a_history_is_closed_when_it_cannot_be_opened(tmp_path: Path) -> None:
    """Otherwise a warning about an open connection would fail this test."""
    for _ in range(3):
        with pytest.raises(HistoryError):
            open_history(str(tmp_path), create=False)


def test_types(history: History) -> None:
    assert history.label
    assert history.known_measures() == ()
