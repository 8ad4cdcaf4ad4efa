"""Reading a project file: strict, with the line and the key in every error."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from android_bench.ci.project import PROJECT_FILE, Project, ProjectKeys
from android_bench.errors import UsageError
from android_bench.measuring.matrix_file import wishes_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)

# Names of forms: types, classes, and functions that check (function-after[…]).
_FORM = re.compile(r"str|float|bool|int|[A-Z]\w*|.*\[.*")


def find_project(path: Path | None = None) -> Path:
    """The project file: the one given, or the nearest from the current folder upwards.

    Raises:
        UsageError: there is none.
    """
    if path is not None:
        return path / PROJECT_FILE if path.is_dir() else path
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    raise UsageError(
        f"There is no {PROJECT_FILE} here or in a folder above.", hint="android-bench init"
    )


def read_project(path: Path) -> Project:
    """Read a project file.

    Raises:
        UsageError: it cannot be read, or a key or value is wrong; the message names file, line and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="android-bench init writes one."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}.") from error
    try:
        keys = ProjectKeys.model_validate(data)
    except ValidationError as error:
        raise _wrong_key(path, text, data, error) from error
    return Project(path=path, keys=keys, wishes=wishes_of(keys.measure, path))


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


def _wrong_key(path: Path, text: str, data: Any, error: ValidationError) -> UsageError:
    """The complaint that goes deepest: of a value that may have several forms, the form that was meant."""
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
        known = _known(keys[:-1])
        close = difflib.get_close_matches(keys[-1], known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known)}."
        return UsageError(f"{where}: there is no key {key!r}.", hint=hint)
    if problem["type"] == "missing":
        return UsageError(
            f"{where}: {key!r} is missing.", hint="docs/project.md describes every key."
        )
    message = re.sub(r"^Value error, ", "", problem["msg"])
    return UsageError(f"{where}: {key}: {message}.")


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


def _known(keys: Sequence[str]) -> list[str]:
    """The keys that a table of the file has."""
    kind: Any = ProjectKeys
    for key in keys:
        if key.isdigit():
            continue
        field = kind.model_fields.get(key) if _is_table(kind) else None
        if field is None:  # a table whose names are free, such as models.NAME
            continue
        kinds = [field.annotation, *_inside(field.annotation)]
        kind = next((one for one in kinds if _is_table(one)), kind)
    return [field.alias or name for name, field in kind.model_fields.items()]


def _inside(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for part in getattr(annotation, "__args__", ()):
        found += [part, *_inside(part)]
    return found


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
