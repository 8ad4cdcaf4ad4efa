"""A tagged ``.tflite`` from the outside: a flatbuffer, and a ZIP archive of files behind it.

tflite-support's own populator unpacks the whole model and packs it again with the schema of its
release: operators and fields that are newer than that are lost without a word. Here the model's
bytes stay as they are. A new root is put in front, whose vectors point into the old model
(flatbuffer offsets only point forward), with the metadata as one more buffer::

    0   root offset, "TFL3", MARKER, size of this front part
    24  Model table: the old fields, but with new vectors of buffers and metadata
        new Buffer and Metadata tables, the metadata itself (16-byte aligned)
    n   the model as it was, byte for byte (n is a multiple of 64: alignment is kept)
        ZIP archive with the associated files

A file tagged here is taken apart to exactly the bytes that were tagged. Names in the archive are
data: nothing here opens a path with them.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import MetadataError, ModelError

IDENTIFIER = b"TFL3"
METADATA_NAME = b"TFLITE_METADATA"
MARKER = b"AndroidBench"
MAX_PACKED_BYTES = 64 << 20

_FRONT_ALIGNMENT = 64
_VERSION, _BUFFERS, _METADATA = 0, 4, 6
_MODEL_FIELDS = 8
_EARLIEST_ZIP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedModel:
    """A file taken apart: the model without our front part, its metadata, the packed files."""

    model: bytes
    metadata: bytes | None
    files: dict[str, bytes]


def read_model(path: Path) -> bytes:
    """Return the bytes of a file that is at least called TFLite inside.

    Raises:
        ModelError: the file is missing, unreadable, empty, too short or something else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The model {path} cannot be read: {error.strerror or error}.",
            hint="give the path of a .tflite file",
        ) from error
    if not content:
        raise ModelError(f"The model {path} is empty (0 bytes).", hint="build or copy it again")
    if len(content) < 8 or content[4:8] != IDENTIFIER:
        raise ModelError(
            f"{path} is not a TFLite model: it lacks the identifier 'TFL3'.",
            hint="convert it first: android-bench optimize MODEL --recipe float32",
        )
    return content


def take_apart(content: bytes, *, origin: str) -> TaggedModel:
    """Split a ``.tflite`` into model, metadata and packed files.

    Raises:
        ModelError: the flatbuffer is damaged; ``origin`` names the file in the message.
        MetadataError: the packed files are damaged or unpack to more than 64 MiB.
    """
    flat, files = _split_archive(content, origin)
    try:
        metadata = _find_metadata(flat)
        if flat[8:20] == MARKER:
            (front,) = struct.unpack_from("<I", flat, 20)
            if 24 < front <= len(flat) - 8 and flat[front + 4 : front + 8] == IDENTIFIER:
                flat = flat[front:]
    except (struct.error, IndexError) as error:
        raise ModelError(
            f"{origin} is damaged: {error}.", hint="build or copy the file again"
        ) from error
    return TaggedModel(model=flat, metadata=metadata, files=files)


def put_together(model: bytes, metadata: bytes, files: Mapping[str, bytes], *, origin: str) -> bytes:
    """Return ``model`` with ``metadata`` in its flatbuffer and ``files`` packed behind it.

    The same inputs give the same bytes. Metadata that the model had is put out of use.

    Raises:
        ModelError: the model's flatbuffer is damaged, or of a kind that this cannot carry.
    """
    try:
        front = _front(model, metadata)
    except (struct.error, IndexError) as error:
        raise ModelError(
            f"{origin} is damaged: {error}.", hint="build or copy the file again"
        ) from error
    stream = io.BytesIO()
    stream.write(front)
    stream.write(model)
    if files:
        # Stored, not deflated: the Task Library maps the files where they lie.
        with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
            for name, data in files.items():
                entry = zipfile.ZipInfo(name, date_time=_EARLIEST_ZIP)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, data)
    return stream.getvalue()


def _split_archive(content: bytes, origin: str) -> tuple[bytes, dict[str, bytes]]:
    """Return what lies before the archive, and the files in the archive."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content, {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            # The sizes are the archive's own claim; reading stops at the claim, so it can be used.
            total = sum(entry.file_size for entry in entries)
            if total > MAX_PACKED_BYTES:
                raise MetadataError(
                    f"The files packed in {origin} unpack to {total:,} bytes; "
                    f"the limit is {MAX_PACKED_BYTES:,}.",
                    hint="do not use this file: it looks like a zip bomb",
                )
            files = {entry.filename: archive.read(entry) for entry in entries}
            start = min((entry.header_offset for entry in archive.infolist()), default=len(content))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise MetadataError(
            f"The files packed in {origin} cannot be read: {error}.",
            hint="build or copy the file again",
        ) from error
    if start < 8:
        raise MetadataError(
            f"The files packed in {origin} claim to lie inside the model.",
            hint="build or copy the file again",
        )
    return content[:start], files


def _u32(data: bytes, at: int) -> int:
    if at < 0:
        raise IndexError(f"an offset points before the file ({at})")
    value: int = struct.unpack_from("<I", data, at)[0]
    return value


def _field(data: bytes, table: int, index: int) -> int | None:
    """Return where field ``index`` of the table at ``table`` lies, ``None`` when it is not set."""
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    if vtable < 0:
        raise IndexError("a table's description lies before the file")
    size = int(struct.unpack_from("<H", data, vtable)[0])
    slot = 4 + 2 * index
    if slot + 2 > size:
        return None
    offset = int(struct.unpack_from("<H", data, vtable + slot)[0])
    return table + offset if offset else None


def _vector(data: bytes, at: int | None) -> list[int]:
    """Return the positions that a vector of tables points to; ``at`` is the field with its offset."""
    if at is None:
        return []
    start = at + _u32(data, at)
    count = _u32(data, start)
    if start + 4 + 4 * count > len(data):
        raise IndexError(f"a list of {count} entries goes beyond the end of the file")
    places = range(start + 4, start + 4 + 4 * count, 4)
    return [place + _u32(data, place) for place in places]


def _blob(data: bytes, at: int | None) -> bytes:
    """Return the string or byte vector whose offset is in the field at ``at``."""
    if at is None:
        return b""
    start = at + _u32(data, at)
    end = start + 4 + _u32(data, start)
    if end > len(data):
        raise IndexError("a byte vector goes beyond the end of the file")
    return data[start + 4 : end]


def _metadata_entries(data: bytes) -> list[tuple[int, bytes, int]]:
    """Return the model's metadata entries: place of the table, name, index of the buffer."""
    entries = []
    for table in _vector(data, _field(data, _u32(data, 0), _METADATA)):
        index = _field(data, table, 1)
        name = _blob(data, _field(data, table, 0))
        entries.append((table, name, 0 if index is None else _u32(data, index)))
    return entries


