"""The flatbuffer side of tagging: a new root before the model, in place of packing it again.

A ``.tflite`` is a flatbuffer whose offsets are relative and point forward. So a new root table can
stand before the model and point into it, and no byte of the model has to change::

    0   root offset, "TFL3", MARKER, size of this front part
    24  Model table: the old fields, but with new vectors of buffers and metadata
        new Buffer and Metadata tables, the metadata itself (16-byte aligned)
    n   the model as it was (n is a multiple of 64, so that its alignment is kept)

Reading checks every bound: a damaged file ends in ``struct.error`` or ``IndexError``.
"""

from __future__ import annotations

import struct

from optimizer.errors import ModelError

IDENTIFIER = b"TFL3"
METADATA_NAME = b"TFLITE_METADATA"
MARKER = b"AndroidBench"

_SIZE_AT = 20  # behind the marker
_HEAD = 24
_FRONT_ALIGNMENT = 64
_VERSION, _SUBGRAPHS, _BUFFERS, _METADATA = 0, 2, 4, 6
_TENSORS, _TENSOR_BUFFER = 0, 2
_MODEL_FIELDS = 8


def remove_front(data: bytes) -> bytes:
    """Return the model behind our front part; ``data`` itself when it has none."""
    if data[8:_SIZE_AT] == MARKER:
        front = _u32(data, _SIZE_AT)
        if _HEAD < front <= len(data) - 8 and data[front + 4 : front + 8] == IDENTIFIER:
            return data[front:]
    return data


def find_metadata(data: bytes) -> bytes | None:
    """Return the content of the TFLITE_METADATA buffer, ``None`` when there is none."""
    for _, name, index in _metadata_entries(data):
        if name == METADATA_NAME:
            buffer = _vector(data, _field(data, _u32(data, 0), _BUFFERS))[index]
            return _blob(data, _field(data, buffer, 0))
    return None


def without_metadata(model: bytes) -> bytes:
    """Return a model without the metadata that another tool packed into it; no byte moves.

    Their entry is taken out of its list; their buffer is emptied and filled with zeros, unless the model
    uses it for something else.

    Raises:
        struct.error, IndexError: the model is damaged.
    """
    entries = _metadata_entries(model)
    stale = {index for _, name, index in entries if name == METADATA_NAME}
    if not stale:
        return model
    data = bytearray(model)
    root = _u32(model, 0)
    field = _field(model, root, _METADATA) or 0
    start = field + _u32(model, field)
    kept = [table for table, name, _ in entries if name != METADATA_NAME]
    struct.pack_into("<I", data, start, len(kept))
    for number in range(len(entries)):
        place = start + 4 + 4 * number
        struct.pack_into("<I", data, place, kept[number] - place if number < len(kept) else 0)

    used = {index for _, name, index in entries if name != METADATA_NAME}
    for graph in _vector(model, _field(model, root, _SUBGRAPHS)):
        for tensor in _vector(model, _field(model, graph, _TENSORS)):
            at = _field(model, tensor, _TENSOR_BUFFER)
            used.add(0 if at is None else _u32(model, at))
    spans = [
        _span(model, _field(model, buffer, 0))
        for buffer in _vector(model, _field(model, root, _BUFFERS))
    ]
    for index in stale - used:
        begin, end = spans[index]
        others = (span for number, span in enumerate(spans) if number not in stale)
        if all(stop <= begin or end <= first for first, stop in others):
            data[begin:end] = bytes(end - begin)  # now a list of no bytes
    return bytes(data)


def front_part(model: bytes, metadata: bytes) -> bytes:
    """Return what is put before ``model`` so that it carries ``metadata``.

    Metadata that the model had is put out of use.

    Raises:
        ModelError: the model is of a kind that cannot be moved or whose root is not known.
        struct.error, IndexError: the model is damaged.
    """
    root = _u32(model, 0)
    buffers = _vector(model, _field(model, root, _BUFFERS))
    _check_buffers(model, root, buffers)
    entries = _metadata_entries(model)
    stale = {index for _, name, index in entries if name == METADATA_NAME}
    kept = [table for table, name, _ in entries if name != METADATA_NAME]

    front = _Front()
    front.add("I4s12sI", 0, IDENTIFIER, MARKER, 0)
    table = _add_root(front, model, root)
    buffer_list = front.add(f"I{4 * (len(buffers) + 1)}x", len(buffers) + 1)
    front.point(table + 4 + 4 * _BUFFERS, buffer_list)
    metadata_list = front.add(f"I{4 * (len(kept) + 1)}x", len(kept) + 1)
    front.point(table + 4 + 4 * _METADATA, metadata_list)

    empty = front.add("HHi", 4, 4, 4) + 4  # a Buffer with no field, in place of old metadata
    own_buffer = front.add("HHHxxi4x", 6, 8, 4, 8) + 8
    entry = front.add("HHHHi4xI", 8, 12, 4, 8, 8, len(buffers)) + 8
    name = front.add(f"I{len(METADATA_NAME)}sx", len(METADATA_NAME), METADATA_NAME)
    front.point(entry + 4, name)
    front.align(16, lead=4)
    front.point(own_buffer + 4, front.add(f"I{len(metadata)}s", len(metadata), metadata))

    for number, buffer in enumerate(buffers):
        place = buffer_list + 4 + 4 * number
        if number in stale:
            front.point(place, empty)
        else:
            front.point_into_model(place, buffer)
    front.point(buffer_list + 4 + 4 * len(buffers), own_buffer)
    for number, kept_table in enumerate(kept):
        front.point_into_model(metadata_list + 4 + 4 * number, kept_table)
    front.point(metadata_list + 4 + 4 * len(kept), entry)
    return front.finish()


