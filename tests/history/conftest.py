"""The two databases that every test of the storage runs on: SQLite, and a real PostgreSQL server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_bench.history import History, open_history
from android_bench.history.address import VARIABLE
from tests.history.postgres import INSTALL, Server, find_binaries


@pytest.fixture(autouse=True)
def _no_history_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = start_server()
    yield started
    started.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that is empty."""
    if request.param == "sqlite":
        return str(tmp_path / "history.sqlite")
    return new_database(request.getfixturevalue("server"))


@pytest.fixture
def history(url: str) -> Iterator[History]:
    with open_history(url) as opened:
        yield opened


def start_server() -> Server:
    """Start a server; where there is none to start, the test is skipped, or fails in CI."""
    binaries = find_binaries()
    if binaries is None:
        reason = f"no PostgreSQL server; on Debian and Ubuntu: {INSTALL}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return Server.create(binaries)


def new_database(server: Server) -> str:
    import psycopg

    name = f"bench_{secrets.token_hex(6)}"
    address = server.url().replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.url(name)
