"""Finding a device on USB for adb-shell, with a libusb that need not be installed on the system."""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from android_bench.errors import BenchError, DeviceNotFoundError


def open_usb(serial: str | None, *, timeout_s: float) -> tuple[Any, str]:
    """Return adb-shell's USB transport of a device and its serial; ``None`` takes the first.

    Raises:
        BenchError: the extra ``usb`` is not installed, or no libusb is there.
        DeviceNotFoundError: no such device, or something else (an adb server) holds it.
    """
    with _libusb():
        from adb_shell.exceptions import UsbDeviceNotFoundError
        from adb_shell.transport.usb_transport import UsbTransport

        try:
            link = UsbTransport.find_adb(serial=serial, default_transport_timeout_s=timeout_s)
        except UsbDeviceNotFoundError as error:
            raise DeviceNotFoundError(
                f"No USB device {serial or 'in debugging mode'} is there for this tool.",
                hint="If an adb server runs, it owns USB devices: name the serial alone, or adb kill-server",
            ) from error
        return link, link.serial_number


def usb_serials() -> tuple[str, ...]:
    """The serials of the devices on USB; empty when USB cannot be used here."""
    try:
        with _libusb():
            from adb_shell.transport.usb_transport import UsbTransport

            return tuple(link.serial_number for link in UsbTransport.find_all_adb_devices())
    except Exception:  # noqa: BLE001 (a listing shows what can be seen; opening says why not)
        return ()


@contextmanager
def _libusb() -> Iterator[None]:
    """Point libusb1 at the packaged library when the system has none."""
    try:
        import usb1  # noqa: F401
    except ModuleNotFoundError as error:
        raise BenchError(
            "USB without an adb server needs the Python package 'libusb1', which is not installed.",
            hint="pip install 'android-bench[usb]', or start an adb server: adb start-server",
        ) from error
    except OSError:  # no libusb on the system
        _load_packaged()
    yield


def _load_packaged() -> None:
    try:
        import libusb_package
    except ModuleNotFoundError as error:
        raise BenchError(
            "USB needs libusb, which this system does not have.",
            hint="pip install 'android-bench[usb]'",
        ) from error
    packaged = str(libusb_package.get_library_path())
    original = ctypes.util.find_library
    ctypes.util.find_library = lambda name: packaged if "usb-1.0" in name else original(name)  # type: ignore[assignment]
    try:
        import usb1  # noqa: F401
    finally:
        ctypes.util.find_library = original
