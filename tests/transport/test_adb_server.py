"""An adb server's words for its devices, from a server on loopback that says what a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from android_bench.errors import (
    DeviceError,
    DeviceNotFoundError,
    DeviceOfflineError,
    DeviceTimeoutError,
    DeviceUnauthorizedError,
    UsageError,
)
from android_bench.transport.adb_server import AdbServerTransport, server_address, server_devices
from android_bench.transport.discovery import list_devices, open_transport


class FakeServer:
    """Answers each request by its text; what is not known gets FAIL."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lists(self, text: str) -> None:
        self.answers["host:devices-l"] = b"OKAY%04x" % len(text.encode()) + text.encode()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            while head := peer.recv(4):
                text = peer.recv(int(head, 16)).decode()
                self.asked.append(text)
                answer = self.answers.get(text, b"FAIL0007unknown")
                peer.sendall(answer)
                if answer.startswith(b"HANG"):
                    peer.recv(1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    one = FakeServer()
    for name in ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_SERIAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(one.port))
    monkeypatch.setattr("android_bench.transport.usb.usb_serials", lambda: ())
    yield one
    one.close()


LISTED = """\
R58M123              device usb:1-2 product:one model:Pixel_8_Pro device:one transport_id:3
emulator-5554          offline transport_id:4
9A2                    unauthorized usb:1-3 transport_id:5
X1                     no permissions (user in plugdev group; are your udev rules wrong?); see [http://x.y/z] usb:1-4
192.168.1.7:5555       device product:a model:B device:c transport_id:6
"""


def test_devices_are_listed_with_their_states(server: FakeServer) -> None:
    server.lists(LISTED)
    found = {item.serial: (item.transport, item.state, item.detail) for item in list_devices()}
    assert found["R58M123"] == ("server", "device", "Pixel 8 Pro")
    assert found["emulator-5554"] == ("server", "offline", None)
    assert found["9A2"][1] == "unauthorized"
    assert found["X1"][1].startswith("no permissions")
    assert found["192.168.1.7:5555"][1] == "device"
    assert list(found)[-1] == "host"


@pytest.mark.parametrize(
    ("serial", "kind", "words"),
    [
        ("emulator-5554", DeviceOfflineError, "says that emulator-5554 is offline"),
        ("9A2", DeviceUnauthorizedError, "does not accept this computer's key"),
        ("X1", DeviceOfflineError, "may not open X1: no permissions"),
        ("nobody", DeviceNotFoundError, "No device 'nobody' is connected"),
    ],
)
def test_a_device_that_cannot_be_used_says_why(
    server: FakeServer, serial: str, kind: type[DeviceError], words: str
) -> None:
    server.lists(LISTED)
    with pytest.raises(kind, match=words) as caught:
        open_transport(serial)
    assert caught.value.hint


def test_the_only_device_is_taken(server: FakeServer) -> None:
    server.lists("R58M123\tdevice\n")
    server.answers["host-serial:R58M123:features"] = b"OKAY0008shell_v2"
    assert open_transport(None).serial == "R58M123"


def test_several_devices_are_named_and_none_is_chosen(server: FakeServer) -> None:
    server.lists(LISTED)
    with pytest.raises(
        UsageError, match=r"R58M123 \(device\), emulator-5554 \(offline\)"
    ) as caught:
        open_transport(None)
    assert caught.value.hint == "--device R58M123"


def test_no_device_says_what_can_be_done(server: FakeServer) -> None:
    server.lists("")
    with pytest.raises(DeviceNotFoundError, match="No device is connected") as caught:
        open_transport(None)
    assert "--device host" in str(caught.value.hint)
    assert "android-bench doctor" in str(caught.value.hint)


def test_the_environment_names_the_device(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lists(LISTED)
    server.answers["host-serial:192.168.1.7:5555:features"] = b"OKAY0003cmd"
    monkeypatch.setenv("ANDROID_SERIAL", "server:192.168.1.7:5555")
    assert open_transport(None).serial == "192.168.1.7:5555"
    monkeypatch.setenv("ANDROID_SERIAL", "host")
    assert open_transport(None).is_host


def test_something_else_at_the_servers_port_is_said(server: FakeServer) -> None:
    server.answers["host:devices-l"] = b"HTTP/1.1 400 Bad Request"
    with pytest.raises(DeviceOfflineError, match="no working adb server"):
        server_devices()


def test_a_device_that_goes_in_a_call_is_explained_by_its_state(server: FakeServer) -> None:
    server.lists("R58M123\tunauthorized\n")
    with pytest.raises(DeviceUnauthorizedError):
        AdbServerTransport("R58M123").shell("true")
    server.lists("")
    with pytest.raises(DeviceOfflineError, match="R58M123 is gone"):
        AdbServerTransport("R58M123").shell("true")


def test_a_server_that_hangs_is_a_timeout(server: FakeServer) -> None:
    server.answers["host:transport:R58M123"] = b"HANG"
    server.answers["host:transport:SLOW"] = b""
    with pytest.raises(DeviceTimeoutError):
        AdbServerTransport("SLOW").shell("true", timeout_s=0.3)


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "6000"}, ("127.0.0.1", 6000)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "farm", "ANDROID_ADB_SERVER_PORT": "6000"}, ("farm", 6000)),
        ({"ADB_SERVER_SOCKET": "tcp:6001"}, ("127.0.0.1", 6001)),
        ({"ADB_SERVER_SOCKET": "tcp:farm:6001", "ANDROID_ADB_SERVER_PORT": "1"}, ("farm", 6001)),
        ({"ADB_SERVER_SOCKET": "tcp:[::1]:6001"}, ("::1", 6001)),
    ],
)
def test_the_servers_address_is_where_the_adb_client_looks(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], address: tuple[str, int]
) -> None:
    for name in ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert server_address() == address


@pytest.mark.parametrize(
    "variables", [{"ADB_SERVER_SOCKET": "localfilesystem:/x"}, {"ANDROID_ADB_SERVER_PORT": "abc"}]
)
def test_an_address_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.delenv("ADB_SERVER_SOCKET", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=next(iter(variables))):
        server_address()
