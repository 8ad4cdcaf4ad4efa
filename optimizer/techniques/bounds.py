"""What values of a recipe may be; each refusal is a ValueError that names the key."""

from __future__ import annotations

import math
import re

# Sections of recipes take no keys that they do not know.
STRICT = {"extra": "forbid"}
MOST = 2**32 - 1  # what a seed of numpy can be, and more than any count makes sense


def share(name: str, value: float) -> None:
    """Refuse what is no share: between 0 and 1."""
    if not 0 < value < 1:
        percent = f"; {value:g} % are {value / 100:g}" if 1 < value < 100 else ""
        raise ValueError(f"{name} must lie between 0 and 1, not {value:g}{percent}")


def within(name: str, value: float, low: float, high: float) -> None:
    """Refuse what lies outside of two bounds."""
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low:.10g} and {high:.10g}, not {value:.10g}")


def at_least(name: str, value: float, low: int) -> None:
    """Refuse what is too small, and counts that make no sense."""
    if value < low:
        raise ValueError(f"{name} must be at least {low}, not {value}")
    if value > MOST:
        raise ValueError(f"{name} must be at most {MOST}, not {value}")


def above_zero(name: str, value: float) -> None:
    """Refuse what is not above 0, or not finite."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a number above 0, not {value:g}")


def expression(name: str, pattern: str) -> None:
    """Refuse what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"{name} holds {pattern!r}, which is no regular expression: {error}"
        ) from error