def _add_root(front: _Front, model: bytes, root: int) -> int:
    """Add the new Model table with the old one's fields; return where it stands."""
    present = [_field(model, root, index) for index in range(_MODEL_FIELDS)]
    slots = [
        4 + 4 * index if place is not None or index in {_BUFFERS, _METADATA} else 0
        for index, place in enumerate(present)
    ]
    size = 4 + 2 * _MODEL_FIELDS
    table = front.add("HH8H", size, 4 + 4 * _MODEL_FIELDS, *slots) + size
    front.add(f"i{4 * _MODEL_FIELDS}x", size)
    front.point(0, table)
    for index, place in enumerate(present):
        if place is None or index in {_BUFFERS, _METADATA}:
            continue
        if index == _VERSION:
            struct.pack_into("<I", front.data, table + slots[index], _u32(model, place))
        else:
            front.point_into_model(table + slots[index], place + _u32(model, place))
    return table


def _check_buffers(model: bytes, root: int, buffers: list[int]) -> None:
    """Raise where a buffer is not whole, or the model has what would be wrong after a move."""
    if _field(model, root, _MODEL_FIELDS) is not None:
        raise ModelError(
            "The model uses a TFLite schema newer than this version knows.",
            hint="update android-bench",
        )
    for buffer in buffers:
        _blob(model, _field(model, buffer, 0))  # a file cut short ends inside a buffer
        external = _field(model, buffer, 1)
        if external is not None and _u32(model, external) > 1:
            raise ModelError(
                "The model keeps its weights behind the flatbuffer (the format for more than "
                "2 GB), which cannot be tagged.",
                hint="use a model below 2 GB",
            )


class _Front:
    """The front part while it grows; offsets into the model wait until its size is known."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._into_model: list[tuple[int, int]] = []

    def add(self, form: str, *values: int | bytes) -> int:
        """Append values, little-endian; return where they stand."""
        at = len(self.data)
        self.data.extend(struct.pack("<" + form, *values))
        return at

    def align(self, size: int, *, lead: int = 0) -> None:
        """Fill up so that what stands ``lead`` bytes from here is aligned."""
        self.data.extend(bytes(-(len(self.data) + lead) % size))

    def point(self, at: int, target: int) -> None:
        """Let the offset at ``at`` point to ``target``, both in the front part."""
        struct.pack_into("<I", self.data, at, target - at)

    def point_into_model(self, at: int, target: int) -> None:
        """Let the offset at ``at`` point to ``target``, a place in the model."""
        self._into_model.append((at, target))

    def finish(self) -> bytes:
        """Set what waited for the size of the front part, and return it."""
        self.align(_FRONT_ALIGNMENT)
        for at, target in self._into_model:
            self.point(at, len(self.data) + target)
        struct.pack_into("<I", self.data, _SIZE_AT, len(self.data))
        return bytes(self.data)


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
    start, end = _span(data, at)
    return data[start + 4 : end]


def _span(data: bytes, at: int | None) -> tuple[int, int]:
    """Return where such a vector begins, with its length in four bytes, and where it ends."""
    if at is None:
        return 0, 0
    start = at + _u32(data, at)
    end = start + 4 + _u32(data, start)
    if end > len(data):
        raise IndexError("a byte vector goes beyond the end of the file")
    return start, end


def _metadata_entries(data: bytes) -> list[tuple[int, bytes, int]]:
    """Return the model's metadata entries: place of the table, name, index of the buffer."""
    entries = []
    for table in _vector(data, _field(data, _u32(data, 0), _METADATA)):
        index = _field(data, table, 1)
        name = _blob(data, _field(data, table, 0))
        entries.append((table, name, 0 if index is None else _u32(data, index)))
    return entries
