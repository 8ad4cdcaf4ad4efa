"""Both ADB transports against the real adbd: what they promise, and what breaks for real."""

from __future__ import annotations

import secrets
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from android_bench.errors import (
    DeviceCommandError,
    DeviceNotFoundError,
    DeviceOfflineError,
    DeviceTimeoutError,
    UsageError,
)
from android_bench.transport.adb_server import AdbServerTransport, server_runs
from android_bench.transport.adb_tcp_usb import AdbTransport
from android_bench.transport.base import Transport
from android_bench.transport.discovery import list_devices, open_transport
from tests.lab.device import VirtualDevice
from tests.transport.contract import TransportContract

pytestmark = pytest.mark.xdist_group("lab")
MakeDevice = Callable[..., VirtualDevice]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, adb_server: tuple[str, int]) -> tuple[str, int]:
    """The lab's own adb server is the one that is found."""
    monkeypatch.delenv("ADB_SERVER_SOCKET", raising=False)
    monkeypatch.setenv("ANDROID_ADB_SERVER_ADDRESS", adb_server[0])
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb_server[1]))
    return adb_server


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port where no adb server runs."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    monkeypatch.delenv("ADB_SERVER_SOCKET", raising=False)
    monkeypatch.delenv("ANDROID_ADB_SERVER_ADDRESS", raising=False)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    return port


@pytest.fixture
def folder(device: VirtualDevice) -> Iterator[str]:
    name = f"/data/local/tmp/contract {secrets.token_hex(4)}"
    with_shell = AdbTransport.over_tcp("127.0.0.1", device.port)
    with_shell.shell(f"mkdir '{name}'")
    yield name
    with_shell.shell(f"rm -rf '{name}'")
    with_shell.close()


class TestTcp(TransportContract):
    @pytest.fixture
    def transport(self, device: VirtualDevice) -> Iterator[Transport]:
        one = open_transport(device.serial)
        yield one
        one.close()


class TestServer(TransportContract):
    @pytest.fixture
    def transport(self, device: VirtualDevice, served: tuple[str, int]) -> Iterator[Transport]:
        one = open_transport(f"server:{device.serial}")
        assert isinstance(one, AdbServerTransport)
        yield one
        one.close()

    def test_streams_come_apart(self, transport: Transport) -> None:
        result = transport.shell("echo out; echo err >&2; exit 3")
        assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 3)


class TestServerOfAnOldAndroid(TransportContract):
    """Before Android 7 there is no shell protocol 2: exec and the marker serve."""

    @pytest.fixture
    def transport(self, device: VirtualDevice, served: tuple[str, int]) -> Transport:
        return AdbServerTransport(device.serial, shell_v2=False)


