"""The console's protocol, and strangers on its ports."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from android_bench.emulator import console as module
from android_bench.emulator.console import (
    Console,
    ConsoleError,
    ask_to_end,
    running_avd,
    running_emulators,
)
from tests.lab.emulator.console import ConsoleServer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@contextmanager
def emulator(avd: str = "ci") -> Iterator[tuple[int, threading.Event]]:
    killed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ConsoleServer(listener, avd, killed.set)
        yield listener.getsockname()[1], killed


def test_its_name_needs_no_token_and_its_end_does(home: Path) -> None:
    with emulator() as (port, killed):
        assert running_avd(port) == "ci"
        (home / ".emulator_console_auth_token").write_text("wrong")
        assert not ask_to_end(port)
        assert not killed.is_set()
        (home / ".emulator_console_auth_token").unlink()
        assert not ask_to_end(port)


def test_with_the_token_it_ends(home: Path) -> None:
    with emulator() as (port, killed):
        assert ask_to_end(port)
        assert killed.wait(5)


def test_an_empty_token_turns_the_question_off(home: Path) -> None:
    (home / ".emulator_console_auth_token").write_text("")
    with emulator() as (port, _), closing(Console(port)) as console:
        assert not console.wants_token
        console.authenticate()
        assert console.ask("ping") == ["I am alive!"]
        with pytest.raises(ConsoleError, match="unknown command"):
            console.ask("dance")


def test_all_that_run_are_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulator("one") as (port, _):
        monkeypatch.setattr(module, "FIRST_PORT", port - 4)
        monkeypatch.setattr(module, "LAST_PORT", port + 4)
        found = [one for one in running_emulators() if one.avd == "one"]
        assert [one.serial for one in found] == [f"emulator-{port}"]


@contextmanager
def stranger(greeting: bytes, *, hang_up: bool) -> Iterator[int]:
    """A server that says one thing and then nothing."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            peer.sendall(greeting)
            held.append(peer)
            if hang_up:
                peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(5)
            for peer in held:
                peer.close()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=300), st.booleans())
def test_strangers_are_no_emulators(greeting: bytes, hang_up: bool) -> None:
    with stranger(greeting, hang_up=hang_up) as port:
        began = time.monotonic()
        assert running_avd(port, timeout_s=0.05) is None
        assert time.monotonic() - began < 10


def test_a_line_without_an_end_is_not_waited_for() -> None:
    with stranger(b"x" * 100_000, hang_up=False) as port, pytest.raises(ConsoleError, match="end"):
        Console(port)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert running_avd(port) is None
    assert not ask_to_end(port)
