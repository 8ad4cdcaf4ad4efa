"""The emulator's console: one line a command, answered until ``OK`` or ``KO: reason``.

From AOSP's external/qemu, android/console.c: before ``auth TOKEN`` only ``help``, ``ping``, ``avd name``
and ``quit`` are known; the token is in ``~/.emulator_console_auth_token``, and an empty file turns the
question off. It listens on loopback only. Standard library only: the keeper's process imports it.
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

FIRST_PORT, LAST_PORT = 5554, 5682
"""Console ports of -port, even numbers; adbd answers on the next one (developer.android.com)."""

_ASK_TIMEOUT_S = 5.0
_SCAN_S = 3.0
_LONGEST_ANSWER = 1 << 16


class ConsoleError(Exception):
    """What answers is no emulator's console, or it refused; the text says what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An emulator that runs on this machine, whoever started it."""

    port: int
    avd: str

    @property
    def serial(self) -> str:
        """How adb calls it."""
        return f"emulator-{self.port}"


class Console:
    """One conversation. Every wait is bounded."""

    def __init__(self, port: int, *, timeout_s: float = _ASK_TIMEOUT_S) -> None:
        """Connect and read the greeting.

        Raises:
            OSError: nobody listens there, or nothing came in time.
            ConsoleError: it greets like no emulator.
        """
        self._deadline = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._unread = b""
        try:
            greeting = self._answer()
        except BaseException:
            self._socket.close()
            raise
        if not any("Android Console" in line for line in greeting):
            self._socket.close()
            raise ConsoleError(f"port {port} greets with {greeting[:1]}")
        self.wants_token = any("Authentication required" in line for line in greeting)

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def ask(self, command: str) -> list[str]:
        """Send a command; return the lines before its ``OK``.

        Raises:
            OSError: it went away or took too long.
            ConsoleError: it answered ``KO``.
        """
        self._deadline = time.monotonic() + self._timeout_s
        self._socket.settimeout(self._timeout_s)
        self._socket.sendall(f"{command}\n".encode())
        return self._answer()

    def authenticate(self) -> None:
        """Show the user's token if it is asked for.

        Raises:
            OSError: the token cannot be read.
            ConsoleError: it is not the right one.
        """
        if self.wants_token:
            self.ask(f"auth {token_path().read_text(encoding='utf-8').strip()}")

    def avd_name(self) -> str:
        """The name of the virtual device that runs."""
        lines = [line for line in self.ask("avd name") if line]
        if not lines:
            raise ConsoleError("it does not tell its name")
        return lines[-1]

    def _answer(self) -> list[str]:
        lines: list[str] = []
        size = 0
        while True:
            line = self._line()
            size += len(line)
            if line.startswith("KO"):
                raise ConsoleError(line.partition(":")[2].strip() or line)
            if line == "OK" or line.startswith("OK:"):
                return lines
            if size > _LONGEST_ANSWER:
                raise ConsoleError("it does not stop talking")
            lines.append(line)

    def _line(self) -> str:
        while b"\n" not in self._unread:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the console took too long")
            self._socket.settimeout(left)
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionResetError("the console closed the connection")
            self._unread += data
            if len(self._unread) > _LONGEST_ANSWER:
                raise ConsoleError("its line does not end")
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("utf-8", "replace").strip()


def token_path() -> Path:
    """Where the emulator keeps the console's token."""
    return Path.home() / ".emulator_console_auth_token"


def running_avd(port: int, *, timeout_s: float = 10.0) -> str | None:
    """The name of the virtual device behind a console port; ``None`` when none answers.

    An emulator that boots on a busy machine may say nothing for seconds.
    """
    try:
        with closing(Console(port, timeout_s=timeout_s)) as console:
            return console.avd_name()
    except (OSError, ConsoleError):
        return None


def running_emulators() -> tuple[Found, ...]:
    """The emulators of this machine, by asking every port that the emulator uses."""
    ports = range(FIRST_PORT, LAST_PORT + 1, 2)
    # A port without a listener refuses at once; one that says nothing costs its timeout.
    with ThreadPoolExecutor(max_workers=16) as workers:
        names = list(workers.map(lambda port: running_avd(port, timeout_s=_SCAN_S), ports))
    return tuple(
        Found(port=port, avd=name) for port, name in zip(ports, names, strict=True) if name
    )


def ask_to_end(port: int) -> bool:
    """Ask an emulator to end itself, which leaves its disks whole; whether it said yes.

    Nobody but its owner may call this: the port alone does not say whose it is.
    """
    try:
        with closing(Console(port)) as console:
            console.authenticate()
            console.ask("kill")
    except (OSError, ConsoleError):
        return False
    return True
