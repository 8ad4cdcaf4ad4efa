"""New metadata over old: what the new says counts, what it does not say stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizer.metadata import schema
from optimizer.metadata.document import Document

# Entries of these lists are the same thing when this is the same; of other lists, by their place.
_IDENTITY: dict[str, Callable[[dict[str, Any]], Any]] = {
    "associated_files": lambda entry: entry.get("name"),
    "process_units": lambda entry: entry.get("options_type"),
    "input_process_units": lambda entry: entry.get("options_type"),
    "output_process_units": lambda entry: entry.get("options_type"),
    "custom_metadata": lambda entry: entry.get("name"),
    "input_tensor_groups": lambda entry: entry.get("name"),
    "output_tensor_groups": lambda entry: entry.get("name"),
}
_BY_PLACE = {"subgraph_metadata", "input_tensor_metadata", "output_tensor_metadata"}
_LABELS = {"TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS"}


def merge(old: Document, new: Document) -> Document:
    """Both together; files that nothing names any more are left out."""
    fields = _tables(old.fields, new.fields)
    named = {entry.get("name") for entry in schema.associated_files(fields)}
    # Files that nothing named before may still be meant: an app opens them by their name.
    loose = old.files.keys() - {entry.get("name") for entry in schema.associated_files(old.fields)}
    files = {
        name: content
        for name, content in {**old.files, **new.files}.items()
        if name in named or name in loose or name in new.files
    }
    return Document(fields=fields, files=files, task=new.task, notes=new.notes)


def _tables(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        before = old.get(key)
        if key in _BY_PLACE and before:
            merged[key] = [
                _tables(one, other) for one, other in zip(before, value, strict=False)
            ] + list(before[len(value) :] or value[len(before) :])
        elif key in _IDENTITY and before:
            merged[key] = _lists(before, value, _IDENTITY[key])
        elif isinstance(value, dict) and isinstance(before, dict) and key != "content":
            merged[key] = _tables(before, value)
        else:
            merged[key] = value
    # Another range of values comes with another normalisation or type.
    if "stats" in merged and "stats" not in new and ("process_units" in new or "content" in new):
        del merged["stats"]
    return merged


def _lists(
    old: list[dict[str, Any]], new: list[dict[str, Any]], identity: Callable[[dict[str, Any]], Any]
) -> list[dict[str, Any]]:
    replaced = {identity(entry) for entry in new}
    relabelled = any(entry.get("type") in _LABELS for entry in new)
    kept = [
        entry
        for entry in old
        if identity(entry) not in replaced and not (relabelled and entry.get("type") in _LABELS)
    ]
    return [*kept, *new]
