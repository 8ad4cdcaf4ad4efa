"""Wishes for settings, and the device's side of them as shell text; the whole of it is in tests/lab."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.device import Device
from android_bench.device.setting_changes import DeviceSettings, is_wireless, planned_changes
from android_bench.device.settings import applied_settings, restore_settings
from android_bench.device.settings_lease import Journal, RenewingTransport, restore_all_script
from android_bench.errors import UsageError
from android_bench.transport.base import ShellResult
from android_bench.transport.host import HostTransport

SHELLS = [name for name in ("sh", "dash", "bash", "mksh", "busybox") if shutil.which(name)]


def run(shell: str, script: str) -> subprocess.CompletedProcess[str]:
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    return subprocess.run([*argv, script], capture_output=True, text=True)


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "a folder's name")


def soon(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# Wishes


@pytest.mark.parametrize(
    "wish",
    [
        {"brightness": -1},
        {"brightness": 256},
        {"governor": ""},
        {"governor": "performance; reboot"},
        {"governor": "a\nb"},
    ],
)
def test_a_wish_that_cannot_be_meant(wish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must lie between|cannot be a governor"):
        DeviceSettings(**wish)


def test_by_default_nothing_is_wished() -> None:
    assert not DeviceSettings().wanted
    assert DeviceSettings(brightness=0).wanted


def test_this_computer_is_never_changed(root: str) -> None:
    host = Device(HostTransport(), root=root)
    with (
        pytest.raises(UsageError, match="Settings of this computer"),
        applied_settings(host, DeviceSettings(stay_awake=True)),
    ):
        pytest.fail("it began")
    with applied_settings(host, DeviceSettings()) as changed:
        assert changed == ()
    assert restore_settings(host) == ()
    assert not Path(root).exists()


@pytest.mark.parametrize(
    ("serial", "wireless"),
    [
        ("192.168.1.7:5555", True),
        ("192.168.1.7", True),
        ("phone.local:5555", True),
        ("[fe80::1]:5555", True),
        ("adb-R5CT-abc._adb-tls-connect._tcp", True),
        ("127.0.0.1:5555", False),
        ("[::1]:5555", False),
        ("localhost:5555", False),
        ("emulator-5554", False),
        ("R5CT1234", False),
    ],
)
def test_which_devices_hang_on_their_radio(serial: str, wireless: bool) -> None:
    assert is_wireless(serial) is wireless


class Answering:
    """A device that answers by what a command begins with, and notes what it was asked."""

    is_host = False

    def __init__(self, serial: str, answers: dict[str, str]) -> None:
        self.serial = serial
        self.answers = answers
        self.asked: list[str] = []

    def shell(self, command: str, *, timeout_s: float = 30.0) -> ShellResult:
        self.asked.append(command)
        line = command.rpartition("echo '")[2].rstrip("'")
        said = next((text for key, text in self.answers.items() if key in command), "")
        return ShellResult(command=command, exit_code=0, stdout=f"{said}\n\n{line}\n")

    def push(self, *arguments: Any, **options: Any) -> None:
        self.asked.append("push")

    def pull(self, *arguments: Any, **options: Any) -> None:
        self.asked.append("pull")

    def close(self) -> None:
        self.asked.append("close")


def test_airplane_mode_is_refused_where_it_would_cut_the_connection() -> None:
    far = Answering("192.168.1.7:5555", {"airplane-mode": "disabled"})
    with pytest.raises(UsageError, match="would cut the connection"):
        planned_changes(Device(far), DeviceSettings(airplane=True))
    assert far.asked == []


@pytest.mark.parametrize("said", ["", "Unknown command: airplane-mode", "cmd: Can't find service"])
def test_airplane_mode_is_refused_where_the_shell_cannot_switch_it(said: str) -> None:
    old = Answering("R5", {"airplane-mode": said})
    with pytest.raises(UsageError, match="Android 11 and later"):
        planned_changes(Device(old), DeviceSettings(airplane=True))


def test_what_was_unset_is_deleted_and_not_set_to_null() -> None:
    device = Device(Answering("R5", {"settings get": "null"}))
    changes = planned_changes(device, DeviceSettings(brightness=7))
    assert [change.restore for change in changes] == [
        "settings delete system screen_brightness_mode >/dev/null",
        "settings delete system screen_brightness >/dev/null",
    ]
    device = Device(Answering("R5", {"settings get": "1"}))
    [stay] = planned_changes(device, DeviceSettings(stay_awake=True))
    assert stay.restore.startswith("settings put global stay_on_while_plugged_in 1 ")


# The journal


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_writes_a_journal_and_restores_by_it(shell: str, root: str) -> None:
    journal = Journal(root)
    kept = Path(root, "kept")
    commands = [f"echo first >>{shlex.quote(str(kept))}", "echo restored: x"]
    written = run(shell, journal.write_script(commands, lease_s=8))
    assert written.returncode == 0, written.stderr
    folder = Path(journal.folder)
    assert {path.name for path in folder.iterdir()} == {"restore.sh", "lease", "guard"}
    guard = int((folder / "guard").read_text())
    assert run(shell, journal.renew_script(5, 77)).returncode == 0
    assert (folder / "lease").read_text() == "5 77\n"
    done = run(shell, journal.restore_script())
    assert (done.returncode, done.stdout) == (0, "restored: x\n")
    assert kept.read_text() == "first\n"
    assert not Path(root, "settings").exists()
    assert run(shell, journal.restore_script()).stdout == "gone\n"
    assert run(shell, journal.renew_script(6, 77)).returncode == 0
    assert not folder.exists()
    soon(lambda: b"restore.sh" not in _cmdline(guard))  # the guard has ended too


def _cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shells_guard_restores_when_the_lease_runs_out(shell: str, root: str) -> None:
    journal = Journal(root)
    proof = Path(root).parent / "restored"
    assert run(shell, journal.write_script([f"touch {proof}"], lease_s=1)).returncode == 0
    soon(proof.exists)
    soon(lambda: not Path(journal.folder).exists())


@pytest.mark.parametrize("shell", SHELLS)
def test_one_command_that_fails_does_not_stop_the_others_and_is_tried_again(
    shell: str, root: str
) -> None:
    journal = Journal(root)
    marker = Path(root).parent / "works"
    commands = [f"[ -e {marker} ] && echo restored: one", "echo restored: two"]
    assert run(shell, journal.write_script(commands, lease_s=60)).returncode == 0
    done = run(shell, restore_all_script(root))
    assert (done.returncode, done.stdout) == (1, "restored: two\n")
    assert Path(journal.folder, "restore.sh").exists()
    marker.touch()
    done = run(shell, restore_all_script(root))
    assert (done.returncode, done.stdout) == (0, "restored: one\nrestored: two\n")
    assert not Path(root, "settings").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_journals_are_restored_from_the_newest_to_the_oldest(shell: str, root: str) -> None:
    for number, age_s in ((1, 300), (2, 200), (3, 100)):
        journal = Journal(root)
        run(shell, journal.write_script([f"echo restored: {number}"], lease_s=60))
        stamp = time.time() - age_s
        os.utime(journal.folder, (stamp, stamp))
    Path(root, "settings", "half.part").mkdir()
    assert run(shell, restore_all_script(root)).stdout.split("\n")[:3] == [
        "restored: 3",
        "restored: 2",
        "restored: 1",
    ]
    assert [path.name for path in Path(root, "settings").iterdir()] == ["half.part"]


@pytest.mark.parametrize("shell", SHELLS)
def test_where_no_journal_can_be_written_it_fails(shell: str, root: str) -> None:
    Path(root).write_text("a file")
    assert run(shell, Journal(root).write_script(["true"], lease_s=60)).returncode != 0


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "command", ["exit 3", "(exit 5)", "printf x", "echo 'a'", "", "# a comment"]
)
def test_a_renewal_changes_nothing_of_a_command(shell: str, command: str, root: str) -> None:
    plain = run(shell, command)
    prefix = Journal(root).renew_script(1, 60)
    renewed = run(shell, f"{prefix}\n{command}")
    assert (renewed.returncode, renewed.stdout, renewed.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )


@given(lease_s=st.integers(1, 500), bounds=st.lists(st.floats(0.1, 2000), min_size=1, max_size=6))
def test_every_call_renews_for_as_long_as_it_may_take(lease_s: int, bounds: list[float]) -> None:
    inner = Answering("R5", {})
    journal = Journal("/root", "token")
    transport = RenewingTransport(inner, journal, lease_s=lease_s)
    for bound in bounds:
        transport.shell("true", timeout_s=bound)
    for count, (bound, asked) in enumerate(zip(bounds, inner.asked, strict=True), 1):
        words = asked.split("echo ")[1].split()
        assert int(words[0]) == count
        assert int(words[1]) >= lease_s
        assert int(words[1]) >= bound or bound <= 30


def test_moving_files_renews_too(tmp_path: Path) -> None:
    inner = Answering("R5", {})
    transport = RenewingTransport(inner, Journal("/root"), lease_s=60)
    transport.push(tmp_path, "/x")
    transport.pull("/x", tmp_path)
    transport.close()
    first, push, second, *rest = inner.asked
    assert (push, rest) == ("push", ["pull", "close"])
    assert all(" 630 >" in renewal for renewal in (first, second))
    assert (transport.serial, transport.is_host) == ("R5", False)
