"""Reading recipes from strict TOML.

A wrong key, type or value is refused with its place and what would be right. ``A+B`` is the recipe with
the sections of both.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optimizer.errors import RecipeError
from optimizer.recipe import Recipe
from optimizer.recipe_errors import explain, no_key, not_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent / "recipes"


def builtin_recipes() -> dict[str, Recipe]:
    """The recipes that come along, by name."""
    return {file.stem: read_recipe(file) for file in sorted(RECIPES.glob("*.toml"))}


def load_recipes(texts: Sequence[str]) -> list[Recipe]:
    """The recipes of repeated flags with commas, each once.

    Raises:
        RecipeError: one cannot be used.
    """
    names = [
        name.strip()
        for text in texts
        # The name of a file may have a comma in it.
        for name in ([text] if Path(text).is_file() else text.split(","))
        if name.strip()
    ]
    if not names:
        raise RecipeError(
            "No recipe is named.", hint="--recipe int8; android-bench recipes lists them"
        )
    return [load_recipe(name) for name in dict.fromkeys(names)]


def load_recipe(name_or_path: str) -> Recipe:
    """Return a built-in recipe, the recipe of a TOML file, or several put together: ``A+B``.

    Raises:
        RecipeError: there is none of that name, the file cannot be used, or sections clash.
    """
    if name_or_path.endswith(".toml") and Path(name_or_path).is_file():
        return read_recipe(Path(name_or_path))
    parts = [part.strip() for part in name_or_path.split("+")]
    if len(parts) == 1:
        return read_recipe(_file_of(name_or_path))
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for part in parts:
        for key, value in _read_toml(_file_of(part)).items():
            if key in {"name", "description"}:
                continue
            if key in merged:
                raise RecipeError(
                    f"The recipes {origin[key]!r} and {part!r} both have a section [{key}].",
                    hint="put what you want of both into a TOML file of your own",
                )
            merged[key], origin[key] = value, part
    names = [_slug(Path(part).stem) if part.endswith(".toml") else part for part in parts]
    return _recipe(merged, where=name_or_path, default_name="+".join(names))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file; a missing ``name`` is the file's.

    Paths of models in it are relative to the file's folder.

    Raises:
        RecipeError: it cannot be read, is no TOML, or says something that cannot be.
    """
    return _recipe(_read_toml(path), where=str(path), default_name=_slug(path.stem))


def parse_recipe(text: str, *, where: str, default_name: str) -> Recipe:
    """Read a recipe from TOML text; ``where`` names the file in errors."""
    return _recipe(_parse(text, where), where=where, default_name=default_name)


def _file_of(name_or_path: str) -> Path:
    if name_or_path.endswith(".toml"):
        return Path(name_or_path)
    names = [file.stem for file in sorted(RECIPES.glob("*.toml"))]
    if name_or_path in names:
        return RECIPES / f"{name_or_path}.toml"
    close = difflib.get_close_matches(name_or_path, names, n=1)
    raise RecipeError(
        f"There is no recipe {name_or_path!r}.",
        hint=(f"Did you mean {close[0]!r}? " if close else "")
        + f"There are {', '.join(names)}, or a path that ends in .toml; A+B combines two",
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows put a mark in front
    except OSError as error:
        raise RecipeError(
            f"The recipe {path} cannot be read: {error.strerror}.",
            hint="check the path; android-bench recipes lists those that come along",
        ) from error
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"The recipe {path} cannot be read: it is no text in UTF-8.", hint="save it as UTF-8"
        ) from error
    data = _parse(text, str(path))
    _resolve(data.get("distillation"), path.parent, ("teachers", "student"))
    _resolve(data.get("averaging"), path.parent, ("checkpoints",))
    return data


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # an integer of thousands of digits is one too
        raise not_toml(error, where) from error


def _resolve(section: Any, folder: Path, keys: tuple[str, ...]) -> None:
    """Make the paths of a section relative to where the file stands, not to where the tool runs."""
    for key in keys if isinstance(section, dict) else ():
        value = section.get(key)
        if isinstance(value, str) and key == "student":
            section[key] = str(folder / value)
        elif isinstance(value, list):
            section[key] = [str(folder / item) if isinstance(item, str) else item for item in value]


def _recipe(data: dict[str, Any], *, where: str, default_name: str) -> Recipe:
    from pydantic import TypeAdapter, ValidationError

    try:
        # JSON mode is strict about types and yet reads the names of enumerations.
        return TypeAdapter(Recipe).validate_json(
            json.dumps({"name": default_name, **data}, default=no_key), strict=True
        )
    except ValidationError as error:
        raise explain(error, data, where) from error


def _slug(stem: str) -> str:
    """A file's name as a recipe's, which becomes a part of other files' names."""
    plain = re.sub(r"[^A-Za-z0-9_+-]+", "-", stem).strip("-_+")
    return plain[:64] or "recipe"
