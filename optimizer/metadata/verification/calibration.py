"""Score calibration, computed anew."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optimizer.metadata.verification.subject import Subject

_SMALLEST = 1e-16


def calibrated(
    subject: Subject, head: int, scores: list[float], classes: Sequence[int] | None = None
) -> list[float] | None:
    """The scores of an output as the file's calibration makes them; as they are when it has none.

    ``classes`` are those of a detector's scores; a classifier has one score for each. ``None`` when the
    calibration cannot be computed; the Task Library refuses such a file.
    """
    told = subject.calibration(head)
    if told is None:
        return scores
    options, content = told
    lines = content.decode("utf-8", "replace").split("\n")
    if classes is None:
        if len(lines) != len(scores):
            return None
        classes = range(len(scores))
    try:
        sigmoids = [
            [float(part) for part in line.split(",")] if line.strip() else [] for line in lines
        ]
    except ValueError:
        return None
    default = options.get("default_score", 0.0)
    transformation = options.get("score_transformation", "IDENTITY")
    return [
        _calibrated(score, sigmoids[place], transformation, default)
        for score, place in zip(scores, classes, strict=True)
        if 0 <= place < len(sigmoids)
    ]


def _calibrated(score: float, sigmoid: list[float], transformation: str, default: float) -> float:
    if len(sigmoid) < 3 or (len(sigmoid) > 3 and score < sigmoid[3]):
        return default
    scale, slope, offset = sigmoid[:3]
    power = slope * _transformed(score, transformation) + offset
    if power < 0:
        return scale * math.exp(power) / (1.0 + math.exp(power))
    return scale / (1.0 + math.exp(-power))


def _transformed(score: float, transformation: str) -> float:
    if transformation == "LOG":
        return _clamped_log(score)
    if transformation == "INVERSE_LOGISTIC":
        return _clamped_log(score) - _clamped_log(1.0 - score)
    return score


def _clamped_log(value: float) -> float:
    return math.log(max(value, _SMALLEST))
