"""Text to quantities, as flags give them: sizes, times, names of choices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import typer

from android_bench.errors import UsageError

_SIZES = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
}  # fmt: skip
_TIMES_US = {"US": 1.0, "µS": 1.0, "MS": 1e3, "S": 1e6}

Choice = TypeVar("Choice", bound=Enum)


def size_bytes(text: str | None, *, flag: str) -> int | None:
    """A size in bytes from ``300kB``, ``1.5 MiB`` or ``4096``; ``None`` stays ``None``.

    Raises:
        typer.BadParameter: it is no size.
    """
    if text is None:
        return None
    return round(_quantity(text, _SIZES, flag, "300kB, 1.5MB or 2MiB"))


def duration_us(text: str | None, *, flag: str) -> float | None:
    """A time in microseconds from ``8ms``, ``500us`` or ``0.5s``; ``None`` stays ``None``.

    Raises:
        typer.BadParameter: it is no time with a unit.
    """
    if text is None:
        return None
    return _quantity(text, _TIMES_US, flag, "8ms, 500us or 0.5s")


def seconds(text: str | None, *, flag: str) -> float | None:
    """Seconds from ``90``, ``90s``, ``10m`` or ``1h30m``; ``None`` stays ``None``.

    Raises:
        UsageError: it is no time above zero.
    """
    if text is None:
        return None
    found = re.fullmatch(
        r"\s*(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+(?:\.\d+)?)\s*m(?:in)?)?\s*(?:(\d+(?:\.\d+)?)\s*s?)?\s*",
        text,
    )
    parts = [float(part or 0) for part in found.groups()] if found else []
    total = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not 0 < total < math.inf:
        raise UsageError(f"{flag} {text!r} is no time above zero.", hint="90s, 10m or 1h30m")
    return total


def share(text: str | None, *, flag: str) -> float | None:
    """A fraction from ``1%`` or ``0.01``; ``None`` stays ``None``.

    Raises:
        UsageError: it is none between 0 and 100 %.
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < value < 1:
        raise UsageError(f"{flag} {text!r} is no share between 0 and 100 %.", hint=f"{flag} 1%")
    return value


def points(value: float | None, *, flag: str) -> float | None:
    """Percentage points that are a number of at least 0; ``None`` stays ``None``.

    Raises:
        typer.BadParameter: they are not.
    """
    if value is not None and not 0 <= value <= 100:
        raise typer.BadParameter(f"{value:g} is not between 0 and 100 points", param_hint=flag)
    return value


def choice(kind: type[Choice], text: str, *, flag: str) -> Choice:
    """The member of an enumeration that a flag's value names.

    Raises:
        typer.BadParameter: there is none.
    """
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(str(item.value) for item in kind)
        raise typer.BadParameter(f"{text!r} is none of {known}", param_hint=flag) from error


def _quantity(text: str, units: Mapping[str, float], flag: str, examples: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-zµ]*)\s*", text)
    value, unit = (float(found[1]), str(found[2]).upper()) if found else (0.0, "")
    factor = units.get(unit.replace("Μ", "µ"))  # upper() makes a Greek capital of µ
    if factor is None or value <= 0:
        raise typer.BadParameter(f"{text!r} cannot be read: give {examples}", param_hint=flag)
    return value * factor
