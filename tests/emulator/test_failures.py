"""What emulators print before they end, as they print it, and what is made of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from android_bench.emulator.avds import Avd
from android_bench.emulator.failures import is_taken_port, last_lines, why_it_ended
from android_bench.emulator.sdk import Sdk
from android_bench.errors import ExitCode

AVD = Avd(name="ci", abi="x86_64", api="34", image="system-images;android-34;google_apis;x86_64")
# As found in AOSP's sources and in public issue threads, old and new spelling.
CASES = {
    "unknown device": (
        "ERROR        | Unknown AVD name [ci], use -list-avds to see valid list.\n"
        "ERROR        | HOME is defined but there is no file ci.ini in $HOME/.android/avd\n",
        "There is no virtual device ci",
        "emulator create ci",
    ),
    "no KVM": (
        "emulator: ERROR: x86_64 emulation currently requires hardware acceleration!\n"
        "Please ensure KVM is properly installed and usable.\n"
        "CPU acceleration status: KVM is not installed on this machine (/dev/kvm is missing).\n",
        r"needs KVM, and the emulator says: KVM is not installed on this machine \(/dev/kvm is missing\)",
        "--accel off",
    ),
    "no permission": (
        "ERROR        | x86_64 emulation currently requires hardware acceleration!\n"
        "CPU acceleration status: This user doesn't have permissions to use KVM (/dev/kvm).\n",
        "This user may not use KVM",
        "kvm",
    ),
    "disk, old": (
        "emulator: ERROR: Not enough space to create userdata partition. Available: 4305.589844 MB at "
        "/home/me/.android/avd/ci.avd, need 7372.800000 MB.\n",
        "4306 MB are free at /home/me/.android/avd/ci.avd, it needs 7373 MB",
        "--disk 2048",
    ),
    "disk, new": (
        "FATAL        | Not enough space to create userdata partition. Available: 6278.66 MB at "
        "/home/me/.android/avd/ci.avd, need 7372.80 MB.\n",
        "6279 MB are free",
        "df -h",
    ),
    "disk while it boots": ("qemu: write: No space left on device\n", "disk filled up", "df -h"),
    "architecture": (
        "PANIC: Avd's CPU Architecture 'arm64' is not supported by the QEMU2 emulator on x86_64 host. "
        "System image must match the host architecture.\n",
        "its image is for arm64",
        "emulator create ci --api 34 --abi",
    ),
    "in use": (
        "FATAL        | Running multiple emulators with the same AVD is an experimental feature.\n"
        "Please use -read-only flag to enable this feature.\n",
        "runs already",
        "--read-only",
    ),
    "ports": (
        "ERROR        | It seems too many emulator instances are running on this machine. Aborting.\n",
        "ports for ci were taken",
        "emulator list",
    ),
    "image": (
        "FATAL        | Broken AVD system path. Check your ANDROID_SDK_ROOT value [/sdk]!\n",
        "ci needs system-images;android-34;google_apis;x86_64, which is not installed",
        "--install 'system-images;android-34;google_apis;x86_64'",
    ),
    "option": (
        "unknown option: -no-metrics\nplease use -help for a list of valid options\n",
        "does not know the option -no-metrics",
        "--install 'emulator'",
    ),
    "library": (
        "/sdk/emulator/qemu/linux-x86_64/qemu-system-x86_64-headless: error while loading shared "
        "libraries: libpulse.so.0: cannot open shared object file: No such file or directory\n",
        "this machine lacks libpulse.so.0",
        "libpulse.so.0",
    ),
    "anything else": (
        "INFO         | Android emulator version 36.1.9.0\nERROR        | the sky fell\nINFO | bye\n",
        r"ended while it booted, with exit code 1\.\n  ERROR        \| the sky fell$",
        "All it said is in",
    ),
    "nothing": ("", r"with exit code 1\.$", "All it said is in"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_reason_comes_with_a_command(case: str, tmp_path: Path) -> None:
    text, message, hint = CASES[case]
    log = tmp_path / "log"
    log.write_text("INFO         | Android emulator version 36.1.9.0\n" * 3 * bool(text) + text)
    sdk = Sdk(root=tmp_path / "sdk", avd_home=tmp_path / "avd")
    error = why_it_ended(sdk, AVD, code=1, log=log)
    with pytest.raises(type(error), match=message):
        raise error
    assert hint in (error.hint or "")
    assert error.exit_code is ExitCode.DEVICE
    assert is_taken_port(text) == (case == "ports")


def test_a_signal_is_named_and_a_log_may_be_missing(tmp_path: Path) -> None:
    sdk = Sdk(root=tmp_path, avd_home=tmp_path)
    error = why_it_ended(sdk, AVD, code=-signal.SIGSEGV, log=tmp_path / "none")
    assert "signal SIGSEGV" in str(error)
    assert "exit code -250" in str(why_it_ended(sdk, AVD, code=-250, log=tmp_path / "none"))


def test_a_long_log_is_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"INFO | noise \xff\n" * 100_000 + b"FATAL | the reason\n")
    sdk = Sdk(root=tmp_path, avd_home=tmp_path)
    assert str(why_it_ended(sdk, AVD, code=1, log=log)).endswith("\n  FATAL | the reason")


def test_without_complaints_the_last_lines_are_shown() -> None:
    assert last_lines("\n".join(map(str, range(20)))) == "".join(f"\n  {n}" for n in range(14, 20))
