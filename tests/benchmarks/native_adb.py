"""A native adb server of one's own on a free loopback port, connected to one device, ended with the block."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_adb(serial: str) -> Iterator[list[str]]:
    """Yield the words that begin an adb command for the device."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    adb = ["adb", "-P", str(port)]
    environment = {**os.environ, "ADB_MDNS_AUTO_CONNECT": "0", "ADB_MDNS": "0"}
    try:
        subprocess.run([*adb, "connect", serial], check=True, capture_output=True, env=environment)
        yield [*adb, "-s", serial]
    finally:
        subprocess.run([*adb, "kill-server"], check=False, capture_output=True)
