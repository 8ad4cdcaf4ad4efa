"""What each task's description makes of a model, and which models it refuses."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import MetadataError
from optimizer.metadata import MetadataWorker, read_document
from optimizer.metadata.attachments import ScoreCalibration
from optimizer.metadata.document import label_files, tensor_fields, with_ranges, without_ranges
from optimizer.metadata.guess import task_of_document
from optimizer.metadata.model_view import ModelView, view
from optimizer.metadata.tagging import tagged_bytes, write
from optimizer.metadata.tasks import (
    AudioClassifier,
    BertClassifier,
    BertQuestionAnswerer,
    Description,
    General,
    ImageClassifier,
    ImageEmbedder,
    ImageSegmenter,
    ObjectDetector,
    TextClassifier,
    TextEmbedder,
)
from optimizer.metadata.tasks.detector import NAMES, output_roles
from optimizer.metadata.tokenizers import RegexTokenizer
from tests.metadata.examples import (
    BERT,
    CALIBRATION,
    EXAMPLES,
    FOUND,
    MOODS,
    PETS,
    SCALED,
    SENTENCES,
    WORD_LIST,
    labels,
)
from tests.metadata.models import packed, unpacked, with_outputs

Seen = Callable[[str], ModelView]
ROLES = {
    "location": "location",
    "category": "category",
    "score": "score",
    "number_of_detections": "count",
}


@pytest.mark.parametrize("which", EXAMPLES)
def test_what_is_written_is_read_back(
    which: str, made_models: Path, worker: MetadataWorker, tmp_path: Path
) -> None:
    path, output = made_models / f"{which}.tflite", tmp_path / "m.tflite"
    document, content = tagged_bytes(path, EXAMPLES[which], worker=worker)
    output.write_bytes(content)
    found = read_document(output, worker=worker)
    assert found is not None
    assert found.fields.pop("min_parser_version")
    assert found.fields == document.fields
    assert found.files == document.files
    assert task_of_document(found) == EXAMPLES[which].task
    again = tagged_bytes(path, replace(found, fields=dict(found.fields)), worker=worker)[1]
    assert again == content


@pytest.mark.parametrize("which", EXAMPLES)
def test_what_is_said_of_a_model_is_the_same_for_all_its_variants(which: str, seen: Seen) -> None:
    document = EXAMPLES[which].document(seen(which))
    ranged = with_ranges(document.fields, seen(which))
    assert without_ranges(ranged, seen(which)) == document.fields
    assert with_ranges(ranged, seen(which)) == ranged


RANGES = {
    "float32": (-1.0, 1.0, 0.0, 1.0),
    "float16": (-1.0, 1.0, 0.0, 1.0),
    "dynamic_range": (-1.0, 1.0, 0.0, 1.0),
    "int8_float_io": (-1.0, 1.0, 0.0, 1.0),
    "uint8_in": (0.0, 255.0, 0.0, 1.0),
    "uint8_io": (0.0, 255.0, 0.0, 255.0),
    "int8_io": (-128.0, 127.0, -128.0, 127.0),
}


def test_one_description_serves_every_variant(seen: Seen) -> None:
    description = ImageClassifier(labels=PETS, **SCALED)
    documents = {which: description.document(seen(which)) for which in RANGES}
    assert len({document.digest for document in documents.values()}) == 1
    for which, (low, high, least, most) in RANGES.items():
        fields = with_ranges(documents[which].fields, seen(which))
        (image,), (scores,) = (tensor_fields(fields, side) for side in ("input", "output"))
        assert image["stats"] == {"max": [high], "min": [low]}, which
        assert scores["stats"] == {"max": [most], "min": [least]}, which


@pytest.mark.parametrize(
    "variants",
    [
        ("segmenter", "segmenter_uint8_io", "segmenter_int8_io"),
        ("embedder", "embedder_uint8_io", "embedder_int8_io"),
        ("detector", "detector_uint8_in", "detector_float_io"),
        ("text", "text_uint8_out", "text_int8_out", "text_free"),
        ("bert", "bert_free"),
        ("audio", "audio_1d"),
    ],
)
def test_every_task_says_the_same_of_every_variant(variants: tuple[str, ...], seen: Seen) -> None:
    made = {EXAMPLES[variants[0]].document(seen(which)).digest for which in variants}
    assert len(made) == 1


def test_ranges_have_one_value_for_each_channel_that_is_scaled_by_itself(seen: Seen) -> None:
    description = ImageEmbedder(mean=(123.675, 116.28, 103.53), std=(58.395,))
    fields = with_ranges(description.document(seen("float32")).fields, seen("float32"))
    (image,) = tensor_fields(fields, "input")
    lowest = [(0 - mean) / 58.395 for mean in (123.675, 116.28, 103.53)]
    assert image["stats"]["min"] == pytest.approx(lowest)
    assert image["process_units"][0]["options"]["std"] == [58.395] * 3


def test_ranges_that_were_said_stay(seen: Seen) -> None:
    document = ImageEmbedder(**SCALED).document(seen("float32"))
    (image,) = tensor_fields(document.fields, "input")
    for said in ({"min": [-2.0], "max": [2.0]}, {}):
        image["stats"] = said
        fields = with_ranges(document.fields, seen("float32"))
        assert tensor_fields(fields, "input")[0]["stats"] == said
        assert without_ranges(fields, seen("float32")) == document.fields


# Detectors: which output is which.
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_detectors_outputs_are_told_by_name_wherever_they_stand(
    order: tuple[int, ...], seen: Seen
) -> None:
    model = view(with_outputs(seen("detector").content, order, {}), origin="m")
    roles, how = output_roles(model, {})
    assert how == "by their names"
    assert {role: item.key for role, item in roles.items()} == {
        role: name for name, role in ROLES.items()
    }
    written = tensor_fields(ObjectDetector(labels=FOUND, **SCALED).document(model).fields, "output")
    assert [item["name"] for item in written] == [NAMES[ROLES[i.key]] for i in model.outputs]
    assert [bool(label_files(item)) for item in written] == [
        item.key == "category" for item in model.outputs
    ]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_detectors_outputs_are_told_by_what_they_give(order: tuple[int, ...], seen: Seen) -> None:
    named = [item.key for item in seen("detector").outputs]
    model = view(with_outputs(seen("detector").content, order), origin="m")
    roles, how = output_roles(model, {})
    assert how == "by what they give"
    assert {role: named[order[item.position]] for role, item in roles.items()} == {
        role: name for name, role in ROLES.items()
    }


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_detectors_outputs_are_told_by_the_operator_that_makes_them(
    order: tuple[int, ...], seen: Seen
) -> None:
    # The operator gives boxes, categories, scores, their number; TensorFlow calls them output_0 to 3.
    named = [item.key for item in seen("detector_post_process").outputs]
    model = view(with_outputs(seen("detector_post_process").content, order), origin="m")
    roles, how = output_roles(model, {})
    assert how == "by TFLite_Detection_PostProcess"
    assert {role: named[order[item.position]] for role, item in roles.items()} == {
        role: f"output_{place}" for place, role in enumerate(NAMES)
    }


@pytest.mark.parametrize(
    "names",
    [
        {"category": "detection_classes", "score": "detection_scores"},
        {"category": "x", "score": "confidences"},
        {"category": "labels", "score": "y"},
        {"category": "StatefulPartitionedCall:3", "score": "StatefulPartitionedCall:1"},
    ],
)
def test_other_names_are_understood_too(names: Mapping[str, str], seen: Seen) -> None:
    model = view(with_outputs(seen("detector").content, (3, 2, 1, 0), names), origin="m")
    roles, _ = output_roles(model, {})
    assert (roles["category"].key, roles["score"].key) == (names["category"], names["score"])


def test_outputs_that_cannot_be_told_apart_are_asked_for(seen: Seen) -> None:
    model = seen("detector_ambiguous")
    with pytest.raises(MetadataError, match="which of 'c' and 'b' holds the categories") as caught:
        output_roles(model, {})
    assert "--output-role category=" in str(caught.value.hint)
    for said in ({"category": "b"}, {"score": "c"}, {"category": "b", "score": "c"}):
        roles, how = output_roles(model, said)
        assert how == "as said"
        assert (roles["category"].key, roles["score"].key) == ("b", "c")
    with pytest.raises(MetadataError, match="no output 'z' that can be the score"):
        output_roles(model, {"score": "z"})


def test_scores_that_are_all_whole_tell_nothing(seen: Seen) -> None:
    """Ones in one output, zeros in the other: either may be scores, either categories."""
    model = unpacked(seen("detector_ambiguous").content)
    counted = np.array([0, 1, 2], np.float32).tobytes()
    (buffer,) = (
        b for b in model.buffers if b.data is not None and bytes(bytearray(b.data)) == counted
    )
    buffer.data = np.zeros(12, np.uint8)
    with pytest.raises(MetadataError, match="holds the categories cannot be told"):
        output_roles(view(packed(model), origin="m"), {})


def test_what_is_said_of_outputs_must_fit_them(seen: Seen) -> None:
    """Nothing that a user says is left unheard."""
    for said, says in (
        ({"category": "b", "score": "b"}, "score"),
        ({"location": "b"}, "location"),
        ({"count": "a"}, "count"),
    ):
        with pytest.raises(MetadataError, match=f"can be the {says}"):
            output_roles(seen("detector_ambiguous"), said)
    output_roles(seen("detector_ambiguous"), {"location": "a", "count": "d", "category": "b"})


def test_the_corners_of_boxes_are_put_in_order(seen: Seen) -> None:
    for order, index in (
        (("ymin", "xmin", "ymax", "xmax"), [1, 0, 3, 2]),
        (("xmin", "ymin", "xmax", "ymax"), [0, 1, 2, 3]),
    ):
        description = ObjectDetector(labels=FOUND, box_order=order, **SCALED)
        fields = description.document(seen("detector")).fields
        (box,) = (f for f in tensor_fields(fields, "output") if f["name"] == "location")
        assert box["content"]["content_properties"]["index"] == index
    with pytest.raises(MetadataError, match="order of a box 'x,y,w,h' is not known"):
        ObjectDetector(labels=FOUND, box_order=("x", "y", "w", "h"), **SCALED)
    with pytest.raises(MetadataError, match="no output 'boxes' of this task"):
        ObjectDetector(labels=FOUND, outputs={"boxes": "a"}, **SCALED)


# BERT: which input is which.
@pytest.mark.parametrize("which", ["bert", "bert_free", "bert_embedder", "bert_answers"])
def test_berts_inputs_are_told_by_name(which: str, seen: Seen) -> None:
    model = seen(which)
    fields = EXAMPLES[which].document(model).fields
    roles = [item["name"] for item in tensor_fields(fields, "input")]
    expected = {
        "input_word_ids": "ids",
        "input_mask": "mask",
        "input_type_ids": "segment_ids",
        "ids": "ids",
        "mask": "mask",
        "segment_ids": "segment_ids",
    }
    assert roles == [expected[item.key] for item in model.inputs]


def test_berts_inputs_that_cannot_be_told_apart_are_asked_for(seen: Seen) -> None:
    with pytest.raises(MetadataError, match="which of its inputs 'c', 'b', 'a' is ids") as caught:
        BertClassifier(labels=MOODS, tokenizer=BERT).document(seen("bert_unnamed"))
    assert "--input-role ids=NAME" in str(caught.value.hint)
    with pytest.raises(MetadataError, match="no input 'tokens' of this task"):
        BertClassifier(labels=MOODS, tokenizer=BERT, inputs={"tokens": "a"}).document(seen("bert"))
    with pytest.raises(MetadataError, match="is ids cannot be told"):
        BertClassifier(labels=MOODS, tokenizer=BERT, inputs={"ids": "typo"}).document(seen("bert"))
    fields = EXAMPLES["bert_unnamed"].document(seen("bert_unnamed")).fields
    assert [item["name"] for item in tensor_fields(fields, "input")] == [
        "segment_ids",
        "mask",
        "ids",
    ]


def test_where_answers_begin_is_told_by_name_or_asked_for(seen: Seen) -> None:
    content = seen("bert_answers").content
    for order in ((0, 1), (1, 0)):
        model = view(with_outputs(content, order, {}), origin="m")
        fields = BertQuestionAnswerer(tokenizer=BERT).document(model).fields
        assert [f["name"] for f in tensor_fields(fields, "output")] == [
            i.key for i in model.outputs
        ]
    names = {"start_logits": "a", "end_logits": "b"}
    model = view(with_outputs(content, (0, 1), names), origin="m")
    with pytest.raises(MetadataError, match="where an answer starts cannot be told") as caught:
        BertQuestionAnswerer(tokenizer=BERT).document(model)
    assert "--output-role start=NAME" in str(caught.value.hint)
    for said in ({"start": "a"}, {"end": "b"}, {"start": "a", "end": "b"}):
        fields = BertQuestionAnswerer(tokenizer=BERT, outputs=said).document(model).fields
        roles = {"a": "start_logits", "b": "end_logits"}
        assert [f["name"] for f in tensor_fields(fields, "output")] == [
            roles[item.key] for item in model.outputs
        ]
    with pytest.raises(MetadataError):
        BertQuestionAnswerer(tokenizer=BERT, outputs={"start": "a", "end": "a"}).document(model)
    for said, says in (
        ({"start": "typo"}, "has no output 'typo' that can be the start"),
        ({"begin": "a"}, "no output 'begin' of this task"),
    ):
        for which in (model, seen("bert_answers")):
            with pytest.raises(MetadataError, match=says):
                BertQuestionAnswerer(tokenizer=BERT, outputs=said).document(which)


def test_a_short_question_answerer_is_noted(seen: Seen) -> None:
    notes = EXAMPLES["bert_answers_short"].document(seen("bert_answers_short")).notes
    assert any("takes 16 tokens" in note and "384" in note for note in notes)
    assert not any(
        "384" in n for n in EXAMPLES["bert_answers"].document(seen("bert_answers")).notes
    )


# What does not fit.
REFUSED: list[tuple[str, Description, str]] = [
    ("channels_first", ImageEmbedder(**SCALED), "1×height×width×3"),
    ("four_channels", ImageEmbedder(**SCALED), "1×height×width×3"),
    ("scores_1d", ImageClassifier(labels=PETS, **SCALED), "scores are 1×classes"),
    ("segmenter", ImageClassifier(labels=PETS, **SCALED), "scores are 1×classes"),
    ("float32", ImageSegmenter(labels=PETS, **SCALED), "masks are 1×height×width×classes"),
    ("segmenter_argmax", ImageSegmenter(labels=PETS, **SCALED), "masks are 1×height"),
    ("segmenter", ImageSegmenter(labels=FOUND, **SCALED), "3 labels were given, but .* 4 outputs"),
    ("segmenter", ImageEmbedder(**SCALED), "is no vector"),
    (
        "float32",
        ObjectDetector(labels=FOUND, **SCALED),
        "it has 1 outputs, and a detector has four",
    ),
    ("detector_three_outputs", ObjectDetector(labels=FOUND, **SCALED), "it has 3 outputs"),
    ("text", ImageEmbedder(**SCALED), "an image is 1×height"),
    ("text_int64", TextClassifier(labels=MOODS, tokenizer=WORD_LIST), "1×words of int32"),
    ("text", TextClassifier(labels=MOODS), "no vocabulary was given"),
    ("text_string", TextClassifier(labels=MOODS, tokenizer=WORD_LIST), "takes the text itself"),
    ("text", TextClassifier(labels=PETS, tokenizer=WORD_LIST), "4 labels were given, but"),
    ("text", BertClassifier(labels=MOODS, tokenizer=BERT), "BERT has three"),
    ("bert", TextClassifier(labels=MOODS, tokenizer=WORD_LIST), "it has 3 inputs"),
    ("bert", BertQuestionAnswerer(tokenizer=BERT), "it has two, 1×tokens"),
    ("bert", BertClassifier(labels=FOUND, tokenizer=SENTENCES), "3 labels were given"),
    ("text", TextEmbedder(tokenizer=SENTENCES), "BERT has three"),
    ("audio_spectrogram", EXAMPLES["audio"], "a sound is 1×samples"),
    ("audio_int8_io", EXAMPLES["audio"], "of float32"),
    ("audio_stereo", EXAMPLES["audio"], "1×samples×1 of float32"),
    ("audio", AudioClassifier(labels=MOODS, sample_rate=16000), "2 labels were given"),
    ("flat", General(labels=FOUND), "3 labels were given"),
]


@pytest.mark.parametrize(("which", "description", "says"), REFUSED)
def test_a_model_of_another_kind_is_refused(
    which: str, description: Description, says: str, seen: Seen
) -> None:
    with pytest.raises(MetadataError, match=says) as caught:
        description.document(seen(which))
    assert f"{which}.tflite" in str(caught.value)
    assert caught.value.hint


def test_a_missing_background_is_suspected(seen: Seen) -> None:
    with pytest.raises(MetadataError, match="3 labels") as caught:
        ImageClassifier(labels=labels(*PETS.names[1:]), **SCALED).document(seen("float32"))
    assert "'background'" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("mean", "std", "says"),
    [
        ((), (1.0,), "mean has 0 values"),
        ((0.0,), (), "std has 0 values"),
        ((math.nan,), (1.0,), "mean must be"),
        ((0.0,), (math.inf,), "std must be"),
        ((0.0,), (0.0,), "above zero"),
        ((0.0,), (1.0, 1.0, -2.0), "above zero"),
        ((0.0,), (1e-60,), "std"),
        ((1e300,), (1.0,), "mean"),
        ((0.0, 0.0), (1.0,), "mean has 2 values, but the model's input has 3 channels"),
        (None, (1.0,), "Only std was given"),
        ((1.0,), None, "Only mean was given"),
    ],
)
def test_a_normalisation_that_cannot_be_is_refused(
    mean: tuple[float, ...] | None, std: tuple[float, ...] | None, says: str, seen: Seen
) -> None:
    for kind in (ImageEmbedder, General):
        with pytest.raises(MetadataError, match=says) as caught:
            kind(mean=mean, std=std).document(seen("float32"))
        assert caught.value.hint


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (-16000, 1), (16000, 0), (16000, -1)])
def test_a_sound_that_cannot_be_is_refused(rate: int, channels: int) -> None:
    with pytest.raises(MetadataError, match="A sound has no"):
        AudioClassifier(labels=FOUND, sample_rate=rate, channels=channels)


def test_a_calibration_has_a_line_for_each_label(seen: Seen) -> None:
    short = ScoreCalibration(lines=CALIBRATION.lines[:3])
    for which in ("float32", "audio", "detector"):
        made: Any = EXAMPLES[which]
        lines = CALIBRATION.lines if len(made.labels) == 3 else short.lines
        with pytest.raises(MetadataError, match=r"has \d lines for \d labels"):
            replace(made, score_calibration=ScoreCalibration(lines=lines)).document(seen(which))


def test_files_of_ones_own_go_along_under_names_of_their_own(
    made_models: Path, tmp_path: Path, worker: MetadataWorker
) -> None:
    made = replace(EXAMPLES["float32"], files={"readme.md": b"# Pets\n", "große liste.txt": b"x"})
    output = tmp_path / "m.tflite"
    write(made_models / "float32.tflite", made, output=output, worker=worker)
    found = read_document(output, worker=worker)
    assert found is not None
    assert found.files["readme.md"] == b"# Pets\n"
    assert [entry["name"] for entry in found.fields["associated_files"]] == list(made.files)
    with pytest.raises(MetadataError, match="Two files are called 'labels.txt'"):
        write(
            made_models / "float32.tflite",
            replace(made, files={"labels.txt": b"x"}),
            output=output,
            worker=worker,
        )


def test_a_model_of_no_task_keeps_its_names(seen: Seen) -> None:
    document = General(labels=PETS).document(seen("two_outputs"))
    outputs = tensor_fields(document.fields, "output")
    assert [item["name"] for item in outputs] == ["logits", "scores"]
    assert [bool(label_files(item)) for item in outputs] == [True, False]
    (image,) = tensor_fields(document.fields, "input")
    assert image["content"]["content_properties_type"] == "ImageProperties"
    assert "process_units" not in image
    scaled = General(**SCALED).document(seen("two_outputs"))
    assert "process_units" in tensor_fields(scaled.fields, "input")[0]


def test_a_word_list_without_padding_is_for_texts_of_any_length_only(seen: Seen) -> None:
    bare = TextClassifier(
        labels=MOODS, tokenizer=RegexTokenizer(vocabulary=b"<UNKNOWN> 0\ngood 1\n")
    )
    with pytest.raises(MetadataError, match="no <PAD>, and .* takes 8 words") as caught:
        bare.document(seen("text"))
    assert "'<PAD> N'" in str(caught.value.hint)
    assert bare.document(seen("text_free")).files["vocab.txt"] == b"<UNKNOWN> 0\ngood 1\n"
