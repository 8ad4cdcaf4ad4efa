"""Waiting for an emulator, each wait with a bound: its console, adbd, Android, the package manager, quiet.

Android says ``sys.boot_completed`` when its activity manager has sent the boot broadcast; the package
manager may still be busy, and what boot started goes on working for a while: measured then, everything
is slow.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from android_bench.emulator.console import running_avd
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.failures import last_lines, tail_text
from android_bench.emulator.reach import open_emulator
from android_bench.errors import DeviceError, UsageError
from android_bench.transport.base import Transport

Tell = Callable[[str], None]

_POLL_S = 0.5
_SHELL_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long is waited for what, in seconds.

    ``boot_s`` bounds everything until the package manager answers (15 s with KVM, some minutes
    without). Then the processor has to be quiet, less than ``quiet_share`` of all its cores at work, for
    ``quiet_for_s`` in a row (0: not waited for); after ``quiet_wait_s`` it is told and gone on.
    """

    boot_s: float = 600.0
    quiet_for_s: float = 5.0
    quiet_share: float = 0.10
    quiet_wait_s: float = 120.0

    def __post_init__(self) -> None:
        if self.boot_s <= 0 or self.quiet_for_s < 0 or self.quiet_wait_s < 0:
            raise UsageError("A wait is shorter than nothing.", hint="--boot-timeout 10m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Booting:
    """An emulator on its way up, whoever started it.

    ``ended`` gives the reason when it has ended, or when nobody waits any more. ``log`` is where it
    prints, if that is known; ``began`` is its start, by :func:`time.monotonic`.
    """

    name: str
    port: int
    began: float
    ended: Callable[[], EmulatorError | None]
    log: Path | None = None


def wait_until_ready(emulator: Booting, *, bounds: Bounds, tell: Tell) -> None:
    """Wait until the emulator can be measured on.

    Raises:
        EmulatorError: it ended, did not get there within its bound, or is not waited for any more.
    """
    wait = _Wait(emulator, bounds)
    try:
        for stage, holds in wait.stages():
            wait.until(stage, holds)
        tell(f"{emulator.name} has booted in {time.monotonic() - emulator.began:.0f} s.")
        if bounds.quiet_for_s and not wait.quiet():
            tell(
                f"{emulator.name} is still busy after {bounds.quiet_wait_s:.0f} s: expect noisier "
                "times. --quiet-wait waits longer."
            )
    finally:
        wait.close()


class _Wait:
    """One emulator's way up. The conversation is closed in the end: others want the only line."""

    def __init__(self, emulator: Booting, bounds: Bounds) -> None:
        self._emulator, self._bounds = emulator, bounds
        self._deadline = emulator.began + bounds.boot_s
        self._transport: Transport | None = None
        self._last_error: str | None = None

    def stages(self) -> tuple[tuple[str, Callable[[], bool]], ...]:
        """What has to hold, in this order, and what is said when it does not."""
        said, port = self._says, self._emulator.port
        return (
            ("its console does not answer", lambda: running_avd(port, timeout_s=2) is not None),
            ("adbd does not answer", lambda: said("echo here") == "here"),
            (
                "Android does not say sys.boot_completed",
                lambda: said("getprop sys.boot_completed") == "1",
            ),
            (
                "its package manager does not answer",
                lambda: (
                    said("service check package").endswith(": found")
                    and said("pm path android").startswith("package:")
                ),
            ),
        )

    def until(self, stage: str, holds: Callable[[], bool]) -> None:
        """Wait for one stage."""
        self._last_error = None
        while True:
            self._raise_if_ended()
            if holds():
                return
            if time.monotonic() >= self._deadline:
                raise self._too_slow(stage)
            time.sleep(_POLL_S)

    def quiet(self) -> bool:
        """Wait for a quiet processor; ``False`` when it was not in time."""
        self._deadline = time.monotonic() + self._bounds.quiet_wait_s
        return wait_for_quiet(
            self._processor_times,
            share=self._bounds.quiet_share,
            for_s=self._bounds.quiet_for_s,
            deadline=self._deadline,
        )

    def close(self) -> None:
        """End the conversation."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _processor_times(self) -> tuple[float, float] | None:
        self._raise_if_ended()
        return parse_processor_times(self._says("head -n 1 /proc/stat"))

    def _says(self, command: str) -> str:
        """What a command prints; empty while the device cannot be asked."""
        left = max(1.0, min(_SHELL_S, self._deadline - time.monotonic()))
        try:
            if self._transport is None:
                self._transport = open_emulator(self._emulator.port)
            result = self._transport.shell(command, timeout_s=left)
        except DeviceError as error:
            # Not yet; and an adb server may have taken the line since, so the way is chosen again.
            self._last_error = str(error)
            self.close()
            return ""
        return result.stdout.strip() if result.exit_code == 0 else ""

    def _raise_if_ended(self) -> None:
        reason = self._emulator.ended()
        if reason is not None:
            raise reason

    def _too_slow(self, stage: str) -> EmulatorError:
        log = self._emulator.log
        detail = f" ({self._last_error})" if self._last_error else ""
        return EmulatorError(
            f"{self._emulator.name} did not boot within {self._bounds.boot_s:g} s: {stage}{detail}."
            f"{last_lines(tail_text(log)) if log else ''}",
            hint=f"{f'All it said is in {log}; ' if log else ''}--boot-timeout waits longer.",
        )


def wait_for_quiet(
    read: Callable[[], tuple[float, float] | None],
    *,
    share: float,
    for_s: float,
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until the processor was below ``share`` of its time for ``for_s`` seconds in a row.

    ``read`` gives (busy, all) processor time since boot, or ``None`` when it cannot be read.
    ``deadline`` is an instant of ``clock``.
    """
    before = read()
    quiet_since = None
    while clock() < deadline:
        began = clock()
        sleep(1.0)
        now = read()
        part = _busy_share(before, now)
        before = now
        if part is None or part >= share:
            quiet_since = None
            continue
        quiet_since = began if quiet_since is None else quiet_since
        if clock() - quiet_since >= for_s:
            return True
    return False


def parse_processor_times(line: str) -> tuple[float, float] | None:
    """(busy, all) from the first line of ``/proc/stat``; waiting for a disk is idle (proc(5))."""
    fields = line.split()
    if len(fields) < 6 or fields[0] != "cpu":
        return None
    with contextlib.suppress(ValueError):
        # guest times, the last two of ten, are part of user and nice already.
        times = [float(field) for field in fields[1:9]]
        return sum(times) - times[3] - times[4], sum(times)
    return None


def _busy_share(
    before: tuple[float, float] | None, after: tuple[float, float] | None
) -> float | None:
    if before is None or after is None or after[1] <= before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])
