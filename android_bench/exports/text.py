"""Names and messages made fit for a format: what they hold stays text in all of them.

Names come from files, models and devices and can hold anything; messages hold names.
"""

from __future__ import annotations

import json
import math
import re

# Control characters, halves of surrogate pairs, marks that turn the direction of writing, and what XML has
# no way to write (XML 1.0, production 2).
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
REPLACEMENT = "\ufffd"
# What a spreadsheet takes for a formula at the beginning of a cell (OWASP, CSV injection), in the width of
# East Asian characters too.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
# What is markup in the middle of a line, dollars for formulas and the beginnings of links among it.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>~|&$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
# GitHub looks for mentions, issues and emoji in what has been rendered: escaping does not keep them out.
_REFERENCE = re.compile(r"([@#:])(?=[\w+-])")


def printable(text: str) -> str:
    """The text with a replacement for every character that is no visible text; lines and tabs stay."""
    return _UNFIT.sub(REPLACEMENT, re.sub(r"\r\n?", "\n", text))


def one_line(text: str) -> str:
    """The printable text in one line."""
    return re.sub(r"\s+", " ", printable(text)).strip()


def cell(text: str) -> str:
    """A text for a cell of a spreadsheet: one line, and never a formula."""
    clean = re.sub(r"[\n\t]", " ", printable(text))
    return f"'{clean}" if _FORMULA.match(clean) else clean


def code_span(text: str, *, longest: int, in_table: bool = False) -> str:
    """A name in Markdown: in a code span nothing is markup, a mention or a link.

    In a table a pipe ends the cell even there, unless a backslash is before it, which is not shown.
    """
    clean = one_line(text) or "unnamed"
    if len(clean) > longest:
        clean = clean[: longest - 1] + "…"
    runs = [len(run) for run in re.findall(r"`+", clean)]
    fence = "`" * next(size for size in range(1, len(runs) + 2) if size not in runs)
    inner = f" {clean} " if "`" in clean else clean
    span = f"{fence}{inner}{fence}"
    return span.replace("|", "\\|") if in_table else span


def markdown_text(text: str) -> str:
    """A sentence in Markdown, not at the beginning of a line: everything in it is text."""
    spaced = _REFERENCE.sub("\\1\u200b", one_line(text))
    return _MARKDOWN.sub(r"\\\1", spaced)


def json_text(value: object, *, indent: int | None = 2) -> str:
    """A JSON document in which no character is one that a terminal obeys: strings have their numbers."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return _UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def number(value: float | None) -> float | int | None:
    """A number that JSON can write: ``None`` for what is not finite."""
    return None if value is None or not math.isfinite(value) else value
