"""Recipes: what is done to a model, as strict TOML.

A wrong key, type or value is refused with its place and what would be right. Two recipes that do the
same have the same digest, whatever they are called.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import sys
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from optimizer.errors import RecipeError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPES = Path(__file__).parent / "recipes"
_STRICT = {"extra": "forbid"}


class Scheme(str, Enum):
    """How numbers are stored and computed in the artifact."""

    NONE = "none"
    FLOAT16 = "float16"
    DYNAMIC_RANGE = "dynamic-range"
    INT8 = "int8"
    INT16X8 = "int16x8"

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of activations must be measured on data."""
        return self in {Scheme.INT8, Scheme.INT16X8}


class IoType(str, Enum):
    """The type of the artifact's inputs and outputs.

    ``float32`` is what the Task Library and ML Kit take from any model; ``int8`` saves the conversion
    at the borders and is for callers who quantize themselves.
    """

    FLOAT32 = "float32"
    INT8 = "int8"
    UINT8 = "uint8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Quantization after training.

    ``float_fallback`` lets operators without an integer kernel stay in float. ``per_channel_dense`` gives
    each unit of a dense layer a scale of its own: a little more accurate, and refused by runtimes older
    than TensorFlow 2.17, Android's Task Library 0.4.4 among them (FULLY_CONNECTED version 12).
    """

    __pydantic_config__ = _STRICT

    scheme: Scheme = Scheme.NONE
    io_dtype: IoType = IoType.FLOAT32
    float_fallback: bool = False
    per_channel_dense: bool = False

    def __post_init__(self) -> None:
        if self.io_dtype is not IoType.FLOAT32 and self.scheme is not Scheme.INT8:
            raise ValueError(f"io_dtype {self.io_dtype.value!r} needs the scheme 'int8'")
        if self.float_fallback and not self.scheme.needs_calibration:
            raise ValueError(f"float_fallback means nothing with the scheme {self.scheme.value!r}")
        if self.per_channel_dense and self.scheme in {Scheme.NONE, Scheme.FLOAT16}:
            raise ValueError(
                f"per_channel_dense means nothing with the scheme {self.scheme.value!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How many samples measure the ranges of activations, and the seed that picks them."""

    __pydantic_config__ = _STRICT

    samples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("samples must be at least 1")
        if self.seed < 0:
            raise ValueError("seed must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is done to a model. ``name`` becomes part of the artifact's file name.

    A scheme that measures ranges has a ``calibration``, the default one unless another is given.
    """

    __pydantic_config__ = _STRICT

    name: str
    description: str = ""
    quantization: Quantization = field(default_factory=Quantization)
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,63}", self.name):
            raise ValueError(
                "name must be at most 64 letters, digits, '-', '_' or '+', for it names files"
            )
        if self.quantization.scheme.needs_calibration:
            if self.calibration is None:
                object.__setattr__(self, "calibration", Calibration())
        elif self.calibration is not None:
            scheme = self.quantization.scheme.value
            raise ValueError(f"calibration means nothing with the scheme {scheme!r}")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values, every default written out."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @property
    def digest(self) -> str:
        """SHA-256 of what the recipe does; its name and description do not count."""
        work = {
            key: value
            for key, value in self.to_dict().items()
            if key not in {"name", "description"}
        }
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def to_toml(self) -> str:
        """The recipe as the text of a TOML file that reads back as this recipe."""
        lines = [
            f"{key} = {_toml(value)}"
            for key, value in self.to_dict().items()
            if isinstance(value, str)
        ]
        for section, values in self.to_dict().items():
            if isinstance(values, dict):
                lines += ["", f"[{section}]"]
                lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
        return "\n".join(lines) + "\n"


def builtin_recipes() -> dict[str, Recipe]:
    """The recipes that come along, by name."""
    return {file.stem: read_recipe(file) for file in sorted(RECIPES.glob("*.toml"))}


def load_recipe(name_or_path: str) -> Recipe:
    """Return the built-in recipe of that name, or the recipe of that TOML file.

    Raises:
        RecipeError: there is none of that name, or the file cannot be used.
    """
    if name_or_path.endswith(".toml"):
        return read_recipe(Path(name_or_path))
    names = [file.stem for file in sorted(RECIPES.glob("*.toml"))]
    if name_or_path in names:
        return read_recipe(RECIPES / f"{name_or_path}.toml")
    close = difflib.get_close_matches(name_or_path, names, n=1)
    raise RecipeError(
        f"There is no recipe {name_or_path!r}.",
        hint=(f"Did you mean {close[0]!r}? " if close else "")
        + f"There are {', '.join(names)}, or a path that ends in .toml",
    )


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file; a missing ``name`` is the file's.

    Raises:
        RecipeError: it cannot be read, is no TOML, or says something that cannot be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe {path} cannot be read: {error}.") from error
    return parse_recipe(text, where=str(path), default_name=path.stem)


def parse_recipe(text: str, *, where: str, default_name: str) -> Recipe:
    """Read a recipe from TOML text; ``where`` names the file in errors."""
    from pydantic import TypeAdapter, ValidationError

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where} is not TOML: {error}.") from error
    try:
        # JSON mode is strict about types and yet reads the names of enumerations.
        return TypeAdapter(Recipe).validate_json(
            json.dumps({"name": default_name, **data}, default=str), strict=True
        )
    except ValidationError as error:
        raise _explain(error, where) from error


_SECTIONS: dict[str, type] = {"quantization": Quantization, "calibration": Calibration}


def _explain(error: Any, where: str) -> RecipeError:
    """One sentence for pydantic's first complaint, with the keys that would be right."""
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    key = ".".join(path) or "the recipe"
    if problem["type"] not in {"unexpected_keyword_argument", "extra_forbidden"}:
        meant = difflib.get_close_matches(str(problem["input"]), _choices(problem), n=1)
        return RecipeError(
            f"{where}: {key}: {problem['msg'].removeprefix('Value error, ')}.",
            hint=f"Did you mean {meant[0]!r}?" if meant else None,
        )
    section = _SECTIONS.get(path[0], Recipe) if len(path) > 1 else Recipe
    known = [item.name for item in fields(section)]
    close = difflib.get_close_matches(path[-1], known, n=1)
    return RecipeError(
        f"{where}: there is no key {key!r}.",
        hint=(f"Did you mean {close[0]!r}? " if close else "") + f"There are {', '.join(known)}",
    )


def _choices(problem: Any) -> list[str]:
    """The values that an enumeration allows, out of pydantic's ``'none', 'int8' or 'int16x8'``."""
    return re.findall(r"'([^']+)'", str(problem.get("ctx", {}).get("expected", "")))


def _toml(value: str | float | bool) -> str:  # noqa: FBT001 (a value, not a switch)
    """A value in TOML, whose basic strings are JSON's but for DEL, which must be escaped too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
