"""Which task a model is for, as far as the model or its metadata tell."""

from __future__ import annotations

import re
from typing import Any

from optimizer.metadata.document import Document, label_files, subgraph, tensor_fields
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.tasks import Task

_SCORES = {"SOFTMAX", "LOGISTIC", "LOG_SOFTMAX"}
_MOST_PASSED = 3
_FEWEST_SAMPLES = 400  # 25 ms of sound at 16 kHz


def task_of_model(model: ModelView, *, has_labels: bool = False) -> tuple[Task, str] | None:
    """The task that the shapes and types fit, and why; ``None`` when none does, or several do.

    Labels tell a classifier from an embedder, and so do scores that end in softmax or sigmoid.
    """
    inputs, outputs = model.inputs, model.outputs
    if not inputs or not outputs:
        return None
    scores = has_labels or _ends_in_scores(model)
    first = inputs[0]
    if len(inputs) == 1 and _is_image(first):
        return _image_task(outputs, scores=scores, has_labels=has_labels)
    if len(inputs) == 3 and all(_is_words(item) for item in inputs):
        what = "three inputs of tokens go in"
        if len(outputs) == 2:
            return Task.BERT_QUESTION_ANSWERER, f"{what}, two outputs come out"
        found = Task.BERT_CLASSIFIER if scores else Task.TEXT_EMBEDDER
    elif len(inputs) != 1 or len(outputs) != 1:
        return None
    elif first.dtype == "string" or _is_words(first):
        what = "a text goes in"
        classifies = scores or first.dtype == "string"
        found = Task.TEXT_CLASSIFIER if classifies else Task.TEXT_EMBEDDER
    elif first.dtype == "float32" and _is_waveform(first):
        what = "a waveform goes in"
        found = Task.AUDIO_CLASSIFIER if scores else Task.AUDIO_EMBEDDER
    else:
        return None
    embeds = found in {Task.TEXT_EMBEDDER, Task.AUDIO_EMBEDDER}
    return found, f"{what}, {'a vector comes' if embeds else 'scores come'} out"


def _image_task(
    outputs: tuple[ModelTensor, ...], *, scores: bool, has_labels: bool
) -> tuple[Task, str] | None:
    shapes = [item.shape for item in outputs]
    if len(outputs) == 4 and any(len(shape) == 3 and shape[2] == 4 for shape in shapes):
        return Task.OBJECT_DETECTOR, "an image goes in, boxes and three more outputs come out"
    if len(outputs) == 1 and len(shapes[0]) == 4 and any(size > 1 for size in shapes[0][1:3]):
        return Task.IMAGE_SEGMENTER, "an image goes in, and an image of classes comes out"
    flat = all(
        len(shape) in {2, 4} and all(size in {1, -1} for size in shape[:-1]) for shape in shapes
    )
    if not flat or len(outputs) != 1:
        return None  # with several, as scores and landmarks, nothing tells what each one is
    if scores:
        why = "and there are labels" if has_labels else "scores come out"
        return Task.IMAGE_CLASSIFIER, f"an image goes in, {why}"
    return Task.IMAGE_EMBEDDER, "an image goes in, a vector comes out"


def _is_words(item: ModelTensor) -> bool:
    return item.dtype == "int32" and len(item.shape) == 2


def _is_image(item: ModelTensor) -> bool:
    shape = item.shape
    return len(shape) == 4 and shape[0] in {1, -1} and shape[3] in {1, 3}


def _is_waveform(item: ModelTensor) -> bool:
    shape = item.shape
    if len(shape) == 3:
        return shape[0] in {1, -1} and shape[1] >= _FEWEST_SAMPLES and shape[2] <= 2
    return len(shape) in {1, 2} and shape[-1] >= _FEWEST_SAMPLES


def _ends_in_scores(model: ModelView) -> bool:
    """Whether the last operators are a softmax or sigmoid, but for such as bring it to another type."""
    return any(item.kind in _SCORES for item in model.operators[-_MOST_PASSED:])


def task_of_document(document: Document) -> Task:
    """The task that metadata are for: as said, or by what tensors hold, their names, and tokenizers."""
    if document.task is not None:
        return Task(document.task)
    fields = document.fields
    inputs, outputs = tensor_fields(fields, "input"), tensor_fields(fields, "output")
    kinds = [_content(item) for item in inputs]
    names = [item.get("name") or "" for item in outputs]
    if "ImageProperties" in kinds and len(inputs) == 1:
        return _image_task_of(outputs, names)
    if "AudioProperties" in kinds:
        return Task.AUDIO_EMBEDDER if _embeds(names) else Task.AUDIO_CLASSIFIER
    return _text_task(document, names)


def _image_task_of(outputs: list[dict[str, Any]], names: list[str]) -> Task:
    contents = [_content(item) for item in outputs]
    if "BoundingBoxProperties" in contents:
        return Task.OBJECT_DETECTOR
    if "ImageProperties" in contents:
        return Task.IMAGE_SEGMENTER
    heads = [
        bool(label_files(item)) or name == "probability"
        for item, name in zip(outputs, names, strict=True)
    ]
    if heads and all(heads):  # with landmarks beside it, it is something else
        return Task.IMAGE_CLASSIFIER
    return Task.IMAGE_EMBEDDER if _embeds(names) else Task.GENERAL


def _embeds(names: list[str]) -> bool:
    return bool(names) and all(name.startswith(("feature", "embedding")) for name in names)


def _text_task(document: Document, names: list[str]) -> Task:
    inputs = tensor_fields(document.fields, "input")
    units = {
        unit.get("options_type")
        for unit in subgraph(document.fields).get("input_process_units", [])
    }
    bert = bool(units & {"BertTokenizerOptions", "SentencePieceTokenizerOptions"})
    words = any(
        unit.get("options_type") == "RegexTokenizerOptions"
        for item in inputs
        for unit in item.get("process_units", [])
    )
    if bert and any(re.search("start|end", name) for name in names):
        return Task.BERT_QUESTION_ANSWERER
    text = words or [item.get("name") for item in inputs] == ["input_text"]
    if (bert or text) and _embeds(names):
        return Task.TEXT_EMBEDDER
    if bert:
        return Task.BERT_CLASSIFIER
    return Task.TEXT_CLASSIFIER if text else Task.GENERAL


def _content(fields: dict[str, Any]) -> str | None:
    content = fields.get("content")
    return content.get("content_properties_type") if isinstance(content, dict) else None