@pytest.mark.parametrize("length", [0, 10, 24, 27])
def test_a_peer_that_hangs_up_in_its_first_message_is_offline(length: int) -> None:
    """No real adbd does this on demand: a plain socket cuts its CNXN in the head or in the payload."""
    payload = b"device::\0"
    head = ("<4s5I", b"CNXN", 0x01000000, 4096, len(payload), sum(payload), 0xB1A7B1BC)
    message = struct.pack(*head) + payload

    def hang_up(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            peer.sendall(message[:length])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=hang_up, args=(listener,))
        server.start()
        transport = AdbTransport.over_tcp("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(DeviceOfflineError, match=r"No conversation with 127\.0\.0\.1"):
            transport.shell("echo", timeout_s=5)
        server.join()


@pytest.fixture(params=["tcp", "server"])
def fragile(
    request: pytest.FixtureRequest, make_device: MakeDevice, served: tuple[str, int]
) -> Iterator[tuple[VirtualDevice, Transport]]:
    """A device that may be broken, by both roads."""
    device = make_device(data_size_mib=8)
    if request.param == "tcp":
        transport = open_transport(device.serial)
        yield device, transport
        transport.close()
        return
    adb = ["adb", "-P", str(served[1])]
    subprocess.run([*adb, "connect", device.serial], check=True, capture_output=True)
    yield device, open_transport(f"server:{device.serial}")
    subprocess.run([*adb, "disconnect", device.serial], check=True, capture_output=True)


def test_a_full_disk_comes_back_in_the_devices_words(
    fragile: tuple[VirtualDevice, Transport], tmp_path: Path
) -> None:
    """adb-shell's own push drops the message and waits for it until its timeout."""
    _, transport = fragile
    source = tmp_path / "large"
    source.write_bytes(bytes(32 << 20))
    with pytest.raises(DeviceCommandError, match="No space left on device"):
        transport.push(source, "/data/local/tmp/large", timeout_s=60)
    assert transport.shell("ls /data/local/tmp").stdout == ""
    source.write_bytes(b"small")
    transport.push(source, "/data/local/tmp/small")
    assert transport.shell("cat /data/local/tmp/small").stdout == "small"


def test_a_cable_pulled_in_a_command_is_a_timeout_and_plugged_in_goes_on(
    fragile: tuple[VirtualDevice, Transport],
) -> None:
    device, transport = fragile
    assert transport.shell("echo on").stdout == "on\n"
    with device.frozen(), pytest.raises((DeviceTimeoutError, DeviceOfflineError)):
        transport.shell("echo lost", timeout_s=0.5)
    assert transport.shell("echo on").stdout == "on\n"


def test_a_daemon_that_dies_in_a_command_is_offline(
    fragile: tuple[VirtualDevice, Transport],
) -> None:
    device, transport = fragile
    killer = threading.Timer(0.5, device.kill_adbd)
    killer.start()
    with pytest.raises(DeviceOfflineError):
        transport.shell("sleep 30", timeout_s=60)
    killer.join()
    with pytest.raises(DeviceOfflineError):
        transport.shell("echo still gone", timeout_s=5)


def test_a_daemon_that_dies_in_a_push_is_offline(make_device: MakeDevice, tmp_path: Path) -> None:
    device = make_device()
    transport = open_transport(device.serial)
    source = tmp_path / "large"
    source.write_bytes(bytes(16 << 20))

    def kill_half_way(done: int, total: int) -> None:
        if done > total / 2:
            device.kill_adbd()

    with pytest.raises(DeviceOfflineError, match="pushing 'large'"):
        transport.push(source, "/data/local/tmp/large", progress=kill_half_way)
    device.restart()
    transport.push(source, "/data/local/tmp/large")
    transport.close()


def test_a_pull_that_breaks_leaves_nothing(make_device: MakeDevice, tmp_path: Path) -> None:
    device = make_device()
    transport = open_transport(device.serial)
    transport.shell("dd if=/dev/zero of=/data/local/tmp/large bs=1M count=16 2>/dev/null")

    def kill_half_way(done: int, total: int) -> None:
        if done > total / 2:
            device.kill_adbd()

    with pytest.raises(DeviceOfflineError):
        transport.pull("/data/local/tmp/large", tmp_path / "back", progress=kill_half_way)
    assert list(tmp_path.iterdir()) == []
    transport.close()


def test_ctrl_c_in_a_call_leaves_a_usable_transport(device: VirtualDevice, tmp_path: Path) -> None:
    transport = open_transport(device.serial)
    source = tmp_path / "file"
    source.write_bytes(bytes(4 << 20))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transport.push(source, "/data/local/tmp/interrupted", progress=interrupt)
    assert transport.shell("rm -f /data/local/tmp/interrupted; echo on").stdout == "on\n"
    transport.close()


def test_several_devices_at_once_do_not_mix(make_device: MakeDevice) -> None:
    transports = [open_transport(make_device().serial) for _ in range(2)]
    for number, transport in enumerate(transports):
        transport.shell(f"echo {number} >/data/local/tmp/me")
    assert [one.shell("cat /data/local/tmp/me").stdout for one in transports] == ["0\n", "1\n"]
    for transport in transports:
        transport.close()


def test_the_server_lists_its_device_and_serial_alone_finds_it(
    device: VirtualDevice, served: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {item.serial: item for item in list_devices()}
    assert listed[device.serial].transport == "server"
    assert listed[device.serial].state == "device"
    assert listed["host"].transport == "host"
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    usable = [item for item in listed.values() if item.transport != "host"]
    if len(usable) == 1:
        assert open_transport(None).serial == device.serial
    else:
        with pytest.raises(UsageError, match=device.serial):
            open_transport(None)
    monkeypatch.setenv("ANDROID_SERIAL", f"server:{device.serial}")
    assert open_transport(None).shell("echo on").stdout == "on\n"


def test_no_server_is_ever_started(no_server: int) -> None:
    assert [item.serial for item in list_devices() if item.transport == "server"] == []
    with pytest.raises(DeviceNotFoundError, match=f"No adb server runs at 127.0.0.1:{no_server}"):
        open_transport("server:emulator-5554")
    with pytest.raises(DeviceNotFoundError):
        open_transport("no-such-serial")
    assert not server_runs()


def test_a_serial_that_the_server_does_not_know(served: tuple[str, int]) -> None:
    with pytest.raises(DeviceNotFoundError, match="knows no device nobody"):
        open_transport("server:nobody")
