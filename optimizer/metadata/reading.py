"""Read what metadata a file carries."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from optimizer.metadata import schema
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import TaggedModel, read_model, take_apart
from optimizer.metadata.document import Document

_LABELS = {"TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS"}


def read_document(model: Path, *, worker: MetadataWorker | None = None) -> Document | None:
    """Return the whole metadata of a file, ``None`` when it has none.

    Raises:
        ModelError: the file is missing, empty, damaged or not a TFLite model.
        MetadataError: the metadata or the packed files are damaged.
        MissingExtraError: tflite-support is not installed.
    """
    parts = take_apart(read_model(model), origin=str(model))
    if parts.metadata is None:
        return None
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        return document_of(parts, origin=model, worker=worker)


def document_of(parts: TaggedModel, *, origin: Path, worker: MetadataWorker) -> Document:
    """The document of a file that was taken apart and has metadata.

    Raises:
        MetadataError: the metadata are damaged.
    """
    fields = worker.decode(parts.metadata or b"", origin=origin)
    return Document(fields=fields, files=parts.files)


def show(model: Path, *, worker: MetadataWorker | None = None) -> dict[str, Any] | None:
    """Return the whole metadata of a file as JSON values, ``None`` when it has none.

    Keys are those of the metadata schema, enumerations are names. ``packed_files`` is added: each
    file behind the model with its size in bytes, and its labels when it is a label file.

    Raises:
        ModelError, MetadataError, MissingExtraError: as ``read_document``.
    """
    document = read_document(model, worker=worker)
    if document is None:
        return None
    kinds = {
        entry.get("name"): entry.get("type") for entry in schema.associated_files(document.fields)
    }
    packed = []
    for name, content in document.files.items():
        entry: dict[str, Any] = {"name": name, "size_bytes": len(content)}
        if kinds.get(name) in _LABELS:
            text = content.decode("utf-8", errors="replace")
            entry["labels"] = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
        packed.append(entry)
    return {**document.fields, "packed_files": packed}
