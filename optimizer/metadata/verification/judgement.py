"""What a comparison finds, and how far two right runs may be apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.metadata.verification.results import Problem, Result
from optimizer.metadata.verification.subject import IMAGES, Subject

_FLOAT_TOLERANCE = 1e-3
# Kernels of two releases may round a quantized layer to neighbouring steps.
_QUANTIZED_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What came out of a comparison."""

    results: tuple[Result, ...] = ()
    problem: Problem | None = None
    difference: float | None = None
    litert_top1: int | None = None
    notes: tuple[str, ...] = ()


def tolerance(subject: Subject, values: Sequence[float]) -> float:
    """How far numbers of two right runs may be apart."""
    span = max([1.0, *(abs(value) for value in values if math.isfinite(value))])
    return (_QUANTIZED_TOLERANCE if subject.model.quantized else _FLOAT_TOLERANCE) * span


def training(subject: Subject) -> str:
    """What to look at when the numbers differ."""
    if subject.task in IMAGES:
        return "compare mean and std with the training code"
    if subject.tokenizer() is not None:
        return "compare the tokenizer and its vocabulary with the training code"
    return "compare the input's metadata with the training code"


def disagree(subject: Subject, difference: float, most: float, what: str = "scores") -> Problem:
    """The numbers of both differ by more than they may."""
    return Problem(
        failure=f"The Task Library and LiteRT disagree: {what} differ by up to {difference:.3g}, "
        f"more than {most:.3g}.",
        hint=training(subject),
    )
