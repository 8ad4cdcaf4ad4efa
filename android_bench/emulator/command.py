"""A command of the user's beside an emulator: it learns the device by ``ANDROID_SERIAL``."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from android_bench.emulator.session import RunningEmulator
from android_bench.errors import UsageError

_SHELL_SIGNAL_BASE = 128  # how shells tell that a signal ended a command


def refuse_missing(command: Sequence[str]) -> None:
    """Refuse a command that cannot be run, before an emulator boots for it.

    Raises:
        UsageError: none was given, or there is no such program.
    """
    if not command:
        raise UsageError(
            "There is no command to run.",
            hint="android-bench emulator run AVD -- android-bench run model.tflite",
        )
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"There is no program {command[0]!r}.", hint="Check its name and the PATH."
        )


def run_beside(command: Sequence[str], emulators: Sequence[RunningEmulator]) -> int:
    """Run a command with its terminal and environment; return its exit code as a shell would.

    ``ANDROID_SERIAL`` is the first emulator's serial, ``ANDROID_BENCH_EMULATORS`` holds all of them.
    """
    serials = [one.serial for one in emulators]
    environment = {
        **os.environ,
        "ANDROID_SERIAL": serials[0],
        "ANDROID_BENCH_EMULATORS": ",".join(serials),
    }
    process = subprocess.Popen(list(command), env=environment)
    with _passed_on(process):
        code = _wait(process)
    return code if code >= 0 else _SHELL_SIGNAL_BASE - code


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the command. Ctrl-C reaches it too, and it decides itself when to end."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass SIGTERM on to the command: CI systems send it to this process alone when they give up."""

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
