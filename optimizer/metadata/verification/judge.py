"""Compare what the Task Library said with what LiteRT said."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from optimizer.metadata.tasks import Task
from optimizer.metadata.verification.calibration import calibrated
from optimizer.metadata.verification.detections import judge_detections
from optimizer.metadata.verification.faults import AGAIN
from optimizer.metadata.verification.judgement import Judgement, disagree, tolerance, training
from optimizer.metadata.verification.results import (
    Answer,
    Category,
    Problem,
    Region,
    Vector,
)
from optimizer.metadata.verification.subject import IMAGES, Subject

_OTHER_PIXELS = 0.01
_FIRST = 4


def judge(subject: Subject, answer: dict[str, Any]) -> Judgement:
    """Compare the two runs of an answer; without a plain run, only tell the results."""
    judge_task = _judges(subject.task)
    if all(math.isfinite(value) for values in answer.get("plain", []) for value in values):
        return judge_task(subject, answer)
    what = "scores" if judge_task is _categories else "outputs"
    where = "mean and std, and " if subject.task in IMAGES else ""
    problem = Problem(
        failure=f"The model's {what} are not finite numbers.",
        hint=f"check {where}the model in its own framework",
    )
    return Judgement(problem=problem)


def _judges(task: Task) -> Callable[[Subject, dict[str, Any]], Judgement]:
    if task is Task.GENERAL:
        return lambda _subject, _answer: Judgement()
    if task is Task.OBJECT_DETECTOR:
        return judge_detections
    if task is Task.IMAGE_SEGMENTER:
        return _masks
    if task is Task.BERT_QUESTION_ANSWERER:
        return _answers
    if task in {Task.IMAGE_EMBEDDER, Task.TEXT_EMBEDDER, Task.AUDIO_EMBEDDER}:
        return _vectors
    return _categories


def _categories(subject: Subject, answer: dict[str, Any]) -> Judgement:
    shown = answer.get("results", answer["task"])
    results = tuple(
        Category(index=item["index"], label=item["label"], score=item["score"], head=head)
        for head, items in enumerate(shown)
        for item in sorted(items, key=lambda item: -float(item["score"]))
    )
    judged = [
        _head(subject, head, items, answer["plain"][head])
        for head, items in enumerate(answer["task"])
        if "plain" in answer and head < len(answer["plain"])
    ]
    notes = [note for one in judged for note in one.notes]
    if not any(item.label for item in results):
        notes.append("There are no labels: an app gets the classes' numbers only.")
    return Judgement(
        results=results,
        problem=next((one.problem for one in judged if one.problem is not None), None),
        difference=max(
            (one.difference for one in judged if one.difference is not None), default=None
        ),
        litert_top1=judged[0].litert_top1 if judged else None,
        notes=tuple(dict.fromkeys(notes)),
    )


def _head(
    subject: Subject, head: int, items: list[dict[str, Any]], plain: list[float]
) -> Judgement:
    """Compare the scores of one output."""
    notes = []
    scores = calibrated(subject, head, plain)
    if scores is None:
        return Judgement(notes=("The score calibration could not be recomputed.",))
    # A class whose default score is negative is left out, as is any negative score.
    if any(score < 0 for score in scores):
        notes.append(
            "A class that is not calibrated gets a default score below zero, and is left out."
            if subject.calibration(head) is not None
            else "Scores below zero are left out by the Task Library: the model seems to end "
            "without softmax or sigmoid, and an app sees only some of the classes."
        )
    task = {item["index"]: float(item["score"]) for item in items}
    most = tolerance(subject, scores)
    difference = max((abs(scores[i] - s) for i, s in task.items() if i < len(scores)), default=None)
    top = max(range(len(scores)), key=scores.__getitem__) if scores else None
    problem = None
    if lost := [i for i, score in enumerate(scores) if score > most and i not in task]:
        problem = Problem(
            failure=f"The Task Library leaves out class {lost[0]}, to which LiteRT gives a score.",
            hint=AGAIN,
        )
    elif difference is not None and difference > most:
        problem = disagree(subject, difference, most)
    elif task and top is not None:
        first = max(task, key=task.__getitem__)
        if first != top and abs(scores[first] - scores[top]) > 2 * most:
            problem = Problem(
                failure=f"The Task Library's first class is {first}, LiteRT's is {top}.",
                hint=training(subject),
            )
    return Judgement(problem=problem, difference=difference, litert_top1=top, notes=tuple(notes))


def _masks(subject: Subject, answer: dict[str, Any]) -> Judgement:
    results = tuple(Region(**item) for item in answer["results"])
    notes = []
    if subject.model.outputs[0].shape[-1] == 1:
        notes.append(
            "There is one class: the category mask is 0 everywhere, so an app has to take the "
            "confidence mask (OutputType.CONFIDENCE_MASK)."
        )
    masks = answer.get("masks")
    if masks is None:
        return Judgement(results=results, notes=tuple(notes))
    problem, difference = None, None
    if "shapes" in masks:
        problem = Problem(
            failure=f"The Task Library's masks are {masks['shapes'][0]}, LiteRT's "
            f"{masks['shapes'][1]}.",
            hint=AGAIN,
        )
    elif not masks["finite"]:
        problem = Problem(
            failure="The model's masks are not finite numbers.",
            hint="check mean and std, and the model in its own framework",
        )
    else:
        difference, most = masks["difference"], tolerance(subject, [masks["span"]])
        if difference > most:
            problem = disagree(subject, difference, most, "masks")
        elif masks["other_class"] > _OTHER_PIXELS:
            problem = Problem(
                failure=f"The Task Library gives another class than LiteRT to "
                f"{masks['other_class']:.0%} of the pixels.",
                hint=training(subject),
            )
    return Judgement(results=results, problem=problem, difference=difference, notes=tuple(notes))


def _vectors(subject: Subject, answer: dict[str, Any]) -> Judgement:
    shown = answer.get("results", answer["task"])
    results = tuple(
        Vector(
            head=head,
            size=len(values),
            norm=math.sqrt(sum(value * value for value in values)),
            first=tuple(values[:_FIRST]),
        )
        for head, values in enumerate(shown)
    )
    problem, differences = None, []
    for task, plain in zip(answer["task"], answer.get("plain", []), strict=False):
        if len(task) != len(plain):
            problem = Problem(
                failure=f"The Task Library's vector has {len(task)} values, LiteRT's {len(plain)}.",
                hint=AGAIN,
            )
            continue
        differences.append(max((abs(a - b) for a, b in zip(task, plain, strict=True)), default=0.0))
        most = tolerance(subject, plain)
        if differences[-1] > most:
            problem = problem or disagree(subject, differences[-1], most, "vectors")
    return Judgement(results=results, problem=problem, difference=max(differences, default=None))


def _answers(subject: Subject, answer: dict[str, Any]) -> Judgement:
    results = tuple(Answer(**item) for item in answer["task"])
    if not results:
        note = (
            "No answer was found in this text: among the five best beginnings and ends there is no "
            "pair. Give a real text: --question, --context."
        )
        return Judgement(notes=(note,))
    if "plain" not in answer:
        return Judgement(results=results)
    names = subject.names("output")
    starts, ends = (answer["plain"][names.index(f"{role}_logits")] for role in ("start", "end"))
    most = tolerance(subject, [*starts, *ends])
    difference = max(
        abs(starts[item.start] + ends[item.end] - item.logit)
        for item in results
        if item.end < len(ends)
    )
    problem = disagree(subject, difference, most, "logits") if difference > most else None
    return Judgement(results=results, problem=problem, difference=difference)
