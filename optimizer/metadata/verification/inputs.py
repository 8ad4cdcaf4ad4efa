"""What goes in: the user's file or text, or one that the worker makes up."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import DataError
from optimizer.metadata.tasks import Task
from optimizer.metadata.verification.subject import IMAGES, SOUNDS, TEXTS, Subject

_MOST_TEXT = 1 << 20  # bytes
_BERT = ["ids", "mask", "segment_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A real input as the user gives it. ``text`` is the context of a ``question`` where there is one."""

    file: Path | None = None
    text: str | None = None
    question: str | None = None
    seed: int = 0

    def check(self, task: Task) -> None:
        """Refuse an input that the task cannot take.

        Raises:
            DataError: the file does not exist, or the input is of another kind.
        """
        if self.file is not None and not self.file.is_file():
            what = "image" if task in IMAGES else "input"
            kind = _FILES["image" if task in IMAGES else "sound" if task in SOUNDS else "text"]
            raise DataError(f"The {what} {self.file} does not exist.", hint=f"give {kind}")
        if task not in TEXTS and (self.text is not None or self.question is not None):
            raise DataError(f"A text is no input of task {task.value}.", hint="give --input FILE")
        if self.question is not None and task is not Task.BERT_QUESTION_ANSWERER:
            raise DataError(f"Task {task.value} answers no question.", hint="give --text")
        if self.file is not None and self.text is not None:
            raise DataError("A file and a text were given.", hint="give one of them")
        if task is Task.GENERAL and self.file is not None:
            raise DataError(
                "A model of no task in particular has no kind of file that goes in.",
                hint="leave --input out, or give --task",
            )

    def words(self) -> str | None:
        """The text, from the file if one was given.

        Raises:
            DataError: the file is no text.
        """
        if self.file is None:
            return self.text
        try:
            return self.file.read_bytes()[:_MOST_TEXT].decode("utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"The input {self.file} is no text in UTF-8: {error}.",
                hint=f"give {_FILES['text']}",
            ) from error

    def origin(self, task: Task, answer: dict[str, Any]) -> str:
        """Where the input came from, in words."""
        if task in TEXTS:
            shown = str(answer.get("text") or self.text or "")[:80]
            told = f"the text {shown!r}" if self.file is None else str(self.file)
            if self.text is None and self.file is None:
                told = f"words of the vocabulary, seed {self.seed}" + f": {shown!r}" * bool(shown)
            asked = answer.get("question") or self.question
            return f"{told}, and the question {asked!r}" if asked else told
        if self.file is not None:
            return str(self.file)
        what = "random pixels" if task in IMAGES else "a tone in noise"
        return f"{'random numbers' if task is Task.GENERAL else what}, seed {self.seed}"


_FILES = {
    "image": "a JPEG, PNG or BMP file",
    "sound": "a .wav file",
    "text": "a .txt file, or --text",
}


def unreadable(given: Given, subject: Subject, why: str) -> DataError:
    """The error about a file that the worker could not read."""
    if subject.task in IMAGES:
        return DataError(
            f"The image {given.file} cannot be read: {why}", hint=f"give {_FILES['image']}"
        )
    rate, channels = subject.audio_format() or (0, 0)
    return DataError(
        f"The sound {given.file} cannot be used: {why}.",
        hint=f"ffmpeg -i IN -ar {rate} -ac {channels} -c:a pcm_s16le OUT.wav",
    )


def request(subject: Subject, given: Given) -> dict[str, Any]:
    """What the worker's proof of the task is asked, apart from the file."""
    first = subject.model.inputs[0]
    source = str(given.file.absolute()) if given.file is not None else None
    if subject.task is Task.GENERAL:
        return {"seed": given.seed}
    if subject.task in TEXTS:
        tokens = subject.tokenizer() if first.dtype != "string" else None
        names = subject.names("input")
        roles = names if sorted(names) == _BERT else _BERT  # by position otherwise
        piece = tokens.sentence_piece if tokens is not None else None
        return {
            "text": given.words(),
            "question": given.question,
            "seed": given.seed,
            "kind": tokens.kind if tokens is not None else None,
            "pattern": tokens.pattern if tokens is not None else "",
            "vocabulary": ((tokens and tokens.vocabulary) or b"").decode("utf-8", "replace"),
            "sentence_piece": base64.b64encode(piece).decode() if piece is not None else None,
            "roles": roles if len(subject.model.inputs) == 3 else [],
            "length": first.shape[-1],
        }
    shared = {
        "source": source,
        "seed": given.seed,
        "shape": list(first.shape),
        "locales": subject.locales() if subject.task is not Task.IMAGE_EMBEDDER else [],
    }
    if subject.task in SOUNDS:
        rate, channels = subject.audio_format() or (0, 0)
        return {**shared, "sample_rate": max(rate, 1), "channels": max(channels, 1)}
    mean, std = subject.usable_normalization()
    return {**shared, "mean": mean, "std": std, "dtype": first.dtype}
