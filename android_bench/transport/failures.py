"""What goes wrong with a device, in the same words on every transport."""

from __future__ import annotations

from android_bench.errors import (
    DeviceCommandError,
    DeviceOfflineError,
    DeviceTimeoutError,
    DeviceUnauthorizedError,
)

_SHOWN_CHARACTERS = 60


def running(command: str) -> str:
    """What a call does, for a sentence about its failure."""
    line = " ".join(command.split())
    shown = line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
    return f"running {shown!r}"


def too_slow(serial: str, doing: str, timeout_s: float) -> DeviceTimeoutError:
    """A call took longer than its bound."""
    return DeviceTimeoutError(
        f"{serial} took longer than {timeout_s:g} s for {doing}.",
        hint="Is the device awake and connected? android-bench devices",
    )


def lost(serial: str, doing: str, error: Exception | None = None) -> DeviceOfflineError:
    """The conversation ended in the middle of a call."""
    detail = f": {error}" if error is not None and str(error) else ""
    return DeviceOfflineError(
        f"{serial} went away while {doing}{detail}.",
        hint="Is the device still connected? android-bench devices",
    )


def unauthorized(serial: str) -> DeviceUnauthorizedError:
    """The device waits for its user to accept this computer's key."""
    return DeviceUnauthorizedError(
        f"{serial} does not accept this computer's key yet.",
        hint="Unlock the device, accept the dialog 'Allow USB debugging?', and try again.",
    )


def refused(serial: str, what: str, words: str) -> DeviceCommandError:
    """A device refused a file; ``what`` is a verb and a path, ``words`` are the device's own."""
    return DeviceCommandError(
        f"{serial} refused to {what}: {words.strip() or 'no reason given'}",
        command=what,
        exit_code=1,
        output=words,
    )
