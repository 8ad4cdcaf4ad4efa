"""A program on a device that outlives the conversation: started, waited for, found again, ended.

The program runs apart from the shell that started it (see :mod:`android_bench.device.script`). When the
conversation breaks in the middle, a new one asks what became of it, and nothing is measured twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from android_bench.device.script import Job, JobReport, JobState
from android_bench.errors import (
    DeviceCommandError,
    DeviceError,
    DeviceOfflineError,
    DeviceTimeoutError,
)
from android_bench.transport.base import Transport

# One call waits this long for the program before it says that it still runs: a link that died without
# a word is noticed after that, whatever the program's own bound is.
SLICE_S = 20
# For the link itself, on top of a slice.
_GRACE_S = 15.0
# How long a device that went away may take to come back: a phone's restart of Wi-Fi takes seconds.
PATIENCE_S = 60.0
_RETRY_S = 1.0
END_TIMEOUT_S = 10.0
# Shells report a child that a signal ended as 128 + the signal's number, of which there are 64.
_SIGNAL_BASE = 128
_LAST_SIGNAL = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedProcess:
    """A program that ran on the device, with its streams apart.

    ``exit_code`` is ``None`` when a signal or this tool ended it; ``signal`` is the signal's number.
    ``wall_s`` includes the one round trip to the device. ``reconnections`` counts how often the
    conversation broke while it ran and was found again.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    wall_s: float
    timed_out: bool = False
    signal: int | None = None
    reconnections: int = 0


@dataclass(slots=True, kw_only=True)
class Detached:
    """One program on one device, from its start to its end. Times are seconds of ``clock``."""

    transport: Transport
    job: Job
    argv: Sequence[str]
    timeout_s: float
    patience_s: float = PATIENCE_S
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    reconnections: int = field(default=0, init=False)

    def run(self, *, env: Mapping[str, str], cwd: str | None) -> CapturedProcess:
        """Run the program and bring its words back; one round trip if it ends within a slice, and a short
        one to clean up.

        Raises:
            DeviceOfflineError: the device went away for longer than ``patience_s``, or restarted.
            DeviceCommandError: the device could not even begin (disk full, no such folder).
        """
        began = self.clock()
        deadline = began + self.timeout_s
        # This computer is never out of reach, and what is not apart ends with its process group.
        apart = not self.transport.is_host
        script = self.job.script(
            self.argv,
            env=env,
            cwd=cwd,
            detached=apart,
            slice_s=SLICE_S if apart and self.timeout_s > SLICE_S else None,
        )
        try:
            report = self._ask(script, deadline)
            if report.state is JobState.ABSENT:  # it broke before the program began
                report = self._ask(script, deadline)
            while report.state is JobState.RUNNING and self.clock() < deadline:
                script = self.job.attach_script(slice_s=self._slice(deadline))
                report = self._ask(script, deadline)
        except KeyboardInterrupt:
            with suppress(DeviceError):
                self._end()
            raise
        if apart and report.state in {JobState.ENDED, JobState.LOST}:
            with suppress(DeviceError):  # what is left is swept some day
                self.transport.shell(self.job.forget_script(), timeout_s=END_TIMEOUT_S)
        timed_out = report.state is JobState.RUNNING
        if timed_out:
            report = self._end_late()
        elif report.state is not JobState.ENDED:
            raise self._vanished()
        code = None if timed_out else report.exit_code
        number = (code or 0) - _SIGNAL_BASE
        killed = 0 < number <= _LAST_SIGNAL
        return CapturedProcess(
            exit_code=None if killed else code,
            stdout=report.stdout,
            stderr=report.stderr,
            wall_s=self.clock() - began,
            timed_out=timed_out,
            signal=number if killed else None,
            reconnections=self.reconnections,
        )

    def _slice(self, deadline: float) -> int:
        return max(1, min(SLICE_S, round(deadline - self.clock())))

    def _ask(self, script: str, deadline: float) -> JobReport:
        """Run one of the job's scripts, over a new conversation if the old one breaks on the way."""
        try:
            bound = min(deadline - self.clock(), SLICE_S + _GRACE_S)
            done = self.transport.shell(script, timeout_s=max(bound, 0.1))
        except DeviceTimeoutError as error:
            if self.clock() >= deadline:
                return JobReport(state=JobState.RUNNING)
            return self._find_again(error)
        except DeviceOfflineError as error:
            return self._find_again(error)
        report = self.job.report(done.stdout)
        if report is None:
            raise self._cannot_begin(done.exit_code, (done.stderr or done.stdout).strip())
        return report

    def _find_again(self, cause: DeviceError) -> JobReport:
        """Talk to the device again, for as long as patience lasts, and hear what became of the job."""
        lost_at = self.clock()
        while self.clock() - lost_at < self.patience_s:
            try:
                script = self.job.attach_script(slice_s=0)
                done = self.transport.shell(script, timeout_s=END_TIMEOUT_S)
            except DeviceError:
                self.sleep(_RETRY_S)
                continue
            report = self.job.report(done.stdout)
            self.reconnections += 1
            return report or JobReport(state=JobState.LOST)
        raise DeviceOfflineError(
            f"{self.transport.serial} went away while {self.argv[0]} ran, and did not come back within "
            f"{self.patience_s:g} s.",
            hint="Reconnect it, and go on where it stopped: the same command with --resume",
        ) from cause

    def _end_late(self) -> JobReport:
        """End a job that took too long; a device that does not even answer to that is offline."""
        try:
            return self._end()
        except DeviceError as error:
            raise DeviceOfflineError(
                f"{self.transport.serial} stopped answering while {self.argv[0]} ran.",
                hint="The program may still run there: restart the device before measuring again.",
            ) from error

    def _end(self) -> JobReport:
        """Kill the job on the device and bring back what it had printed."""
        done = self.transport.shell(self.job.end_script(), timeout_s=END_TIMEOUT_S)
        return self.job.report(done.stdout) or JobReport(state=JobState.LOST)

    def _vanished(self) -> DeviceOfflineError:
        return DeviceOfflineError(
            f"{self.transport.serial} restarted while {self.argv[0]} ran: it runs no more and left no "
            "exit code.",
            hint="Go on where it stopped: the same command with --resume",
        )

    def _cannot_begin(self, exit_code: int, output: str) -> DeviceCommandError:
        root = self.job.root
        return DeviceCommandError(
            f"{self.transport.serial} cannot run anything in {root}: "
            f"{output or 'its files cannot be written'}",
            command=self.argv,
            exit_code=exit_code,
            output=output,
            hint=f"Is its disk full or read-only? df {root}",
        )
