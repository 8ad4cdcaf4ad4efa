"""A device through a running adb server: USB devices it owns, wireless debugging, emulators."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from android_bench.errors import (
    DeviceCommandError,
    DeviceError,
    DeviceNotFoundError,
    DeviceOfflineError,
    DeviceTimeoutError,
    DeviceUnauthorizedError,
)
from android_bench.transport.base import (
    DEFAULT_TIMEOUT_S,
    TRANSFER_TIMEOUT_S,
    Progress,
    ShellResult,
)

DEFAULT_PORT = 5037


def server_address() -> tuple[str, int]:
    """Where the adb server is expected, by the variables that the adb client knows."""
    spec = os.environ.get("ADB_SERVER_SOCKET", "")
    found = re.fullmatch(r"tcp:(?:(.+):)?(\d+)", spec)
    if found:
        return found[1] or "127.0.0.1", int(found[2])
    host = os.environ.get("ANDROID_ADB_SERVER_ADDRESS") or "127.0.0.1"
    port = os.environ.get("ANDROID_ADB_SERVER_PORT", "")
    return host, int(port) if port.isdigit() else DEFAULT_PORT


def server_runs() -> bool:
    """Whether an adb server answers; none is started."""
    try:
        socket.create_connection(server_address(), timeout=1.0).close()
    except OSError:
        return False
    return True


def server_devices() -> dict[str, str]:
    """The devices of a running server and their states (``device``, ``unauthorized``, ``offline``, …)."""
    if not server_runs():
        return {}
    return {item.serial: item.state for item in _client(timeout_s=5.0).list()}


class AdbServerTransport:
    """One device of a running adb server, spoken to by adbutils with the shell protocol version 2."""

    is_host = False

    def __init__(self, serial: str) -> None:
        self._serial = serial

    @classmethod
    def open(cls, serial: str) -> AdbServerTransport:
        """Check that the server knows the device and that it can be used.

        Raises:
            DeviceNotFoundError: no server runs, or it does not know the serial.
            DeviceUnauthorizedError: the device did not accept the server's key.
            DeviceOfflineError: the server sees it and cannot use it.
        """
        if not server_runs():
            host, port = server_address()
            raise DeviceNotFoundError(f"No adb server runs at {host}:{port}.", hint="adb start-server")
        state = server_devices().get(serial)
        if state is None:
            raise DeviceNotFoundError(
                f"The adb server knows no device {serial}.", hint="android-bench devices"
            )
        raise_for_state(serial, state)
        return cls(serial)

    @property
    def serial(self) -> str:
        """How the device was addressed."""
        return self._serial

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`."""
        with self._call(timeout_s, f"running {command[:60]!r}"):
            done = self._device(timeout_s).shell2(command, timeout=timeout_s, v2=True, encoding=None)
        return ShellResult(
            command=command,
            exit_code=done.returncode,
            stdout=done.stdout.decode("utf-8", "replace"),
            stderr=done.stderr.decode("utf-8", "replace"),
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
        """Copy a file to the device; see :class:`~android_bench.transport.base.Transport`."""
        with self._call(timeout_s, f"pushing {source.name!r}", remote=remote), source.open("rb") as file:
            reader = _Reported(file, source.stat().st_size, progress)
            self._device(timeout_s).sync.push(reader, remote, mode=mode)

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the device; see :class:`~android_bench.transport.base.Transport`."""
        handle, part = tempfile.mkstemp(dir=destination.parent, prefix=".pull.")
        try:
            with (
                os.fdopen(handle, "wb") as file,
                self._call(timeout_s, f"pulling {remote!r}", remote=remote),
            ):
                sync = self._device(timeout_s).sync
                total = sync.stat(remote).size
                done = 0
                for piece in sync.iter_content(remote):
                    file.write(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, total)
            os.replace(part, destination)
        finally:
            Path(part).unlink(missing_ok=True)

    def close(self) -> None:
        """Each call has a connection of its own: there is nothing to end."""

    def _device(self, timeout_s: float) -> Any:
        return _client(timeout_s=timeout_s).device(self._serial)

    @contextmanager
    def _call(self, timeout_s: float, doing: str, *, remote: str | None = None) -> Iterator[None]:
        """Name what goes wrong."""
        from adbutils import AdbError, AdbTimeout

        try:
            yield
        except DeviceError:
            raise
        except (AdbTimeout, TimeoutError) as error:
            raise DeviceTimeoutError(
                f"{self._serial} took longer than {timeout_s:g} s for {doing}.",
                hint="Is the device responsive? android-bench devices",
            ) from error
        except AdbError as error:
            state = server_devices().get(self._serial)
            if remote is not None and state == "device":
                raise DeviceCommandError(
                    f"The device refused while {doing} to or from {remote}: {error}",
                    command=doing,
                    exit_code=1,
                    output=str(error),
                ) from error
            raise_for_state(self._serial, state or "gone")
            raise self._lost(doing, error) from error
        except (OSError, ValueError, IndexError) as error:  # a stream that ends in mid-answer
            raise self._lost(doing, error) from error

    def _lost(self, doing: str, error: Exception) -> DeviceOfflineError:
        return DeviceOfflineError(
            f"{self._serial} went away while {doing} ({error}).",
            hint="Is the device still connected? android-bench devices",
        )


def raise_for_state(serial: str, state: str) -> None:
    """Raise what a server's word for a device means; ``device`` is fine.

    Raises:
        DeviceUnauthorizedError: the dialog on the device was not accepted.
        DeviceOfflineError: any other state.
    """
    if state == "device":
        return
    if state in {"unauthorized", "authorizing"}:
        raise DeviceUnauthorizedError(
            f"{serial} is {state}.",
            hint="Unlock the device, accept the dialog 'Allow USB debugging?', and try again.",
        )
    raise DeviceOfflineError(
        f"The adb server says that {serial} is {state}.", hint="adb reconnect, or replug the cable"
    )


class _Reported:
    """A file whose reading is reported, for adbutils has no progress of its own."""

    def __init__(self, file: Any, total: int, progress: Progress | None) -> None:
        self._file, self._total, self._progress = file, total, progress
        self._done = 0

    def read(self, count: int = -1) -> bytes:
        """Read and report."""
        data: bytes = self._file.read(count)
        self._done += len(data)
        if self._progress is not None and data:
            self._progress(self._done, self._total)
        return data


def _client(*, timeout_s: float) -> Any:
    from adbutils import AdbClient

    host, port = server_address()
    return AdbClient(host=host, port=port, socket_timeout=timeout_s)
