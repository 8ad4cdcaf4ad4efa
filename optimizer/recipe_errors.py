"""What is wrong in a recipe, in our words: where it stands, what was given, what is right.

What is right is read off the types of the sections, so that a new key needs no words of its own.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from optimizer.errors import RecipeError
from optimizer.recipe import Recipe

_SHOWN = 60
_ONE = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
}
_MANY = {int: "whole numbers", float: "numbers", str: "texts in quotes"}
_COUNTS = {2: "two", 3: "three"}
_EXAMPLES: dict[Any, str] = {
    bool: "true",
    int: "10",
    float: "0.5",
    str: '"text"',
}
_TRUTH = {"1": "true", "true": "true", "yes": "true", "0": "false", "false": "false", "no": "false"}
# The parser's own words begin like this; what they mean to somebody who wrote the file, and what to do.
_NOT_TOML = (
    ("Cannot overwrite", "the same key stands there twice", "leave one of the two out"),
    ("Cannot declare", "the same section begins twice", "put the keys of both under one heading"),
    ("Expected '='", "there is no '=' after a key", "write key = value, as sparsity = 0.8"),
    ("Expected ']'", "a bracket is not closed", "write [section], and lists as [1, 4]"),
    ("Unclosed", "a bracket is not closed", "write [section], and lists as [1, 4]"),
    ("Unterminated string", "a text has no closing quote", 'write "int8"'),
    ("Illegal character", "a text has no closing quote", 'write "int8"'),
    ("Invalid value", "a value is missing or is none", 'write "int8", 0.8, 4, true, or [1, 4]'),
    ("Expected newline", "something follows a value", "one key in each line; decimals as 0.8"),
    ("Invalid statement", "a line begins neither with a key nor with [", "write key = value"),
)


def section_of(name: str) -> type:
    """The dataclass of a section; the recipe itself for what is no section."""
    kind = _plain(get_type_hints(Recipe).get(name))
    return kind if hasattr(kind, "__dataclass_fields__") else Recipe


def explain(error: Any, data: dict[str, Any], where: str) -> RecipeError:
    """One sentence for pydantic's first complaint about ``data``, and what would be right."""
    problem = error.errors()[0]
    path = list(problem["loc"])
    if problem["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        return _unknown_key(path, where)
    if problem["type"] == "value_error":
        return RecipeError(f"{where}: {_placed(problem['msg'], path)}.")
    kind: Any = Recipe
    given: Any = data
    place = ""
    for part in path:
        inner = _part(kind, part)
        if inner is None or not isinstance(given, (dict, list)):
            break
        kind = inner
        given = given[part]
        place = f"element {part + 1} of {place}" if isinstance(part, int) else _join(place, part)
    hint = _hint(path, kind, given)
    return RecipeError(
        f"{where}: {place} is {_show(given)}, and should be {_right(kind)}.", hint=hint
    )


def not_toml(error: ValueError, where: str) -> RecipeError:
    """What the parser stumbled over, and where."""
    said = str(error)
    found = re.fullmatch(r"(.*?) \(at (.*?)\)", said, flags=re.DOTALL)
    what, place = found.groups() if found else (said, "")
    for begin, meaning, hint in _NOT_TOML:
        if what.startswith(begin):
            at = f" ({place})" if place else ""
            return RecipeError(f"{where} is not TOML: {meaning}{at}.", hint=hint)
    return RecipeError(
        f"{where} is not TOML: {said[:200]}.", hint="docs/recipes.md shows every key"
    )


def no_key(_: Any) -> Any:
    """A date or a time for JSON, which has none: as what no key of a recipe can be."""
    return [[[]]]


def _unknown_key(path: list[Any], where: str) -> RecipeError:
    name = str(path[-1])
    known = [item.name for item in fields(section_of(path[0]) if len(path) > 1 else Recipe)]
    close = difflib.get_close_matches(name, known, n=1)
    sections = [item.name for item in fields(Recipe) if section_of(item.name) is not Recipe]
    homes = [
        f"[{section}]"
        for section in sections
        if section != path[0] and name in {item.name for item in fields(section_of(section))}
    ]
    hint = f"Did you mean {close[0]!r}? " if close else ""
    if homes and not close:
        hint = f"{name!r} belongs under {' or '.join(homes)}. "
    key = ""
    for part in path:
        key = _join(key, part)
    return RecipeError(
        f"{where}: there is no key '{key}'.", hint=f"{hint}There are {', '.join(known)}"
    )


def _placed(message: str, path: list[Any]) -> str:
    """A section's own complaint, its key named in full: ``pruning.sparsity must …``."""
    text = message.removeprefix("Value error, ")
    if not path:
        return text
    known = {item.name for item in fields(section_of(str(path[0])))}
    first = re.split(r"[. ]", text, maxsplit=1)[0]
    return f"{path[0]}.{text}" if first in known else f"{path[0]}: {text}"


def _plain(kind: Any) -> Any:
    """A type without the None that stands for "not given"."""
    choices = [item for item in get_args(kind) if item is not type(None)]
    return choices[0] if type(None) in get_args(kind) else kind


def _part(kind: Any, part: Any) -> Any:
    """The type of a part, ``None`` where it is spoken of as a whole: lists of a fixed length."""
    if hasattr(kind, "__dataclass_fields__"):
        return _plain(get_type_hints(kind)[part])
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if get_origin(kind) is tuple and arguments[-1] is Ellipsis else None


def _right(kind: Any) -> str:
    """What a value of a type is."""
    if hasattr(kind, "__dataclass_fields__"):
        return "a section"
    if isinstance(kind, type) and issubclass(kind, Enum):
        *most, last = (f"'{item.value}'" for item in kind)
        return f"{', '.join(most)} or {last}"
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return f"a table of names and {_MANY[arguments[1]]}"
    if get_origin(kind) is tuple:
        inner = arguments[0]
        if arguments[-1] is not Ellipsis:
            return f"a list of {_COUNTS[len(arguments)]} {_MANY[inner]}"
        return f"a list of {_MANY.get(inner, 'pairs of texts in quotes')}"
    return _ONE[kind]


def _hint(path: list[Any], kind: Any, given: Any) -> str | None:
    """What to type: the value that was meant, where it can be told, else an example."""
    if hasattr(kind, "__dataclass_fields__"):
        known = ", ".join(item.name for item in fields(kind))
        return f"write [{path[0]}] in a line of its own, once, and below it its keys: {known}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        names = [item.value for item in kind]
        text = given[0] if isinstance(given, list) and given else given
        close = difflib.get_close_matches(str(text).lower(), names, n=1)
        return f"Did you mean {close[0]!r}?" if close else None
    value = _meant(kind, given) or _default(path) or _example(kind)
    return f"write {value}" if isinstance(path[-1], int) else f"write {_key(path[-1])} = {value}"


def _meant(kind: Any, given: Any) -> str | None:
    """The value that was meant by one of a wrong type, in TOML."""
    if kind in {int, float} and isinstance(given, (str, float)):
        text = str(given).strip()
        if re.fullmatch(r"-?\d+(\.0*)?", text):
            return str(int(float(text))) if kind is int else text
        return text if kind is float and re.fullmatch(r"-?\d+\.\d+", text) else None
    if kind is bool:
        return _TRUTH.get(str(given).lower())
    if kind == tuple[str, ...] and isinstance(given, str):
        return f"[{_toml(given)}]"
    if kind is str and not isinstance(given, (bool, dict, list)):
        return f'"{given}"'
    return None


def _default(path: list[Any]) -> str | None:
    """The default of a section's key, in TOML; the training's where the section has none of its own."""
    for section in (section_of(str(path[0])), section_of("fine_tune")) if len(path) == 2 else ():
        for item in fields(section):
            if item.name == path[1] and item.default not in {MISSING, None, ()}:
                return _toml(item.default)
    return None


def _example(kind: Any) -> str:
    """A value of a type, in TOML."""
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return f'{{ "head*" = {_EXAMPLES[arguments[1]]} }}'
    if get_origin(kind) is tuple:
        if arguments[-1] is not Ellipsis:
            return "[1, 4]" if arguments[0] is int else '["a", "b"]'
        return '["a", "b"]' if arguments[0] is str else '[["a", "b"]]'
    return _EXAMPLES[kind]


def _join(place: str, part: Any) -> str:
    return f"{place}.{_key(part)}" if place else _key(part)


def _key(part: Any) -> str:
    """A key as TOML writes it."""
    text = str(part)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _toml(text)


def _show(value: Any) -> str:
    """What was given, as it may stand in the file; long values are cut."""
    if isinstance(value, dict):
        return "a table"
    text = _toml(value) if isinstance(value, (bool, int, float, str, list)) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _toml(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(text, text)
