"""What is packed with a model: labels in several languages, score calibration.

The Task Library checks little of it; so all is checked here, before it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optimizer.errors import MetadataError
from optimizer.metadata.labels import check_labels, label_file, read_labels

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
TRANSFORMATIONS = ("IDENTITY", "LOG", "INVERSE_LOGISTIC")
_MOST_BYTES = 64 << 20
_MOST = 3.4e38  # of float32


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
        if not abs(self.default_score) <= _MOST:  # so that NaN is refused, too
            raise MetadataError(
                "The default score is not finite.", hint="give a number from 0 to 1"
            )
        for number, line in enumerate(self.lines, start=1):
            if len(line) not in {0, 3, 4} or not all(abs(value) <= _MOST for value in line):
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
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)  # a pipe does not tell its size
    except OSError as error:
        raise MetadataError(
            f"The {what} {path} cannot be read: {error.strerror or error}.",
            hint="check the path",
        ) from error
    if len(content) > _MOST_BYTES:
        raise MetadataError(
            f"The {what} {path} has more than {_MOST_BYTES:,} bytes.",
            hint="is it the right file?",
        )
    if not content:
        raise MetadataError(f"The {what} {path} is empty.", hint="is it the right file?")
    return content
