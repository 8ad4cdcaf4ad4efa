"""Which Android APIs take a file, and why: run here where that can be, by their rules otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.errors import MetadataError
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.tasks import Task
from optimizer.metadata.verification.inputs import Given
from optimizer.metadata.verification.mediapipe import mediapipe_verdict
from optimizer.metadata.verification.results import ApiVerdict, Verification, sentence
from optimizer.metadata.verification.subject import Subject

_ML_KIT = "ML Kit custom image labeling"
_BINDING = "Android Studio ML binding"


def with_verdicts(
    proof: Verification,
    subject: Subject,
    answer: dict[str, Any],
    *,
    given: Given,
    tagged: bool,
    worker: MetadataWorker,
) -> Verification:
    """The proof with a verdict for each API."""
    verdicts = (
        _litert(subject, answer, worker),
        _task_library(proof, subject, answer, tagged=tagged),
        mediapipe_verdict(proof, subject, answer, given=given, tagged=tagged, python=worker.python),
        _binding(subject, worker, tagged=tagged),
        _ml_kit(proof, subject, tagged=tagged),
    )
    return replace(proof, apis=verdicts)


def _litert(subject: Subject, answer: dict[str, Any], worker: MetadataWorker) -> ApiVerdict:
    api = "LiteRT interpreter"
    # A name that is not all capitals is that of a custom operator.
    foreign = {item.kind for item in subject.model.operators if item.kind != item.kind.upper()}
    if foreign or ("plain" not in answer and "litert_refused" not in answer):
        try:
            answer = worker.prove(Task.GENERAL.value, subject.path, seed=0, alone=bool(foreign))
        except MetadataError as error:
            return ApiVerdict(api=api, accepted=False, tried=True, why=str(error))
    if "litert_refused" in answer:
        why = f"It refuses the model: {sentence(answer['litert_refused'])}."
        return ApiVerdict(api=api, accepted=False, tried=True, why=why)
    why = "It loads and runs the model."
    if "needs_delegate" in answer:
        why = f"It runs the model, but only XNNPACK has its operator {min(foreign)!r}."
    return ApiVerdict(api=api, accepted=True, tried=True, why=why)


def _task_library(
    proof: Verification, subject: Subject, answer: dict[str, Any], *, tagged: bool
) -> ApiVerdict:
    api = f"Task Library {subject.api}"
    if not tagged:
        why = "Not tried: without metadata it is not known what the model is for."
        return ApiVerdict(api="Task Library", accepted=None, tried=False, why=why)
    if subject.task is Task.GENERAL:
        why = "It has no task for such a model: an app runs it with LiteRT."
        return ApiVerdict(api="Task Library", accepted=False, tried=False, why=why)
    told = proof.failure or ""
    if "task" in answer:
        why = (
            "It loads and runs the model, as LiteRT does." if proof.ok else f"It runs, but: {told}"
        )
        return ApiVerdict(api=api, accepted=True, tried=True, why=why)
    # What is known to end the process is not tried.
    tried = "refused" in answer or "died" in answer
    return ApiVerdict(api=api, accepted=False, tried=tried, why=told)


def _binding(subject: Subject, worker: MetadataWorker, *, tagged: bool) -> ApiVerdict:
    if not tagged:
        why = "It makes nothing of a model without metadata."
        return ApiVerdict(api=_BINDING, accepted=False, tried=False, why=why)
    try:
        made = worker.bind(subject.path)
    except MetadataError as error:
        return ApiVerdict(api=_BINDING, accepted=False, tried=True, why=str(error))
    errors = [line for line in made["messages"] if "[ERROR]" in line]
    told = sentence(
        (errors or made["messages"] or [""])[0].replace("[ERROR]", "").replace("[WARN]", "")
    )
    if errors or not made["files"]:
        why = f"Its code generator refuses the model: {told or 'it makes no file'}."
        return ApiVerdict(api=_BINDING, accepted=False, tried=True, why=why)
    why = "Its code generator makes a Java class." + (f" It warns: {told}." if told else "")
    return ApiVerdict(api=_BINDING, accepted=True, tried=True, why=why)


def _ml_kit(proof: Verification, subject: Subject, *, tagged: bool) -> ApiVerdict:
    """ML Kit's documented demands on a custom classifier; there is nothing to run on this computer."""
    refused = _ml_kit_refusal(subject, tagged=tagged)
    if refused is not None:
        return ApiVerdict(api=_ML_KIT, accepted=False, tried=False, why=f"By its rules: {refused}.")
    if tagged and not proof.ok:
        why = "By its rules it fits, but the Task Library finds fault with it."
        return ApiVerdict(api=_ML_KIT, accepted=None, tried=False, why=why)
    why = "By its rules (one RGB input, one output of scores, normalisation for float32) it fits."
    if not subject.labels(0):
        why = "By its rules it fits, but there are no labels: an app gets numbers only."
    return ApiVerdict(api=_ML_KIT, accepted=True, tried=False, why=why)


def _ml_kit_refusal(subject: Subject, *, tagged: bool) -> str | None:
    inputs, outputs = subject.model.inputs, subject.model.outputs
    if tagged and subject.task is not Task.IMAGE_CLASSIFIER:
        return f"it takes image classifiers only, and this is for {subject.task.value}"
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].shape[3] != 3:
        return "the input must be one image, 1×height×width×3"
    if len(outputs) != 1:
        return f"models with several outputs are not fully supported, and it has {len(outputs)}"
    dtype, shape = inputs[0].dtype, outputs[0].shape
    counts = {len(lines) for _, lines in subject.labels(0)}
    rules = {
        f"the input must be float32 or uint8, and it is {dtype}": dtype in {"float32", "uint8"},
        "a float32 input needs NormalizationOptions in the metadata": dtype != "float32"
        or subject.normalization() is not None,
        "the output must be 1×classes or 1×1×1×classes": len(shape) in {2, 4}
        and all(size in {1, -1} for size in shape[:-1]),
        f"there must be a label for each of the {shape[-1] if shape else 1} classes": not counts
        or counts == set(shape[-1:])
        or -1 in shape[-1:],
    }
    return next((why for why, kept in rules.items() if not kept), None)
