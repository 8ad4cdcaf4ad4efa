"""Free pairs of ports, reserved against other processes of this tool.

Two processes that start emulators at the same moment would see the same pair free. So each pair has a
lock file whose lock the emulator's keeper holds as long as it lives; the system gives it back whatever
ends the keeper.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from android_bench.emulator.console import FIRST_PORT, LAST_PORT, running_avd
from android_bench.emulator.errors import EmulatorError
from android_bench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPair:
    """A console port, adbd's port (the next one), and the descriptor that holds their lock."""

    console: int
    lock: int

    @property
    def adb(self) -> int:
        """Where the device's adbd answers."""
        return self.console + 1


@contextmanager
def reserved_ports(
    locks: Path, *, wanted: int | None = None, without: Container[int] = ()
) -> Iterator[PortPair]:
    """Reserve a free pair while the block runs; who inherits the lock's descriptor keeps it longer.

    ``without`` are console ports that looked free and were not.

    Raises:
        UsageError: ``wanted`` can be no console port.
        EmulatorError: it is taken, or all are.
    """
    if wanted is not None and (wanted % 2 or not FIRST_PORT <= wanted <= LAST_PORT):
        raise UsageError(
            f"{wanted} is no console port.",
            hint=f"An even number from {FIRST_PORT} to {LAST_PORT}; adb answers on the next one.",
        )
    locks.mkdir(parents=True, exist_ok=True)
    candidates = range(FIRST_PORT, LAST_PORT + 1, 2) if wanted is None else (wanted,)
    for port in (one for one in candidates if one not in without):
        lock = os.open(locks / f"{port}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(lock) or not (_is_free(port) and _is_free(port + 1)):
                continue
            yield PortPair(console=port, lock=lock)
            return
        finally:
            os.close(lock)
    if wanted is not None:
        raise EmulatorError(
            f"Port {wanted} or {wanted + 1} is taken{_by(wanted)}.",
            hint="Leave --port out: a free pair is found.",
        )
    raise EmulatorError(
        f"Every pair of ports from {FIRST_PORT} to {LAST_PORT} is taken.",
        hint="android-bench emulator list; android-bench emulator stop --all",
    )


def is_reserved(locks: Path, port: int) -> bool:
    """Whether a process of this tool keeps an emulator on that pair."""
    try:
        lock = os.open(locks / f"{port}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked(lock)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    """Whether the emulator could listen there: it binds loopback with SO_REUSEADDR, as this does."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _by(port: int) -> str:
    name = running_avd(port)
    return f" by an emulator of {name}" if name else ""
