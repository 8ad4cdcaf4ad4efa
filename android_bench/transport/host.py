"""This machine as a device: the same verbs, run locally."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from android_bench.errors import DeviceCommandError, DeviceTimeoutError
from android_bench.transport.base import (
    DEFAULT_TIMEOUT_S,
    TRANSFER_TIMEOUT_S,
    Progress,
    ShellResult,
)


class HostTransport:
    """Runs commands with this machine's ``sh``, each in a process group of its own."""

    is_host = True
    serial = "host"

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`."""
        process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _end_group(process)
            raise DeviceTimeoutError(
                f"This computer took longer than {timeout_s:g} s for running {command[:60]!r}."
            ) from error
        except BaseException:
            _end_group(process)
            raise
        code = process.returncode
        return ShellResult(
            command=command,
            # A shell that was itself killed reports as shells report their children.
            exit_code=128 - code if code < 0 else code,
            stdout=stdout.decode("utf-8", "replace"),
            stderr=stderr.decode("utf-8", "replace"),
        )

    def push(
        self,
        source: Path,
        remote: str,
        *,
        mode: int = 0o644,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,  # noqa: ARG002 (a local copy is not bounded)
    ) -> None:
        """Copy a file; see :class:`~android_bench.transport.base.Transport`."""
        self._copy(source, Path(remote), verb="push")
        Path(remote).chmod(mode)
        if progress is not None:
            size = source.stat().st_size
            progress(size, size)

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,  # noqa: ARG002
    ) -> None:
        """Copy a file; see :class:`~android_bench.transport.base.Transport`."""
        self._copy(Path(remote), destination, verb="pull")
        if progress is not None:
            size = destination.stat().st_size
            progress(size, size)

    def close(self) -> None:
        """There is nothing to end."""

    def _copy(self, source: Path, target: Path, *, verb: str) -> None:
        """Copy whole or not at all."""
        part: str | None = None
        try:
            handle, part = tempfile.mkstemp(dir=target.parent, prefix=".copy.")
            os.close(handle)
            shutil.copyfile(source, part)
            os.replace(part, target)
        except OSError as error:
            if part is not None:
                Path(part).unlink(missing_ok=True)
            raise DeviceCommandError(
                f"This computer refused to {verb} {source} to {target}: {error.strerror}.",
                command=f"{verb} {source} {target}",
                exit_code=1,
                output=str(error),
            ) from error


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and all it started, by the id of its own group; take the dead in."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()
