"""Complaints about a TOML file that is read strictly: the line, the key, and what may stand there."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from android_bench.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)

# Names of forms: types, classes, and functions that check (function-after[…]).
_FORM = re.compile(r"str|float|bool|int|constrained-\w+|[A-Z]\w*|.*\[.*")


class Strict(BaseModel):
    """A table of a file: no other keys, and values of the types that are written."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def read_toml(path: Path, *, hint: str) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file and what it says; ``hint`` is for a file that is not there.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except (ValueError, RecursionError) as error:  # also of a number with thousands of digits
        raise UsageError(
            f"{path} is not TOML: {error}.", hint="Correct it at that place."
        ) from error


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line, from 1 on, where a key is set; of a key inside an inline table that of the table.

    Good for what people write: headers and keys that begin a line. The longest part of the path that is
    found counts.
    """
    table: tuple[str, ...] = ()
    best, best_depth = None, 0
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header:
            table = _parts(header[1])
            path = table
        else:
            key = _KEY.match(line)
            if key is None:
                continue
            path = (*table, *_parts(key[1]))
        if len(path) > best_depth and tuple(keys[: len(path)]) == path:
            best, best_depth = number, len(path)
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    found = re.findall(r"\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+", dotted)
    return tuple(part.strip("\"'") for part in found)


def wrong_key(
    path: Path, text: str, data: Any, error: ValidationError, *, of: type[BaseModel], docs: str
) -> UsageError:
    """The complaint that goes deepest: of a value that may have several forms, the form that was meant.

    ``of`` is the class that the whole file was read as, ``docs`` the page that describes its keys.
    """
    problem = max(
        error.errors(),
        key=lambda one: (
            len(_keys(one["loc"], data)),
            one["type"] == "extra_forbidden",
            not one["type"].endswith("_type"),
        ),
    )
    keys = _keys(problem["loc"], data)
    line = line_of(text, keys)
    where = f"{path}, line {line}" if line else str(path)
    key = ".".join(keys) or "the whole file"
    if problem["type"] == "extra_forbidden":
        known = _known(of, keys[:-1])
        close = difflib.get_close_matches(keys[-1], known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known)}."
        return UsageError(f"{where}: there is no key {key!r}.", hint=hint)
    if problem["type"] == "missing":
        return UsageError(f"{where}: {key!r} is missing.", hint=f"{docs} describes every key.")
    message = re.sub(r"^Value error, ", "", problem["msg"])
    return UsageError(f"{where}: {key}: {message}.", hint=f"{docs} describes every key.")


def _keys(location: Sequence[int | str], data: Any) -> list[str]:
    """The keys of a complaint's location, without pydantic's names for forms of a value."""
    keys: list[str] = []
    for part in location:
        inside = _inside_of(data, part)
        if inside is None and (part != location[-1] or _FORM.fullmatch(str(part))):
            continue  # no key: pydantic names the form that it tried
        data = inside
        keys.append(str(part))
    return keys


def _inside_of(data: Any, part: int | str) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _known(of: type[BaseModel], keys: Sequence[str]) -> list[str]:
    """The keys that a table of the file has."""
    kind: Any = of
    for key in keys:
        if key.isdigit():
            continue
        field = kind.model_fields.get(key) if _is_table(kind) else None
        if field is None:  # a table whose names are free, such as models.NAME
            continue
        kinds = [field.annotation, *_inside(field.annotation)]
        kind = next((one for one in kinds if _is_table(one)), kind)
    return [
        field.alias or name
        for name, field in kind.model_fields.items()
        if field.annotation is not type(None)
    ]


def _inside(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for part in getattr(annotation, "__args__", ()):
        found += [part, *_inside(part)]
    return found


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
