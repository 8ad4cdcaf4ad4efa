"""What a device's name means, USB without a device or a library, and what importing costs."""

from __future__ import annotations

import errno
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.errors import (
    BenchError,
    DeviceNotFoundError,
    DeviceOfflineError,
    DeviceTimeoutError,
    UsageError,
)
from android_bench.transport import usb
from android_bench.transport.adb_links import UsbLink
from android_bench.transport.adb_tcp_usb import AdbTransport
from android_bench.transport.discovery import open_transport, tcp_address


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("192.168.1.7", ("192.168.1.7", 5555)),
        ("192.168.1.7:5557", ("192.168.1.7", 5557)),
        ("phone.local:5555", ("phone.local", 5555)),
        ("::1", ("::1", 5555)),
        ("[::1]", ("::1", 5555)),
        ("[fe80::1]:5557", ("fe80::1", 5557)),
        ("R58M123", None),
        ("phone.local", None),
        ("adb-R58M123-x._adb-tls-connect._tcp", None),
        ("192.168.1", None),
    ],
)
def test_an_address_is_told_from_a_serial(spec: str, address: tuple[str, int] | None) -> None:
    assert tcp_address(spec) == address


@given(host=st.ip_addresses(v=4), port=st.integers(1, 65535))
def test_any_ip_and_port(host: object, port: int) -> None:
    assert tcp_address(f"{host}:{port}") == (str(host), port)


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(UsageError, match=port):
        open_transport(f"127.0.0.1:{port}")


def test_ipv6_is_addressed_in_brackets() -> None:
    assert AdbTransport.over_tcp("::1", 5555).serial == "[::1]:5555"


def fake_links(monkeypatch: pytest.MonkeyPatch, *serials: str) -> None:
    links = [(serial, SimpleNamespace(serial_number=serial)) for serial in serials]
    monkeypatch.setattr(usb, "_links", lambda: iter(links))


def test_usb_takes_the_only_device_or_the_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_links(monkeypatch, "A1")
    assert open_transport("usb").serial == "A1"
    fake_links(monkeypatch, "A1", "B2")
    assert open_transport("usb:B2").serial == "B2"
    with pytest.raises(UsageError, match="A1, B2"):
        open_transport("usb")
    with pytest.raises(DeviceNotFoundError, match="C3"):
        open_transport("usb:C3")


def test_without_libusb1_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usb1", None)
    with pytest.raises(BenchError, match="libusb1") as caught:
        open_transport("usb")
    assert "pip install 'android-bench[usb]'" in str(caught.value.hint)
    assert usb.usb_serials() == ()


class FakeUsb:
    """adb-shell's USB transport, whose calls fail as libusb does."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def connect(self, _timeout_s: float) -> None:
        raise self._error

    def close(self) -> None: ...


def usb_error(name: str) -> Any:
    usb1 = pytest.importorskip("usb1", reason="the extra 'usb' is not installed")
    usb1.loadLibrary()
    return getattr(usb1, name)()


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("USBErrorBusy", "A1 is in use, most likely by an adb server", "--device server:A1"),
        ("USBErrorAccess", "may not open the USB device A1", "udev rules"),
        ("USBErrorNoDevice", "No conversation with A1 begins", "android-bench devices"),
    ],
)
def test_usb_failures_are_explained(name: str, words: str, hint: str) -> None:
    transport = AdbTransport(UsbLink(FakeUsb(usb_error(name))), "A1")
    with pytest.raises(DeviceOfflineError, match=words) as caught:
        transport.shell("true")
    assert hint in str(caught.value.hint)


def test_a_usb_timeout_is_a_timeout() -> None:
    transport = AdbTransport(UsbLink(FakeUsb(usb_error("USBErrorTimeout"))), "A1")
    with pytest.raises((DeviceTimeoutError, DeviceOfflineError), match="does not answer"):
        transport.shell("true", timeout_s=1)


def test_usb_errors_become_the_systems() -> None:
    link = UsbLink(FakeUsb(usb_error("USBErrorBusy")))
    link.deadline = float("inf")
    with pytest.raises(OSError) as caught:
        link.connect(None)
    assert caught.value.errno == errno.EBUSY


def test_importing_the_seam_is_light() -> None:
    code = (
        "import sys\n"
        "import android_bench.transport.base, android_bench.transport.discovery, android_bench.device\n"
        "import android_bench.device.workspace, android_bench.binaries.resolve\n"
        "from android_bench.transport.discovery import open_transport\n"
        "open_transport('host').shell('true')\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {
        "adb_shell",
        "adbutils",
        "requests",
        "numpy",
        "cryptography",
        "usb1",
    }
