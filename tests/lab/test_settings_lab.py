"""Settings of a device that are changed for a while, and put back whatever happens to cable and computer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from android_bench.device import Device
from android_bench.device.settings import DeviceSettings, applied_settings, restore_settings
from android_bench.device.settings_lease import LEASE_S
from android_bench.device.workspace import Workspace
from android_bench.errors import DeviceCommandError, UsageError
from android_bench.transport.discovery import open_transport
from tests.lab.conftest import MakeDevice
from tests.lab.device import VirtualDevice
from tests.lab.processes import until

pytestmark = pytest.mark.xdist_group("lab")
ROOT = "/data/local/tmp/android-bench"
STAY, MODE, LEVEL, AIRPLANE = (
    ("global", "stay_on_while_plugged_in"),
    ("system", "screen_brightness_mode"),
    ("system", "screen_brightness"),
    ("global", "airplane_mode_on"),
)
ALL = DeviceSettings(stay_awake=True, brightness=40, airplane=True, governor="performance")
SHORT_S = 2


@pytest.fixture(params=[False, True], ids=["dash", "mksh-toybox"])
def virtual(make_device: MakeDevice, request: pytest.FixtureRequest) -> VirtualDevice:
    device = make_device(android_shell=request.param)
    device.put_setting(*MODE, "1")
    device.put_setting(*LEVEL, "102")
    device.set_screen(on=False)
    return device


@pytest.fixture
def phone(virtual: VirtualDevice) -> Iterator[Device]:
    device = Device(open_transport(virtual.serial))
    yield device
    device.transport.close()


def state(device: VirtualDevice) -> dict[str, str | None]:
    kept = {key[1]: device.setting(*key) for key in (STAY, MODE, LEVEL, AIRPLANE)}
    return {**kept, "governor": device.clocks.governor(0)}


BEFORE = {
    "stay_on_while_plugged_in": None,
    "screen_brightness_mode": "1",
    "screen_brightness": "102",
    "airplane_mode_on": None,
    "governor": "schedutil",
}
# What was unset cannot be told from off, so airplane mode is off afterwards and not unset.
AFTER = {**BEFORE, "airplane_mode_on": "0"}
DURING = {
    "stay_on_while_plugged_in": "7",
    "screen_brightness_mode": "0",
    "screen_brightness": "40",
    "airplane_mode_on": "1",
    "governor": "performance",
}


def folders(device: VirtualDevice) -> list[str]:
    folder = device.data_dir / "android-bench" / "settings"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_settings_hold_for_a_block_and_are_put_back(virtual: VirtualDevice, phone: Device) -> None:
    told: list[str] = []
    with applied_settings(phone, ALL, tell=told.append) as changed:
        assert state(virtual) == DURING
        assert len(folders(virtual)) == 1
        assert phone.read_conditions().screen_on
        assert changed[0] == "stay awake"
    assert state(virtual) == AFTER
    assert folders(virtual) == []
    assert told == []


@pytest.mark.parametrize("reason", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_whatever_ends_the_block_they_are_put_back(
    virtual: VirtualDevice, phone: Device, reason: type[BaseException]
) -> None:
    with pytest.raises(reason), applied_settings(phone, ALL):
        raise reason
    assert state(virtual) == AFTER


def test_nothing_wished_changes_nothing(virtual: VirtualDevice, phone: Device) -> None:
    with applied_settings(phone, DeviceSettings()) as changed:
        assert changed == ()
        assert state(virtual) == BEFORE
    assert folders(virtual) == []
    assert not (virtual.data_dir / "android-bench").exists()


def test_a_setting_that_the_device_refuses_restores_the_others(
    virtual: VirtualDevice, phone: Device
) -> None:
    (virtual.state_dir / "refused_settings").write_text("system screen_brightness\n")
    with (
        pytest.raises(DeviceCommandError, match="refused screen brightness: .*SecurityException"),
        applied_settings(phone, ALL),
    ):
        pytest.fail("it began")
    # Its own value is refused on the way back as well, so the journal stays for another time.
    assert state(virtual) == {**BEFORE, "airplane_mode_on": "0"}
    assert len(folders(virtual)) == 1
    (virtual.state_dir / "refused_settings").unlink()
    assert "screen brightness" in restore_settings(phone)
    assert folders(virtual) == []


def test_a_setting_that_is_taken_and_not_kept_is_a_refusal(
    virtual: VirtualDevice, phone: Device
) -> None:
    (virtual.state_dir / "ignored_settings").write_text("global stay_on_while_plugged_in\n")
    with (
        pytest.raises(DeviceCommandError, match="refused stay awake: it said nothing"),
        applied_settings(phone, DeviceSettings(stay_awake=True)),
    ):
        pytest.fail("it began")
    assert state(virtual) == BEFORE


def test_a_disk_without_room_for_a_note_changes_nothing(make_device: MakeDevice) -> None:
    virtual = make_device(data_size_mib=1)
    phone = Device(open_transport(virtual.serial))
    phone.transport.shell("dd if=/dev/zero of=/data/local/tmp/fill bs=1M count=2")
    told: list[str] = []
    with (
        pytest.raises(DeviceCommandError, match="settings, so they are left alone"),
        applied_settings(phone, DeviceSettings(brightness=9), tell=told.append),
    ):
        pytest.fail("it began")
    assert virtual.setting(*LEVEL) is None
    assert told == []
    phone.transport.close()


def test_a_daemon_that_dies_leaves_no_phone_changed(virtual: VirtualDevice, phone: Device) -> None:
    told: list[str] = []
    with applied_settings(phone, ALL, lease_s=SHORT_S, tell=told.append):
        virtual.kill_adbd()
    assert len(told) == 1
    assert "out of reach" in told[0]
    assert "android-bench restore --device" in told[0]
    until(lambda: state(virtual) == AFTER)
    until(lambda: folders(virtual) == [])


def test_a_pulled_cable_leaves_no_phone_changed(virtual: VirtualDevice, phone: Device) -> None:
    """The computer comes back too late, measures on without the settings, and says so."""
    told: list[str] = []
    with applied_settings(phone, ALL, lease_s=SHORT_S, tell=told.append):
        with virtual.frozen():
            until(lambda: state(virtual) == AFTER)
        until(lambda: folders(virtual) == [])
        assert phone.run(["echo", "on"]).stdout == "on\n"
        assert folders(virtual) == []
    assert len(told) == 1
    assert "restored before the end" in told[0]


def test_a_computer_that_dies_leaves_no_phone_changed(
    virtual: VirtualDevice, tmp_path: Path
) -> None:
    program = f"""if True:
        import time
        from android_bench.device import Device
        from android_bench.device.settings import DeviceSettings, applied_settings
        from android_bench.transport.discovery import open_transport
        wish = DeviceSettings(stay_awake=True, brightness=40, airplane=True, governor="performance")
        with applied_settings(Device(open_transport({virtual.serial!r})), wish, lease_s={SHORT_S}):
            print("changed", flush=True)
            time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"changed\n"
        assert state(virtual) == DURING
        process.send_signal(signal.SIGKILL)
    until(lambda: state(virtual) == AFTER)
    until(lambda: folders(virtual) == [])


