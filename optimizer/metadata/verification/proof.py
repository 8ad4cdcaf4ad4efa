"""``verify``: the whole proof of one file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optimizer.artifact import read_manifest
from optimizer.errors import MetadataError
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import read_model, take_apart
from optimizer.metadata.document import Document, normalization
from optimizer.metadata.guess import task_of_document
from optimizer.metadata.model_view import view
from optimizer.metadata.normalization import contradiction
from optimizer.metadata.reading import document_of
from optimizer.metadata.tasks import Task
from optimizer.metadata.verification.dangers import danger
from optimizer.metadata.verification.faults import AGAIN, fault, pixel_gap
from optimizer.metadata.verification.inputs import Given, request, unreadable
from optimizer.metadata.verification.judge import judge
from optimizer.metadata.verification.judgement import Judgement
from optimizer.metadata.verification.results import Problem, Verification, sentence
from optimizer.metadata.verification.subject import Subject

_PIXEL_TOLERANCE = 0.05


def verify(
    model: Path,
    *,
    task: Task | None = None,
    input: Path | None = None,  # noqa: A002 - the word that the command has
    text: str | None = None,
    question: str | None = None,
    seed: int = 0,
    apis: bool = False,
    worker: MetadataWorker | None = None,
) -> Verification:
    """Load a tagged file with the Task Library, run one input, and compare with plain LiteRT.

    ``task`` is worked out from the metadata if it is not given. ``input`` is a JPEG, PNG or BMP file, a
    .wav with the model's sample rate, or a .txt, as the task needs; ``text`` is the text itself, and the
    context of a ``question``. Without any, one is made from ``seed``. With ``apis``, every other Android
    API is tried or judged as well. What is wrong with the file's use is in the result, not raised.

    Raises:
        ModelError: the file is missing, empty or not a TFLite model.
        DataError: the input cannot be read, or is of another kind than the task needs.
        MetadataError: the metadata or the packed files are damaged.
        MissingExtraError: tflite-support is not installed.
    """
    given = Given(file=input, text=text, question=question, seed=seed)
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        parts = take_apart(read_model(model), origin=str(model))
        tagged = parts.metadata is not None
        document = (
            document_of(parts, origin=model, worker=worker) if tagged else Document(fields={})
        )
        subject = Subject(
            path=model,
            model=view(parts.model, origin=str(model), artifact=read_manifest(model)),
            document=document,
            task=task or task_of_document(document),
        )
        given.check(subject.task)
        answer: dict[str, Any] = {}
        problem = _before(subject, tagged=tagged)
        judgement = Judgement()
        if problem is None:
            answer, problem = _ask(subject, given, worker)
            if problem is None:
                judgement = judge(subject, answer)
            problem = problem or _after(subject, judgement)
        proof = Verification(
            task=subject.task.value,
            input_origin=given.origin(subject.task, answer),
            failure=problem.failure if problem is not None else None,
            hint=problem.hint if problem is not None else None,
            results=judgement.results,
            litert_top1=judgement.litert_top1,
            max_score_difference=judgement.difference,
            notes=_notes(answer, [*judgement.notes, *_doubts(subject)]),
        )
        if not apis:
            return proof
        from optimizer.metadata.verification.apis import with_verdicts

        return with_verdicts(proof, subject, answer, given=given, tagged=tagged, worker=worker)


def _before(subject: Subject, *, tagged: bool) -> Problem | None:
    if not tagged:
        options = "--task image-classifier --labels labels.txt --mean 127.5 --std 127.5"
        return Problem(
            failure=f"{subject.name} has no metadata.",
            hint=f"android-bench metadata write '{subject.name}' {options}",
        )
    return danger(subject)


def _ask(
    subject: Subject, given: Given, worker: MetadataWorker
) -> tuple[dict[str, Any], Problem | None]:
    """The worker's answer, and why the file does not work if the Task Library or LiteRT says so."""
    try:
        answer = worker.prove(subject.task.value, subject.path, **request(subject, given))
    except MetadataError as error:
        return {"died": str(error)}, fault(subject) or Problem(
            failure=str(error),
            hint="an app would crash as well: compare the metadata with the model, "
            "android-bench metadata show FILE",
        )
    if "unreadable" in answer:
        raise unreadable(given, subject, answer["unreadable"])
    if subject.task is Task.GENERAL:
        return answer, _general(subject, answer)
    refused = answer.get("refused")
    if refused is not None:
        return answer, fault(subject) or _refusal(subject, answer)
    if answer["refused_locales"]:
        locale, why = next(iter(answer["refused_locales"].items()))
        return answer, Problem(
            failure=f"The labels for {locale!r} in {subject.name} cannot be used: {sentence(why)}.",
            hint="give one label for each output in each language",
        )
    return answer, None


