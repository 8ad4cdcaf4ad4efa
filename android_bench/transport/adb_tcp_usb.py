"""A device without an adb server: the protocol spoken by adb-shell, over TCP or USB."""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adb_shell import exceptions

from android_bench.errors import (
    DeviceError,
    DeviceNotFoundError,
    DeviceOfflineError,
)
from android_bench.transport import failures
from android_bench.transport.adb_conversation import Conversation, ConversationStream
from android_bench.transport.adb_links import TcpLink, UsbLink
from android_bench.transport.base import (
    DEFAULT_TIMEOUT_S,
    TRANSFER_TIMEOUT_S,
    Progress,
    ShellResult,
)
from android_bench.transport.exit_marker import ExitMarker, encode
from android_bench.transport.file_sync import (
    SyncRefusedError,
    pull_file,
    push_file,
    set_mode,
    whole_or_not,
)
from android_bench.transport.keys import signers

CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
_SLOW = (TimeoutError, exceptions.AdbTimeoutError)
_LOST = (
    OSError,
    exceptions.AdbConnectionError,
    exceptions.InvalidChecksumError,
    exceptions.InvalidCommandError,
    exceptions.InvalidResponseError,
    struct.error,
)

# Why no conversation begins, by the number of the system's error.
_NO_REASON: tuple[type[DeviceError], str, str] = (
    DeviceOfflineError,
    "No conversation with {where} begins: {error}.",
    "Check the address: android-bench devices. Its debugging may need a restart.",
)
_REASONS: dict[int | None, tuple[type[DeviceError], str, str]] = {
    errno.ECONNREFUSED: (
        DeviceNotFoundError,
        "Nothing listens at {where}.",
        "Connect the device over USB once and type: adb tcpip 5555",
    ),
    errno.EBUSY: (
        DeviceOfflineError,
        "USB device {where} is in use, most likely by an adb server.",
        "Go through the server: --device server:{where}  (or end it: adb kill-server)",
    ),
    errno.EACCES: (
        DeviceOfflineError,
        "This user may not open the USB device {where}.",
        "Install Android's udev rules (Debian: android-sdk-platform-tools-common), and replug it.",
    ),
}


class AdbTransport:
    """One conversation with an adbd. It connects when it is first used, and again after a failure."""

    is_host = False

    def __init__(self, link: TcpLink | UsbLink, serial: str) -> None:
        self._link = link
        self._serial = serial
        self._conversation = Conversation(link)
        self._user_is_asked = False

    @classmethod
    def over_tcp(cls, host: str, port: int) -> AdbTransport:
        """A device that listens on TCP (``adb tcpip 5555``, an emulator, a rack)."""
        name = f"[{host}]" if ":" in host else host
        return cls(TcpLink(host, port), f"{name}:{port}")

    @classmethod
    def over_usb(cls, serial: str | None) -> AdbTransport:
        """A device on USB that no adb server holds; ``None`` takes the only one.

        Raises:
            BenchError: the extra ``usb`` is not installed.
            DeviceNotFoundError: libusb sees no such device.
            UsageError: there are several.
        """
        from android_bench.transport.usb import find_usb

        usb, found = find_usb(serial)
        return cls(UsbLink(usb), found)

    @property
    def serial(self) -> str:
        """How the device was addressed."""
        return self._serial

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`. The streams come merged."""
        marker = ExitMarker()
        doing = failures.running(command)
        service = b"exec:" + encode(marker.wrap(command))
        output = bytearray()
        with self._call(timeout_s, doing), self._stream(service) as stream:
            # What the command left in the background may hold the stream open: its end is the marker.
            while (ended := marker.split(output)) is None:
                data = stream.receive()
                if not data:
                    raise failures.lost(self._serial, doing)
                output += data
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
        doing = f"pushing {source.name!r}"
        with (
            source.open("rb") as file,
            self._call(timeout_s, doing),
            self._stream(b"sync:") as stream,
        ):
            try:
                found = push_file(stream, file, remote, mode=mode, progress=progress)
            except SyncRefusedError as error:
                raise failures.refused(self._serial, f"take {remote}", str(error)) from error
        if found != mode:
            set_mode(self, remote, mode)

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the device; see :class:`~android_bench.transport.base.Transport`."""
        doing = f"pulling {remote!r}"
        with (
            whole_or_not(destination) as file,
            self._call(timeout_s, doing),
            self._stream(b"sync:") as stream,
        ):
            try:
                pull_file(stream, remote, file, progress=progress)
            except SyncRefusedError as error:
                raise failures.refused(self._serial, f"give {remote}", str(error)) from error

    def close(self) -> None:
        """End the conversation; the next call starts a new one."""
        self._link.deadline = time.monotonic() + _CLOSE_TIMEOUT_S
        with suppress(*_LOST):
            self._conversation.close()

    @contextmanager
    def _stream(self, service: bytes) -> Iterator[ConversationStream]:
        """A service of the device, ended in good order; after a failure the whole conversation ends."""
        stream = self._conversation.stream(service)
        yield stream
        stream.close()

    @contextmanager
    def _call(self, timeout_s: float, doing: str) -> Iterator[None]:
        """Connect if needed, bound it all, name what goes wrong; a failure ends the conversation."""
        deadline = time.monotonic() + timeout_s
        try:
            if not self._conversation.available:
                self._connect(min(timeout_s, CONNECT_TIMEOUT_S))
            self._link.deadline = deadline
            yield
        except BaseException as error:  # Ctrl-C too leaves it in the middle of a packet
            self.close()
            if isinstance(error, _SLOW):
                raise failures.too_slow(self._serial, doing, timeout_s) from error
            if isinstance(error, _LOST):
                raise failures.lost(self._serial, doing, error) from error
            raise

    def _connect(self, timeout_s: float) -> None:
        """Shake hands and authenticate."""
        self._link.deadline = time.monotonic() + timeout_s
        self._user_is_asked = False
        try:
            self._conversation.begin(
                signers=signers(), when_asked=self._note_question, timeout_s=timeout_s
            )
        except (exceptions.DeviceAuthError, *_SLOW, *_LOST) as error:
            raise self._why_not(error, timeout_s) from error

    def _note_question(self, _conversation: object) -> None:
        self._user_is_asked = True

    def _why_not(self, error: Exception, timeout_s: float) -> DeviceError:
        """The reason why no conversation began, in the user's words."""
        where = self._serial
        if self._user_is_asked or isinstance(error, exceptions.DeviceAuthError):
            return failures.unauthorized(where)
        if "STLS" in str(error):  # the first word of a device that speaks TLS only
            return DeviceOfflineError(
                f"{where} wants TLS (wireless debugging), which only the adb server speaks.",
                hint=f"adb pair and adb connect {where}, then --device server:{where}",
            )
        if isinstance(error, _SLOW):
            return DeviceOfflineError(
                f"{where} does not answer within {timeout_s:g} s.",
                hint="Check address and network, or restart debugging on the device.",
            )
        number = error.errno if isinstance(error, OSError) else None
        kind, message, hint = _REASONS.get(number, _NO_REASON)
        return kind(message.format(where=where, error=error), hint=hint.format(where=where))
