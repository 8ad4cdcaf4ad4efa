"""This computer as a device: the same verbs, run locally."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from android_bench.transport import failures
from android_bench.transport.base import (
    DEFAULT_TIMEOUT_S,
    TRANSFER_TIMEOUT_S,
    Progress,
    ShellResult,
)
from android_bench.transport.file_sync import whole_or_not

_BLOCK_BYTES = 1 << 20
_SIGNAL_BASE = 128


class HostTransport:
    """Runs commands with this computer's ``sh``, each in a process group of its own."""

    is_host = True
    serial = "host"

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`.

        When it takes too long, or on Ctrl-C, the whole group is killed.
        """
        if "\0" in command:
            raise ValueError("a shell command cannot hold a NUL character")
        # Files, not pipes: what the command leaves in the background may hold them open.
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(
                ["sh", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired as error:
                raise failures.too_slow(
                    "This computer", failures.running(command), timeout_s
                ) from error
            finally:
                if process.returncode is None:
                    _end_group(process)
            return ShellResult(
                command=command,
                # A shell that was itself killed reports as shells report their children.
                exit_code=_SIGNAL_BASE - code if code < 0 else code,
                stdout=_text(stdout),
                stderr=_text(stderr),
            )

    def push(
        self,
        source: Path,
        remote: str,
        *,
        mode: int = 0o644,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file; see :class:`~android_bench.transport.base.Transport`."""
        with source.open("rb") as file:
            self._copy(file, Path(remote), f"take {remote}", progress, timeout_s)
        Path(remote).chmod(mode)

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file; see :class:`~android_bench.transport.base.Transport`."""
        try:
            file = Path(remote).open("rb")  # noqa: SIM115 (closed below; opening has its own words)
        except OSError as error:
            raise failures.refused("This computer", f"give {remote}", _words(error)) from error
        with file:
            self._copy(file, destination, f"give {remote}", progress, timeout_s)

    def close(self) -> None:
        """There is nothing to end."""

    def _copy(
        self,
        source: BinaryIO,
        target: Path,
        what: str,
        progress: Progress | None,
        timeout_s: float,
    ) -> None:
        """Copy whole or not at all."""
        deadline = time.monotonic() + timeout_s
        total = os.fstat(source.fileno()).st_size
        done = 0
        try:
            with whole_or_not(target) as file:
                while block := source.read(_BLOCK_BYTES):
                    if time.monotonic() > deadline:
                        raise failures.too_slow("This computer", f"the copy: {what}", timeout_s)
                    file.write(block)
                    done += len(block)
                    if progress is not None:
                        progress(done, total)
        except OSError as error:
            raise failures.refused("This computer", what, _words(error)) from error


def _text(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and all it started, by the id of its own group; take the dead in."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
