"""The way to an emulator's adbd: through an adb server that holds it, else directly; and its names.

An emulator takes one conversation after another, not several at once (AOSP's AdbGuestPipe.cpp: "We have
one connection from adb server, stop listening for now"), and tells a running adb server of itself. So a
server that knows it has the line; without one, adbd answers on loopback at the console's port + 1.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

from android_bench.emulator.console import running_avd
from android_bench.errors import DeviceError, UsageError
from android_bench.transport.base import Transport

_SELECTOR = "emulator:"


def console_port(serial: str) -> int | None:
    """The console port in ``emulator-5554``; ``None`` for any other serial."""
    found = re.fullmatch(r"emulator-(\d{4,5})", serial)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """``emulator:AVD``, or ``emulator:AVD@PORT`` for one of several.

    It is the serial in records: the port may be another one tomorrow, the virtual device stays.
    """

    avd: str
    port: int | None = None

    @property
    def serial(self) -> str:
        """How records name the device."""
        return f"{_SELECTOR}{self.avd}"

    def __str__(self) -> str:
        return self.serial if self.port is None else f"{self.serial}@{self.port}"


def parse_selector(text: str | None) -> Selector | None:
    """Read ``emulator:AVD[@PORT]``; ``None`` for any other name of a device.

    Raises:
        UsageError: it names no virtual device, or no port.
    """
    if text is None or not text.startswith(_SELECTOR):
        return None
    found = re.fullmatch(r"([^@\s]+)(?:@(\d{4,5}))?", text.removeprefix(_SELECTOR))
    if found is None:
        raise UsageError(
            f"{text!r} names no virtual device.",
            hint="emulator:AVD; android-bench emulator list shows them",
        )
    return Selector(avd=found[1], port=int(found[2]) if found[2] else None)


def is_local(serial: str) -> bool:
    """Whether a serial is that of an emulator on this machine, so that its processor is this one's."""
    port = console_port(serial)
    return serial.startswith(_SELECTOR) or (port is not None and running_avd(port) is not None)


def open_emulator(port: int, *, name: str | None = None) -> Transport:
    """The transport to the emulator whose console is on ``port``; ``name`` is its serial if not adb's.

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
        return AdbServerTransport.open(serial, name=name)
    return AdbTransport(TcpLink("127.0.0.1", port + 1), name or serial)
