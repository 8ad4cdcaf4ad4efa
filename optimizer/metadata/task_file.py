"""A description of a model by its task, as one writes it by hand: its keys, and what they take."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import labels_from, read_attachment
from optimizer.metadata.describing import Said
from optimizer.metadata.tasks import Task

GENERAL = ("name", "description", "author", "license", "version")


def said_of(data: dict[str, Any], path: Path) -> Said:
    """What a file by task says; names of files are relative to it.

    Raises:
        MetadataError: a key is not known, or has a value that cannot be, or a file cannot be read.
    """
    found: dict[str, Any] = {}
    for key, value in data.items():
        kind = KEYS.get(key)
        if kind is None:
            close = difflib.get_close_matches(key, KEYS, n=1)
            raise MetadataError(
                f"{path}: the key {key!r} is not known.",
                hint=(f"Did you mean {close[0]!r}? " if close else "")
                + f"The keys are {', '.join(KEYS)}",
            )
        found[key] = kind.read(key, value, path)
    labels = found.pop("labels", None)
    duplicates = found.pop("allow_duplicate_labels", False)
    if labels is not None:
        found["labels"] = labels_from(labels, allow_duplicates=duplicates)
    calibration = found.pop("score_calibration", None)
    if calibration is not None:
        found |= calibration
    general = {key: found.pop(key) for key in GENERAL if key in found}
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


def _attached(value: list[str], path: Path) -> dict[str, bytes]:
    names = [Path(given).name for given in value]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise MetadataError(
            f"{path}: two of the files are called {twice!r}.", hint="give one another name"
        )
    return {
        name: read_attachment(path.parent / given, "attached file")
        for name, given in zip(names, value, strict=True)
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
KEYS: dict[str, _Kind] = {
    "task": _Kind(
        what=f"one of {', '.join(item.value for item in Task)}",
        example='"image-classifier"',
        fits=lambda value: value in {item.value for item in Task} if _text(value) else False,
        make=lambda value, _: Task(value),
    ),
    **dict.fromkeys(GENERAL, _PLAIN),
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
        make=_attached,
    ),
}
