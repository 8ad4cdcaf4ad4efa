"""The way to an emulator's adbd: through an adb server that holds it, else directly.

An emulator takes one conversation after another, not several at once (AOSP's AdbGuestPipe.cpp: "We have
one connection from adb server, stop listening for now"), and tells a running adb server of itself. So a
server that knows it has the line; without one, adbd answers on loopback at the console's port + 1.
"""

from __future__ import annotations

import contextlib
import re

from android_bench.errors import DeviceError
from android_bench.transport.base import Transport


def console_port(serial: str) -> int | None:
    """The console port in ``emulator-5554``; ``None`` for any other serial."""
    found = re.fullmatch(r"emulator-(\d{4,5})", serial)
    return int(found[1]) if found else None


def open_emulator(port: int) -> Transport:
    """The transport to the emulator whose console is on ``port``; its serial is adb's.

    Raises:
        DeviceError: an adb server holds it and cannot use it.
    """
    from android_bench.transport.adb_links import TcpLink
    from android_bench.transport.adb_server import AdbServerTransport, server_devices
    from android_bench.transport.adb_tcp_usb import AdbTransport

    serial = f"emulator-{port}"
    held = False
    with contextlib.suppress(DeviceError):  # what answers there is no adb server
        held = serial in server_devices()
    if held:
        return AdbServerTransport.open(serial)
    return AdbTransport(TcpLink("127.0.0.1", port + 1), serial)
