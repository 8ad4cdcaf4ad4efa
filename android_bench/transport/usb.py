"""Finding a device on USB for adb-shell, with a libusb that need not be installed on the system."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from android_bench.errors import BenchError, DeviceNotFoundError, UsageError


def find_usb(serial: str | None) -> tuple[Any, str]:
    """Return adb-shell's USB transport of a device and its serial; ``None`` takes the only one.

    Raises:
        BenchError: the extra ``usb`` is not installed, or no libusb is there.
        DeviceNotFoundError: no such device.
        UsageError: there are several.
    """
    found = {name: link for name, link in _links() if serial in {None, name}}
    if not found:
        raise DeviceNotFoundError(
            f"No USB device {serial or 'in debugging mode'} is connected.",
            hint="Turn on USB debugging in the developer options, and look: android-bench devices",
        )
    if len(found) > 1:
        raise UsageError(
            f"Several USB devices are connected: {', '.join(found)}.",
            hint=f"--device usb:{next(iter(found))}",
        )
    name, link = found.popitem()
    return link, name


def usb_serials() -> tuple[str, ...]:
    """The serials of the devices on USB; empty when USB cannot be used here."""
    try:
        return tuple(name for name, _ in _links())
    except BenchError:  # a listing shows what can be seen; opening says why not
        return ()


def _links() -> Iterator[tuple[str, Any]]:
    """Serials and adb-shell transports of all devices with an ADB interface that tell their serial."""
    _load_libusb()
    import usb1
    from adb_shell.transport.usb_transport import UsbTransport

    try:
        links = list(UsbTransport.find_all_adb_devices())
    except usb1.USBError as error:
        raise BenchError(f"USB cannot be read on this computer: {error}.") from error
    for link in links:
        try:
            serial = link.serial_number
        except usb1.USBError:  # no permission, or gone since
            continue
        yield serial, link


def _load_libusb() -> None:
    """Load libusb: the one in the wheel of libusb1, the system's, or that of libusb-package."""
    try:
        import usb1
    except ModuleNotFoundError as error:
        raise BenchError(
            "USB without an adb server needs the Python package 'libusb1', which is not installed.",
            hint="pip install 'android-bench[usb]', or start an adb server: adb start-server",
        ) from error
    try:
        usb1.loadLibrary()
    except OSError as error:
        usb1.loadLibrary(ctypes.CDLL(_packaged_library(error)))


def _packaged_library(cause: OSError) -> str:
    try:
        import libusb_package
    except ModuleNotFoundError:
        raise BenchError(
            "USB needs libusb, which this system does not have.",
            hint="pip install 'android-bench[usb]'",
        ) from cause
    return str(libusb_package.get_library_path())
