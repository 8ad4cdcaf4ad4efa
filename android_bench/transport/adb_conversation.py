"""The ADB protocol spoken by adb-shell, with streams of our own on top of it.

adb-shell's :class:`AdbDevice` brings the handshake, the keys and the packets. What it lacks is here: a
stream that hears the device while it sends, commands as bytes, and a fast checksum.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from adb_shell import constants
from adb_shell.adb_device import AdbDevice
from adb_shell.adb_message import AdbMessage

# The link's deadline bounds every wait; adb-shell's own clock only must not run out before it.
_NO_LIMIT_S = 1e6
# Adler-32's lower half is 1 + the sum of the bytes modulo 65521, exact for as many bytes as this.
_EXACT_BYTES = 256


class _Packet(AdbMessage):  # type: ignore[misc]
    """A packet whose checksum takes 1.4 ms a MiB; adb-shell's takes 8.4 ms, most of a push."""

    @property
    def checksum(self) -> int:
        """The sum of all bytes, as the protocol wants it."""
        view = memoryview(self.data)
        adler = zlib.adler32
        blocks = range(0, len(view), _EXACT_BYTES)
        return sum([(adler(view[at : at + _EXACT_BYTES]) & 0xFFFF) - 1 for at in blocks])


class Conversation(AdbDevice):  # type: ignore[misc]
    """One connection to an adbd."""

    def begin(
        self, *, signers: list[Any], when_asked: Callable[[Any], None], timeout_s: float
    ) -> None:
        """Connect and authenticate. ``when_asked`` is called when the device asks its user."""
        self.connect(
            rsa_keys=signers,
            transport_timeout_s=timeout_s,
            auth_timeout_s=timeout_s,
            read_timeout_s=timeout_s,
            auth_callback=when_asked,
        )

    def stream(self, service: bytes) -> ConversationStream:
        """Open a service of the device."""
        return ConversationStream(self, service)

    def open_service(self, service: bytes) -> Any:
        """Open a service; return what adb-shell knows it by."""
        return self._open(service, None, _NO_LIMIT_S, None)

    def hear(self, opened: Any, *kinds: bytes) -> tuple[bytes, bytes]:
        """Wait for a packet of one of the kinds; return its kind and data. Data is acknowledged."""
        kind, data = self._read_until([*kinds, constants.CLSE], opened)
        return kind, bytes(data)

    def say(self, opened: Any, kind: bytes, data: bytes = b"") -> None:
        """Send a packet."""
        self._io_manager.send(_Packet(kind, opened.local_id, opened.remote_id, data), opened)

    @property
    def packet_bytes(self) -> int:
        """The most that one packet may carry."""
        return int(self._maxdata)


class ConversationStream:
    """One open service. Reading past the device's end raises :class:`ConnectionResetError`."""

    def __init__(self, conversation: Conversation, service: bytes) -> None:
        self._conversation = conversation
        self._opened = conversation.open_service(service)
        self._heard = bytearray()
        self._ended = False

    def receive(self) -> bytes:
        """Return what the device sends next; nothing means that it has ended the stream."""
        if len(self._heard) == 0 and not self._ended:
            self._listen(constants.WRTE)
        data = bytes(self._heard)
        self._heard.clear()
        return data

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        while len(self._heard) < count:
            if self._ended:
                raise ConnectionResetError("the device ended the conversation")
            self._listen(constants.WRTE)
        data = bytes(self._heard[:count])
        del self._heard[:count]
        return data

    def write(self, data: bytes) -> None:
        """Send all of ``data``, packet by packet; what the device says meanwhile is kept."""
        step = self._conversation.packet_bytes
        for start in range(0, len(data), step):
            if self._ended:
                raise ConnectionResetError("the device ended the conversation")
            self._conversation.say(self._opened, constants.WRTE, data[start : start + step])
            while self._listen(constants.OKAY, constants.WRTE) == constants.WRTE:
                pass

    def answered(self) -> bool:
        """Whether the device has said something that was not read yet."""
        return bool(self._heard) or self._ended

    def close(self) -> None:
        """End the stream and wait until the device has; twice is fine."""
        self._conversation.say(self._opened, constants.CLSE)
        while not self._ended:
            self._listen(constants.WRTE, constants.OKAY)

    def _listen(self, *kinds: bytes) -> bytes:
        kind, data = self._conversation.hear(self._opened, *kinds)
        self._ended = kind == constants.CLSE
        self._heard += data
        return kind
