"""The narrow seam between this tool and a device: five verbs, one set of promises.

Every transport keeps the same promises, and the same tests run over all of them:

* ``shell`` returns the command's real exit code, never loses output, and never takes longer than its
  timeout plus a small grace;
* ``push`` leaves the whole file or, on failure, raises; names may hold spaces, quotes and unicode;
* every failure of the device or link is a :class:`~android_bench.errors.DeviceError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) while a file is moved."""

DEFAULT_TIMEOUT_S = 30.0
TRANSFER_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellResult:
    """What a device-side command did. ``stdout`` holds both streams where the protocol merges them."""

    command: str
    exit_code: int
    stdout: str
    stderr: str = ""


class Transport(Protocol):
    """A connection to one device; one connection is one conversation, so one per thread."""

    @property
    def serial(self) -> str:
        """How the device was addressed: ``host``, a serial number, or ``HOST:PORT``."""

    @property
    def is_host(self) -> bool:
        """Whether this is the machine the tool runs on."""

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run ``command`` with the device's ``sh`` and wait for it.

        Its standard input is empty. What it leaves in the background is not waited for, and goes on
        when the call ends or takes too long (on this machine a call that takes too long ends it all).

        Raises:
            DeviceTimeoutError: it took longer than ``timeout_s`` seconds.
            DeviceOfflineError: the device went away.
        """

    def push(
        self,
        source: Path,
        remote: str,
        *,
        mode: int = 0o644,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a local file to ``remote`` (parent folder must exist) with permission bits ``mode``.

        Raises:
            DeviceCommandError: the device refused the file (no space, no permission).
            DeviceOfflineError: the device went away.
        """

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the device to ``destination``, whole or not at all."""

    def close(self) -> None:
        """End the conversation; calling it twice is fine."""
