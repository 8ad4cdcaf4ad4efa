"""What an emulator that ended while booting tells in its log, in one sentence with the command for it.

The texts are the emulator's own: AOSP's external/qemu (android-qemu2-glue/main.cpp, main-common.c,
main-emulator.cpp, CpuAccelerator.cpp); newer ones write ``ERROR | text`` or ``FATAL | text``, older ones
``emulator: ERROR: text`` or ``PANIC: text``.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

from android_bench.emulator.avds import Avd
from android_bench.emulator.create import missing_image
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.machine import no_permission, runnable_abis
from android_bench.emulator.sdk import Sdk

_READ_BYTES = 1 << 16
_SHOWN_LINES = 6
_BAD = re.compile(r"\b(?:ERROR|FATAL|PANIC)\b", re.IGNORECASE)

_Reason = Callable[[Sdk, Avd, "re.Match[str]"], EmulatorError]


def why_it_ended(sdk: Sdk, avd: Avd, *, code: int, log: Path) -> EmulatorError:
    """The reason why an emulator ended before it was ready. ``code`` as Popen has it."""
    text = tail_text(log)
    for pattern, reason in _REASONS:
        found = re.search(pattern, text)
        if found:
            return reason(sdk, avd, found)
    how = f"exit code {code}"
    if code < 0:
        how = f"signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else how
    return EmulatorError(
        f"The emulator of {avd.name} ended while it booted, with {how}.{last_lines(text)}",
        hint=f"All it said is in {log}",
    )


def is_taken_port(text: str) -> bool:
    """Whether an emulator ended because its ports were taken."""
    return re.search(_TAKEN, text) is not None


def tail_text(log: Path) -> str:
    """The end of a log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _READ_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_lines(text: str) -> str:
    """The last lines of a log for a message: those that complain, else all; empty for an empty log."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    shown = ([line for line in lines if _BAD.search(line)] or lines)[-_SHOWN_LINES:]
    return "".join(f"\n  {line}" for line in shown)


_TAKEN = r"too many emulator instances are running"


def _unknown_avd(sdk: Sdk, avd: Avd, _: re.Match[str]) -> EmulatorError:
    return unknown_avd(sdk, avd.name)


def unknown_avd(sdk: Sdk, name: str) -> EmulatorError:
    """There is no such virtual device."""
    abi = next(iter(runnable_abis()), "x86_64")
    return EmulatorError(
        f"There is no virtual device {name} in {sdk.avd_home}.",
        hint="android-bench emulator list shows them; "
        f"android-bench emulator create {name} --api 34 --abi {abi} makes one",
    )


def _no_kvm(sdk: Sdk, avd: Avd, found: re.Match[str]) -> EmulatorError:
    del sdk
    return EmulatorError(
        f"{avd.name} needs KVM, and the emulator says: {found['status'].strip().rstrip('.')}.",
        hint="android-bench doctor says what to type; without it, ten times slower: --accel off",
    )


def _kvm_permission(sdk: Sdk, avd: Avd, _: re.Match[str]) -> EmulatorError:
    del sdk, avd
    problem = no_permission("/dev/kvm")
    return EmulatorError(problem.message, hint=problem.hint)


def _disk_full(sdk: Sdk, avd: Avd, found: re.Match[str]) -> EmulatorError:
    return EmulatorError(
        f"The disk has no room for {avd.name}: {float(found['have']):.0f} MB are free at "
        f"{found['where']}, it needs {float(found['need']):.0f} MB.",
        hint=f"df -h {sdk.avd_home}; or make it smaller: android-bench emulator create {avd.name} "
        f"--api {avd.api or 34} --abi {avd.abi or 'x86_64'} --disk 2048 --replace",
    )


def _no_space(sdk: Sdk, avd: Avd, _: re.Match[str]) -> EmulatorError:
    return EmulatorError(
        f"The disk filled up while {avd.name} booted.",
        hint=f"df -h {sdk.avd_home}; free space there.",
    )


def _wrong_abi(sdk: Sdk, avd: Avd, found: re.Match[str]) -> EmulatorError:
    del sdk
    abi = next(iter(runnable_abis()), "x86_64")
    return EmulatorError(
        f"The emulator cannot run {avd.name} on this machine: its image is for {found['abi']}.",
        hint=f"android-bench emulator create {avd.name} --api {avd.api or 34} --abi {abi} --replace",
    )


def _in_use(sdk: Sdk, avd: Avd, _: re.Match[str]) -> EmulatorError:
    del sdk
    return in_use(avd.name, None)


def in_use(name: str, serial: str | None) -> EmulatorError:
    """An emulator of that virtual device runs, and does not share it."""
    where = f" as {serial}" if serial else ""
    share = "start all of them with --read-only."
    return EmulatorError(
        f"An emulator of {name} runs already{where}, and it holds the virtual device.",
        hint=f"Measure on it: --device {serial}; or {share}" if serial else share.capitalize(),
    )


def _ports(sdk: Sdk, avd: Avd, _: re.Match[str]) -> EmulatorError:
    del sdk
    return EmulatorError(
        f"The ports for {avd.name} were taken by another program at the last moment.",
        hint="Try again; android-bench emulator list shows what runs.",
    )


def _no_image(sdk: Sdk, avd: Avd, _: re.Match[str]) -> EmulatorError:
    if avd.image is None:
        return EmulatorError(
            f"The settings of {avd.name} name no system image.",
            hint=f"android-bench emulator create {avd.name} --api 34 "
            f"--abi {next(iter(runnable_abis()), 'x86_64')} --replace",
        )
    if avd.image_folder is not None and avd.image_folder.is_dir():
        return EmulatorError(
            f"The emulator cannot use the system image of {avd.name} in {avd.image_folder}.",
            hint=f"Install it again: {sdk.install_command(avd.image)}",
        )
    return missing_image(sdk, avd.image, avd=avd.name)


def _unknown_option(sdk: Sdk, avd: Avd, found: re.Match[str]) -> EmulatorError:
    del avd
    return EmulatorError(
        f"The emulator in {sdk.root} does not know the option {found['option']}.",
        hint=f"Is it one of yours (--extra-flag)? Else update it: {sdk.install_command('emulator')}",
    )


def _no_library(sdk: Sdk, avd: Avd, found: re.Match[str]) -> EmulatorError:
    del sdk, avd
    return EmulatorError(
        f"The emulator does not start: this machine lacks {found['library']}.",
        hint=f"Debian: apt-file search {found['library']} names the package to install",
    )


# The first that is found tells; what is more exact stands first.
_REASONS: tuple[tuple[str, _Reason], ...] = (
    (r"Unknown AVD name", _unknown_avd),
    (
        r"Not enough space to create userdata partition\. Available: (?P<have>\d+(?:\.\d+)?) MB at "
        r"(?P<where>.+), need (?P<need>\d+(?:\.\d+)?) MB",
        _disk_full,
    ),
    (r"doesn't have permissions to use KVM", _kvm_permission),
    (
        r"requires hardware acceleration!(?s:.{0,300}?)CPU acceleration status: (?P<status>.+)",
        _no_kvm,
    ),
    (r"CPU Architecture '(?P<abi>[^']+)' is not supported", _wrong_abi),
    (r"Running multiple emulators with the same AVD|Another emulator instance is running", _in_use),
    (_TAKEN, _ports),
    (
        r"(?:Broken|Cannot find) AVD system path|is not a valid (?:system image )?directory",
        _no_image,
    ),
    (r"unknown option: (?P<option>\S+)", _unknown_option),
    (r"error while loading shared libraries: (?P<library>[^:\s]+)", _no_library),
    (r"No space left on device", _no_space),
)
