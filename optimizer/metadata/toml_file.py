"""Metadata in one TOML file: by task as one writes it by hand, or every field by the schema's own names.

What ``metadata show`` prints is of the second kind, and reading it gives the same document again.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import MetadataError, MissingExtraError
from optimizer.metadata import schema
from optimizer.metadata.attachments import labels_from, read_attachment
from optimizer.metadata.describing import Said
from optimizer.metadata.document import Document, without_ranges
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tasks import Task

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Files that are packed and that no field names.
LOOSE = "packed_files"
_GENERAL = ("name", "description", "author", "license", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFile:
    """A TOML file of every field. The files that it names stand beside it, or in the model already."""

    path: Path
    fields: dict[str, Any]
    loose: tuple[str, ...] = ()

    def document(self, packed: Mapping[str, bytes]) -> Document:
        """The document, with files from beside the TOML or else of those ``packed`` in the model.

        Raises:
            MetadataError: a file is in neither place, or its name leads out of the folder.
        """
        named = [entry.get("name", "") for entry in schema.associated_files(self.fields)]
        files = {}
        for name in dict.fromkeys([*named, *self.loose]):
            beside = self.path.parent / name
            plain = bool(name) and Path(name).name == name and "\\" not in name
            if plain and beside.is_file():
                files[name] = read_attachment(beside, "file")
            elif name in packed:
                files[name] = packed[name]
            else:
                raise MetadataError(
                    f"{self.path} names the file {name!r}, which is neither beside it nor in the model.",
                    hint="put it there, or take its entry out",
                )
        return Document(fields=self.fields, files=files)


def read_wish(path: Path) -> Said | DocumentFile:
    """Read a TOML file of either kind.

    Raises:
        MetadataError: it cannot be read, is no TOML, or says something that cannot be.
    """
    data = _toml(path)
    by_schema = data.keys() & (schema.TABLES["ModelMetadata"].keys() - set(_GENERAL))
    if by_schema or not data.keys() - set(_GENERAL) - {LOOSE}:
        loose = data.pop(LOOSE, [])
        if not isinstance(loose, list) or not all(isinstance(name, str) for name in loose):
            raise MetadataError(f"{path}: {LOOSE} must be a list of names.", hint='["a.txt"]')
        told = schema.problem(data)
        if told is not None:
            raise MetadataError(
                f"{path}: {told}.",
                hint="android-bench metadata show prints a file of this kind; one that begins with "
                f"task = has {', '.join(_KEYS)}",
            )
        return DocumentFile(path=path, fields=data, loose=tuple(loose))
    return _said(data, path)


def to_toml(document: Document, model: ModelView) -> str:
    """The document as TOML, without the ranges that the model tells.

    Raises:
        MissingExtraError: tomlkit is not installed.
    """
    try:
        import tomlkit
    except ImportError as error:
        raise MissingExtraError(
            "metadata", needed_for="Printing metadata as TOML", module="tomlkit"
        ) from error
    fields = without_ranges(document.fields, model)
    named = {entry.get("name") for entry in schema.associated_files(fields)}
    loose = [name for name in document.files if name not in named]
    told = {**({LOOSE: loose} if loose else {}), **fields}
    text: str = tomlkit.dumps(_ordered(told))
    return text


def _ordered(value: Any) -> Any:
    """Plain values before tables, tables before lists of them: what follows a heading belongs to it."""
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value

    def rank(item: tuple[str, Any]) -> int:
        entry = item[1]
        tables = isinstance(entry, list) and any(isinstance(one, dict) for one in entry)
        return 2 if tables else int(isinstance(entry, dict))

    return {key: _ordered(entry) for key, entry in sorted(value.items(), key=rank)}


def _toml(path: Path) -> dict[str, Any]:
    hint = "docs/metadata.md shows what stands in it; android-bench metadata show prints one"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MetadataError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise MetadataError(f"{path} is no text in UTF-8.", hint="save it as UTF-8") from error
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise MetadataError(f"{path} is no TOML: {error}.", hint=hint) from error


def _said(data: dict[str, Any], path: Path) -> Said:
    """The fields of a file by task; names of files are relative to it."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        kind = _KEYS.get(key)
        if kind is None:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise MetadataError(
                f"{path}: the key {key!r} is not known.",
                hint=(f"Did you mean {close[0]!r}? " if close else "")
                + f"The keys are {', '.join(_KEYS)}",
            )
        found[key] = kind.read(key, value, path)
    labels = found.pop("labels", None)
    duplicates = found.pop("allow_duplicate_labels", False)
    if labels is not None:
        found["labels"] = labels_from(labels, allow_duplicates=duplicates)
    calibration = found.pop("score_calibration", None)
    if calibration is not None:
        found |= calibration
    general = {key: found.pop(key) for key in _GENERAL if key in found}
    return Said(general=general, **found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a key takes: how that is told, whether a value is it, and what is made of it."""

    what: str
    example: str
    fits: Callable[[Any], bool]
    make: Callable[[Any, Path], Any] = field(default=lambda value, _: value)

    def read(self, key: str, value: Any, path: Path) -> Any:
        if not self.fits(value):
            raise MetadataError(
                f"{path}: {key} is {value!r:.60}, and should be {self.what}.",
                hint=f"write {key} = {self.example}",
            )
        return self.make(value, path)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(value: Any) -> bool:
    return _number(value) or (isinstance(value, list) and bool(value) and all(map(_number, value)))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _pairs(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_text, value.values()))


def _calibrates(value: Any) -> bool:
    if isinstance(value, dict):
        return (
            _text(value.get("file"))
            and not value.keys() - {"file", "transformation", "default_score"}
            and _text(value.get("transformation", "IDENTITY"))
            and _number(value.get("default_score", 0))
        )
    return _text(value)


def _calibration(value: Any, path: Path) -> dict[str, Any]:
    told = value if isinstance(value, dict) else {"file": value}
    return {
        "score_calibration": path.parent / told["file"],
        "score_transformation": told.get("transformation", "IDENTITY"),
        "default_score": float(told.get("default_score", 0.0)),
    }


def _labels(value: Any, path: Path) -> dict[str | None, Path]:
    told = value if isinstance(value, dict) else {"default": value}
    return {
        None if locale == "default" else locale: path.parent / name for locale, name in told.items()
    }


_PLAIN = _Kind(what="a text", example='"…"', fits=_text)
_FILE = _Kind(
    what="the name of a file", example='"vocab.txt"', fits=_text, make=lambda v, p: p.parent / v
)
_NUMBERS = _Kind(
    what="a number, or one for each channel",
    example="[127.5]",
    fits=_numbers,
    make=lambda v, _: tuple(map(float, v if isinstance(v, list) else [v])),
)
_ROLES = _Kind(what="a table of names", example='{ score = "output_1" }', fits=_pairs)
_COUNT = _Kind(what="a whole number", example="16000", fits=_whole)
_KEYS: dict[str, _Kind] = {
    "task": _Kind(
        what=f"one of {', '.join(item.value for item in Task)}",
        example='"image-classifier"',
        fits=lambda value: value in {item.value for item in Task} if _text(value) else False,
        make=lambda value, _: Task(value),
    ),
    **dict.fromkeys(_GENERAL, _PLAIN),
    "labels": _Kind(
        what="the name of a file, or a table of them by language",
        example='{ default = "labels.txt", de = "labels_de.txt" }',
        fits=lambda value: _text(value) or _pairs(value),
        make=_labels,
    ),
    "allow_duplicate_labels": _Kind(
        what="true or false", example="true", fits=lambda value: isinstance(value, bool)
    ),
    "mean": _NUMBERS,
    "std": _NUMBERS,
    "score_calibration": _Kind(
        what="the name of a file, or a table of file, transformation and default_score",
        example='{ file = "calibration.txt", transformation = "LOG", default_score = 0.1 }',
        fits=_calibrates,
        make=_calibration,
    ),
    "vocabulary": _FILE,
    "delimiters": _PLAIN,
    "sentencepiece": _FILE,
    "sample_rate": _COUNT,
    "channels": _COUNT,
    "box_order": _Kind(
        what="a list of four corners",
        example='["ymin", "xmin", "ymax", "xmax"]',
        fits=_texts,
        make=lambda value, _: tuple(value),
    ),
    "inputs": _ROLES,
    "outputs": _ROLES,
    "files": _Kind(
        what="a list of names of files",
        example='["README.txt"]',
        fits=_texts,
        make=lambda value, path: {
            Path(name).name: read_attachment(path.parent / name, "attached file") for name in value
        },
    ),
}