def _general(subject: Subject, answer: dict[str, Any]) -> Problem | None:
    if "litert_refused" in answer:
        return Problem(
            failure=f"LiteRT cannot run {subject.name}: {sentence(answer['litert_refused'])}.",
            hint="android-bench inspect FILE lists its operators",
        )
    if not all(answer["finite"]):
        return Problem(
            failure=f"The outputs of {subject.name} are not finite numbers.",
            hint="check the model in its own framework",
        )
    return None


def _refusal(subject: Subject, answer: dict[str, Any]) -> Problem:
    why = sentence(answer["refused"])
    hint = AGAIN
    if "unresolved custom op" in why:
        hint = (
            "the Task Library has no such operator: convert the model with built-in operators, or run "
            "it with MediaPipe if it is one of its own"
        )
    elif "score calibration parameters" in why:
        hint = (
            "one line for each label, and no newline at the end: --score-calibration FILE --replace"
        )
    elif "Invoke() failed" in why:
        hint = (
            "the vocabulary may have more words than the model's table: compare it with the one "
            "that the model was trained with"
        )
    elif "Label map does not contain enough" in why:
        hint = "give a label for each class that the model can return"
    elif "Bad StatusOr" in why:
        hint = "compare the lengths of its inputs with 384, and the vocabulary with the model's"
    return Problem(failure=f"The Task Library refuses {subject.name}: {why}.", hint=hint)


def _after(subject: Subject, judgement: Judgement) -> Problem | None:
    """What is wrong although the Task Library takes the file."""
    problem = fault(subject) or judgement.problem
    if problem is not None or subject.normalization() is None or not subject.model.inputs:
        return problem
    entry = subject.model.inputs[0].spec
    mean, std = subject.usable_normalization()
    if (gap := pixel_gap(entry, mean, std)) <= _PIXEL_TOLERANCE:
        return None
    return Problem(
        failure=f"The {entry.dtype} input is quantized with scale {entry.scale:.4g} and zero point "
        f"{entry.zero_point}, so raw pixels reach the model {gap:.0%} of the range away from "
        f"(pixel - mean) / std.",
        hint="apps feed raw pixels to uint8 models: calibrate with data over the whole range, "
        "check mean and std, or build with float32 input",
    )


def _doubts(subject: Subject) -> list[str]:
    """What the model tells of its pixels, where the metadata say something else."""
    written = normalization(subject.document.fields)
    images = [item for item in subject.model.inputs if len(item.shape) == 4]
    if written is None or len(images) != 1 or images[0].shape[3] not in {1, 3}:
        return []
    mean, std = (tuple(part) for part in written)
    try:
        doubt = contradiction(subject.model, images[0], mean, std)
    except (MetadataError, ZeroDivisionError):  # what cannot be is told as a failure
        return []
    return [] if doubt is None else [doubt]


def _notes(answer: dict[str, Any], told: Sequence[str]) -> tuple[str, ...]:
    notes = list(told)
    if "untold" in answer and "task" in answer:
        notes.append(
            "The Task Library runs it; its tokens were not compared, which needs the Python package "
            "sentencepiece."
        )
    elif "litert_refused" in answer and "task" in answer:
        notes.append(f"LiteRT alone does not run it: {sentence(answer['litert_refused'])}.")
    return tuple(notes)
