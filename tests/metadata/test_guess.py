"""Which task a model is for, and which one metadata are for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.metadata.document import Document
from optimizer.metadata.guess import task_of_document, task_of_model
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tasks import Task
from tests.metadata.examples import EXAMPLES

Seen = Callable[[str], ModelView]
CLASSIFIER, EMBEDDER = Task.IMAGE_CLASSIFIER, Task.IMAGE_EMBEDDER
TEXT, TEXT_VECTOR = Task.TEXT_CLASSIFIER, Task.TEXT_EMBEDDER
AUDIO, AUDIO_VECTOR = Task.AUDIO_CLASSIFIER, Task.AUDIO_EMBEDDER
ANSWERS = Task.BERT_QUESTION_ANSWERER
# What is told without labels and with them; what begins with "first_" is a classifier.
TOLD: dict[str, tuple[Task | None, Task | None]] = {
    **dict.fromkeys(
        (
            *("float32", "float16", "dynamic_range", "int8_float_io", "uint8_io", "int8_io"),
            *("uint8_in", "uint8_narrow", "uint8_zero_one", "uint8_raw", "int8_zero_one"),
            *("int8_raw", "float_io_zero_one", "float_io_raw", "gray", "free_size", "free_batch"),
            "scores_1x1",
        ),
        (CLASSIFIER, CLASSIFIER),
    ),
    # Without softmax only labels tell classes from features.
    **dict.fromkeys(
        ("logits", "embedder", "embedder_uint8_io", "embedder_int8_io", "embedder_1x1"),
        (EMBEDDER, CLASSIFIER),
    ),
    **dict.fromkeys(
        (
            *("detector", "detector_unnamed", "detector_uint8_in", "detector_float_io"),
            *("detector_post_process", "detector_ambiguous"),
        ),
        (Task.OBJECT_DETECTOR, Task.OBJECT_DETECTOR),
    ),
    **dict.fromkeys(
        ("segmenter", "segmenter_uint8_io", "segmenter_int8_io", "segmenter_one"),
        (Task.IMAGE_SEGMENTER, Task.IMAGE_SEGMENTER),
    ),
    **dict.fromkeys(
        ("text", "text_free", "text_uint8_out", "text_int8_out", "text_string"), (TEXT, TEXT)
    ),
    "text_embedder": (TEXT_VECTOR, TEXT),
    **dict.fromkeys(
        ("bert", "bert_free", "bert_unnamed"), (Task.BERT_CLASSIFIER, Task.BERT_CLASSIFIER)
    ),
    **dict.fromkeys(("bert_answers", "bert_answers_short"), (ANSWERS, ANSWERS)),
    "bert_embedder": (TEXT_VECTOR, Task.BERT_CLASSIFIER),
    **dict.fromkeys(("audio", "audio_1d", "audio_stereo"), (AUDIO, AUDIO)),
    "audio_embedder": (AUDIO_VECTOR, AUDIO),
    # A grey image is what a spectrogram looks like, too.
    "audio_spectrogram": (CLASSIFIER, CLASSIFIER),
    **dict.fromkeys(
        (
            *("two_outputs", "flat", "scores_1d", "channels_first", "four_channels"),
            *("detector_three_outputs", "segmenter_argmax", "text_int64", "audio_int8_io"),
        ),
        (None, None),
    ),
}


def test_no_model_is_forgotten(made_models: Path) -> None:
    names = {path.stem for path in made_models.glob("*.tflite")} - {"native_crash"}
    assert {name for name in names if not name.startswith("first_")} == TOLD.keys()


@pytest.mark.parametrize("which", TOLD)
def test_the_task_is_told_by_shapes_types_and_labels(which: str, seen: Seen) -> None:
    for has_labels, task in zip((False, True), TOLD[which], strict=True):
        found = task_of_model(seen(which), has_labels=has_labels)
        assert (found and found[0]) == task
        assert found is None or found[1]


@pytest.mark.parametrize("kind", ["", "_float16", "_dynamic", "_int8"])
def test_softmax_is_seen_in_every_variant(kind: str, seen: Seen) -> None:
    found = task_of_model(seen(f"first_normalized{kind}"))
    assert found is not None
    assert found[0] is CLASSIFIER


@pytest.mark.parametrize("which", EXAMPLES)
def test_the_task_of_metadata_is_told_without_its_name(which: str, seen: Seen) -> None:
    document = EXAMPLES[which].document(seen(which))
    assert task_of_document(document) is EXAMPLES[which].task
    assert task_of_document(replace(document, task=None)) is EXAMPLES[which].task


def test_metadata_that_say_nothing_are_for_no_task() -> None:
    for fields in ({}, {"subgraph_metadata": []}, {"subgraph_metadata": [{}]}, {"name": "x"}):
        assert task_of_document(Document(fields=fields)) is Task.GENERAL
    bare = {"subgraph_metadata": [{"input_tensor_metadata": [{}], "output_tensor_metadata": [{}]}]}
    assert task_of_document(Document(fields=bare)) is Task.GENERAL
