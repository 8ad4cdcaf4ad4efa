"""Pairs of ports: free ones, each for one only."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from android_bench.emulator import ports as module
from android_bench.emulator.console import FIRST_PORT, LAST_PORT
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.ports import reserved_ports
from android_bench.errors import UsageError


def test_a_pair_is_even_free_and_reserved_once(tmp_path: Path) -> None:
    with reserved_ports(tmp_path) as first, reserved_ports(tmp_path) as second:
        assert first.console != second.console
        for pair in (first, second):
            assert pair.console % 2 == 0
            assert FIRST_PORT <= pair.console <= LAST_PORT
            assert pair.adb == pair.console + 1
            socket.create_server(("127.0.0.1", pair.adb)).close()
        with (
            pytest.raises(EmulatorError, match="is taken"),
            reserved_ports(tmp_path, wanted=first.console),
        ):
            pass
    with reserved_ports(tmp_path, wanted=first.console, without=()) as again:
        assert again.console == first.console
    with reserved_ports(tmp_path, without={first.console}) as other:
        assert other.console != first.console


def test_another_process_sees_the_lock_and_inherits_it(tmp_path: Path) -> None:
    """Who inherits the lock keeps the pair; its end, in whatever way, gives it back."""
    with reserved_ports(tmp_path) as pair:
        keeper = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
            pass_fds=(pair.lock,),
        )
    with pytest.raises(EmulatorError), reserved_ports(tmp_path, wanted=pair.console):
        pass
    keeper.kill()
    keeper.communicate()
    with reserved_ports(tmp_path, wanted=pair.console):
        pass


@pytest.mark.parametrize("offset", [0, 1])
def test_either_port_may_be_taken(tmp_path: Path, offset: int) -> None:
    with reserved_ports(tmp_path) as pair:
        pass
    with socket.create_server(("127.0.0.1", pair.console + offset)):
        with (
            pytest.raises(
                EmulatorError, match=f"Port {pair.console} or {pair.adb} is taken"
            ) as caught,
            reserved_ports(tmp_path, wanted=pair.console),
        ):
            pass
        assert "--port" in (caught.value.hint or "")
        with reserved_ports(tmp_path) as other:
            assert other.console != pair.console


def test_all_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_free", lambda _: False)
    with pytest.raises(EmulatorError, match="Every pair"), reserved_ports(tmp_path):
        pass


@pytest.mark.parametrize("port", [5555, 5552, 5684, 0, -2])
def test_no_console_port(tmp_path: Path, port: int) -> None:
    with (
        pytest.raises(UsageError, match=f"{port} is no console port"),
        reserved_ports(tmp_path, wanted=port),
    ):
        pass