def _find_metadata(data: bytes) -> bytes | None:
    """Return the content of the TFLITE_METADATA buffer, ``None`` when there is none."""
    for _, name, index in _metadata_entries(data):
        if name == METADATA_NAME:
            buffer = _vector(data, _field(data, _u32(data, 0), _BUFFERS))[index]
            return _blob(data, _field(data, buffer, 0))
    return None


def _front(model: bytes, metadata: bytes) -> bytes:
    """Return the front part: everything that is put before the model (drawn above)."""
    root = _u32(model, 0)
    if _field(model, root, _MODEL_FIELDS) is not None:
        raise ModelError(
            "The model uses a TFLite schema newer than this version knows.",
            hint="update android-bench",
        )
    buffers = _vector(model, _field(model, root, _BUFFERS))
    for buffer in buffers:
        external = _field(model, buffer, 1)
        if external is not None and _u32(model, external) > 1:
            raise ModelError(
                "The model keeps its weights behind the flatbuffer (the format for more than "
                "2 GB), which cannot be tagged.",
                hint="use a model below 2 GB",
            )
    entries = _metadata_entries(model)
    stale = {index for _, name, index in entries if name == METADATA_NAME}
    kept = [table for table, name, _ in entries if name != METADATA_NAME]

    out = bytearray(struct.pack("<I4s12sI", 0, IDENTIFIER, MARKER, 0))
    into_model: list[tuple[int, int]] = []  # where an offset stands, and its target in the model

    def add(form: str, *values: int | bytes) -> int:
        at = len(out)
        out.extend(struct.pack("<" + form, *values))
        return at

    def align(size: int, lead: int = 0) -> None:
        out.extend(bytes(-(len(out) + lead) % size))

    def point(at: int, target: int) -> None:
        struct.pack_into("<I", out, at, target - at)

    present = [_field(model, root, index) for index in range(_MODEL_FIELDS)]
    slots = [
        4 + 4 * i if place is not None or i in {_BUFFERS, _METADATA} else 0
        for i, place in enumerate(present)
    ]
    vtable = add("HH8H", 4 + 2 * _MODEL_FIELDS, 4 + 4 * _MODEL_FIELDS, *slots)
    table = add(f"i{4 * _MODEL_FIELDS}x", len(out) - vtable)
    point(0, table)
    for index, place in enumerate(present):
        if place is None or index in {_BUFFERS, _METADATA}:
            continue
        if index == _VERSION:
            struct.pack_into("<I", out, table + slots[index], _u32(model, place))
        else:
            into_model.append((table + slots[index], place + _u32(model, place)))

    buffer_list = add(f"I{4 * (len(buffers) + 1)}x", len(buffers) + 1)
    point(table + slots[_BUFFERS], buffer_list)
    metadata_list = add(f"I{4 * (len(kept) + 1)}x", len(kept) + 1)
    point(table + slots[_METADATA], metadata_list)

    empty = add("HHi", 4, 4, 4) + 4  # a Buffer with no field: old metadata is put out of use
    own_vtable = add("HHHxx", 6, 8, 4)
    own_buffer = add("i4x", len(out) - own_vtable)
    entry_vtable = add("HHHH", 8, 12, 4, 8)
    entry = add("i4xI", len(out) - entry_vtable, len(buffers))
    point(entry + 4, add(f"I{len(METADATA_NAME)}sx", len(METADATA_NAME), METADATA_NAME))
    align(16, lead=4)
    point(own_buffer + 4, add("I", len(metadata)))
    out.extend(metadata)
    align(_FRONT_ALIGNMENT)

    for number, buffer in enumerate(buffers):
        place = buffer_list + 4 + 4 * number
        if number in stale:
            point(place, empty)
        else:
            into_model.append((place, buffer))
    point(buffer_list + 4 + 4 * len(buffers), own_buffer)
    for number, kept_table in enumerate(kept):
        into_model.append((metadata_list + 4 + 4 * number, kept_table))
    point(metadata_list + 4 + 4 * len(kept), entry)
    for at, target in into_model:
        point(at, len(out) + target)
    struct.pack_into("<I", out, 20, len(out))
    return bytes(out)