def test_while_there_are_calls_the_settings_hold(
    virtual: VirtualDevice, phone: Device, tmp_path: Path
) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(os.urandom(1000))
    told: list[str] = []
    lease_s = 4
    with applied_settings(phone, ALL, lease_s=lease_s, tell=told.append):
        until_s = time.monotonic() + 2 * lease_s
        while time.monotonic() < until_s:
            phone.run(["true"])
            time.sleep(0.2)
        Workspace(phone).ensure(model)
        assert phone.capture(["echo", "said"], timeout_s=20).stdout == "said\n"
        assert state(virtual) == DURING
    assert state(virtual) == AFTER
    assert told == []


def test_a_call_that_takes_longer_than_the_lease_holds_it(
    virtual: VirtualDevice, phone: Device
) -> None:
    with applied_settings(phone, ALL, lease_s=SHORT_S):
        phone.transport.shell("sleep 6", timeout_s=40)
        assert state(virtual) == DURING


def kill_guard(phone: Device) -> None:
    """As init does with all that adbd started when adbd is stopped, and as a restart does."""
    found = phone.transport.shell("grep -ls 'seconds:-' /proc/[0-9]*/cmdline").stdout.split()
    for file in found:
        phone.transport.shell(f"kill -9 {file.split('/')[2]}")


def test_where_the_guard_died_too_the_next_session_restores(
    virtual: VirtualDevice, phone: Device
) -> None:
    with applied_settings(phone, ALL):
        virtual.kill_adbd()
    virtual.restart()
    again = Device(open_transport(virtual.serial))
    kill_guard(again)
    assert state(virtual) == DURING
    told: list[str] = []
    with applied_settings(again, DeviceSettings(), tell=told.append):
        assert state(virtual) == AFTER
    assert len(told) == 1
    assert "An earlier session had left settings changed; restored: governor" in told[0]
    assert folders(virtual) == []
    again.transport.close()


def test_originals_are_never_taken_from_a_changed_phone(
    virtual: VirtualDevice, phone: Device
) -> None:
    """The session that takes over restores first; the one that lost the device hears of it."""
    other = Device(open_transport(virtual.serial))
    told: list[str] = []
    with applied_settings(phone, DeviceSettings(brightness=40), tell=told.append):
        with applied_settings(other, DeviceSettings(brightness=200)):
            assert virtual.setting(*LEVEL) == "200"
        assert virtual.setting(*LEVEL) == "102"
    assert virtual.setting(*LEVEL) == "102"
    assert len(told) == 1
    assert "by another session" in told[0]
    other.transport.close()


