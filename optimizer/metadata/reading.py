"""Show what metadata a file carries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import read_model, take_apart

_LABELS = {"TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS"}


def show(model: Path, *, worker: MetadataWorker | None = None) -> dict[str, Any] | None:
    """Return the whole metadata of a file as JSON values, ``None`` when it has none.

    Keys are those of the metadata schema, enumerations are names. ``packed_files`` is added: each
    file behind the model with its size in bytes, and its labels when it is a label file.

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
        shown = worker.decode(parts.metadata, origin=model)
    shown.setdefault("subgraph_metadata", [{}])
    kinds = {entry["name"]: entry.get("type") for entry in _associated_files(shown)}
    packed = []
    for name, content in parts.files.items():
        entry: dict[str, Any] = {"name": name, "size_bytes": len(content)}
        if kinds.get(name) in _LABELS:
            text = content.decode("utf-8", errors="replace")
            entry["labels"] = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
        packed.append(entry)
    shown["packed_files"] = packed
    return shown


def _associated_files(value: object) -> Iterator[dict[str, Any]]:
    """Yield every associated file that the metadata names, wherever it stands."""
    if isinstance(value, dict):
        yield from (entry for entry in value.get("associated_files", []) if "name" in entry)
        for inner in value.values():
            yield from _associated_files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _associated_files(inner)
