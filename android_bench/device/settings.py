"""Settings of a device that help measuring: asked for one by one, and put back whatever happens.

What a setting was is written on the device before the first change, and restored at the end, on errors and
on Ctrl-C; by a guard on the device when this computer falls silent; by the next session on that device, and
by ``android-bench restore``. See :mod:`android_bench.device.settings_lease`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from android_bench.device import Device
from android_bench.device.setting_changes import Change, DeviceSettings, planned_changes
from android_bench.device.settings_lease import (
    LEASE_S,
    Journal,
    RenewingTransport,
    restore_all_script,
)
from android_bench.errors import DeviceCommandError, DeviceError, UsageError
from android_bench.transport.base import Transport

__all__ = ["DeviceSettings", "applied_settings", "restore_settings"]

# Somebody else may be restoring, and is waited for ten seconds.
_RESTORE_TIMEOUT_S = 30.0


def _ignore(_: str) -> None:
    """Tell nobody."""


@contextmanager
def applied_settings(
    device: Device,
    wish: DeviceSettings,
    *,
    lease_s: int = LEASE_S,
    tell: Callable[[str], None] = _ignore,
) -> Iterator[tuple[str, ...]]:
    """Change a device's settings for the length of a block; yield what was changed.

    What an older session left changed is restored first, even if nothing is wished for. Within the block
    every call to the device renews the lease; after ``lease_s`` seconds of silence the device restores by
    itself. ``tell`` hears of what was left over, and of what could not be restored or was too early.

    Raises:
        UsageError: this computer, or a setting that cannot be had on that device; nothing is changed.
        DeviceError: the device refused a setting, and all are restored; or it is gone.
    """
    if device.is_host:
        if wish.wanted:
            raise UsageError(
                "Settings of this computer are never changed.",
                hint="Leave out --stay-awake, --brightness, --airplane and --governor.",
            )
        yield ()
        return
    try:
        left = restore_settings(device)
    except DeviceCommandError as error:  # such as root that was there and is not any more
        tell(f"An earlier session left settings changed. {error} {error.hint}")
        left = ()
    if left:
        tell(f"An earlier session had left settings changed; restored: {', '.join(left)}.")
    changes = planned_changes(device, wish) if wish.wanted else []
    if not changes:
        yield ()
        return
    journal = Journal(device.root)
    inner = device.transport
    held = False
    try:
        device.transport = RenewingTransport(inner, journal, lease_s=lease_s)
        _apply(device, journal, changes, lease_s=lease_s)
        held = True
        yield tuple(change.name for change in changes)
    finally:
        device.transport = inner
        gone = _restore(inner, journal, lease_s=lease_s, tell=tell)
        if gone and held:
            tell(
                f"The settings of {inner.serial} were restored before the end, by another session or "
                f"because it had heard nothing for {lease_s} s. What was measured last is without them."
            )


def restore_settings(device: Device) -> tuple[str, ...]:
    """Restore what any session left changed; return the settings by name, empty when there was nothing.

    Raises:
        DeviceCommandError: some could not be restored; they can be tried again.
    """
    if device.is_host:
        return ()
    done = device.transport.shell(restore_all_script(device.root), timeout_s=_RESTORE_TIMEOUT_S)
    if done.exit_code:
        raise _not_restored(device.transport, done.exit_code, done.stderr or done.stdout)
    return _names(done.stdout)


def _apply(device: Device, journal: Journal, changes: Sequence[Change], *, lease_s: int) -> None:
    """Write the journal, then change. Restoring goes the other way round."""
    undo = [
        f"{change.restore} && echo {shlex.quote('restored: ' + change.name)}"
        for change in reversed(changes)
    ]
    written = device.transport.shell(journal.write_script(undo, lease_s=lease_s))
    if written.exit_code:
        raise DeviceCommandError(
            f"{device.transport.serial} takes no note of its settings, so they are left alone: "
            f"{(written.stderr or written.stdout).strip()}",
            command="write the journal",
            exit_code=written.exit_code,
            output=written.stdout,
            hint=f"Is its disk full? df {shlex.quote(device.root)}",
        )
    for change in changes:
        done = device.transport.shell(f"{{ {change.apply}\n}} 2>&1")
        if done.exit_code:
            raise DeviceCommandError(
                f"{device.transport.serial} refused {change.name}: {_reason(done.stdout)}",
                command=change.apply,
                exit_code=done.exit_code,
                output=done.stdout,
                hint="Some makers want 'USB debugging (Security settings)' allowed in the developer "
                "options; or leave this setting out.",
            )


def _restore(
    transport: Transport, journal: Journal, *, lease_s: int, tell: Callable[[str], None]
) -> bool:
    """Put back what was changed; return whether somebody had done so before.

    A device that is away does so by itself, which is told.
    """
    by_hand = f"android-bench restore --device {transport.serial}"
    try:
        done = transport.shell(journal.restore_script(), timeout_s=_RESTORE_TIMEOUT_S)
    except DeviceError as error:
        tell(
            f"{transport.serial} is out of reach, so its settings could not be restored ({error}). It "
            f"restores them by itself after {lease_s} s; if it was restarted: {by_hand}"
        )
        return False
    if done.exit_code:
        problem = _not_restored(transport, done.exit_code, done.stderr or done.stdout)
        tell(f"{problem} {problem.hint}")
    return done.stdout.strip() == "gone"


def _not_restored(transport: Transport, exit_code: int, said: str) -> DeviceCommandError:
    return DeviceCommandError(
        f"{transport.serial} did not take all of its settings back: {_reason(said)}",
        command="restore.sh",
        exit_code=exit_code,
        output=said,
        hint=f"Try again: android-bench restore --device {transport.serial}",
    )


def _reason(said: str) -> str:
    """The line that says why: Java's exceptions bring a heading and many lines of stack."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"[\w.]+(Exception|Error): ", line)]
    return next(iter([*telling, *lines[-1:]]), "it said nothing")


def _names(output: str) -> tuple[str, ...]:
    return tuple(re.findall(r"^restored: (.+?)\r?$", output, re.MULTILINE))
