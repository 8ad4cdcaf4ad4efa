"""Which devices there are, and which transport a device's name means."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass

from android_bench.errors import DeviceNotFoundError, UsageError
from android_bench.transport import selectors
from android_bench.transport.base import Transport

DEFAULT_TCP_PORT = 5555
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceListing:
    """A device as seen without opening it.

    ``serial`` is what ``--device`` takes; ``transport`` is ``server``, ``usb``, ``emulator`` or ``host``;
    ``state`` is ``device`` when it can be used, else the adb server's word for why not.
    """

    serial: str
    transport: str
    state: str
    detail: str | None = None


def list_devices() -> tuple[DeviceListing, ...]:
    """Devices of a running adb server, devices on USB, emulators, and this computer, in that order.

    No adb server is started. Devices on TCP without a server cannot be found, only named.

    Raises:
        DeviceOfflineError: something that is no adb server answers at the server's address.
    """
    from android_bench.emulator.console import running_emulators
    from android_bench.transport.adb_server import server_devices
    from android_bench.transport.usb import usb_serials

    served = [
        DeviceListing(serial=serial, transport="server", state=state, detail=model)
        for serial, (state, model) in server_devices().items()
    ]
    known = {item.serial for item in served}
    usb = [
        DeviceListing(serial=serial, transport="usb", state="device")
        for serial in usb_serials()
        if serial not in known
    ]
    known |= {item.serial for item in usb}
    emulators = [
        DeviceListing(
            serial=one.serial,
            transport="emulator",
            state="device",
            detail=f"an emulator of {one.avd}",
        )
        for one in running_emulators()
        if one.serial not in known
    ]
    here = DeviceListing(serial="host", transport="host", state="device", detail="this computer")
    return (*served, *usb, *emulators, here)


def open_transport(spec: str | None) -> Transport:
    """Return the transport that ``spec`` names.

    ``host``; ``HOST:PORT`` or an IP address; ``usb`` or ``usb:SERIAL``; ``server:SERIAL``;
    ``emulator:AVD[@PORT]``, one that runs; ``model:NAME`` or ``abi:ABI``, the first connected device that
    is so; else a serial, looked for on a running adb server, among emulators (``emulator-5554``) and on
    USB. ``None`` takes ``ANDROID_SERIAL``, or the only device there is. TCP and USB connect when they are
    first used.

    Raises:
        UsageError: none was named and there are several, or the name cannot be one.
        DeviceError: it is not there, or cannot be used.
    """
    spec = _selected(spec or os.environ.get("ANDROID_SERIAL") or _the_only_device())
    if spec == "host":
        from android_bench.transport.host import HostTransport

        return HostTransport()
    kind, _, rest = spec.partition(":")
    if kind == "emulator":
        return _running_emulator(spec)
    if kind == "server":
        return _through_server(rest or _the_only_device(transport="server"))
    if kind == "usb":
        return _over_usb(rest or None)
    address = tcp_address(spec)
    if address is not None:
        from android_bench.transport.adb_tcp_usb import AdbTransport

        return AdbTransport.over_tcp(*address)
    return _by_serial(spec)


def _selected(spec: str) -> str:
    """A device's name, where it was chosen by what it is."""
    kind, _, rest = spec.partition(":")
    if kind not in selectors.KINDS or not rest:
        return spec
    return selectors.select(kind, rest, list_devices(), open_transport)


def tcp_address(spec: str) -> tuple[str, int] | None:
    """Read ``HOST:PORT``, ``[IPv6]:PORT`` or a bare IP address; ``None`` when it is none of them.

    Raises:
        UsageError: the port is none.
    """
    found = re.fullmatch(r"(?:\[(?P<six>[^\]\s]+)\]|(?P<host>[^:\s]+)):(?P<port>\d+)", spec)
    if found:
        port = int(found["port"])
        if not 0 < port <= _HIGHEST_PORT:
            raise UsageError(
                f"{spec} has no possible port: {port}.", hint="1 to 65535; adbd's is 5555"
            )
        return found["six"] or found["host"], port
    try:
        ipaddress.ip_address(spec.strip("[]"))
    except ValueError:
        return None
    return spec.strip("[]"), DEFAULT_TCP_PORT


def _the_only_device(*, transport: str | None = None) -> str:
    """A device that nobody named. An emulator that no server knows is never taken for a phone unasked."""
    listed = list_devices()
    found = [
        item
        for item in listed
        if item.transport in ({transport} if transport else {"server", "usb"})
    ]
    if len(found) == 1:
        return f"{found[0].transport}:{found[0].serial}" if transport is None else found[0].serial
    if not found:
        emulated = [item.serial for item in listed if item.transport == "emulator"]
        name = emulated[0] if emulated else "HOST:PORT"
        raise DeviceNotFoundError(
            "No device is connected.",
            hint=f"Name one (--device {name}), measure here (--device host), or: android-bench doctor",
        )
    names = ", ".join(f"{item.serial} ({item.state})" for item in found)
    raise UsageError(f"Several devices are connected: {names}.", hint=f"--device {found[0].serial}")


def _by_serial(serial: str) -> Transport:
    from android_bench.emulator.console import running_avd
    from android_bench.emulator.reach import console_port, open_emulator
    from android_bench.transport.adb_server import server_devices
    from android_bench.transport.usb import usb_serials

    if serial in server_devices():
        return _through_server(serial)
    port = console_port(serial)
    if port is not None and running_avd(port) is not None:
        return open_emulator(port)
    if serial in usb_serials():
        return _over_usb(serial)
    raise DeviceNotFoundError(
        f"No device {serial!r} is connected.",
        hint="android-bench devices lists them; a device on TCP is named HOST:PORT",
    )


def _running_emulator(spec: str) -> Transport:
    """The emulator of a virtual device; sessions start one, everything else needs one that runs."""
    from android_bench.emulator.console import running_emulators
    from android_bench.emulator.reach import open_emulator, parse_selector

    wanted = parse_selector(spec)
    for one in running_emulators():
        if wanted and one.avd == wanted.avd and wanted.port in {None, one.port}:
            return open_emulator(one.port, name=wanted.serial)
    avd = wanted.avd if wanted else spec
    raise DeviceNotFoundError(
        f"No emulator of {avd!r} runs.", hint=f"android-bench emulator start {avd}"
    )


def _through_server(serial: str) -> Transport:
    from android_bench.transport.adb_server import AdbServerTransport

    return AdbServerTransport.open(serial)


def _over_usb(serial: str | None) -> Transport:
    from android_bench.transport.adb_tcp_usb import AdbTransport

    return AdbTransport.over_usb(serial)
