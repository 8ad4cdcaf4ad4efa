"""A device's verbs: parsers of what Android prints, shell text, and programs on this computer.

The same verbs on a real adbd are in tests/lab.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.device import Device, device_info, parse_properties
from android_bench.device.script import Job, JobReport, JobState, command_line
from android_bench.errors import DeviceCommandError
from android_bench.results import DeviceKind
from android_bench.transport.base import ShellResult
from android_bench.transport.host import HostTransport

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
SHELLS = [name for name in ("sh", "dash", "bash", "mksh", "busybox") if shutil.which(name)]


@pytest.fixture
def host(tmp_path: Path) -> Device:
    return Device(HostTransport(), root=str(tmp_path / "a folder's name"))


# Properties

names = st.from_regex(r"[a-z][a-z0-9._]{0,20}", fullmatch=True)
values = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60).filter(
    lambda value: "]\n[" not in value and not value.endswith("]") and "]\n" not in value
)


@given(st.dictionaries(names, values, max_size=8))
def test_getprop_reads_back_whatever_the_values_are(properties: dict[str, str]) -> None:
    text = "".join(f"[{name}]: [{value}]\n" for name, value in properties.items())
    assert parse_properties(text) == properties


def test_a_value_may_go_over_lines() -> None:
    text = "[a.b]: [one\ntwo [x]\n]\n[c]: []\n[d]: [e: [f]]\r\n"
    assert parse_properties(text) == {"a.b": "one\ntwo [x]\n", "c": "", "d": "e: [f]"}


PIXEL = {
    "ro.product.manufacturer": "Google",
    "ro.product.model": "Pixel 8 Pro",
    "ro.soc.manufacturer": "Google",
    "ro.soc.model": "Tensor G3",
    "ro.board.platform": "zuma",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.build.version.release": "15",
    "ro.build.version.sdk": "35",
    "ro.build.fingerprint": "google/husky/husky:15/AP3A/1:user/release-keys",
    "ro.hardware": "husky",
}


def test_a_phone_is_described_by_its_properties() -> None:
    info = device_info("R5", PIXEL, cpu_count=9, memory_bytes=12 << 30)
    assert (info.kind, info.label, info.soc) == (
        DeviceKind.PHONE,
        "Google Pixel 8 Pro",
        "Google Tensor G3",
    )
    assert info.abis == ("arm64-v8a", "armeabi-v7a", "armeabi")
    assert (info.sdk_level, info.cpu_count) == (35, 9)


@pytest.mark.parametrize(
    ("serial", "properties"),
    [
        ("emulator-5554", {}),
        ("1.2.3.4:5555", {"ro.kernel.qemu": "1"}),
        ("1.2.3.4:5555", {"ro.kernel.qemu": "", "ro.boot.qemu": "1"}),
        ("1.2.3.4:5555", {"ro.kernel.qemu": "0", "ro.boot.qemu": "1"}),
        ("1.2.3.4:5555", {"ro.hardware": "ranchu"}),
        ("1.2.3.4:5555", {"ro.hardware": "goldfish"}),
    ],
)
def test_an_emulator_is_no_phone(serial: str, properties: dict[str, str]) -> None:
    assert device_info(serial, {**PIXEL, **properties}).kind is DeviceKind.EMULATOR


def test_what_is_empty_or_missing_is_unknown() -> None:
    info = device_info("R5", dict.fromkeys(PIXEL, ""))
    assert (info.manufacturer, info.soc, info.sdk_level, info.fingerprint, info.abis) == (
        None,
        None,
        None,
        None,
        (),
    )
    old = {**PIXEL, "ro.soc.manufacturer": "", "ro.soc.model": "", "ro.product.cpu.abilist": ""}
    assert device_info("R5", old).soc == "zuma"
    assert device_info("R5", old).abis == ("arm64-v8a",)


# This computer


def test_this_computer_is_described_and_never_a_phone(host: Device) -> None:
    info = host.info()
    assert (info.serial, info.kind) == ("host", DeviceKind.HOST)
    assert info.abis[0] in {"x86_64", "arm64-v8a", "armeabi-v7a", "x86"}
    assert info.cpu_count
    assert host.info() == info
    assert info.soc is None or info.soc in info.label


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_conditions_of_this_computer(host: Device) -> None:
    found = host.read_conditions()
    assert found.load_1min is not None
    assert found.memory_available_bytes
    assert found.battery_level_pct is None


# Words to commands


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=30, deadline=None)
@given(first=words.filter(bool), rest=st.lists(words, max_size=3))
def test_words_reach_the_program_as_they_are(shell: str, first: str, rest: list[str]) -> None:
    """The first word too, be it a keyword, an assignment or an option: nothing of that name runs."""
    folder = Path("/nowhere in particular")
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    line = command_line(["printf", "%s\\n", first, *rest])
    done = subprocess.run([*argv, line], capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"{word}\n" for word in [first, *rest])
    absent = command_line([str(folder / first.strip("/") / "x")])
    assert subprocess.run([*argv, absent], capture_output=True).returncode in {126, 127}


@pytest.mark.parametrize("first", ["if", "a=b", "{", "!", "time", "for"])
def test_a_first_word_is_never_syntax(host: Device, first: str) -> None:
    assert host.run([first, "x"]).exit_code == 127


def test_environment_and_folder_hold_for_one_command(host: Device, tmp_path: Path) -> None:
    result = host.run(["sh", "-c", 'echo "$A|$PWD"'], env={"A": "it's; $B"}, cwd=str(tmp_path))
    assert result.stdout == f"it's; $B|{tmp_path}\n"
    with pytest.raises(ValueError, match="environment variable"):
        host.run(["true"], env={"A; rm": "x"})
    with pytest.raises(ValueError, match="at least one word"):
        host.run([])


def test_a_checked_failure_carries_what_is_needed_to_see_why(host: Device) -> None:
    with pytest.raises(DeviceCommandError, match="exit code 4: no such thing") as caught:
        host.run(["sh", "-c", "echo no such thing >&2; exit 4"], check=True)
    assert caught.value.command_exit_code == 4
    assert caught.value.output == "no such thing"


def test_sections_keep_their_places_when_some_fail(host: Device) -> None:
    found = host.sections(
        ["echo one", "no-such-command", "printf 'a\nb'", "exit_is_not_called=1", "cat /nope"]
    )
    assert found == ["one", "", "a\nb", "", ""]


# Programs


def test_streams_and_exit_code_come_back_apart(host: Device) -> None:
    done = host.capture(["sh", "-c", "printf out; printf err >&2; exit 5"], timeout_s=20)
    assert (done.stdout, done.stderr, done.exit_code) == ("out", "err", 5)
    assert (done.signal, done.timed_out) == (None, False)
    assert done.wall_s > 0
    assert list(Path(host.root, "jobs").iterdir()) == []


@settings(max_examples=20, deadline=None)
@given(out=words, err=words, code=st.integers(0, 128) | st.integers(193, 255))
def test_whatever_a_program_says_comes_back(out: str, err: str, code: int) -> None:
    host = Device(HostTransport())
    script = 'printf %s "$1"; printf %s "$2" >&2; exit "$3"'
    done = host.capture(["sh", "-c", script, "sh", out, err, str(code)], timeout_s=20)
    assert (done.stdout, done.stderr, done.exit_code) == (out, err, code)


@pytest.mark.parametrize("number", [6, 9, 11, 15])
def test_a_signal_is_told_by_its_number(host: Device, number: int) -> None:
    done = host.capture(["sh", "-c", f"echo said; kill -{number} $$"], timeout_s=20)
    assert (done.exit_code, done.signal, done.stdout, done.stderr) == (None, number, "said\n", "")


def test_output_that_is_no_text_is_replaced(host: Device) -> None:
    assert host.capture(["printf", r"a\377b"], timeout_s=20).stdout == "a�b"


def test_what_was_said_before_the_time_ran_out_is_kept(host: Device) -> None:
    start = time.monotonic()
    done = host.capture(["sh", "-c", "echo early; echo why >&2; sleep 60"], timeout_s=0.5)
    assert time.monotonic() - start < 50
    assert (done.timed_out, done.exit_code, done.signal) == (True, None, None)
    assert (done.stdout, done.stderr) == ("early\n", "why\n")
    assert list(Path(host.root, "jobs").iterdir()) == []


def test_a_place_that_cannot_be_written_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceCommandError, match="cannot run anything in"):
        Device(HostTransport(), root=str(tmp_path / "file")).capture(["true"], timeout_s=20)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_runs_a_job_alike(shell: str, tmp_path: Path) -> None:
    job = Job(str(tmp_path))
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    script = job.script(
        ["sh", "-c", "printf out; echo err >&2; kill -11 $$"], env={"A": "b"}, cwd="/"
    )
    done = subprocess.run([*argv, script], capture_output=True, text=True)
    assert job.report(done.stdout) == JobReport(
        state=JobState.ENDED, exit_code=128 + 11, stdout="out", stderr="err\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shell", [name for name in SHELLS if name != "busybox"])
def test_every_shell_finds_a_job_again(shell: str, tmp_path: Path) -> None:
    """The script ends before the program does; later ones see it run, end, and gone."""
    job = Job(str(tmp_path))

    def ask(script: str) -> JobReport | None:
        return job.report(
            subprocess.run([shell, "-c", script], capture_output=True, text=True).stdout
        )

    wait = f"echo early; while [ ! -f {shlex.quote(str(tmp_path / 'go'))} ]; do sleep 0.05; done; exit 7"
    found = ask(job.script(["sh", "-c", wait], env={}, cwd=None, slice_s=1))
    assert found == JobReport(state=JobState.RUNNING)
    assert ask(job.attach_script(slice_s=0)) == JobReport(state=JobState.RUNNING)
    (tmp_path / "go").touch()
    ended = JobReport(state=JobState.ENDED, exit_code=7, stdout="early\n")
    assert ask(job.attach_script(slice_s=30)) == ended
    assert ask(job.attach_script(slice_s=30)) == ended  # the first answer may not have arrived
    ask(job.forget_script())
    assert ask(job.attach_script(slice_s=0)) == JobReport(state=JobState.ABSENT)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_job_that_had_not_begun_when_its_shell_died_is_absent_and_stays_so(
    shell: str, tmp_path: Path
) -> None:
    """adbd takes along what is not yet in a session of its own."""
    job = Job(str(tmp_path))
    folder = tmp_path / "jobs" / job.name
    folder.mkdir(parents=True)
    (folder / "pid").write_text("1\n")
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    done = subprocess.run([*argv, job.attach_script(slice_s=0)], capture_output=True, text=True)
    assert job.report(done.stdout) == JobReport(state=JobState.ABSENT)
    assert not folder.exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_job_that_a_restart_ended_is_lost_not_running(shell: str, tmp_path: Path) -> None:
    """Its number belongs to another process by then."""
    job = Job(str(tmp_path))
    folder = tmp_path / "jobs" / job.name
    folder.mkdir(parents=True)
    for name, text in {"pid": f"{os.getpid()}\n", "out": "half a", "err": ""}.items():
        (folder / name).write_text(text)
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    done = subprocess.run([*argv, job.attach_script(slice_s=30)], capture_output=True, text=True)
    assert job.report(done.stdout) == JobReport(state=JobState.LOST, stdout="half a")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
# busybox runs its own programs without exec, so that their environment cannot be seen.
@pytest.mark.parametrize("shell", [name for name in SHELLS if name != "busybox"])
def test_every_shell_ends_a_job_and_only_that(shell: str, tmp_path: Path) -> None:
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    jobs = [Job(str(tmp_path)) for _ in range(2)]
    running = [
        subprocess.Popen(
            [*argv, job.script(["sh", "-c", "echo on; sleep 60 & sleep 60"], env={}, cwd=None)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for job in jobs
    ]
    for job in jobs:
        while not (out := Path(job.root, "jobs", job.name, "out")).exists() or not out.read_text():
            time.sleep(0.01)
    for job, process, others in zip(jobs, running, ([running[1]], []), strict=True):
        done = subprocess.run([*argv, job.end_script()], capture_output=True, text=True)
        assert job.report(done.stdout) == JobReport(state=JobState.LOST, stdout="on\n")
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert [other.poll() for other in others] == [None] * len(others)
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_capture_costs_one_round_trip(tmp_path: Path) -> None:
    class Counting(HostTransport):
        calls = 0

        def shell(self, command: str, *, timeout_s: float = 30.0) -> ShellResult:
            Counting.calls += 1
            return super().shell(command, timeout_s=timeout_s)

    Device(Counting(), root=str(tmp_path)).capture(["true"], timeout_s=20)
    assert Counting.calls == 1


def test_the_environment_of_this_process_reaches_the_program(
    host: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDED_ON", "yes")
    assert host.capture(["sh", "-c", "echo $HANDED_ON"], timeout_s=20).stdout == "yes\n"
    assert os.environ["HANDED_ON"] == "yes"
