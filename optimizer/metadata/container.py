"""A tagged ``.tflite`` from the outside: a flatbuffer, and a ZIP archive of files behind it.

tflite-support's own populator unpacks the whole model and packs it again with the schema of its
release: operators and fields that are newer than that are lost without a word. Here the model's
bytes stay as they are, behind a new root (``front``), so that a file tagged here is taken apart to
exactly the bytes that were tagged. Names in the archive are data: nothing here opens a path with them.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import MetadataError, ModelError
from optimizer.metadata.front import IDENTIFIER, find_metadata, front_part, remove_front

MAX_PACKED_BYTES = 64 << 20
MAX_PACKED_FILES = 1000

_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # an entry is encrypted
    ValueError,
)
_BOMB = "do not use this file: it looks like a zip bomb"
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
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
        MetadataError: the packed files are damaged, more than 1000, or unpack to more than 64 MiB.
    """
    flat, files = _split_archive(content, origin)
    try:
        metadata = find_metadata(flat)
        model = remove_front(flat)
    except (struct.error, IndexError) as error:
        raise ModelError(
            f"{origin} is damaged: {error}.", hint="build or copy the file again"
        ) from error
    return TaggedModel(model=model, metadata=metadata, files=files)


def put_together(
    model: bytes, metadata: bytes, files: Mapping[str, bytes], *, origin: str
) -> bytes:
    """Return ``model`` with ``metadata`` in its flatbuffer and ``files`` packed behind it.

    The same inputs give the same bytes. Metadata that the model had is put out of use.

    Raises:
        ModelError: the model's flatbuffer is damaged, or of a kind that this cannot carry.
    """
    try:
        front = front_part(model, metadata)
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
            every = archive.infolist()
            entries = [entry for entry in every if not entry.filename.endswith("/")]
            _check_entries(entries, origin)
            files = {entry.filename: _unpacked(archive, entry) for entry in entries}
            # Of an archive without entries, only its end is there.
            start = min((entry.header_offset for entry in every), default=archive.start_dir)
    except _ARCHIVE_ERRORS as error:
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


def _check_entries(entries: list[zipfile.ZipInfo], origin: str) -> None:
    """Refuse what is too much, and what two readers would read as different files."""
    if len(entries) > MAX_PACKED_FILES:
        raise MetadataError(
            f"{len(entries):,} files are packed in {origin}; the limit is {MAX_PACKED_FILES:,}.",
            hint=_BOMB,
        )
    total = sum(entry.file_size for entry in entries)
    if total > MAX_PACKED_BYTES:
        raise MetadataError(
            f"The files packed in {origin} unpack to {total:,} bytes; "
            f"the limit is {MAX_PACKED_BYTES:,}.",
            hint=_BOMB,
        )
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        if entry.compress_type not in _METHODS:
            problem = "is compressed in a way that no app can read"
        elif name in seen:
            problem = "is packed twice: one reader would take the first, another the second"
        elif "\0" in name:
            problem = "has a NUL in its name: one reader would see more of it than another"
        else:
            seen.add(name)
            continue
        raise MetadataError(
            f"The file {name!r:.80} packed in {origin} {problem}.",
            hint="build the file again, from a model without metadata",
        )


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The content of an entry: never more than it claims, which ``archive.read`` would unpack first."""
    with archive.open(entry) as stream:
        content = stream.read(entry.file_size)
        stream.read(1)  # the end of the entry, where its checksum is looked at
    if len(content) != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename!r:.80} is shorter than it claims")
    return content
