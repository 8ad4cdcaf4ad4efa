"""Metadata as a document: the schema's fields as a dictionary, and the files packed behind the model.

A document says everything that a file carries, and nothing of how the model is stored. What depends on
that, the range of a tensor's values, is worked out by ``ranges`` when it is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import MetadataError
from optimizer.metadata import schema
from optimizer.metadata.model_view import ModelTensor, ModelView

_LABELS = {"TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS"}
_INTEGER_LIMITS = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Metadata: ``fields`` by the schema's names, ``files`` by the names that fields call them.

    ``task`` is the task's name if it was said; the schema has no place for it. ``notes`` are sentences
    about what was worked out rather than said. ``generic`` are keys that the task filled in, for nobody
    said them; ``texts`` among them are the descriptions of tensors.
    """

    fields: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    task: str | None = None
    notes: tuple[str, ...] = ()
    generic: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """The SHA-256 of all of it: equal where the same would be written."""
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}
        told = json.dumps([self.fields, hashes, self.task], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def check(self, *, origin: str) -> None:
        """Refuse fields that the schema has not, and files that are named and not there.

        Raises:
            MetadataError: the first of them.
        """
        told = schema.problem(self.fields)
        if told is not None:
            raise MetadataError(
                f"{origin}: {told}.", hint="android-bench metadata show prints what a file has"
            )
        for entry in schema.associated_files(self.fields):
            name = entry.get("name")
            if not name:
                raise MetadataError(f"{origin}: an associated file has no name.", hint="name it")
            if name not in self.files:
                raise MetadataError(
                    f"{origin}: the file {name!r} is named, and not there.",
                    hint="put it beside the description, or take its entry out",
                )


def subgraph(document: dict[str, Any]) -> dict[str, Any]:
    """The fields of the main graph; empty when there are none."""
    graphs = document.get("subgraph_metadata") or [{}]
    found: dict[str, Any] = graphs[0]
    return found


def tensor_fields(document: dict[str, Any], side: str) -> list[dict[str, Any]]:
    """The fields of each tensor of a side, ``input`` or ``output``, in the file's order."""
    found: list[dict[str, Any]] = subgraph(document).get(f"{side}_tensor_metadata", [])
    return found


def process_units(tensor: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """The options of a tensor's process units of a kind."""
    for unit in tensor.get("process_units", []):
        if unit.get("options_type") == kind:
            yield unit.get("options", {})


def normalization(document: dict[str, Any]) -> tuple[list[float], list[float]] | None:
    """Mean and standard deviation of the first input that has them."""
    for tensor in tensor_fields(document, "input"):
        for options in process_units(tensor, "NormalizationOptions"):
            return options.get("mean", []), options.get("std", [])
    return None


def label_files(tensor: dict[str, Any]) -> list[dict[str, Any]]:
    """The associated files of a tensor that are labels."""
    return [item for item in tensor.get("associated_files", []) if item.get("type") in _LABELS]


def with_ranges(document: dict[str, Any], model: ModelView) -> dict[str, Any]:
    """The fields with the range of each tensor's values where the file tells it and the fields do not.

    Fields that say ``stats = {}`` say that there are none.
    """
    return _each_tensor(document, model, _with_range)


def without_ranges(document: dict[str, Any], model: ModelView) -> dict[str, Any]:
    """The fields without the ranges that ``with_ranges`` would give them: the same for every variant."""
    return _each_tensor(document, model, _without_range)


def _each_tensor(document: dict[str, Any], model: ModelView, change: Any) -> dict[str, Any]:
    graphs = document.get("subgraph_metadata")
    if not graphs:
        return document
    main = dict(graphs[0])
    for side, tensors in (("input", model.inputs), ("output", model.outputs)):
        key = f"{side}_tensor_metadata"
        if key in main:
            main[key] = [
                change(fields, tensors[place]) if place < len(tensors) else fields
                for place, fields in enumerate(main[key])
            ]
    return {**document, "subgraph_metadata": [main, *graphs[1:]]}


def _with_range(fields: dict[str, Any], tensor: ModelTensor) -> dict[str, Any]:
    known = None if "stats" in fields else value_range(fields, tensor)
    return fields if known is None else {**fields, "stats": known}


def _without_range(fields: dict[str, Any], tensor: ModelTensor) -> dict[str, Any]:
    known = value_range(fields, tensor)
    if fields.get("stats") == (known or {}):
        return {key: value for key, value in fields.items() if key != "stats"}
    return fields if known is None or "stats" in fields else {**fields, "stats": {}}


def value_range(fields: dict[str, Any], tensor: ModelTensor) -> dict[str, Any] | None:
    """The smallest and largest value of an image that is normalized, or of scores that have labels.

    As tflite-support's writers set them: integers have the limits of their type.
    """
    import numpy as np

    scaled = next(process_units(fields, "NormalizationOptions"), None)
    axis = [item for item in label_files(fields) if item["type"] == "TENSOR_AXIS_LABELS"]
    image = (fields.get("content") or {}).get("content_properties_type") == "ImageProperties"
    if scaled is None and (image or not axis):
        return None
    if tensor.dtype in _INTEGER_LIMITS:
        low, high = _INTEGER_LIMITS[tensor.dtype]
        return {"max": [high], "min": [low]}
    if tensor.dtype != "float32":
        return None
    if scaled is None:
        return {"max": [1.0], "min": [0.0]}
    pairs = list(zip(scaled.get("mean", []), scaled.get("std", []), strict=False))
    if not pairs or any(std == 0 for _, std in pairs):
        return None

    def stored(value: float) -> float:
        return float(str(np.float32(value)))  # as it comes back from the file

    return {
        "max": [stored((255.0 - mean) / std) for mean, std in pairs],
        "min": [stored((0.0 - mean) / std) for mean, std in pairs],
    }
