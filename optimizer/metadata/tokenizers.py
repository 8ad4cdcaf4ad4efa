"""How a text becomes a model's numbers: by a word list, BERT's word pieces, or SentencePiece.

The Task Library dies of some mistakes (a vocabulary line without a number, a broken SentencePiece model),
or never returns; so all is checked here, before it is written.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.errors import MetadataError

_WORD = re.compile(r"[^ \t\r\n]+ [0-9]{1,9}")
# What Python's expressions have and RE2's have not, and the other way round.
_NOT_RE2 = re.compile(r"\(\?(=|!|<[=!]|>|P=|\()|\\[1-9Z]|[*+?}]\+")
_ONLY_RE2 = re.compile(r"\\[pPzCQ]|\[:\^?[a-z]+:\]|\\x\{")
_PROBE = " a b,\u00e9 1\n-'"
_BOM = b"\xef\xbb\xbf"
_UNKNOWN = 2  # the kind of a piece


class Tokenizer:
    """How a text becomes the model's numbers: the base of the three kinds."""

    __slots__ = ()
    options_type: str

    def options(self) -> dict[str, str]:
        """The plain fields of the process unit's options."""
        return {}

    def file_fields(self) -> dict[str, tuple[str, str, str]]:
        """The fields that name files: (name, kind, description)."""
        raise NotImplementedError

    def files(self) -> dict[str, bytes]:
        """The files."""
        raise NotImplementedError


_VOCABULARY = "Vocabulary file to convert natural language words to embedding vectors."


@dataclass(frozen=True, slots=True, kw_only=True)
class RegexTokenizer(Tokenizer):
    """Splits at a regular expression (RE2), and looks words up: ``word number`` a line of ``vocabulary``.

    Raises:
        MetadataError: the expression splits nothing or is none of RE2's, or the vocabulary cannot be used.
    """

    vocabulary: bytes
    pattern: str = r"[^\w\']+"
    options_type = "RegexTokenizerOptions"

    def __post_init__(self) -> None:
        _check_delimiters(self.pattern)
        lines = _text(self.vocabulary).removesuffix("\n").split("\n")
        for number, line in enumerate(lines, start=1):
            if not _WORD.fullmatch(line):
                raise MetadataError(
                    f"The vocabulary's line {number} ({line!r:.40}) is no word and its number.",
                    hint="write 'word number' with one space between them, a word a line",
                )
        if not any(line.startswith("<UNKNOWN> ") for line in lines):
            raise MetadataError(
                "The vocabulary has no <UNKNOWN>.",
                hint="add the line '<UNKNOWN> N' with the number for words that it lacks, and "
                "'<PAD> 0', '<START> 1' if the model was trained with them",
            )

    def options(self) -> dict[str, str]:
        """The expression."""
        return {"delim_regex_pattern": self.pattern}

    def file_fields(self) -> dict[str, tuple[str, str, str]]:
        """The vocabulary."""
        return {"vocab_file": ("vocab.txt", "VOCABULARY", _VOCABULARY)}

    def files(self) -> dict[str, bytes]:
        """The vocabulary."""
        return {"vocab.txt": self.vocabulary}


@dataclass(frozen=True, slots=True, kw_only=True)
class BertTokenizer(Tokenizer):
    """BERT's word pieces: one a line, its number is that of its line.

    Raises:
        MetadataError: the vocabulary lacks what BERT's tokenizer needs.
    """

    vocabulary: bytes
    options_type = "BertTokenizerOptions"

    def __post_init__(self) -> None:
        words = set(_text(self.vocabulary).split("\n"))
        missing = [word for word in ("[CLS]", "[SEP]", "[UNK]") if word not in words]
        if missing:
            raise MetadataError(
                f"The vocabulary has no {', '.join(missing)}.",
                hint="give the vocab.txt that the model was trained with, one word piece a line",
            )

    def file_fields(self) -> dict[str, tuple[str, str, str]]:
        """The vocabulary."""
        return {"vocab_file": ("vocab.txt", "VOCABULARY", _VOCABULARY)}

    def files(self) -> dict[str, bytes]:
        """The vocabulary."""
        return {"vocab.txt": self.vocabulary}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece model, and optionally its vocabulary.

    Raises:
        MetadataError: it is no SentencePiece model: the Task Library would end the app.
    """

    model: bytes
    vocabulary: bytes | None = None
    options_type = "SentencePieceTokenizerOptions"

    def __post_init__(self) -> None:
        if not _has_unknown_piece(self.model):
            raise MetadataError(
                "The SentencePiece model is none, or not whole.",
                hint="give the .model file that was trained",
            )
        if self.vocabulary is not None:
            _text(self.vocabulary)

    def file_fields(self) -> dict[str, tuple[str, str, str]]:
        """The model and the vocabulary."""
        found = {
            "sentence_piece_model": (
                "sentencepiece.model",
                "UNKNOWN",
                "The sentence piece model file.",
            )
        }
        if self.vocabulary is not None:
            found["vocab_file"] = ("vocab.txt", "VOCABULARY", _VOCABULARY)
        return found

    def files(self) -> dict[str, bytes]:
        """The model and the vocabulary."""
        found = {"sentencepiece.model": self.model}
        return found if self.vocabulary is None else {**found, "vocab.txt": self.vocabulary}


def _check_delimiters(pattern: str) -> None:
    """Refuse what RE2 has not, and what fits nothing at all: an endless loop in the Task Library."""
    hint = r"--delimiters '[^\w]+' splits at everything that is no word"
    if _NOT_RE2.search(pattern):
        raise MetadataError(
            f"The delimiters {pattern!r} look around or back, or hold fast, which RE2 cannot.",
            hint=hint,
        )
    if _ONLY_RE2.search(pattern):
        return  # Python cannot tell
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = re.compile(pattern)
    except re.error as error:
        raise MetadataError(
            f"The delimiters {pattern!r} are no regular expression: {error}.", hint=hint
        ) from error
    fits = [match for text in ("", _PROBE) for match in found.finditer(text)]
    if any(match.start() == match.end() for match in fits):
        raise MetadataError(f"The delimiters {pattern!r} fit an empty text.", hint=hint)


def unix_vocabulary(content: bytes) -> bytes:
    """A vocabulary without byte-order mark, lines ending as Unix has them: all the same to people."""
    return content.removeprefix(_BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _text(vocabulary: bytes) -> str:
    """The text of a vocabulary.

    Raises:
        MetadataError: it is not UTF-8, or the Task Library would take marks of an editor for words.
    """
    if unix_vocabulary(vocabulary) != vocabulary:
        raise MetadataError(
            "The vocabulary has a byte-order mark, or lines that end as Windows has them.",
            hint="convert it with dos2unix: an app would take the marks for parts of words",
        )
    try:
        return vocabulary.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MetadataError(
            "The vocabulary is not UTF-8.", hint="convert it with iconv -t utf-8"
        ) from error


def _has_unknown_piece(model: bytes) -> bool:
    """Whether a file is a whole protobuf with a piece for what is unknown among its pieces."""
    try:
        return any(
            number == 1
            and isinstance(piece, bytes)
            and any(part == (3, _UNKNOWN) for part in _protobuf(piece))
            for number, piece in list(_protobuf(model))
        )
    except (IndexError, ValueError):
        return False


def _protobuf(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: their numbers, and their values as far as they are read here."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 63:
                return value

    while at < len(content):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        sizes = {1: 8, 5: 4}
        size = varint() if kind == 2 else sizes.get(kind, -1)
        if size < 0 or at + size > len(content):
            raise ValueError("no protobuf, or cut off")
        yield key >> 3, content[at : at + size]
        at += size
