"""A Markdown page within a limit: sections are folded when they are long and cut when they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# GitHub takes comments of up to 65,536 characters; step summaries (1 MiB) take more than that.
LIMIT = 65_536
# Longer tables are folded: a reader of a pull request scrolls past what was not asked for.
_ROWS_OPEN = 12
# What a section may take of what is left, so that a long first one leaves room for the others.
_SHARE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with rows below ``head``, all of them Markdown; ``noun`` is what a row is."""

    title: str
    rows: tuple[str, ...]
    noun: str
    head: tuple[str, ...] = ()
    folded: bool = False


def assemble(
    headline: str,
    notes: Sequence[str],
    sections: Sequence[Section],
    *,
    foot: str,
    limit: int = LIMIT,
) -> str:
    """The page: headline, notes, as much of the sections as fits, and the foot."""
    top = "\n\n".join([headline, *notes])
    end = f"\n\n<sub>{foot}</sub>\n"
    missing = "\n\nThe page was full: {} more sections are left out; see the report."
    left = limit - len(top) - len(end) - len(missing) - 10
    parts = [top]
    for position, section in enumerate(sections):
        last = position == len(sections) - 1
        text = _fitted(section, left if last else int(left * _SHARE))
        if text is None:
            parts.append(missing.format(len(sections) - position).strip())
            break
        parts.append(text)
        left -= len(text) + 2
    return "\n\n".join(parts) + end


def _fitted(section: Section, room: int) -> str | None:
    """The section within this many characters, ``None`` if not even a row fits."""
    folded = section.folded or len(section.rows) > _ROWS_OPEN
    before, after = _frame(section, folded=folded)
    rest = f"\n\n… and {len(section.rows):,} more {section.noun}s: see the report."
    room -= len(before) + len(after) + len(rest)
    rows: list[str] = []
    for row in section.rows:
        room -= len(row) + 1
        if room < 0:
            break
        rows.append(row)
    if section.rows and not rows:
        return None
    cut = len(section.rows) - len(rows)
    told = f"\n\n… and {_counted(cut, f'more {section.noun}')}: see the report." if cut else ""
    return before + "\n".join(rows) + told + after


def _frame(section: Section, *, folded: bool) -> tuple[str, str]:
    head = "".join(f"{line}\n" for line in section.head)
    if not folded:
        return f"### {section.title}\n\n{head}", ""
    # Markdown is read again behind the empty line; in the summary itself it is not.
    count = _counted(len(section.rows), section.noun)
    return (
        f"### {section.title}\n\n<details><summary>{count}</summary>\n\n{head}",
        "\n\n</details>",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
