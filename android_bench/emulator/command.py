"""A command of the user's beside an emulator: it learns the device by ``ANDROID_SERIAL``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
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
    with _signals_left_to_it() as command_is:
        process = subprocess.Popen(list(command), env=environment)
        command_is(process)
        code = process.wait()
    return code if code >= 0 else _SHELL_SIGNAL_BASE - code


@contextmanager
def _signals_left_to_it() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Let the command decide what ends it; the block is given it by calling what this yields.

    A terminal sends Ctrl-C to it as well; an exception here in the moment in which it ends would lose
    its exit code. CI systems send SIGTERM to this process alone when they give up: it is passed on.
    """
    processes: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        for process in processes:
            process.send_signal(number)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on)}
    # A handler, not SIG_IGN, which the command would inherit; who ignores Ctrl-C goes on to do so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield processes.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
