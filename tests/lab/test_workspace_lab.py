"""Programs and files on a real device: captured, killed, kept by content, cleaned up."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from android_bench.device import Device
from android_bench.device.workspace import Workspace
from android_bench.errors import DeviceCommandError, DeviceOfflineError, DeviceTimeoutError
from android_bench.results import DeviceKind
from android_bench.transport.base import ShellResult, Transport
from android_bench.transport.discovery import open_transport
from tests.lab.device import Lab, VirtualDevice

pytestmark = pytest.mark.xdist_group("lab")
MakeDevice = Callable[..., VirtualDevice]
ROOT = "/data/local/tmp/android-bench"


class Counted:
    """A transport that counts its calls."""

    is_host = False

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.serial = transport.serial
        self.calls: list[str] = []

    def shell(self, command: str, **options: Any) -> ShellResult:
        self.calls.append("shell")
        return self._transport.shell(command, **options)

    def push(self, *arguments: Any, **options: Any) -> None:
        self.calls.append("push")
        self._transport.push(*arguments, **options)

    def pull(self, *arguments: Any, **options: Any) -> None:
        self._transport.pull(*arguments, **options)

    def close(self) -> None:
        self._transport.close()


@pytest.fixture
def transport(device: VirtualDevice) -> Iterator[Counted]:
    one = Counted(open_transport(device.serial))
    yield one
    one.shell(f"rm -rf {ROOT}")
    one.close()


@pytest.fixture
def phone(transport: Counted) -> Device:
    return Device(transport)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a model's file.tflite"
    path.write_bytes(os.urandom(300_000))
    return path


def sleepers(device: Device, seconds: str) -> str:
    """The living processes that sleep so long."""
    return device.run(["pgrep", "-fx", f"sleep {seconds}"]).stdout


def test_who_the_device_is_takes_one_round_trip(phone: Device, transport: Counted) -> None:
    info = phone.info()
    assert transport.calls == ["shell"]
    assert (info.kind, info.manufacturer, info.model) == (
        DeviceKind.PHONE,
        "Debian",
        "Virtual Device",
    )
    assert (info.soc, info.android_release, info.sdk_level) == ("Lab VD-1", "15", 35)
    assert info.abis
    assert info.cpu_count == os.cpu_count()
    assert info.memory_bytes


def test_conditions_take_one_round_trip_and_follow_the_device(
    phone: Device, transport: Counted, device: VirtualDevice
) -> None:
    device.set_battery(level=47, temperature_c=31.5, charging=True)
    device.set_thermal_status(2)
    device.set_low_power(on=True)
    found = phone.read_conditions()
    assert transport.calls == ["shell"]
    assert (found.battery_level_pct, found.battery_temperature_c, found.charging) == (
        47,
        31.5,
        True,
    )
    assert (found.thermal_status, found.power_save) == (2, True)
    assert found.temperatures_c["VIRTUAL-SKIN"] == 31.5
    assert found.memory_available_bytes
    device.set_battery(level=80)
    device.set_thermal_status(0)
    device.set_low_power(on=False)


def test_an_emulator_is_known_by_its_properties(make_device: MakeDevice) -> None:
    emulator = make_device(
        properties={"ro.boot.qemu": "1", "ro.soc.model": "", "ro.soc.manufacturer": ""}
    )
    device = Device(open_transport(emulator.serial))
    assert device.info().kind is DeviceKind.EMULATOR
    assert device.info().soc == "lab"
    device.transport.close()


def test_a_capture_is_one_round_trip_and_a_short_one_and_leaves_nothing(
    phone: Device, transport: Counted
) -> None:
    done = phone.capture(
        ["sh", "-c", 'printf "out %s" "$V"; echo err >&2; pwd; exit 7'],
        env={"V": "it's; $HOME"},
        cwd="/data",
        timeout_s=20,
    )
    assert (done.stdout, done.stderr) == ("out it's; $HOME/data\n", "err\n")
    assert (done.exit_code, done.signal, done.timed_out) == (7, None, False)
    assert transport.calls == ["shell", "shell"]
    assert transport.shell(f"ls {ROOT}/jobs").stdout == ""


@pytest.mark.parametrize("number", [6, 9, 11])
def test_a_signal_is_told_and_the_shells_word_for_it_is_no_output(
    phone: Device, number: int
) -> None:
    done = phone.capture(["sh", "-c", f"echo said; kill -{number} $$"], timeout_s=20)
    assert (done.exit_code, done.signal) == (None, number)
    assert (done.stdout, done.stderr) == ("said\n", "")


def test_a_program_that_is_not_there(phone: Device) -> None:
    done = phone.capture(["/data/local/tmp/no such program"], timeout_s=20)
    assert done.exit_code == 127
    assert "not found" in done.stderr


def test_too_long_is_killed_on_the_device_with_all_it_started(phone: Device) -> None:
    done = phone.capture(["sh", "-c", "echo early; sleep 7001 & sleep 7001"], timeout_s=1)
    assert done.timed_out
    assert done.exit_code is None
    assert done.stdout == "early\n"
    assert sleepers(phone, "7001") == ""
    assert phone.transport.shell(f"ls {ROOT}/jobs").stdout == ""


def test_ctrl_c_kills_the_program_on_the_device(phone: Device, transport: Counted) -> None:
    real = transport.shell

    def broken(command: str, **options: Any) -> ShellResult:
        transport.shell = real  # type: ignore[method-assign]
        with pytest.raises(DeviceTimeoutError):
            real(command, timeout_s=1)
        assert sleepers(phone, "7002") != ""
        raise KeyboardInterrupt

    transport.shell = broken  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        phone.capture(["sleep", "7002"], timeout_s=60)
    assert sleepers(phone, "7002") == ""


def test_a_device_that_never_answers_again_is_offline(
    make_device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("android_bench.device.detached.END_TIMEOUT_S", 0.5)
    virtual = make_device()
    device = Device(open_transport(virtual.serial))
    device.run(["true"])
    with (
        virtual.frozen(),
        pytest.raises(DeviceOfflineError, match="stopped answering while sleep ran"),
    ):
        device.capture(["sleep", "60"], timeout_s=0.5)


def test_a_daemon_that_dies_in_a_run_and_comes_back_loses_nothing(make_device: MakeDevice) -> None:
    """The program runs on, and what it says before and after is brought back; it is started once."""
    virtual = make_device()
    device = Device(open_transport(virtual.serial))

    def fail() -> None:
        virtual.kill_adbd()
        time.sleep(1)
        virtual.restart()

    breaker = threading.Timer(0.5, fail)
    breaker.start()
    done = device.capture(["sh", "-c", "echo $$; sleep 4; echo $$; exit 3"], timeout_s=60)
    breaker.join()
    first, second = done.stdout.split()
    assert first == second
    assert (done.exit_code, done.reconnections) == (3, 1)
    assert device.transport.shell(f"ls {ROOT}/jobs").stdout == ""
    device.transport.close()


def test_a_program_that_ended_while_nobody_was_there_is_found_ended(
    make_device: MakeDevice,
) -> None:
    virtual = make_device()
    device = Device(open_transport(virtual.serial))

    def fail() -> None:
        virtual.kill_adbd()
        time.sleep(2)
        virtual.restart()

    breaker = threading.Timer(0.5, fail)
    breaker.start()
    program = "echo begun >>/data/local/tmp/begun; sleep 1; echo said; exit 3"
    done = device.capture(["sh", "-c", program], timeout_s=60)
    breaker.join()
    assert (done.exit_code, done.stdout, done.reconnections) == (3, "said\n", 1)
    assert (virtual.data_dir / "begun").read_text() == "begun\n"
    device.transport.close()


def test_a_cable_pulled_without_a_word_is_noticed_and_the_program_found_again(
    make_device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte comes and nothing closes: the slice's bound notices, long before the program's own."""
    monkeypatch.setattr("android_bench.device.detached.SLICE_S", 1)
    monkeypatch.setattr("android_bench.device.detached._GRACE_S", 1.0)
    monkeypatch.setattr("android_bench.device.detached.END_TIMEOUT_S", 1.0)
    virtual = make_device()
    device = Device(open_transport(virtual.serial))
    device.run(["true"])

    def fail() -> None:
        virtual.freeze()
        time.sleep(4)
        virtual.thaw()

    breaker = threading.Timer(0.5, fail)
    breaker.start()
    done = device.capture(["sh", "-c", "echo $$; sleep 6; echo $$"], timeout_s=120)
    breaker.join()
    first, second = done.stdout.split()
    assert first == second
    assert done.exit_code == 0
    assert done.reconnections >= 1
    device.transport.close()


