"""A device without an adb server: the protocol spoken by adb-shell, over TCP or USB."""

from __future__ import annotations

import os
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adb_shell import exceptions
from adb_shell.adb_device import AdbDevice

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
from android_bench.transport.exit_marker import ExitMarker
from android_bench.transport.keys import load_signer
from android_bench.transport.tcp_socket import TcpSocket

CONNECT_TIMEOUT_S = 10.0
_LOST = (OSError, exceptions.AdbConnectionError, exceptions.InvalidResponseError, exceptions.InvalidCommandError)
_SLOW = (exceptions.TcpTimeoutException, exceptions.AdbTimeoutError, TimeoutError)


class AdbTransport:
    """One conversation with an adbd. It connects when it is first used, and again after a failure."""

    is_host = False

    def __init__(self, link: Any, serial: str) -> None:
        self._link = link
        self._serial = serial
        self._device = AdbDevice(link)

    @classmethod
    def over_tcp(cls, host: str, port: int) -> AdbTransport:
        """A device that listens on TCP (``adb tcpip 5555``, an emulator, a rack)."""
        return cls(TcpSocket(host, port), f"{host}:{port}")

    @classmethod
    def over_usb(cls, serial: str | None) -> AdbTransport:
        """A device on USB that no adb server holds; ``None`` takes the first.

        Raises:
            DeviceNotFoundError: libusb sees no such device, or something else holds it.
        """
        from android_bench.transport.usb import open_usb

        link, found = open_usb(serial, timeout_s=CONNECT_TIMEOUT_S)
        return cls(link, found)

    @property
    def serial(self) -> str:
        """How the device was addressed."""
        return self._serial

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`. The streams come merged."""
        marker = ExitMarker()
        with self._call(timeout_s, f"running {command[:60]!r}"):
            output = self._device.exec_out(
                marker.wrap(command),
                transport_timeout_s=timeout_s,
                read_timeout_s=timeout_s,
                timeout_s=timeout_s,
                decode=False,
            )
        ended = marker.split(output)
        if ended is None:
            self.close()
            raise DeviceOfflineError(
                f"{self._serial} ended the conversation while running {command[:60]!r}.",
                hint="Is the device still connected? android-bench devices",
            )
        return ShellResult(
            command=command, exit_code=ended[1], stdout=ended[0].decode("utf-8", "replace")
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
        report = _Cumulative(progress)
        with self._call(timeout_s, f"pushing {source.name!r}"):
            try:
                self._device.push(
                    str(source),
                    remote,
                    st_mode=0o100000 | mode,
                    progress_callback=report if progress else None,
                    transport_timeout_s=timeout_s,
                    read_timeout_s=timeout_s,
                )
            except exceptions.PushFailedError as error:
                raise _refused("push", remote, _words(error)) from error
            except (KeyError, struct.error) as error:
                # A refusal in mid-push (disk full): adb-shell 0.4.4 trips over the device's words.
                raise _refused("push", remote, "it gave up in the middle") from error

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the device; see :class:`~android_bench.transport.base.Transport`."""
        report = _Cumulative(progress)
        handle, part = tempfile.mkstemp(dir=destination.parent, prefix=".pull.")
        os.close(handle)
        try:
            with self._call(timeout_s, f"pulling {remote!r}"):
                try:
                    self._device.pull(
                        remote,
                        part,
                        progress_callback=report if progress else None,
                        transport_timeout_s=timeout_s,
                        read_timeout_s=timeout_s,
                    )
                except exceptions.AdbCommandFailureException as error:
                    raise _refused("pull", remote, _words(error)) from error
            os.replace(part, destination)
        finally:
            Path(part).unlink(missing_ok=True)

    def close(self) -> None:
        """End the conversation; the next call starts a new one."""
        try:
            self._device.close()
        except _LOST:
            pass

    @contextmanager
    def _call(self, timeout_s: float, doing: str) -> Iterator[None]:
        """Connect if needed, bound what follows, and name what goes wrong."""
        self._set_deadline(timeout_s)
        try:
            if not self._device.available:
                self._connect()
                self._set_deadline(timeout_s)
            yield
        except DeviceCommandError:
            # The sync conversation broke off in the middle; begin the next call afresh.
            self.close()
            raise
        except DeviceError:
            raise
        except _SLOW as error:
            self.close()
            raise DeviceTimeoutError(
                f"{self._serial} took longer than {timeout_s:g} s for {doing}.",
                hint="Is the device responsive? android-bench devices",
            ) from error
        except _LOST as error:
            self.close()
            raise DeviceOfflineError(
                f"{self._serial} went away while {doing} ({error}).",
                hint="Is the device still connected? android-bench devices",
            ) from error
        except BaseException:  # Ctrl-C leaves the conversation in the middle of a message
            self.close()
            raise

    def _set_deadline(self, timeout_s: float) -> None:
        if isinstance(self._link, TcpSocket):
            self._link.deadline = time.monotonic() + timeout_s

    def _connect(self) -> None:
        """Shake hands and authenticate."""
        self._set_deadline(CONNECT_TIMEOUT_S)
        try:
            self._device.connect(
                rsa_keys=[load_signer()],
                transport_timeout_s=CONNECT_TIMEOUT_S,
                auth_timeout_s=CONNECT_TIMEOUT_S,
                read_timeout_s=CONNECT_TIMEOUT_S,
            )
        except (exceptions.DeviceAuthError, *_SLOW, *_LOST) as error:
            self.close()
            raise self._why_not(error) from error

    def _why_not(self, error: Exception) -> DeviceError:
        """The reason why no conversation began, in the user's words."""
        where = self._serial
        if isinstance(error, ConnectionRefusedError):
            return DeviceNotFoundError(
                f"Nothing listens at {where}.",
                hint="On the device: Developer options, or over USB first: adb tcpip 5555",
            )
        if isinstance(error, exceptions.DeviceAuthError) or "AUTH" in str(error):
            return DeviceUnauthorizedError(
                f"{where} does not accept this computer's key.",
                hint="Unlock the device, accept the dialog 'Allow USB debugging?', and try again.",
            )
        if "STLS" in str(error) or "1397509203" in str(error):
            return DeviceOfflineError(
                f"{where} wants TLS (wireless debugging), which only the adb server speaks.",
                hint=f"adb pair and adb connect it once, then --device server:{where}",
            )
        if isinstance(error, _SLOW):
            return DeviceOfflineError(
                f"{where} accepts the connection and says nothing for {CONNECT_TIMEOUT_S:g} s.",
                hint="Accept the dialog on the device if there is one, or restart its adbd.",
            )
        return DeviceOfflineError(
            f"{where} cannot be reached ({error}).", hint="Check the address: android-bench devices"
        )


class _Cumulative:
    """adb-shell reports the size of each piece; a bar wants the sum."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, _path: str, count: int, total: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(self._done, total)


def _words(error: Exception) -> str:
    """What the device said, as text."""
    said = error.args[0] if error.args else str(error)
    return bytes(said).decode("utf-8", "replace") if isinstance(said, bytes | bytearray) else str(said)


def _refused(verb: str, remote: str, words: str) -> DeviceCommandError:
    return DeviceCommandError(
        f"The device refused to {verb} {remote}: {words}",
        command=f"{verb} {remote}",
        exit_code=1,
        output=words,
    )
