"""New metadata over old: what the new says counts, what it does not say stays.

What is left out all the same, files that nothing names any more, is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optimizer.errors import MetadataError
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
_TOKENIZERS = {
    "BertTokenizerOptions",
    "SentencePieceTokenizerOptions",
    "RegexTokenizerOptions",
}


def merge(old: Document, new: Document) -> Document:
    """Both together; files that nothing names any more are left out, and that is noted.

    Raises:
        MetadataError: a new file has the name of an old one that is for something else.
    """
    said = {
        key: value
        for key, value in new.fields.items()
        if key not in new.generic or key not in old.fields
    }
    fields = _tables(old.fields, said, keep_texts="texts" in new.generic)
    before, named = _names(old.fields), _names(fields)
    for name in old.files.keys() & new.files.keys() & before.keys():
        if old.files[name] != new.files[name] and named[name] > _names(new.fields)[name]:
            raise MetadataError(
                f"There is a file {name!r} for something else among the packed files already.",
                hint="write all metadata anew with --replace, or give them as one TOML file: --from",
            )
    # Files that nothing named before may still be meant: an app opens them by their name.
    files = {
        name: content
        for name, content in {**old.files, **new.files}.items()
        if name in named or name not in before or name in new.files
    }
    lost = [name for name in old.files if name not in files]
    notes = [f"{name!r} is no longer packed: what is new took its place." for name in lost]
    return replace(new, fields=fields, files=files, notes=(*new.notes, *notes))


def _names(fields: dict[str, Any]) -> Counter[str]:
    """How often each file is named."""
    return Counter(str(entry.get("name")) for entry in schema.associated_files(fields))


def _tables(old: dict[str, Any], new: dict[str, Any], *, keep_texts: bool) -> dict[str, Any]:
    """``keep_texts``: descriptions of tensors are of our making, and do not replace any."""
    merged = dict(old)
    for key, value in new.items():
        before = old.get(key)
        if key in _BY_PLACE and before:
            merged[key] = [
                _tensors_or_graphs(one, other, keep_texts=keep_texts)
                for one, other in zip(before, value, strict=False)
            ] + list(before[len(value) :] or value[len(before) :])
        elif key in _IDENTITY and before:
            merged[key] = _lists(before, value, _IDENTITY[key])
        elif isinstance(value, dict) and isinstance(before, dict) and key != "content":
            merged[key] = _tables(before, value, keep_texts=keep_texts)
        else:
            merged[key] = value
    # Another range of values comes with another normalisation or type.
    if "stats" in merged and "stats" not in new and ("process_units" in new or "content" in new):
        del merged["stats"]
    return merged


def _tensors_or_graphs(
    old: dict[str, Any], new: dict[str, Any], *, keep_texts: bool
) -> dict[str, Any]:
    if keep_texts and old.get("description"):
        new = {key: value for key, value in new.items() if key != "description"}
    return _tables(old, new, keep_texts=keep_texts)


def _lists(
    old: list[dict[str, Any]], new: list[dict[str, Any]], identity: Callable[[dict[str, Any]], Any]
) -> list[dict[str, Any]]:
    """Each new entry in the place of the old one that it is, or behind all."""
    left = {identity(entry): entry for entry in new}
    replaced = set(left)
    kinds = {entry.get("type") for entry in new} | {entry.get("options_type") for entry in new}
    gone = (_LABELS if kinds & _LABELS else set()) | (_TOKENIZERS if kinds & _TOKENIZERS else set())
    merged = []
    for entry in old:
        if identity(entry) in left:
            merged.append(left.pop(identity(entry)))
        elif identity(entry) not in replaced and not gone & {
            entry.get("type"),
            entry.get("options_type"),
        }:
            merged.append(entry)
    return [*merged, *left.values()]
