"""What metadata that are there say is kept when a part of it is said anew: nothing falls back to a default."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import MetadataError
from optimizer.metadata import Description, Document, MetadataWorker, Task
from optimizer.metadata.describing import Said
from optimizer.metadata.document import tensor_fields
from optimizer.metadata.tagging import Existing, write
from optimizer.metadata.tasks import (
    AudioClassifier,
    BertClassifier,
    BertQuestionAnswerer,
    ObjectDetector,
    TextClassifier,
    TextEmbedder,
)
from optimizer.metadata.tokenizers import RegexTokenizer
from optimizer.metadata.wanted import Wanted
from tests.metadata.examples import BERT, FOUND, MOODS, SENTENCES, WORDS, labels

DATA = Path(__file__).parent / "data"
Merged = Callable[[str, Description, Said], Document]


@pytest.fixture
def merged(tmp_path: Path, worker: MetadataWorker) -> Merged:
    """What is said, over a model that was described before."""

    def run(name: str, before: Description, said: Said) -> Document:
        path = tmp_path / "m.tflite"
        path.write_bytes((DATA / f"{name}.tflite").read_bytes())
        write(path, before, worker=worker)
        wanted = Wanted(said=said).for_model(path, existing=Existing.MERGE, worker=worker)
        assert isinstance(wanted, Document)
        write(path, wanted, existing=Existing.MERGE, worker=worker)
        from optimizer.metadata import read_document

        document = read_document(path, worker=worker)
        assert document is not None
        return document

    return run


def names(document: Document, side: str) -> list[Any]:
    return [item["name"] for item in tensor_fields(document.fields, side)]


def test_the_order_of_boxes_is_kept(merged: Merged) -> None:
    order = ("ymax", "xmin", "ymin", "xmax")  # no permutation that is its own reverse
    detector = ObjectDetector(labels=FOUND, box_order=order, mean=(0.0,), std=(255.0,))
    document = merged("detector", detector, Said(labels=labels("a", "b", "c")))
    (location,) = [
        item for item in tensor_fields(document.fields, "output") if item["name"] == "location"
    ]
    assert location["content"]["content_properties"]["index"] == [1, 2, 3, 0]
    other = Said(box_order=("xmin", "ymin", "xmax", "ymax"))
    document = merged("detector", detector, other)
    told = json.dumps(document.fields)
    assert '"index": [0, 1, 2, 3]' in told


def test_which_output_is_which_is_kept(merged: Merged) -> None:
    detector = ObjectDetector(labels=FOUND, outputs={"category": "b"}, mean=(0.0,), std=(255.0,))
    document = merged("detector_ambiguous", detector, Said(labels=labels("a", "b", "c")))
    swapped = ObjectDetector(labels=FOUND, outputs={"category": "c"}, mean=(0.0,), std=(255.0,))
    other = merged("detector_ambiguous", swapped, Said(labels=labels("a", "b", "c")))
    assert document.files["labels.txt"] == b"a\nb\nc\n"
    assert names(document, "output") != names(other, "output")


@pytest.mark.parametrize(
    ("name", "before"),
    [
        (
            "text",
            TextClassifier(
                labels=MOODS, tokenizer=RegexTokenizer(vocabulary=WORDS, pattern="[^a-z]+")
            ),
        ),
        ("bert", BertClassifier(labels=MOODS, tokenizer=BERT)),
        ("bert", BertClassifier(labels=MOODS, tokenizer=SENTENCES)),
    ],
)
def test_the_tokenizer_is_kept(merged: Merged, name: str, before: Description) -> None:
    document = merged(name, before, Said(labels=labels("worse", "better")))
    assert document.files["labels.txt"] == b"worse\nbetter\n"
    assert before.tokenizer.files().items() <= document.files.items()  # type: ignore[attr-defined]
    told = json.dumps(document.fields)
    assert before.tokenizer.options_type in told  # type: ignore[attr-defined]
    assert "[^a-z]+" in told or name == "bert"


def test_other_delimiters_go_with_the_vocabulary_that_is_there(merged: Merged) -> None:
    before = TextClassifier(labels=MOODS, tokenizer=RegexTokenizer(vocabulary=WORDS))
    document = merged("text", before, Said(delimiters="[^a-z]+"))
    assert "[^a-z]+" in json.dumps(document.fields)
    assert document.files["vocab.txt"] == WORDS


def test_the_roles_of_berts_tensors_are_kept(merged: Merged) -> None:
    roles = {"ids": "a", "mask": "c", "segment_ids": "b"}
    before = BertClassifier(labels=MOODS, tokenizer=BERT, inputs=roles)
    first = merged("bert_unnamed", before, Said(general={"name": "N"}))
    document = merged("bert_unnamed", before, Said(labels=labels("worse", "better")))
    assert names(document, "input") == names(first, "input")


def test_a_task_that_was_said_is_kept(merged: Merged) -> None:
    embedder = TextEmbedder(tokenizer=RegexTokenizer(vocabulary=WORDS))
    document = merged("text", embedder, Said(delimiters="[^a-z]+"))
    assert names(document, "output") == ["feature"]
    classified = merged("text", embedder, Said(labels=MOODS))
    assert names(classified, "output") == ["probability"]


def test_answers_keep_their_ends(merged: Merged) -> None:
    before = BertQuestionAnswerer(tokenizer=BERT)
    document = merged("bert_answers", before, Said(task=Task.BERT_QUESTION_ANSWERER, inputs={}))
    assert sorted(names(document, "output")) == ["end_logits", "start_logits"]


def test_the_channels_of_a_sound_are_kept(merged: Merged) -> None:
    before = AudioClassifier(labels=labels("a", "b", "c"), sample_rate=16000, channels=2)
    document = merged("audio_stereo", before, Said(sample_rate=8000))
    (sound,) = tensor_fields(document.fields, "input")
    assert sound["content"]["content_properties"] == {"sample_rate": 8000, "channels": 2}


def test_what_no_metadata_have_is_asked_for(merged: Merged) -> None:
    with pytest.raises(MetadataError, match="needs --labels"):
        merged(
            "text",
            TextEmbedder(tokenizer=RegexTokenizer(vocabulary=WORDS)),
            Said(task=Task.TEXT_CLASSIFIER),
        )