def test_restoring_at_once_from_two_sides_is_done_once(
    virtual: VirtualDevice, phone: Device
) -> None:
    with applied_settings(phone, ALL):
        devices = [Device(open_transport(virtual.serial)) for _ in range(3)]
        threads = [threading.Thread(target=restore_settings, args=(one,)) for one in devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for one in devices:
            one.transport.close()
        assert state(virtual) == AFTER
        assert folders(virtual) == []


def test_what_cannot_be_restored_does_not_stop_the_next_session(
    virtual: VirtualDevice, phone: Device
) -> None:
    told: list[str] = []
    with applied_settings(phone, DeviceSettings(brightness=40), tell=told.append):
        (virtual.state_dir / "refused_settings").write_text("system screen_brightness\n")
    assert "did not take all of its settings back" in told[0]
    with applied_settings(phone, DeviceSettings(), tell=told.append):
        pass
    assert "An earlier session left settings changed" in told[1]
    assert len(folders(virtual)) == 1


def test_governors_need_root(virtual: VirtualDevice, phone: Device) -> None:
    wish = DeviceSettings(governor="performance", brightness=3)
    virtual.set_shell_user(root=False)
    with pytest.raises(UsageError, match="is not rooted"), applied_settings(phone, wish):
        pytest.fail("it began")
    assert state(virtual) == BEFORE
    virtual.set_shell_user(root=False, su=True)
    with applied_settings(phone, wish):
        assert virtual.clocks.governor(0) == "performance"
    assert virtual.clocks.governor(0) == "schedutil"
    with (
        pytest.raises(UsageError, match="no governor 'ludicrous'") as caught,
        applied_settings(phone, DeviceSettings(governor="ludicrous")),
    ):
        pytest.fail("it began")
    assert caught.value.hint == "It has powersave, performance, schedutil."
    virtual.clocks.hide()
    with (
        pytest.raises(UsageError, match="does not tell its governors"),
        applied_settings(phone, wish),
    ):
        pytest.fail("it began")


def test_airplane_mode_that_is_on_stays_on(virtual: VirtualDevice, phone: Device) -> None:
    virtual.put_setting(*AIRPLANE, "1")
    with applied_settings(phone, DeviceSettings(airplane=True)) as changed:
        assert changed == ()
    assert virtual.setting(*AIRPLANE) == "1"


def test_a_setting_that_reads_as_nonsense_is_left_alone(
    virtual: VirtualDevice, phone: Device
) -> None:
    virtual.put_setting(*LEVEL, "$(reboot)")
    with (
        pytest.raises(DeviceCommandError, match="does not tell its setting screen_brightness"),
        applied_settings(phone, DeviceSettings(brightness=3)),
    ):
        pytest.fail("it began")
    assert virtual.setting(*LEVEL) == "$(reboot)"


def test_the_lease_is_longer_than_what_a_session_does_without_a_word() -> None:
    from android_bench.device.detached import PATIENCE_S, SLICE_S

    assert LEASE_S > PATIENCE_S + SLICE_S


# The commands


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command_line(), list(words))
    return done.exit_code, done.output


def test_restore_by_hand(virtual: VirtualDevice, phone: Device) -> None:
    assert run("restore", "--device", virtual.serial) == (
        0,
        f"{virtual.serial} holds no changed settings.\n",
    )
    with applied_settings(phone, ALL):
        code, said = run("restore", "--device", virtual.serial)
        assert code == 0
        assert "stay awake" in said
        assert state(virtual) == AFTER


def test_clean_restores_removes_and_says_what_it_freed(
    virtual: VirtualDevice, phone: Device, tmp_path: Path
) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(os.urandom(3_000_000))
    Workspace(phone).ensure(model)
    with applied_settings(phone, DeviceSettings(brightness=1)):
        code, said = run("clean", "--device", virtual.serial)
    assert code == 0
    assert "screen brightness" in said
    assert "freed 2.8" in said
    assert virtual.setting(*LEVEL) == "102"
    assert not (virtual.data_dir / "android-bench").exists()
    assert run("clean", "--device", virtual.serial) == (
        0,
        f"Nothing of this tool is on {virtual.serial}.\n",
    )


def test_clean_keeps_the_note_of_what_could_not_be_restored(
    virtual: VirtualDevice, phone: Device
) -> None:
    with applied_settings(phone, DeviceSettings(brightness=1)):
        (virtual.state_dir / "refused_settings").write_text("system screen_brightness\n")
    code, said = run("clean", "--device", virtual.serial)
    assert code == 5
    assert "did not take all of its settings back" in said
    assert len(folders(virtual)) == 1
