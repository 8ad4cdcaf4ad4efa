"""What metadata that are there say: the part of a wish that was not said when they are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optimizer.metadata.attachments import Labels
from optimizer.metadata.describing import Said
from optimizer.metadata.document import (
    Document,
    label_files,
    normalization,
    process_units,
    subgraph,
    tensor_fields,
)
from optimizer.metadata.guess import task_of_document
from optimizer.metadata.labels import parse_labels
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.tasks import Task
from optimizer.metadata.tokenizers import (
    BertTokenizer,
    RegexTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    unix_vocabulary,
)

_EMBEDDERS = {Task.IMAGE_EMBEDDER, Task.TEXT_EMBEDDER, Task.AUDIO_EMBEDDER}
_BERT_INPUTS = {"ids": "ids", "mask": "mask", "segment_ids": "segment_ids"}
# The names that metadata give to tensors by their role, where what a model gives does not always tell it.
_INPUT_NAMES: dict[Task | None, dict[str, str]] = {
    Task.BERT_CLASSIFIER: _BERT_INPUTS,
    Task.BERT_QUESTION_ANSWERER: _BERT_INPUTS,
    Task.TEXT_EMBEDDER: _BERT_INPUTS,
}
_OUTPUT_NAMES: dict[Task | None, dict[str, str]] = {
    Task.OBJECT_DETECTOR: {"category": "category", "score": "score"},
    Task.BERT_QUESTION_ANSWERER: {"start": "start_logits", "end": "end_logits"},
}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")  # as the schema numbers them


def completed(said: Said, old: Document, model: ModelView) -> Said:
    """What was said, and of what was not, what the metadata of a model already say."""
    task = said.task or _task(said, old)
    inputs, outputs = tensor_fields(old.fields, "input"), tensor_fields(old.fields, "output")
    said = replace(
        said,
        task=task,
        labels=said.labels or _labels(old),
        tokenizer=said.tokenizer or _tokenizer(old),
        box_order=said.box_order or _box_order(outputs),
        inputs=said.inputs or _roles(_INPUT_NAMES.get(task, {}), inputs, model.inputs),
        outputs=said.outputs or _roles(_OUTPUT_NAMES.get(task, {}), outputs, model.outputs),
    )
    scaled = normalization(old.fields)
    if said.mean is None and said.std is None and scaled is not None:
        said = replace(said, mean=tuple(scaled[0]), std=tuple(scaled[1]))
    for properties in map(_properties, inputs):
        if "sample_rate" in properties:
            said = replace(
                said,
                sample_rate=said.sample_rate or properties["sample_rate"],
                channels=said.channels or properties.get("channels"),
            )
    return said


def _task(said: Said, old: Document) -> Task | None:
    """The task of the metadata, unless labels make a classifier of an embedder."""
    task = task_of_document(old)
    if task is Task.GENERAL or (task in _EMBEDDERS and said.labels is not None):
        return None
    return task


def _labels(old: Document) -> Labels | None:
    names: tuple[str, ...] = ()
    locales = {}
    for tensor in tensor_fields(old.fields, "output"):
        for entry in label_files(tensor):
            content = old.files.get(entry.get("name", ""))
            if content is None:
                continue
            read = parse_labels(content, origin=entry["name"], allow_duplicates=True)
            if not names:
                names = read
            if entry.get("locale"):
                locales[entry["locale"]] = read
    return Labels(names=names, locales=locales, allow_duplicates=True) if names else None


def _tokenizer(old: Document) -> Tokenizer | None:
    for place in (*tensor_fields(old.fields, "input"), _of_the_graph(old)):
        for options in process_units(place, RegexTokenizer.options_type):
            vocabulary = _file(old, options, "vocab_file")
            pattern = options.get("delim_regex_pattern")
            if vocabulary is not None and pattern:
                return RegexTokenizer(vocabulary=unix_vocabulary(vocabulary), pattern=pattern)
        for options in process_units(place, BertTokenizer.options_type):
            vocabulary = _file(old, options, "vocab_file")
            if vocabulary is not None:
                return BertTokenizer(vocabulary=unix_vocabulary(vocabulary))
        for options in process_units(place, SentencePieceTokenizer.options_type):
            model = _file(old, options, "sentence_piece_model")
            if model is not None:
                vocabulary = _file(old, options, "vocab_file")
                return SentencePieceTokenizer(
                    model=model,
                    vocabulary=None if vocabulary is None else unix_vocabulary(vocabulary),
                )
    return None


def _of_the_graph(old: Document) -> dict[str, Any]:
    """The process units of the whole graph, as if they were a tensor's."""
    return {"process_units": subgraph(old.fields).get("input_process_units", [])}


def _file(old: Document, options: Mapping[str, Any], key: str) -> bytes | None:
    """The content of the first file that a field of a tokenizer names."""
    return next(
        (
            old.files[entry["name"]]
            for entry in options.get(key, [])
            if entry.get("name") in old.files
        ),
        None,
    )


def _box_order(outputs: list[dict[str, Any]]) -> tuple[str, ...] | None:
    for tensor in outputs:
        index = _properties(tensor).get("index")
        if isinstance(index, list) and sorted(index) == [0, 1, 2, 3]:
            return tuple(_CORNERS[index.index(place)] for place in range(4))
    return None


def _roles(
    known: Mapping[str, str], fields: list[dict[str, Any]], tensors: tuple[ModelTensor, ...]
) -> dict[str, str]:
    """Roles to the model's names of tensors, if the metadata name them all by their roles."""
    places = {entry.get("name"): item.key for entry, item in zip(fields, tensors, strict=False)}
    if not all(name in places for name in known.values()):
        return {}
    return {role: places[name] for role, name in known.items()}


def _properties(tensor: dict[str, Any]) -> dict[str, Any]:
    content = tensor.get("content") or {}
    found: dict[str, Any] = content.get("content_properties") or {}
    return found