def test_a_link_that_breaks_before_the_program_began_begins_it_again(
    phone: Device, transport: Counted
) -> None:
    real = transport.shell

    def broken(command: str, **options: Any) -> ShellResult:
        transport.shell = real  # type: ignore[method-assign]
        raise DeviceOfflineError("before a byte arrived")

    transport.shell = broken  # type: ignore[method-assign]
    done = phone.capture(["echo", "said"], timeout_s=20)
    assert (done.exit_code, done.stdout) == (0, "said\n")


def test_a_program_longer_than_a_slice_is_asked_for_again(
    phone: Device, transport: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("android_bench.device.detached.SLICE_S", 1)
    done = phone.capture(["sh", "-c", "sleep 3; echo said"], timeout_s=60)
    assert (done.exit_code, done.stdout, done.reconnections) == (0, "said\n", 0)
    assert transport.calls.count("shell") >= 3


def test_a_device_that_stays_away_is_offline_and_its_return_is_used(
    make_device: MakeDevice,
) -> None:
    virtual = make_device()
    device = Device(open_transport(virtual.serial), patience_s=2)
    killer = threading.Timer(0.5, virtual.kill_adbd)
    killer.start()
    with pytest.raises(DeviceOfflineError, match="did not come back within 2 s") as caught:
        device.capture(["sleep", "7004"], timeout_s=60)
    assert "--resume" in str(caught.value.hint)
    killer.join()
    virtual.restart()
    assert device.capture(["echo", "back"], timeout_s=20).stdout == "back\n"
    device.transport.close()


def test_a_file_is_pushed_once_and_verified(phone: Device, transport: Counted, model: Path) -> None:
    steps: list[tuple[int, int]] = []
    first = Workspace(phone).ensure(model, progress=lambda *step: steps.append(step))
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert first.remote_path == f"{ROOT}/blobs/{digest}"
    assert first.pushed_bytes == 300_000
    assert steps[-1] == (300_000, 300_000)
    assert transport.shell(f"sha256sum {first.remote_path}").stdout.split()[0] == digest
    transport.calls.clear()
    second = Workspace(phone).ensure(model, sha256=digest)
    assert (second.remote_path, second.pushed_bytes) == (first.remote_path, 0)
    assert transport.calls == ["shell"]


def test_all_files_are_asked_for_in_one_round_trip(
    phone: Device, transport: Counted, tmp_path: Path
) -> None:
    models = [tmp_path / f"{number}.tflite" for number in range(4)]
    for number, path in enumerate(models):
        path.write_text(f"model {number}")
    pushed = [Workspace(phone).ensure(path).remote_path for path in models]
    transport.calls.clear()
    workspace = Workspace(phone)
    assert [workspace.ensure(path).remote_path for path in models] == pushed
    assert transport.calls == ["shell"]


def test_a_binary_is_executable_even_if_it_was_pushed_as_data(phone: Device, lab: Lab) -> None:
    binary = lab.benchmark_binary
    workspace = Workspace(phone)
    assert workspace.ensure(binary).pushed_bytes == binary.stat().st_size
    placed = Workspace(phone).ensure(binary, executable=True)
    assert placed.pushed_bytes == 0
    done = phone.capture([placed.remote_path, "--help"], timeout_s=20)
    assert done.exit_code == 1
    assert "--graph" in done.stdout + done.stderr


def test_a_blob_cut_short_is_pushed_again(phone: Device, model: Path) -> None:
    placed = Workspace(phone).ensure(model)
    phone.transport.shell(f"echo short >{placed.remote_path}")
    assert Workspace(phone).ensure(model).pushed_bytes == 300_000


def test_another_content_than_promised_is_refused_and_removed(phone: Device, model: Path) -> None:
    with pytest.raises(DeviceCommandError, match="arrived with another content"):
        Workspace(phone).ensure(model, sha256="0" * 64)
    assert phone.transport.shell(f"ls {ROOT}/blobs").stdout == ""


def test_a_full_disk_says_what_is_needed_and_what_is_free(
    make_device: MakeDevice, tmp_path: Path
) -> None:
    device = Device(open_transport(make_device(data_size_mib=2).serial))
    large = tmp_path / "large.tflite"
    large.write_bytes(bytes(4 << 20))
    with pytest.raises(
        DeviceCommandError, match=r"large.tflite needs 4194304 bytes, 2097152 are free"
    ) as caught:
        Workspace(device).ensure(large)
    assert f"{ROOT}/blobs" in str(caught.value.hint)
    assert device.transport.shell(f"ls {ROOT}/blobs").stdout == ""
    device.transport.close()


def test_a_disk_that_fills_up_in_the_middle_leaves_no_part(
    make_device: MakeDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(open_transport(make_device(data_size_mib=2).serial))
    large = tmp_path / "large.tflite"
    large.write_bytes(bytes(4 << 20))
    honest = device.run
    monkeypatch.setattr(  # as if something else took the space after it was asked for
        device, "run", lambda argv, **rest: honest(["true"] if argv[0] == "df" else argv, **rest)
    )
    with pytest.raises(DeviceCommandError, match="No space left on device"):
        Workspace(device).ensure(large)
    assert device.transport.shell(f"ls {ROOT}/blobs").stdout == ""
    device.transport.close()


def test_a_program_is_not_run_when_its_words_would_be_lost(make_device: MakeDevice) -> None:
    device = Device(open_transport(make_device(data_size_mib=1).serial))
    device.transport.shell("dd if=/dev/zero of=/data/local/tmp/fill bs=1M count=2")
    with pytest.raises(DeviceCommandError, match="cannot run anything in"):
        device.capture(["echo", "x"], timeout_s=20)
    device.transport.close()


def test_what_nobody_can_own_any_more_is_swept_and_the_rest_is_left(
    phone: Device, model: Path
) -> None:
    phone.transport.shell(
        f"mkdir -p {ROOT}/blobs {ROOT}/jobs/old {ROOT}/jobs/new && cd {ROOT}/blobs && "
        "touch -d '3 hours ago' old.part && touch new.part && touch -d '2 days ago' ../jobs/old"
    )
    Workspace(phone).ensure(model)
    listed = phone.transport.shell(f"ls {ROOT}/blobs {ROOT}/jobs").stdout.split()
    assert "new.part" in listed
    assert "old.part" not in listed
    assert "new" in listed
    assert "old" not in listed


def test_two_sessions_may_push_the_same_file_at_once(device: VirtualDevice, model: Path) -> None:
    placed: list[Any] = []

    def push() -> None:
        one = Device(open_transport(device.serial))
        placed.append(Workspace(one).ensure(model))
        one.transport.close()

    threads = [threading.Thread(target=push) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.remote_path for one in placed}) == 1
    assert len(placed) == 3
    shell = open_transport(device.serial)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    assert shell.shell(f"sha256sum {placed[0].remote_path}").stdout.split()[0] == digest
    assert shell.shell(f"ls {ROOT}/blobs").stdout.split() == [digest]
    shell.shell(f"rm -rf {ROOT}")
    shell.close()


def test_clean_removes_what_was_pushed_and_nothing_else(phone: Device, model: Path) -> None:
    workspace = Workspace(phone)
    workspace.ensure(model)
    phone.transport.shell(f"echo mine >{ROOT}/notes")
    workspace.clean()
    assert phone.transport.shell(f"ls {ROOT}").stdout == "notes\n"
    phone.transport.shell(f"rm {ROOT}/notes")
    assert workspace.ensure(model).pushed_bytes == 300_000
    workspace.clean()
    assert phone.transport.shell(f"ls -d {ROOT}").exit_code != 0
