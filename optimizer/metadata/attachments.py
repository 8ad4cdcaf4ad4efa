"""What is packed with a model: labels in several languages, score calibration, tokenizers.

The Task Library checks little of it, and dies of some (a vocabulary line without a number, a broken
SentencePiece model); so all is checked here, before it is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimizer.errors import MetadataError
from optimizer.metadata.labels import check_labels, label_file, read_labels

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
TRANSFORMATIONS = ("IDENTITY", "LOG", "INVERSE_LOGISTIC")
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The classes' names in the order of the outputs, and their names by locale (``de``, ``pt-BR``).

    Raises:
        MetadataError: a name is empty or stands twice, a locale is none, or one has another number.
    """

    names: tuple[str, ...]
    locales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    allow_duplicates: bool = False

    def __post_init__(self) -> None:
        if not self.names:
            raise MetadataError("There are no labels.", hint="give --labels FILE, one label a line")
        check_labels(self.names, origin="the labels", allow_duplicates=self.allow_duplicates)
        for locale, names in self.locales.items():
            if not _LOCALE.fullmatch(locale):
                raise MetadataError(
                    f"{locale!r} is no locale.", hint="--labels de=labels_de.txt, or pt-BR=…"
                )
            check_labels(names, origin=f"the labels for {locale!r}", allow_duplicates=True)
            if len(names) != len(self.names):
                raise MetadataError(
                    f"There are {len(self.names)} labels, and {len(names)} for {locale!r}.",
                    hint="each language needs one line for each label, in the same order",
                )

    def __len__(self) -> int:
        return len(self.names)

    def file_names(self) -> dict[str, str | None]:
        """The label files with their locales; the first one names the classes."""
        return {"labels.txt": None} | {f"labels_{one}.txt": one for one in self.locales}

    def files(self) -> dict[str, bytes]:
        """The label files."""
        every = [self.names, *self.locales.values()]
        return {
            name: label_file(names) for name, names in zip(self.file_names(), every, strict=True)
        }


