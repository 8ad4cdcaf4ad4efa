"""What a proof found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One class of a classifier: output index, its label, and the score as the app gets it.

    ``head`` is the output's position where a model has several.
    """

    index: int
    label: str | None
    score: float
    head: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One object that a detector found, in pixels of the image."""

    index: int
    label: str | None
    score: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One class of a segmenter's mask, and the share of the mask that it has."""

    index: int
    label: str | None
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to a question, and the tokens of the text that it is made of."""

    text: str
    start: int
    end: int
    logit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """The vector of an embedder's output: its size, its length, and how it begins."""

    head: int
    size: int
    norm: float
    first: tuple[float, ...]


Result: TypeAlias = Category | Detection | Region | Answer | Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVerdict:
    """Whether an Android API accepts the file.

    ``accepted`` is ``None`` when that is not known. ``tried`` tells what was run on this computer from what
    follows from the API's documented rules; ``why`` is a sentence.
    """

    api: str
    accepted: bool | None
    tried: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the Task Library made of a file.

    ``failure`` is one sentence, ``None`` when the file works; ``hint`` says what to do about it.
    ``results`` are as an app gets them. ``max_score_difference`` is the largest difference between the
    Task Library's numbers and plain LiteRT's; ``litert_top1`` is LiteRT's first class. ``notes`` are things
    an app developer should know that are no failure; ``apis`` says which APIs take the file, if that was
    asked.
    """

    task: str
    input_origin: str
    failure: str | None = None
    hint: str | None = None
    results: tuple[Result, ...] = ()
    litert_top1: int | None = None
    max_score_difference: float | None = None
    notes: tuple[str, ...] = ()
    apis: tuple[ApiVerdict, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether an app can use the file as it is described."""
        return self.failure is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a file cannot be used, and what to do about it."""

    failure: str
    hint: str


def sentence(message: str) -> str:
    """What native code says, as one line without a full stop and without addresses of manuals."""
    first = message.split("See instructions:", maxsplit=1)[0]
    return " ".join(first.split()).rstrip(".:")
