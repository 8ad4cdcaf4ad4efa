"""Label lists: one label a line in, a checked tuple of strings out.

Label files come from spreadsheets, Windows editors and notebooks. What cannot mean two things is
put right without a word: a byte-order mark, CRLF, space around a label, empty lines at the end.
What would shift or lose a class (an empty line inside, a label twice, another encoding) is refused
with the line's number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from optimizer.errors import MetadataError

MOST_CHARACTERS = 1000
MAX_LABEL_FILE_BYTES = 16 << 20


def read_labels(path: Path, *, allow_duplicates: bool = False) -> tuple[str, ...]:
    """Read a text file with one label a line, in the order of the model's outputs.

    Raises:
        MetadataError: the file is missing, too large, not UTF-8, empty, has an empty line between
            labels, or has a label twice (unless ``allow_duplicates``).
    """
    try:
        size = path.stat().st_size
        if size > MAX_LABEL_FILE_BYTES:
            raise MetadataError(
                f"The label file {path} has {size:,} bytes, which is no list of labels.",
                hint="give a text file with one label a line",
            )
        content = path.read_bytes()
    except OSError as error:
        raise MetadataError(
            f"The label file {path} cannot be read: {error.strerror or error}.",
            hint="give a text file with one label a line, in the order of the model's outputs",
        ) from error
    return parse_labels(content, origin=str(path), allow_duplicates=allow_duplicates)


def parse_labels(
    content: bytes, *, origin: str = "the label file", allow_duplicates: bool = False
) -> tuple[str, ...]:
    """Return the labels in ``content``; ``origin`` names it in messages.

    Raises:
        MetadataError: as ``read_labels``.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MetadataError(
            f"{origin} is UTF-16; labels must be UTF-8.",
            hint="convert it: iconv -f utf-16 -t utf-8 labels.txt > labels.utf8.txt",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MetadataError(
            f"{origin} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}.",
            hint="convert it: iconv -f latin1 -t utf-8 labels.txt > labels.utf8.txt",
        ) from error
    # str.splitlines would also split at form feeds and U+2028, which may stand inside a label.
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise MetadataError(f"{origin} has no labels.", hint="write one label a line")
    check_labels(lines, origin=origin, allow_duplicates=allow_duplicates)
    return tuple(lines)


def check_labels(labels: Sequence[str], *, origin: str, allow_duplicates: bool = False) -> None:
    """Refuse labels that a label file could not carry or that would name two classes alike.

    Raises:
        MetadataError: a label is empty, has a line break or NUL, or stands twice.
    """
    seen: dict[str, int] = {}
    for number, label in enumerate(labels, start=1):
        if not label.strip():
            raise MetadataError(
                f"{origin}: line {number} of {len(labels)} is empty.",
                hint="every output of the model needs a label; remove the line or write '???'",
            )
        if any(unicodedata.category(character) == "Cc" for character in label):
            raise MetadataError(
                f"{origin}: label {number} ({label!r:.80}) has a line break, tab, NUL or another control "
                "character inside.",
                hint="a label is one line of text",
            )
        if len(label) > MOST_CHARACTERS:
            raise MetadataError(
                f"{origin}: label {number} has {len(label):,} characters ({label!r:.40} …).",
                hint="give a text file with one label a line",
            )
        first = seen.setdefault(label, number)
        if first != number and not allow_duplicates:
            raise MetadataError(
                f"{origin}: the label {label!r} stands twice, in lines {first} and {number}.",
                hint="tell the classes apart (ImageNet's two cranes: 'crane bird' and 'crane'), "
                "or allow duplicate labels",
            )


def label_file(labels: Sequence[str]) -> bytes:
    """Return the text file that goes into the model; ``parse_labels`` reads the same back."""
    return ("\n".join(labels) + "\n").encode()
