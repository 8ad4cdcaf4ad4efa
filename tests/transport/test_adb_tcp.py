"""Beginning a conversation with an adbd: keys, TLS, silence, nobody. The rest is in tests/lab."""

from __future__ import annotations

import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from android_bench.errors import (
    BenchError,
    DeviceNotFoundError,
    DeviceOfflineError,
    DeviceUnauthorizedError,
    ExitCode,
)
from android_bench.transport import keys
from android_bench.transport.adb_tcp_usb import AdbTransport
from tests.transport.fake_adbd import FakeAdbd


@pytest.fixture(autouse=True)
def key_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "android"))
    monkeypatch.delenv("ADB_VENDOR_KEYS", raising=False)
    return tmp_path / "android"


def connect(adbd: FakeAdbd, timeout_s: float = 5) -> str:
    transport = AdbTransport.over_tcp("127.0.0.1", adbd.port)
    try:
        return transport.shell("echo", timeout_s=timeout_s).stdout
    finally:
        transport.close()


def test_a_device_without_authentication_needs_no_key(key_folder: Path) -> None:
    with FakeAdbd() as adbd:
        assert connect(adbd) == "hello\n"
    assert not key_folder.exists()


def test_a_known_key_is_accepted_and_made_private(key_folder: Path) -> None:
    with FakeAdbd(first_word=b"AUTH", public_key=key_folder / "adbkey") as adbd:
        keys.make_key(key_folder / "adbkey")
        assert connect(adbd) == "hello\n"
        assert adbd.shown_keys == []
    assert stat.S_IMODE(key_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((key_folder / "adbkey").stat().st_mode) == 0o600


def test_an_unknown_key_is_shown_to_the_user_and_the_hint_says_what_to_do(key_folder: Path) -> None:
    with FakeAdbd(first_word=b"AUTH") as adbd:
        with pytest.raises(
            DeviceUnauthorizedError, match="does not accept this computer's key"
        ) as caught:
            connect(adbd, timeout_s=1.5)
        assert "Unlock the device, accept the dialog" in str(caught.value.hint)
        assert caught.value.exit_code is ExitCode.DEVICE
        (shown,) = adbd.shown_keys
    assert shown.rstrip(b"\0") == (key_folder / "adbkey.pub").read_bytes()


@pytest.mark.skipif(shutil.which("adb") is None, reason="the native adb client is not installed")
def test_a_key_of_the_native_client_works(key_folder: Path) -> None:
    key_folder.mkdir()
    subprocess.run(["adb", "keygen", str(key_folder / "adbkey")], check=True, capture_output=True)
    before = (key_folder / "adbkey").read_bytes()
    with FakeAdbd(first_word=b"AUTH", public_key=key_folder / "adbkey") as adbd:
        assert connect(adbd) == "hello\n"
    assert (key_folder / "adbkey").read_bytes() == before


def test_a_key_without_its_public_half_is_completed(key_folder: Path) -> None:
    keys.make_key(key_folder / "adbkey")
    public = (key_folder / "adbkey.pub").read_bytes()
    (key_folder / "adbkey.pub").unlink()
    with FakeAdbd(first_word=b"AUTH", public_key=key_folder / "adbkey") as adbd:
        assert connect(adbd) == "hello\n"
    assert (key_folder / "adbkey.pub").read_bytes().split()[0] == public.split()[0]


def test_vendor_keys_are_tried_too(
    key_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rack = tmp_path / "rack"
    keys.make_key(rack / "one.adb_key")
    monkeypatch.setenv("ADB_VENDOR_KEYS", str(rack))
    with FakeAdbd(first_word=b"AUTH", public_key=rack / "one.adb_key") as adbd:
        assert connect(adbd) == "hello\n"


def test_a_damaged_key_is_named(key_folder: Path) -> None:
    key_folder.mkdir()
    (key_folder / "adbkey").write_text("no key")
    (key_folder / "adbkey.pub").write_text("no key")
    with (
        FakeAdbd(first_word=b"AUTH") as adbd,
        pytest.raises(BenchError, match=r"adb key .*adbkey cannot be used"),
    ):
        connect(adbd)


def test_two_processes_make_one_key(key_folder: Path) -> None:
    keys.make_key(key_folder / "adbkey")
    first = (key_folder / "adbkey").read_bytes()
    keys.make_key(key_folder / "adbkey")
    assert (key_folder / "adbkey").read_bytes() == first


def test_wireless_debugging_is_sent_to_the_adb_server() -> None:
    with FakeAdbd(first_word=b"STLS") as adbd:
        with pytest.raises(DeviceOfflineError, match="wants TLS") as caught:
            connect(adbd)
        assert f"--device server:127.0.0.1:{adbd.port}" in str(caught.value.hint)


def test_something_else_that_listens_is_no_adbd() -> None:
    with (
        FakeAdbd(first_word=b"HTTP/1.1 400 Bad Request\r\n") as adbd,
        pytest.raises(DeviceOfflineError),
    ):
        connect(adbd)


def test_silence_is_bounded_by_the_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport = AdbTransport.over_tcp("127.0.0.1", mute.getsockname()[1])
        with pytest.raises(DeviceOfflineError, match=r"does not answer within 0\.3 s"):
            transport.shell("echo", timeout_s=0.3)


def test_nobody_there_says_how_to_make_a_device_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(DeviceNotFoundError, match=f"Nothing listens at 127.0.0.1:{port}") as caught:
        AdbTransport.over_tcp("127.0.0.1", port).shell("echo")
    assert "adb tcpip 5555" in str(caught.value.hint)


def test_a_name_that_does_not_exist_is_offline() -> None:
    with pytest.raises(
        DeviceOfflineError, match="No conversation with no-such-host.invalid:5555 begins"
    ):
        AdbTransport.over_tcp("no-such-host.invalid", 5555).shell("echo")


def test_one_conversation_serves_many_calls() -> None:
    with FakeAdbd() as adbd:
        transport = AdbTransport.over_tcp("127.0.0.1", adbd.port)
        for _ in range(3):
            assert transport.shell("echo").stdout == "hello\n"
        assert adbd.connections == 1
        transport.close()
        assert transport.shell("echo").stdout == "hello\n"
        assert adbd.connections == 2
        transport.close()
