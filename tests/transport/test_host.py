"""This computer keeps every promise of a transport."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from android_bench.errors import DeviceTimeoutError
from android_bench.transport.host import HostTransport
from tests.transport.contract import TransportContract


class TestHost(TransportContract):
    @pytest.fixture
    def transport(self) -> HostTransport:
        return HostTransport()

    @pytest.fixture
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        return str(tmp_path_factory.mktemp("other side"))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_streams_come_apart() -> None:
    result = HostTransport().shell("echo out; echo err >&2")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_a_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(DeviceTimeoutError):
        HostTransport().shell(f"sleep 60 & echo $! >'{note}'; sleep 60", timeout_s=0.5)
    assert gone(int(note.read_text()))


def test_ctrl_c_kills_the_group_and_goes_on_up(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "from android_bench.transport.host import HostTransport\n"
        f"HostTransport().shell(\"echo $$ >'{note}.part' && mv '{note}.part' '{note}'; sleep 60\", timeout_s=60)"
    )
    # A process group that was told to ignore Ctrl-C (nohup, make -j) would hand that on.
    caller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import signal; signal.signal(2, signal.default_int_handler)\n{code}",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not note.exists():
        assert caller.poll() is None
        time.sleep(0.02)
    os.kill(caller.pid, signal.SIGINT)
    _, said = caller.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert gone(int(note.read_text()))
