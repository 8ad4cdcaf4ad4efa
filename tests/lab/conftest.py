"""Fixtures of the lab. Without a lab its tests are skipped with the reason; in CI that is a failure."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.lab.device import Lab, VirtualDevice

MakeDevice = Callable[..., VirtualDevice]


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The built lab."""
    found = Lab()
    reason = found.missing_reason()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs the lab: {reason}")
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def device(lab: Lab) -> Iterator[VirtualDevice]:
    """A device that tests share and leave as they found it."""
    with VirtualDevice(lab=lab) as one:
        yield one


@pytest.fixture
def make_device(lab: Lab) -> Iterator[MakeDevice]:
    """Makes devices that a test may break; they are stopped with the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> VirtualDevice:
            return stack.enter_context(VirtualDevice(lab=lab, **options))

        yield make


@pytest.fixture(scope="session")
def adb_server(
    device: VirtualDevice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    """A native adb server of its own, connected to the shared device: (host, port)."""
    home = tmp_path_factory.mktemp("adb-home")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANDROID_USER_HOME": str(home),
        "ADB_MDNS_AUTO_CONNECT": "0",
        "ADB_MDNS": "0",
        # Keeps the server from looking for emulators on the usual ports by itself.
        "ADB_LOCAL_TRANSPORT_MAX_PORT": "5553",
    }
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            ["adb", "-P", str(port), "nodaemon", "server"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        connect = ["adb", "-P", str(port), "connect", device.serial]
        _until(lambda: _answers(port), home / "log")
        _until(
            lambda: (
                b"connected to"
                in subprocess.run(connect, capture_output=True, env=environment, check=False).stdout
            ),
            home / "log",
        )
        yield "127.0.0.1", port
    finally:
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _until(condition: Callable[[], bool], log: Path, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(
                f"the adb server does not come up: {log.read_text(errors='replace')[-1000:]}"
            )
        time.sleep(0.05)
