"""Which benchmark_model is taken for a device: given, embedded, or fetched once and pinned."""

from __future__ import annotations

import hashlib
import http.server
import importlib.metadata
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from android_bench.binaries.file import elf_abi, has_debug_information, version_of
from android_bench.binaries.resolve import BASE_VARIABLE, resolve_binary
from android_bench.errors import BinaryError
from android_bench.results import BinaryFlavor, DeviceInfo, DeviceKind
from tests import examples

NAME = "android_aarch64_benchmark_model"
HOST = DeviceInfo(serial="host", kind=DeviceKind.HOST, abis=("x86_64",))
MACHINES = {"arm64-v8a": (183, 2), "armeabi-v7a": (40, 1), "x86_64": (62, 2), "x86": (3, 1)}


def elf(
    abi: str = "arm64-v8a", text: bytes = b"Inference timings in us: \0", *, more: bytes = b""
) -> bytes:
    machine, bits = MACHINES[abi]
    head = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine)
    return head + bytes(44) + text + more


class Publisher:
    """An HTTP server on loopback with files and ways to misbehave."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.promised: int | None = None
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if self.path in outer.redirects:
                    self.send_response(302)
                    self.send_header("Location", outer.redirects[self.path])
                    self.end_headers()
                    return
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(outer.promised or len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/latest"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Publisher]:
    one = Publisher()
    one.files[f"/latest/{NAME}"] = elf()
    monkeypatch.setenv(BASE_VARIABLE, one.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    yield one
    one.close()


def test_the_first_use_fetches_and_pins(publisher: Publisher, tmp_path: Path) -> None:
    found = resolve_binary(examples.PHONE)
    digest = hashlib.sha256(elf()).hexdigest()
    assert (
        found.path
        == tmp_path / "cache" / "android-bench" / "binaries" / NAME / digest / "benchmark_model"
    )
    assert found.path.read_bytes() == elf()
    assert found.path.stat().st_mode & 0o777 == 0o755
    assert (found.info.flavor, found.info.sha256) == (BinaryFlavor.CLASSIC, digest)
    assert found.info.origin == f"{publisher.url}/{NAME}"
    lock = json.loads((tmp_path / "android-bench.lock").read_text())
    assert lock["version"] == 1
    pin = lock["binaries"][NAME]
    assert (pin["sha256"], pin["size_bytes"]) == (digest, len(elf()))
    assert pin["address"] == found.info.origin
    assert pin["fetched_at"].endswith("Z")


def test_pinned_and_kept_needs_no_network(publisher: Publisher) -> None:
    first = resolve_binary(examples.PHONE)
    publisher.close()
    assert resolve_binary(examples.PHONE) == first
    assert len(publisher.asked) == 1


def test_each_abi_has_its_own_pin(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["/latest/android_arm_benchmark_model"] = elf("armeabi-v7a")
    resolve_binary(examples.PHONE)
    resolve_binary(replace(examples.PHONE, abis=("armeabi-v7a", "armeabi")))
    lock = json.loads((tmp_path / "android-bench.lock").read_text())
    assert sorted(lock["binaries"]) == [NAME, "android_arm_benchmark_model"]


def test_another_content_than_pinned_is_refused_with_both_hashes(
    publisher: Publisher, tmp_path: Path
) -> None:
    lock = tmp_path / "pins.json"
    old = resolve_binary(examples.PHONE, lock_file=lock, folder=tmp_path / "one")
    publisher.files[f"/latest/{NAME}"] = elf(more=b"newer")
    assert resolve_binary(examples.PHONE, lock_file=lock, folder=tmp_path / "one") == old
    with pytest.raises(BinaryError, match="now serves another benchmark_model") as caught:
        resolve_binary(examples.PHONE, lock_file=lock, folder=tmp_path / "another machine")
    new = hashlib.sha256(elf(more=b"newer")).hexdigest()
    for part in (old.info.sha256, new, str(lock)):
        assert part in str(caught.value)
    assert "delete" in str(caught.value.hint)
    assert "--benchmark-binary" in str(caught.value.hint)
    assert json.loads(lock.read_text())["binaries"][NAME]["sha256"] == old.info.sha256


def test_two_versions_are_kept_side_by_side(publisher: Publisher, tmp_path: Path) -> None:
    first = resolve_binary(examples.PHONE, lock_file=tmp_path / "a.lock")
    publisher.files[f"/latest/{NAME}"] = elf(more=b"newer")
    second = resolve_binary(examples.PHONE, lock_file=tmp_path / "b.lock")
    assert first.path != second.path
    publisher.close()
    assert resolve_binary(examples.PHONE, lock_file=tmp_path / "a.lock") == first


def test_a_kept_file_that_was_damaged_is_fetched_again(publisher: Publisher) -> None:
    found = resolve_binary(examples.PHONE)
    assert found.path is not None
    found.path.write_bytes(b"damaged")
    assert resolve_binary(examples.PHONE) == found
    assert found.path.read_bytes() == elf()


def test_a_redirect_is_followed(publisher: Publisher) -> None:
    publisher.files["/elsewhere"] = publisher.files.pop(f"/latest/{NAME}")
    publisher.redirects[f"/latest/{NAME}"] = "/elsewhere"
    found = resolve_binary(examples.PHONE)
    assert found.info.origin == f"{publisher.url}/{NAME}"


def assert_nothing_kept(tmp_path: Path) -> None:
    assert not (tmp_path / "android-bench.lock").exists()
    assert list((tmp_path / "cache").rglob("benchmark_model")) == []


def test_a_missing_file_is_said_with_its_address(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files.clear()
    with pytest.raises(BinaryError, match=f"{NAME}: HTTP 404") as caught:
        resolve_binary(examples.PHONE)
    assert "--benchmark-binary" in str(caught.value.hint)
    assert_nothing_kept(tmp_path)


def test_a_truncated_download_is_no_binary(publisher: Publisher, tmp_path: Path) -> None:
    publisher.promised = len(elf()) + 1000
    with pytest.raises(BinaryError, match=publisher.url):
        resolve_binary(examples.PHONE)
    assert_nothing_kept(tmp_path)


def test_a_page_instead_of_a_binary_is_not_pinned(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files[f"/latest/{NAME}"] = b"<html>Welcome to the hotel</html>"
    with pytest.raises(BinaryError, match="not an ELF file"):
        resolve_binary(examples.PHONE)
    assert_nothing_kept(tmp_path)


def test_no_network_names_the_address_and_the_way_around(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(
        BinaryError, match=rf"127.0.0.1:{port}/{NAME}: Connection refused"
    ) as caught:
        resolve_binary(examples.PHONE, base_url=f"http://127.0.0.1:{port}")
    assert "--benchmark-binary" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 1}', '{"version": 1, "binaries": {"a": {"x": 1}}}']
)
def test_a_damaged_lock_file_is_named_and_kept(
    publisher: Publisher, tmp_path: Path, text: str
) -> None:
    (tmp_path / "android-bench.lock").write_text(text)
    with pytest.raises(BinaryError, match=r"android-bench.lock cannot be read"):
        resolve_binary(examples.PHONE)
    assert (tmp_path / "android-bench.lock").read_text() == text
    assert publisher.asked == []


def test_a_newer_lock_file_asks_for_a_newer_program(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "android-bench.lock").write_text('{"version": 9, "binaries": {}}')
    with pytest.raises(BinaryError, match="version 9") as caught:
        resolve_binary(examples.PHONE)
    assert caught.value.hint == "Upgrade android-bench."


def test_several_at_once_fetch_once(publisher: Publisher) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: resolve_binary(examples.PHONE), range(4)))
    assert len(set(found)) == 1
    assert len(publisher.asked) == 1


@pytest.mark.parametrize("abis", [("x86_64", "arm64-v8a"), ("x86",), ()])
def test_what_nobody_publishes_comes_with_the_way_to_build_it(abis: tuple[str, ...]) -> None:
    """An x86_64 emulator that translates ARM is no reason to measure translated code."""
    with pytest.raises(BinaryError, match="Nobody publishes") as caught:
        resolve_binary(replace(examples.PHONE, abis=abis))
    assert "bazel build -c opt --config=android" in str(caught.value.hint)
    assert "--benchmark-binary" in str(caught.value.hint)


# Given files


@pytest.mark.parametrize("abi", MACHINES)
def test_the_abi_of_an_elf_file(abi: str) -> None:
    assert elf_abi(elf(abi)[:20]) == abi


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" + bytes(30), b"<html>" + bytes(30)])
def test_what_is_no_elf_file(content: bytes) -> None:
    assert elf_abi(content[:20]) is None


def test_this_interpreter_is_for_this_computer() -> None:
    if sys.platform != "linux":
        pytest.skip("an ELF interpreter is needed")
    machine = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}.get(os.uname().machine)
    assert elf_abi(Path(sys.executable).read_bytes()[:20]) == machine


def test_a_given_file_is_taken_as_it_is(tmp_path: Path) -> None:
    given = tmp_path / "mine"
    given.write_bytes(elf(text=b"\0benchmark_litert_model.h\0", more=b"\x002.1.0\0"))
    found = resolve_binary(examples.PHONE, given=given)
    assert (found.path, found.info.flavor, found.info.version) == (
        given,
        BinaryFlavor.LITERT,
        "2.1.0",
    )
    assert found.info.origin == str(given)
    assert found.info.sha256 == hashlib.sha256(given.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "device", "words"),
    [
        (elf("x86_64"), examples.PHONE, "is for x86_64, the device runs arm64-v8a"),
        (elf("arm64-v8a"), HOST, "is for arm64-v8a, the device runs x86_64"),
        (b"#!/bin/sh\n", examples.PHONE, "is a script; the device runs arm64-v8a"),
        (b"PK\3\4" + bytes(40), examples.PHONE, "not an ELF file"),
        (b"", examples.PHONE, "not an ELF file"),
        (elf(text=b"usage: ls\0"), examples.PHONE, "no benchmark_model"),
    ],
    ids=["other ABI", "phone's on host", "script on phone", "archive", "empty", "another program"],
)
def test_a_given_file_that_does_not_fit(
    tmp_path: Path, content: bytes, device: DeviceInfo, words: str
) -> None:
    given = tmp_path / "mine"
    given.write_bytes(content)
    given.chmod(0o755)
    with pytest.raises(BinaryError, match=words) as caught:
        resolve_binary(device, given=given)
    assert caught.value.hint
    assert str(given) in str(caught.value)


def test_a_given_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BinaryError, match="No such file"):
        resolve_binary(HOST, given=tmp_path / "missing")
    with pytest.raises(BinaryError, match="Is a directory"):
        resolve_binary(HOST, given=tmp_path)


def test_on_this_computer_a_script_may_stand_in_if_it_runs(tmp_path: Path) -> None:
    given = tmp_path / "mine"
    given.write_text("#!/bin/sh\n")
    with pytest.raises(BinaryError, match="not executable") as caught:
        resolve_binary(HOST, given=given)
    assert caught.value.hint == f"chmod +x {given}"
    given.chmod(0o755)
    assert resolve_binary(HOST, given=given).info.flavor is BinaryFlavor.CLASSIC


def test_a_version_counts_only_when_there_is_one() -> None:
    assert version_of(b"x\x002.19.0\0y") == "2.19.0"
    assert version_of(b"\x002.21.0-dev20260801\0") == "2.21.0-dev20260801"
    assert version_of(b"\x002.19.0\0..\x002.3.1\0") is None
    assert version_of(b"version 2.19.0") is None


# The embedded stand-in


def test_this_computer_needs_no_file() -> None:
    found = resolve_binary(HOST)
    assert found.path is None
    assert found.argv_prefix == (sys.executable, "-m", "android_bench.host_model")
    assert found.info.flavor is BinaryFlavor.HOST_MODEL
    assert importlib.metadata.version("ai-edge-litert") in str(found.info.version)
    assert resolve_binary(HOST) == found


def test_the_embedded_stand_in_runs() -> None:
    found = resolve_binary(HOST)
    done = subprocess.run(
        [*found.argv_prefix, "--graph="], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "not a phone" in done.stdout


def test_without_the_runtime_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(BinaryError, match="ai-edge-litert"):
        resolve_binary(HOST)


# Flex, LiteRT, debug information


def test_a_model_with_tensorflow_operators_gets_the_build_that_runs_them(
    publisher: Publisher, tmp_path: Path
) -> None:
    flex = elf() + b"TfLiteFlexDelegate"
    publisher.files[f"/latest/{NAME}_plus_flex"] = flex
    found = resolve_binary(examples.PHONE, flex=True)
    assert found.info.origin == f"{publisher.url}/{NAME}_plus_flex"
    assert found.info.flex is True
    assert resolve_binary(examples.PHONE).info.flex is False
    assert set(json.loads((tmp_path / "android-bench.lock").read_text())["binaries"]) == {
        NAME,
        f"{NAME}_plus_flex",
    }


def test_a_given_build_without_them_is_refused_before_anything_is_pushed(tmp_path: Path) -> None:
    file = tmp_path / "benchmark_model"
    file.write_bytes(elf())
    with pytest.raises(BinaryError, match="needs TensorFlow operators") as caught:
        resolve_binary(examples.PHONE, given=file, flex=True)
    assert "plus_flex" in str(caught.value.hint)
    host = replace(examples.PHONE, kind=DeviceKind.HOST)
    with pytest.raises(BinaryError, match="needs TensorFlow operators"):
        resolve_binary(host, flex=True)


def test_litert_is_fetched_when_it_is_asked_for(publisher: Publisher) -> None:
    litert = elf() + b"benchmark_litert_model"
    publisher.files["/latest/android_arm64/benchmark_model"] = litert
    found = resolve_binary(examples.PHONE, given=BinaryFlavor.LITERT)
    assert found.info.flavor is BinaryFlavor.LITERT
    assert found.info.origin == f"{publisher.url}/android_arm64/benchmark_model"
    with pytest.raises(BinaryError, match="LiteRT's benchmark_model has not"):
        resolve_binary(examples.PHONE, given=BinaryFlavor.LITERT, flex=True)
    old = replace(examples.PHONE, abis=("armeabi-v7a",))
    with pytest.raises(BinaryError, match="Nobody publishes a LiteRT"):
        resolve_binary(old, given=BinaryFlavor.LITERT)
    host = replace(examples.PHONE, kind=DeviceKind.HOST)
    with pytest.raises(BinaryError, match="not fetched for this computer"):
        resolve_binary(host, given=BinaryFlavor.LITERT)


def test_debug_information_is_seen_in_a_file_and_unknown_of_a_script() -> None:
    assert has_debug_information(elf()) is False
    assert has_debug_information(elf() + b"\0.debug_info\0.debug_line\0") is True
    assert has_debug_information(b"#!/bin/sh\n") is None
