"""The keeper: whatever ends the tool ends what it keeps, and nothing else. Plain programs stand for emulators."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_bench.emulator import notes as notes_module
from android_bench.emulator.ending import end_emulator, owns_port, started_at
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.notes import Note, keep_note, read_notes, state_folder, stop
from android_bench.emulator.ports import reserved_ports
from android_bench.emulator.process import EmulatorProcess
from tests.lab.processes import until

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[EmulatorProcess]]:
    processes: list[EmulatorProcess] = []
    yield processes
    for process in processes:
        process.end()


def start(tmp_path: Path, started: list[EmulatorProcess], *argv: str) -> EmulatorProcess:
    with reserved_ports(tmp_path / "ports") as ports:
        process = EmulatorProcess.start(
            argv, avd="ci", environment=dict(os.environ), ports=ports, log=tmp_path / "log"
        )
    started.append(process)
    return process


def lives(pid: int) -> bool:
    return started_at(pid) is not None


def test_it_lives_until_it_is_ended(tmp_path: Path, started: list[EmulatorProcess]) -> None:
    process = start(tmp_path, started, "sleep", "1000")
    assert lives(process.pid)
    assert process.exit_code() is None
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    process.end()
    assert not lives(process.pid)
    process.end()


def test_its_own_end_is_told(tmp_path: Path, started: list[EmulatorProcess]) -> None:
    process = start(tmp_path, started, "sh", "-c", "echo said; exit 3")
    until(lambda: process.exit_code() is not None)
    assert process.exit_code() == 3
    assert (tmp_path / "log").read_text() == "said\n"
    killed = start(tmp_path, started, "sh", "-c", "kill -SEGV $$")
    until(lambda: killed.exit_code() is not None)
    assert killed.exit_code() == -signal.SIGSEGV


def test_what_cannot_be_started_is_told(tmp_path: Path, started: list[EmulatorProcess]) -> None:
    with pytest.raises(EmulatorError, match=r"/no/such/program cannot be started: .*No such file"):
        start(tmp_path, started, "/no/such/program")


def test_one_that_ignores_sigterm_is_killed(
    tmp_path: Path, started: list[EmulatorProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(tmp_path, started, "sh", "-c", STUBBORN)
    until((tmp_path / "log").read_text)
    began = time.monotonic()
    process.end()
    assert not lives(process.pid)
    assert time.monotonic() - began < 30


def test_a_killed_tool_takes_it_along(tmp_path: Path) -> None:
    script = (
        "import os, sys, time, pathlib\n"
        "from android_bench.emulator.ports import reserved_ports\n"
        "from android_bench.emulator.process import EmulatorProcess\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "with reserved_ports(folder) as ports:\n"
        "    process = EmulatorProcess.start(['sleep', '1000'], avd='ci', ports=ports,\n"
        "        environment=dict(os.environ), log=folder / 'log')\n"
        "print(process.pid, process.keeper_pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    tool = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert tool.stdout is not None
    pid, keeper = map(int, tool.stdout.readline().split())
    tool.kill()
    tool.communicate()
    until(lambda: not lives(pid) and not lives(keeper))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends children with their parent")
def test_a_killed_keeper_takes_it_along(tmp_path: Path, started: list[EmulatorProcess]) -> None:
    process = start(tmp_path, started, "sh", "-c", STUBBORN)
    os.kill(process.keeper_pid, signal.SIGKILL)
    until(lambda: process.exit_code() is not None)
    until(lambda: not lives(process.pid))


def test_let_go_it_lives_until_its_note_is_used(
    tmp_path: Path, started: list[EmulatorProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes_module, "state_folder", lambda: tmp_path / "state")
    process = start(tmp_path, started, "sleep", "1000")
    keep_note(note_of(process))
    process.let_go()
    time.sleep(0.3)
    (found,) = read_notes()
    assert found.runs
    stop(found)
    assert not lives(process.pid)
    assert read_notes() == ()


def test_a_note_never_means_a_process_that_got_the_number_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes_module, "state_folder", lambda: tmp_path)
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        stale = Note(
            avd="ci",
            port=5554,
            pid=stranger.pid,
            pid_started_at="12",
            keeper=stranger.pid,
            keeper_started_at="12",
            log="log",
        )
        keep_note(stale)
        (tmp_path / "5556.json").write_text("{ damaged")
        (tmp_path / "5558.json").write_text("[]")
        assert read_notes() == ()
        assert not list(tmp_path.glob("*.json"))
        stop(stale)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_the_console_is_asked_only_of_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which another process listens is another emulator's."""
    asked: list[int] = []
    monkeypatch.setattr("android_bench.emulator.ending.ask_to_end", asked.append)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert owns_port(os.getpgid(0), port)
        process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        assert not owns_port(process.pid, port)
        assert end_emulator(process.pid, port, ended=lambda: process.poll() is not None)
        assert process.returncode == -signal.SIGTERM
    assert asked == []
    assert not owns_port(os.getpgid(0), port)


def test_when_a_process_began() -> None:
    began = started_at(os.getpid())
    assert began
    assert began == started_at(os.getpid())
    child = subprocess.Popen(["true"])
    until(lambda: started_at(child.pid) is None)  # ended, though nobody has fetched it yet
    child.wait()


def test_state_is_kept_where_the_system_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert state_folder() == tmp_path / "android-bench" / "emulators"


def note_of(process: EmulatorProcess) -> Note:
    return Note(
        avd=process.avd,
        port=process.port,
        pid=process.pid,
        pid_started_at=started_at(process.pid) or "",
        keeper=process.keeper_pid,
        keeper_started_at=started_at(process.keeper_pid) or "",
        log=str(process.log),
    )
