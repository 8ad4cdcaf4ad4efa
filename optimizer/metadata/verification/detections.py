"""Compare what a detector found."""

from __future__ import annotations

from typing import Any

from optimizer.metadata.verification.calibration import calibrated
from optimizer.metadata.verification.faults import AGAIN
from optimizer.metadata.verification.judgement import Judgement, disagree, tolerance
from optimizer.metadata.verification.results import Detection, Problem
from optimizer.metadata.verification.subject import Subject

_ROUNDED_PIXELS = 1.5  # corners are rounded, then widths are taken
# Wherever the scores are, only this output's calibration is applied.
_CALIBRATED = 2
_ROLES = ("location", "category", "score", "number of detections")


def judge_detections(subject: Subject, answer: dict[str, Any]) -> Judgement:
    """Compare scores, classes and boxes, in the order of the model's outputs."""
    results = tuple(
        Detection(
            index=item["index"],
            label=item["label"],
            score=item["score"],
            left=item["box"][0],
            top=item["box"][1],
            width=item["box"][2],
            height=item["box"][3],
        )
        for item in answer["results"]
    )
    names, notes = subject.names("output"), []
    if sorted(names) != sorted(_ROLES):
        notes.append(
            f"The outputs are called {', '.join(names)}: the Task Library tells them apart by their "
            f"order, as {', '.join(_ROLES)}."
        )
        names = list(_ROLES)
    place = names.index("score")
    if place != _CALIBRATED and subject.calibration(place) is not None:
        notes.append(
            "The score calibration is ignored by the Task Library's ObjectDetector, which looks for it at "
            f"the third output only: the scores are output {place + 1}. MediaPipe applies it."
        )
    if not any(item.label for item in results):
        notes.append("There are no labels for what was found: an app gets the classes' numbers.")
    if "plain" not in answer:
        return Judgement(results=results, notes=tuple(notes))
    plain = {role: answer["plain"][names.index(role)] for role in _ROLES}
    count = min(round(plain[_ROLES[3]][0]), len(plain["score"]))
    if place == _CALIBRATED:
        classes = [round(value) for value in plain["category"]]
        scores = calibrated(subject, place, plain["score"], classes)
        plain["score"] = scores if scores is not None and len(scores) >= count else plain["score"]
    shown = answer["task"]
    if len(shown) != count:
        return Judgement(
            results=results,
            problem=Problem(
                failure=f"The Task Library finds {len(shown)} objects, LiteRT {count}.", hint=AGAIN
            ),
            notes=tuple(notes),
        )
    difference = max(
        (abs(item["score"] - plain["score"][i]) for i, item in enumerate(shown)), default=0.0
    )
    most = tolerance(subject, plain["score"])
    problem = disagree(subject, difference, most) if difference > most else None
    if problem is None:
        slack = _ROUNDED_PIXELS
        if subject.model.quantized:
            slack += max(answer["fitted_size"]) * most
        problem = next(
            filter(
                None,
                (
                    _object(
                        subject, place, item, plain=plain, size=answer["fitted_size"], slack=slack
                    )
                    for place, item in enumerate(shown)
                ),
            ),
            None,
        )
    return Judgement(results=results, problem=problem, difference=difference, notes=tuple(notes))


def _object(
    subject: Subject,
    place: int,
    item: dict[str, Any],
    *,
    plain: dict[str, list[float]],
    size: list[int],
    slack: float,
) -> Problem | None:
    """Compare the class and the box of one object."""
    category = round(plain["category"][place])
    if item["index"] != category:
        return Problem(
            failure=f"The Task Library calls object {place} class {item['index']}, LiteRT "
            f"{category}.",
            hint=AGAIN,
        )
    wanted = _box(subject, plain["location"][4 * place : 4 * place + 4], *size)
    if max(abs(a - b) for a, b in zip(item["box"], wanted, strict=True)) <= slack:
        return None
    return Problem(
        failure=f"The Task Library's box of object {place} is {item['box']}, LiteRT's "
        f"{[round(value) for value in wanted]} (left, top, width, height).",
        hint="check the order of a box's corners: --box-order",
    )


def _box(
    subject: Subject, numbers: list[float], height: int, width: int
) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels, for a box's four numbers."""
    index = next(
        content["content_properties"]["index"]
        for content in (item.get("content", {}) for item in subject.tensors("output"))
        if content.get("content_properties_type") == "BoundingBoxProperties"
    )
    left, top, right, bottom = (numbers[place] for place in index)
    return left * width, top * height, (right - left) * width, (bottom - top) * height