def labels_from(files: Mapping[str | None, Path], *, allow_duplicates: bool = False) -> Labels:
    """Read labels of several languages; the file without a locale, or else the first, names the classes.

    Raises:
        MetadataError: a file cannot be used, or the files do not fit each other.
    """
    read = {
        locale: read_labels(path, allow_duplicates=allow_duplicates or locale is not None)
        for locale, path in files.items()
    }
    names = read.get(None) or next(iter(read.values()))
    return Labels(
        names=names,
        locales={locale: labels for locale, labels in read.items() if locale is not None},
        allow_duplicates=allow_duplicates,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCalibration:
    """Sigmoids that bring scores to probabilities, one line a class: ``scale,slope,offset[,min_score]``.

    A calibrated score is ``scale / (1 + exp(-(slope * g(score) + offset)))`` with g the transformation; a
    class with an empty line, or below its smallest score, gets ``default_score``.

    Raises:
        MetadataError: a line or the transformation cannot be.
    """

    lines: tuple[tuple[float, ...], ...]
    transformation: str = "IDENTITY"
    default_score: float = 0.0
    file_name: str = "score_calibration.txt"

    def __post_init__(self) -> None:
        if self.transformation not in TRANSFORMATIONS:
            raise MetadataError(
                f"The score transformation {self.transformation!r} is not known.",
                hint=f"it is one of {', '.join(TRANSFORMATIONS)}",
            )
        if not math.isfinite(self.default_score):
            raise MetadataError(
                "The default score is not finite.", hint="give a number from 0 to 1"
            )
        for number, line in enumerate(self.lines, start=1):
            if len(line) not in {0, 3, 4} or not all(map(math.isfinite, line)):
                raise MetadataError(
                    f"The score calibration's line {number} is {list(line)}.",
                    hint="scale,slope,offset or scale,slope,offset,min_score, or nothing",
                )
            if line and line[0] < 0:
                raise MetadataError(
                    f"The score calibration's line {number} has a scale below 0.",
                    hint="scores grow with their logits: the scale is at least 0",
                )

    @property
    def content(self) -> bytes:
        """The file. It must not end with a newline: the Task Library counts one more line then."""
        return "\n".join(",".join(f"{value!r}" for value in line) for line in self.lines).encode()

    def check(self, labels: int) -> None:
        """Refuse another number of lines than labels.

        Raises:
            MetadataError: the numbers differ.
        """
        if len(self.lines) != labels:
            raise MetadataError(
                f"The score calibration has {len(self.lines)} lines for {labels} labels.",
                hint="give one line for each label; an empty line leaves a label uncalibrated",
            )


def read_calibration(
    path: Path, *, labels: int, transformation: str = "IDENTITY", default_score: float = 0.0
) -> ScoreCalibration:
    """Read a score calibration file; empty lines at its end count only as far as there are labels.

    Raises:
        MetadataError: it cannot be read, or a line is no numbers.
    """
    rows = read_text(path, "score calibration file").split("\n")
    while len(rows) > labels and not rows[-1].strip():
        rows.pop()
    return ScoreCalibration(
        lines=tuple(_sigmoid(row, path, number) for number, row in enumerate(rows, start=1)),
        transformation=transformation,
        default_score=default_score,
    )


def _sigmoid(row: str, path: Path, number: int) -> tuple[float, ...]:
    """The numbers of a line."""
    try:
        return tuple(float(part) for part in row.split(",")) if row.strip() else ()
    except ValueError as error:
        raise MetadataError(
            f"{path}: line {number} ({row.strip()!r:.60}) is no numbers.",
            hint="scale,slope,offset or scale,slope,offset,min_score, or an empty line",
        ) from error


def read_text(path: Path, what: str) -> str:
    """A text file in UTF-8, without byte-order mark, lines ending as Unix has them.

    Raises:
        MetadataError: it cannot be read or is no such text.
    """
    try:
        return (
            read_attachment(path, what)
            .decode("utf-8-sig")
            .replace("\r\n", "\n")
            .replace("\r", "\n")
        )
    except UnicodeDecodeError as error:
        raise MetadataError(
            f"The {what} {path} is not UTF-8.", hint="convert it with iconv -t utf-8"
        ) from error


def read_attachment(path: Path, what: str) -> bytes:
    """The bytes of a file that is to be packed.

    Raises:
        MetadataError: it cannot be read, is empty, or is larger than 64 MiB.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _MOST_BYTES else b""
    except OSError as error:
        raise MetadataError(
            f"The {what} {path} cannot be read: {error.strerror or error}.",
            hint="check the path",
        ) from error
    if size > _MOST_BYTES:
        raise MetadataError(
            f"The {what} {path} has {size:,} bytes; the limit is {_MOST_BYTES:,}.",
            hint="is it the right file?",
        )
    if not content:
        raise MetadataError(f"The {what} {path} is empty.", hint="is it the right file?")
    return content


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
        try:
            empty = re.compile(self.pattern).fullmatch("") is not None
        except re.error as error:
            raise MetadataError(
                f"The delimiters {self.pattern!r} are no regular expression: {error}.",
                hint=r"--delimiters '[^\w]+' splits at everything that is no word",
            ) from error
        # An expression that fits nothing at all is an endless loop in the Task Library.
        if empty or re.search(r"\(\?[=!<]|\\[1-9]", self.pattern):
            raise MetadataError(
                f"The delimiters {self.pattern!r} "
                + ("fit an empty text." if empty else "look around or back, which RE2 cannot."),
                hint=r"--delimiters '[^\w]+' splits at everything that is no word",
            )
        self._check_vocabulary()

    def _check_vocabulary(self) -> None:
        try:
            lines = self.vocabulary.decode("utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise MetadataError("The vocabulary is not UTF-8.", hint="convert it") from error
        for number, line in enumerate(lines, start=1):
            if not re.fullmatch(r"\S+ \d+", line):
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
        words = set(self.vocabulary.decode("utf-8", "replace").split("\n"))
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
        # A protobuf whose first field is a piece (1, length-delimited), with <unk> among them.
        if self.model[:1] != b"\x0a" or b"<unk>" not in self.model:
            raise MetadataError(
                "The SentencePiece model is none.", hint="give the .model file that was trained"
            )

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
