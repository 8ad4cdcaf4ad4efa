"""Which names of packed files may become paths in a folder.

The names come from whoever made the archive. A name is used as it is, or refused: a file that is
written under another name than metadata call it would be lost.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_FORBIDDEN = '<>:"|?*\\'
_MOST_BYTES = 200  # of one part; file systems have 255, and a name grows while it is written
_MOST_PARTS = 8


def why_unsafe(name: str) -> str | None:
    """Why a name cannot become a path below a folder on any system; ``None`` if it can."""
    if not name:
        return "it is empty"
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in name):
        return "it has characters that are not to be seen"
    if name.startswith("/") or re.match(r"[A-Za-z]:|\\", name):
        return "it begins at the root"
    bad = next((character for character in _FORBIDDEN if character in name), None)
    if bad is not None:
        return f"it has a {bad}"
    parts = name.split("/")
    if len(parts) > _MOST_PARTS:
        return f"it has {len(parts)} folders in it"
    return next((why for why in map(_part_problem, parts) if why is not None), None)


def _part_problem(part: str) -> str | None:
    if part == "..":
        return "it leads out of the folder"
    if part.strip(". ") == "" or part.startswith("."):
        return "a part of it is empty, or begins with a dot"
    if part != part.rstrip(". ") or part != part.lstrip(" "):
        return "a part of it begins or ends with a space, or ends with a dot"
    if _RESERVED.fullmatch(part.split(".", maxsplit=1)[0].rstrip(" ")):
        return "Windows reserves it for a device"
    if len(part.encode()) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes"
    return None


def collision(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that are one file, or file and folder, where case or accents' spelling do not count."""
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        parts = key.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        found = seen.get(key) or folders.get(key) or next(filter(None, map(seen.get, above)), None)
        if found is not None:
            return found, name
        seen[key] = name
        folders.update(dict.fromkeys(above, name))
    return None
