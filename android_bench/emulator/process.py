"""An emulator's process, through its keeper: start, look whether it lives, let go, end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from android_bench.emulator.ending import CONSOLE_S, KILL_S, TERM_S
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.ports import PortPair

_START_S = 30.0
_END_S = CONSOLE_S + TERM_S + KILL_S + 5.0
_KEEPER = ("-m", "android_bench.emulator.keeper")


class EmulatorProcess:
    """An emulator that this process started. It ends when this process does, unless it is let go."""

    def __init__(self, keeper: subprocess.Popen[bytes], *, avd: str, port: int, log: Path) -> None:
        self._keeper = keeper
        self._unread = b""
        self._exit_code: int | None = None
        self.avd = avd
        self.port = port
        self.log = log
        self.pid = 0

    @classmethod
    def start(
        cls,
        argv: Sequence[str],
        *,
        avd: str,
        environment: Mapping[str, str],
        ports: PortPair,
        log: Path,
    ) -> EmulatorProcess:
        """Start an emulator; what it prints goes into ``log``. The keeper inherits the ports' lock.

        Raises:
            EmulatorError: it cannot be started at all.
        """
        order = {"argv": list(argv), "port": ports.console, "log": str(log)}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            keeper = subprocess.Popen(
                [sys.executable, *_KEEPER, json.dumps(order)],
                env={**environment, "PYTHONPATH": _python_path(environment)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(ports.lock,),
                start_new_session=True,  # Ctrl-C in a terminal is for the tool, which ends it in order
            )
        made = cls(keeper, avd=avd, port=ports.console, log=log)
        try:
            made._await_start(argv[0])
        except BaseException:
            made.end()
            raise
        return made

    @property
    def serial(self) -> str:
        """How adb calls it."""
        return f"emulator-{self.port}"

    @property
    def keeper_pid(self) -> int:
        """The process to ask for its end, once it was let go."""
        return self._keeper.pid

    def exit_code(self) -> int | None:
        """How the emulator ended by itself, minus a signal's number; ``None`` while it runs."""
        self._receive(0.0)
        if self._exit_code is None and self._keeper.poll() is not None:
            self._receive(0.0)  # its last words may have come in between
            if self._exit_code is None:
                self._exit_code = -signal.SIGKILL  # the keeper was killed, and took it along
        return self._exit_code

    def let_go(self) -> None:
        """Let it go on when this process ends."""
        self._order(b"keep\n")
        self._close()

    def end(self) -> None:
        """End the emulator and wait for it; a second time does nothing."""
        if self._keeper.returncode is not None:
            self._close()
            return
        self._order(b"end\n")
        self._close_input()  # whatever comes now, another Ctrl-C included: it ends
        try:
            self._keeper.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self.pid:
                    os.killpg(self.pid, signal.SIGKILL)
        self._close()

    def _await_start(self, program: str) -> None:
        deadline = time.monotonic() + _START_S
        while not self.pid:
            message = self._receive(max(0.0, deadline - time.monotonic()))
            if "error" in message:
                raise EmulatorError(
                    f"{program} cannot be started: {message['error']}.",
                    hint="Is it whole, and for this machine? android-bench doctor",
                )
            if "pid" not in message and (
                time.monotonic() > deadline or self._keeper.poll() is not None
            ):
                raise EmulatorError(
                    f"The process that watches over {program} did not start.",
                    hint=f"What it said is in {self.log}",
                )

    def _receive(self, wait_s: float) -> dict[str, Any]:
        """Take in what the keeper says; return its last message, empty when there is none."""
        stream = self._keeper.stdout
        message: dict[str, Any] = {}
        if stream is None or stream.closed:
            return message
        while select.select([stream], [], [], wait_s)[0]:
            data = os.read(stream.fileno(), 4096)
            if not data:
                break
            self._unread += data
            wait_s = 0.0
            *lines, self._unread = self._unread.split(b"\n")
            for line in lines:
                message = json.loads(line)
                self.pid = message.get("pid", self.pid)
                self._exit_code = message.get("exit", self._exit_code)
        return message

    def _order(self, order: bytes) -> None:
        stream = self._keeper.stdin
        if stream is not None and not stream.closed:
            with contextlib.suppress(BrokenPipeError):  # it has ended
                stream.write(order)
                stream.flush()

    def _close_input(self) -> None:
        if self._keeper.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._keeper.stdin.close()

    def _close(self) -> None:
        self._close_input()
        if self._keeper.stdout is not None:
            self._keeper.stdout.close()


def _python_path(environment: Mapping[str, str]) -> str:
    """Where the keeper finds this package, however it was found here."""
    here = str(Path(__file__).resolve().parents[2])
    given = environment.get("PYTHONPATH")
    return f"{here}{os.pathsep}{given}" if given else here
