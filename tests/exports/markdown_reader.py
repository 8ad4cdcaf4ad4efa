"""Markdown as its readers take it: tables as GFM splits them, tokens of an independent reader."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token


def cells(line: str) -> list[str]:
    """The cells of a table's row as GFM splits them: at every pipe that is not escaped."""
    return [part.replace("\\|", "|").strip() for part in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def tables(text: str) -> list[list[list[str]]]:
    found: list[list[list[str]]] = [[]]
    for line in text.split("\n"):
        if line.startswith("|"):
            found[-1].append(cells(line))
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def tokens(text: str) -> list[Token]:
    """The page as an independent reader of Markdown takes it, HTML and tables included."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found: list[Token] = []
    for token in reader.parse(text):
        found += [token, *(token.children or [])]
    return found
