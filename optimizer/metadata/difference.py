"""What differs between the metadata of two files: field by field, and in packed files line by line."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import read_model, take_apart
from optimizer.metadata.document import Document
from optimizer.metadata.reading import document_of

# Entries of these tables are known by name: one more does not make all that follow differ.
_NAMED_LISTS = {"associated_files", "vocab_file", "sentence_piece_model", "custom_metadata"}
_MOST_LINES = 20_000  # aligning takes the square of them at worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs: a field by its path in the schema, or a packed file by its name.

    ``first`` and ``second`` are the values, of packed files their sizes and SHA-256; ``None`` where there
    is none. ``lines`` say which lines of a text differ.
    """

    path: str
    first: Any
    second: Any
    packed: bool = False
    lines: tuple[str, ...] = ()


def difference(
    first: Path, second: Path, *, worker: MetadataWorker | None = None
) -> tuple[Difference, ...]:
    """Return what differs between the metadata of two files, fields first; nothing when they say the same.

    A file without metadata has no field. How files are packed is no difference, nor is the model.

    Raises:
        ModelError: a file is missing, empty, damaged or not a TFLite model.
        MetadataError: metadata or packed files are damaged.
        MissingExtraError: tflite-support is not installed.
    """
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        one, other = (_document(path, worker) for path in (first, second))
    return (*_fields(one.fields, other.fields, ""), *_files(one.files, other.files))


def _document(path: Path, worker: MetadataWorker) -> Document:
    parts = take_apart(read_model(path), origin=str(path))
    if parts.metadata is None:
        return Document(fields={}, files=parts.files)
    return document_of(parts, origin=path, worker=worker)


def _fields(one: dict[str, Any], other: dict[str, Any], path: str) -> Iterator[Difference]:
    for key in dict.fromkeys([*one, *other]):
        where = f"{path}.{key}" if path else key
        yield from _values(one.get(key), other.get(key), where, key)


def _values(one: Any, other: Any, path: str, key: str) -> Iterator[Difference]:
    if key == "stats" and not one and not other:
        return  # tflite-support's writers set the table even where they put nothing into it
    if isinstance(one, dict) and isinstance(other, dict):
        yield from _fields(one, other, path)
    elif _tables(one) and _tables(other):
        pairs = _by_name(one, other) if key in _NAMED_LISTS else _by_place(one, other)
        for which, left, right in pairs:
            yield from _values(left, right, f"{path}[{which}]", "")
    elif json.dumps(one) != json.dumps(other):  # NaN is the same as NaN, and 0.0 not as -0.0
        yield Difference(path=path, first=one, second=other)


def _tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _by_place(one: list[Any], other: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    for place in range(max(len(one), len(other))):
        yield (
            str(place),
            one[place] if place < len(one) else None,
            other[place] if place < len(other) else None,
        )


def _by_name(one: list[Any], other: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of the entries that have one name, where names are given and unique; else by place.

    Where the same entries stand in another order, that is a difference too: the first file of labels
    names the classes.
    """
    names = [[item.get("name") for item in side] for side in (one, other)]
    if any(None in side or len(set(side)) < len(side) for side in names):
        yield from _by_place(one, other)
        return
    left, right = ({item["name"]: item for item in side} for side in (one, other))
    for name in dict.fromkeys([*left, *right]):
        yield name, left.get(name), right.get(name)
    common = [[name for name in side if name in left and name in right] for side in names]
    if common[0] != common[1]:
        yield "order", common[0], common[1]


def _files(one: dict[str, bytes], other: dict[str, bytes]) -> Iterator[Difference]:
    for name in dict.fromkeys([*one, *other]):
        left, right = one.get(name), other.get(name)
        if left == right:
            continue
        both = left is not None and right is not None
        yield Difference(
            path=name,
            first=_told(left),
            second=_told(right),
            packed=True,
            lines=tuple(_lines(left, right)) if both else (),  # type: ignore[arg-type]
        )


def _told(content: bytes | None) -> dict[str, Any] | None:
    if content is None:
        return None
    return {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _lines(left: bytes, right: bytes) -> Iterator[str]:
    """Which lines of two texts differ; nothing where one is no text."""
    try:
        texts = [content.decode() for content in (left, right)]
    except UnicodeDecodeError:
        return
    if any("\0" in text for text in texts):
        return
    yield from _changes(*(text.removesuffix("\n").split("\n") for text in texts))
    if texts[0].endswith("\n") != texts[1].endswith("\n"):
        which = "first" if texts[0].endswith("\n") else "second"
        yield f"only the {which} ends with a newline"


def _changes(one: list[str], other: list[str]) -> Iterator[str]:
    """What became of lines, numbered as in the first text, and of added ones as in the second."""
    if max(len(one), len(other)) <= _MOST_LINES:
        blocks = difflib.SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes()
    else:
        blocks = [("replace", 0, len(one), 0, len(other))]
    for _, begin, end, start, stop in blocks:
        common = min(end - begin, stop - start)
        for step in range(common):
            if one[begin + step] != other[start + step]:
                yield f"line {begin + step + 1}: {one[begin + step]!r} → {other[start + step]!r}"
        for number in range(begin + common, end):
            yield f"line {number + 1}, only in the first: {one[number]!r}"
        for number in range(start + common, stop):
            yield f"line {number + 1}, only in the second: {other[number]!r}"
