"""The lines of an output without what different builds and loggers put in front of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

# A logcat stamp ("08-12 10:11:12.123  1234  1234 "), then one of the loggers' prefixes: TFLite's
# ("INFO: "), Android's ("I tflite  : ") and, after either, LiteRT's ("[benchmark_litert_model.h:92] ").
_STAMP = r"(?:\d\d-\d\d \d\d:\d\d:\d\d\.\d+\s+\d+\s+\d+ )?"
_LEVEL = (
    r"(?:(?P<word>VERBOSE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL): |(?P<letter>[VDIWEF]) [\w.]+ *: )?"
)
_SOURCE = r"(?P<source>\[[\w./-]+:\d+\] ?)?"
_PREFIX = re.compile(_STAMP + _LEVEL + _SOURCE, re.ASCII)

NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|nan|inf)"
# More digits than any counter of the tool has (int64) are damage, not a number.
_MAX_DIGITS = 18


class Level(str, Enum):
    """How grave the logger says a line is; ``NONE`` when it says nothing."""

    NONE = "none"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_LEVELS = {
    "V": Level.INFO,
    "D": Level.INFO,
    "I": Level.INFO,
    "W": Level.WARNING,
    "E": Level.ERROR,
    "F": Level.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its message, its level, the source file named in it, and whether it has its end.

    A line without its line feed may be cut in the middle of a number: it is never read for numbers.
    """

    text: str
    level: Level
    source: str
    complete: bool


def read_lines(stream: str) -> list[Line]:
    """The lines of one stream that say something."""
    *whole, rest = stream.split("\n")
    lines = [_line(text, complete=True) for text in whole]
    lines.append(_line(rest, complete=False))
    return [line for line in lines if line.text]


def _line(raw: str, *, complete: bool) -> Line:
    text = raw.strip()
    match = _PREFIX.match(text + " ")
    if match is None:
        return Line(text=text, level=Level.NONE, source="", complete=complete)
    letter = (match["word"] or match["letter"] or "")[:1]
    return Line(
        text=text[match.end() :].strip(),
        level=_LEVELS.get(letter, Level.NONE),
        source=(match["source"] or "").strip(),
        complete=complete,
    )


def to_number(text: str | None) -> float | None:
    """The number, or ``None`` when there is none or it is not finite (``nan``, ``inf``, ``1e999``)."""
    return None if text is None else finite(float(text))


def to_count(text: str) -> int | None:
    """The count, or ``None`` when it has more digits than a counter."""
    return int(text) if len(text) <= _MAX_DIGITS else None


def to_bytes(mib: str) -> int | None:
    """Bytes of a figure that the tool calls MB and computes as KiB / 1024."""
    value = to_number(mib)
    return None if value is None else whole(value * 1024 * 1024)


def finite(value: float) -> float | None:
    """The value, or ``None`` when it left the range of numbers (``1e308`` ms in microseconds)."""
    return value if math.isfinite(value) else None


def whole(value: float) -> int | None:
    """The nearest whole number, or ``None`` when the value is not finite."""
    return round(value) if math.isfinite(value) else None
