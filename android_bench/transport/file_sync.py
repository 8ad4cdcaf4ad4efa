"""ADB's ``sync:`` service: how files go to and from a device, over any stream.

One implementation for both ADB transports. The libraries' own lose what the device says when it
refuses a file in the middle (disk full): adb-shell 0.4.4 drops the message and waits for it until its
timeout, adbutils 2.12 keeps only the word FAIL.
"""

from __future__ import annotations

import os
import secrets
import shlex
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from android_bench.errors import BenchError
from android_bench.transport import failures
from android_bench.transport.base import Progress, Transport

# The protocol's bound for one DATA frame, and how many are sent before the device is heard.
_FRAME_BYTES = 64 * 1024
_FRAMES_AT_ONCE = 15
_PATH_BYTES = 1024


class ByteStream(Protocol):
    """Two-way bytes with a device."""

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""

    def answered(self) -> bool:
        """Whether the device has said something that was not read yet."""


class SyncRefusedError(Exception):
    """The device refused a file; the text is its own."""


class LocalFileError(BenchError):
    """This computer's side of a pull failed, not the device's."""


def push_file(
    stream: ByteStream, file: BinaryIO, remote: str, *, mode: int, progress: Progress | None
) -> int:
    """Send an open file; return the permission bits that it has on the device.

    adbd copies the owner's bits to group and others, so they may be more than ``mode``.

    Raises:
        SyncRefusedError: the device refused the file, or holds another size than was sent.
    """
    total = os.fstat(file.fileno()).st_size
    _request(stream, b"SEND", f"{remote},{stat.S_IFREG | mode}")
    done = 0
    # A device that has something to say before the end says no.
    while not stream.answered() and (data := file.read(_FRAME_BYTES * _FRAMES_AT_ONCE)):
        stream.write(_frames(data))
        done += len(data)
        if progress is not None:
            progress(done, total)
    last = b"DONE" + struct.pack("<I", int(time.time()))
    heard_early = stream.answered()
    if not heard_early:
        stream.write(last)
    try:
        _expect(stream, b"OKAY")
    except SyncRefusedError:
        # adbd removes the part it has only after the end of what was announced; then it answers again
        # or hangs up, and either shows that it is done.
        with suppress(OSError):
            if heard_early:
                stream.write(last)
            _stat(stream, remote)
        raise
    found_mode, size = _stat(stream, remote)
    if size != done & 0xFFFFFFFF:
        raise SyncRefusedError(f"{done} bytes were sent and {size} are there")
    return stat.S_IMODE(found_mode)


def pull_file(
    stream: ByteStream, remote: str, target: BinaryIO, *, progress: Progress | None
) -> None:
    """Write a file of the device to ``target``.

    Raises:
        SyncRefusedError: the device does not give the file.
        LocalFileError: this computer's disk is full.
    """
    _, total = _stat(stream, remote)
    _request(stream, b"RECV", remote)
    done = 0
    while (kind := _expect(stream, b"DATA", b"DONE"))[0] == b"DATA":
        data = stream.read(kind[1])
        try:
            target.write(data)
        except OSError as error:
            raise LocalFileError(
                f"This computer cannot keep {remote}: {error.strerror}."
            ) from error
        done += len(data)
        if progress is not None:
            progress(done, max(total, done))


@contextmanager
def whole_or_not(destination: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes ``destination`` when the block ends well, and vanishes if not."""
    part = destination.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def set_mode(transport: Transport, remote: str, mode: int) -> None:
    """Give a pushed file exactly the bits that were asked for.

    Raises:
        DeviceCommandError: the device's file system does not let it.
    """
    done = transport.shell(f"chmod {mode:o} {shlex.quote(remote)}")
    if done.exit_code:
        raise failures.refused(transport.serial, f"chmod {remote}", done.stderr or done.stdout)


def _frames(data: bytes) -> bytes:
    view = memoryview(data)
    pieces: list[bytes | memoryview] = []
    for start in range(0, len(view), _FRAME_BYTES):
        piece = view[start : start + _FRAME_BYTES]
        pieces += [b"DATA" + struct.pack("<I", len(piece)), piece]
    return b"".join(pieces)


def _stat(stream: ByteStream, remote: str) -> tuple[int, int]:
    """The mode (0 for what is not there) and the size in bytes modulo 2**32."""
    _request(stream, b"STAT", remote)
    if stream.read(4) != b"STAT":
        raise ConnectionResetError("the device's answer makes no sense")
    mode, size, _ = struct.unpack("<III", stream.read(12))
    return mode, size


def _request(stream: ByteStream, kind: bytes, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    if len(data) > _PATH_BYTES:
        raise SyncRefusedError("File name too long")
    stream.write(kind + struct.pack("<I", len(data)) + data)


def _expect(stream: ByteStream, *kinds: bytes) -> tuple[bytes, int]:
    """Read a frame's head; the second part is the length of what follows."""
    kind, size = struct.unpack("<4sI", stream.read(8))
    if kind == b"FAIL":
        raise SyncRefusedError(stream.read(size).decode("utf-8", "replace"))
    if kind not in kinds:
        raise ConnectionResetError(f"the device answered {kind!r}")
    return kind, size
