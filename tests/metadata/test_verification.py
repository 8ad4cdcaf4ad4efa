"""The proof of each task on small real models, and what it says of files that do not work."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from optimizer.metadata import Labels, MetadataWorker, RegexTokenizer, Task, verify
from optimizer.metadata.tasks import ImageClassifier, TextClassifier
from optimizer.metadata.verification import (
    Answer,
    Category,
    Detection,
    Region,
    Vector,
    Verification,
    proof,
)
from tests.metadata.examples import CALIBRATION, EXAMPLES, MOODS, PETS, SCALED, WORDS
from tests.metadata.proofs import tagged

REFUSED = {
    "gray": r"ImageClassifier needs an input with 3 channels \(RGB\); gray.tflite has 1",
    "int8_io": "ImageClassifier takes float32 or uint8 inputs; int8_io.tflite has int8",
    "segmenter_int8_io": "ImageSegmenter takes float32 or uint8 inputs; .* has int8",
    "embedder_int8_io": "ImageEmbedder takes float32 or uint8 inputs; .* has int8",
    "text_free": "takes any number of words, and .* gives such a model the first token only",
    "bert_answers_short": "takes 16 tokens, and .* always gives 384",
}
RESULTS: dict[Task, type] = {
    Task.IMAGE_CLASSIFIER: Category,
    Task.OBJECT_DETECTOR: Detection,
    Task.IMAGE_SEGMENTER: Region,
    Task.IMAGE_EMBEDDER: Vector,
    Task.TEXT_CLASSIFIER: Category,
    Task.BERT_CLASSIFIER: Category,
    Task.BERT_QUESTION_ANSWERER: Answer,
    Task.TEXT_EMBEDDER: Vector,
    Task.AUDIO_CLASSIFIER: Category,
    Task.AUDIO_EMBEDDER: Vector,
}


@pytest.mark.parametrize("which", sorted(EXAMPLES.keys() - REFUSED.keys()))
def test_what_is_written_works(which: str, tmp_path: Path, worker: MetadataWorker) -> None:
    description = EXAMPLES[which]
    told = verify(tagged(tmp_path, which, description, worker), worker=worker)
    assert told.failure is None
    assert told.task == description.task.value
    kind = RESULTS.get(description.task)
    assert (kind is None) == (not told.results)
    assert all(isinstance(item, kind) for item in told.results if kind is not None)
    assert kind is None or told.max_score_difference is not None


@pytest.mark.parametrize("which", sorted(REFUSED))
def test_a_model_that_the_task_cannot_take_is_told_in_a_sentence(
    which: str, tmp_path: Path, worker: MetadataWorker
) -> None:
    told = verify(tagged(tmp_path, which, EXAMPLES[which], worker), worker=worker)
    assert told.failure is not None
    assert re.search(REFUSED[which], told.failure)
    assert told.hint


def output(graph: dict[str, Any]) -> dict[str, Any]:
    return graph["output_tensor_metadata"][0]


def name_output(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda graph: output(graph).update(name=name)


def drop(side: str, key: str) -> Callable[[dict[str, Any]], object]:
    return lambda graph: graph[f"{side}_tensor_metadata"][0].pop(key)


def scaled(mean: list[float], std: list[float]) -> Callable[[dict[str, Any]], object]:
    return lambda graph: graph["input_tensor_metadata"][0]["process_units"][0].update(
        options={"mean": mean, "std": std}
    )


def split_at(pattern: str) -> Callable[[dict[str, Any]], object]:
    return lambda graph: graph["input_tensor_metadata"][0]["process_units"][0]["options"].update(
        delim_regex_pattern=pattern
    )


def corners(graph: dict[str, Any], order: list[int]) -> None:
    for item in graph["output_tensor_metadata"]:
        if item["name"] == "location":
            item["content"]["content_properties"]["index"] = order


def name_inputs(*names: str) -> Callable[[dict[str, Any]], object]:
    def change(graph: dict[str, Any]) -> None:
        for item, name in zip(graph["input_tensor_metadata"], names, strict=True):
            item["name"] = name

    return change


BROKEN: dict[str, tuple[str, Any, dict[str, bytes | None], str]] = {
    "no normalisation": ("float32", drop("input", "process_units"), {}, "do not tell how pixels"),
    "std of zero": ("float32", scaled([0.0], [0.0]), {}, "normalisation .* cannot be used"),
    "lengths": ("float32", scaled([0.0], [1.0, 1.0, 1.0]), {}, "normalisation .* cannot be used"),
    "too few labels": ("float32", None, {"labels.txt": b"a\nb\n"}, "has 2 labels for 4 classes"),
    "not packed": ("float32", None, {"labels.txt": None}, "'labels.txt' is named, and not there"),
    "masks' labels": ("segmenter", None, {"labels.txt": b"a\n"}, "has 1 label for 4 classes"),
    "texts' labels": ("text", None, {"labels.txt": b"a\n"}, "has 1 label for 2 classes"),
    "more labels": ("text", None, {"labels.txt": b"a\nb\nc\n"}, "has 3 labels for 2 classes"),
    "vocabulary lines": ("text", None, {"vocab.txt": b"<UNKNOWN>\t2\n"}, "no word and its number"),
    "no unknown": ("text", None, {"vocab.txt": b"a 1\n"}, "has no <UNKNOWN>"),
    "no word splitter": ("text", split_at(""), {}, "fit an empty text"),
    "no tokenizer": ("text", drop("input", "process_units"), {}, "have no tokenizer"),
    "name of scores": ("bert", name_output("scores"), {}, "ends the app when it is not 'prob"),
    "word pieces": ("bert", None, {"vocab.txt": b"a\nb\n"}, r"has no \[CLS\]"),
    "inputs": ("bert", name_inputs("a", "b", "c"), {}, "tells? BERT's inputs apart by the names"),
    "ends": ("bert_answers", name_output("first"), {}, "ends the app when they are not end_logits"),
    "rate": ("audio", drop("input", "content"), {}, "do not tell its sample rate"),
    "categories": ("detector", None, {"labels.txt": b"a\n"}, "Label map does not contain enough"),
    "boxes": ("detector", drop("output", "content"), {}, "Task Library refuses"),
    "no name": ("text", lambda graph: output(graph).pop("name"), {}, "give output 0 no name"),
    "box order": ("detector", lambda graph: corners(graph, [1, 9, 3, 2]), {}, "corners stand at"),
    "tensors": (
        "float32",
        lambda graph: graph["output_tensor_metadata"].append({"name": "x"}),
        {},
        "has 1 outputs, and metadata for 2",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_wrong_metadata_are_told_and_end_nothing(
    case: str, tmp_path: Path, worker: MetadataWorker
) -> None:
    which, change, files, message = BROKEN[case]
    path = tagged(tmp_path, which, EXAMPLES[which], worker, change=change, files=files)
    if case == "boxes":  # its place among the outputs is the converter's choice
        path = tagged(tmp_path, which, EXAMPLES[which], worker, change=without_boxes)
    task = EXAMPLES[which].task
    before = worker.pid
    told = verify(path, task=task, worker=worker)
    assert told.failure is not None
    assert re.search(message, told.failure), told.failure
    assert told.hint
    assert worker.pid == before  # it was not even given to what dies of it


def without_boxes(graph: dict[str, Any]) -> None:
    for item in graph["output_tensor_metadata"]:
        if item["name"] == "location":
            item["content"] = {
                "content_properties_type": "FeatureProperties",
                "content_properties": {},
            }


@pytest.mark.parametrize("change", [name_output("scores"), None], ids=["name", "labels"])
def test_a_death_of_the_process_is_a_failure(
    change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody knows of yet: here, what is known, with the check before it taken away."""
    monkeypatch.setattr(proof, "danger", lambda subject: None)
    which = "bert" if change is not None else "text"
    files = {"labels.txt": b"a\n"} if change is None else {}
    with MetadataWorker() as worker:
        path = tagged(tmp_path, which, EXAMPLES[which], worker, change=change, files=files)
        told = verify(path, worker=worker)
        assert told.failure is not None
        assert re.search(r"died \(SIG|has 1 label for 2 classes", told.failure)
        good = tagged(tmp_path, "float32", EXAMPLES["float32"], worker)
        assert verify(good, worker=worker).ok


def test_an_endless_loop_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "danger", lambda subject: None)
    with MetadataWorker(timeout_s=3.0) as worker:
        path = tagged(tmp_path, "text", EXAMPLES["text"], worker, change=split_at(""))
        told = verify(path, text="good", worker=worker)
    assert told.failure is not None
    assert "longer than 3 s" in told.failure


def test_a_file_without_metadata_is_told(model: Callable[..., Path]) -> None:
    told = verify(model())
    assert told.failure == "float32.tflite has no metadata."
    assert "metadata write" in (told.hint or "")


@pytest.mark.parametrize(
    ("which", "task"),
    [
        ("float32", Task.OBJECT_DETECTOR),
        ("float32", Task.IMAGE_SEGMENTER),
        ("float32", Task.TEXT_CLASSIFIER),
        ("float32", Task.AUDIO_CLASSIFIER),
        ("segmenter", Task.IMAGE_CLASSIFIER),
        ("text", Task.BERT_CLASSIFIER),
        ("text", Task.BERT_QUESTION_ANSWERER),
        ("audio", Task.IMAGE_EMBEDDER),
    ],
)
def test_another_task_is_refused(
    which: str, task: Task, tmp_path: Path, worker: MetadataWorker
) -> None:
    told = verify(tagged(tmp_path, which, EXAMPLES[which], worker), task=task, worker=worker)
    assert not told.ok
    assert told.hint


@pytest.mark.parametrize("transformation", ["IDENTITY", "LOG", "INVERSE_LOGISTIC"])
@pytest.mark.parametrize("which", ["float32", "uint8_io"])
def test_calibrated_scores_are_computed_anew(
    which: str, transformation: str, tmp_path: Path, worker: MetadataWorker
) -> None:
    calibration = replace(CALIBRATION, transformation=transformation)
    description = ImageClassifier(labels=PETS, score_calibration=calibration, **SCALED)
    told = verify(tagged(tmp_path, which, description, worker), worker=worker)
    assert told.failure is None
    assert {item.label: item.score for item in told.results if isinstance(item, Category)}[
        "bird"
    ] == pytest.approx(0.1)  # its line is empty


def test_a_wrong_calibration_is_seen(tmp_path: Path, worker: MetadataWorker) -> None:
    """The library's scores are held against the formula, not against its own."""
    description = ImageClassifier(labels=PETS, score_calibration=CALIBRATION, **SCALED)
    path = tagged(
        tmp_path, "float32", description, worker, files={"score_calibration.txt": b"1,2,3\n" * 4}
    )
    told = verify(path, worker=worker)
    assert told.failure is not None
    assert "score calibration parameters (5)" in told.failure
    assert "no newline at the end" in (told.hint or "")


def calibrated_detector(which: str, folder: Path, worker: MetadataWorker) -> Verification:
    calibration = replace(CALIBRATION, lines=((0.5, 2.0, 0.5), (1.0, 2.0, 0.0, 0.1), ()))
    description = replace(EXAMPLES[which], score_calibration=calibration)
    return verify(tagged(folder, which, description, worker), worker=worker)


def test_a_detectors_calibration_is_computed_anew(tmp_path: Path, worker: MetadataWorker) -> None:
    told = calibrated_detector("detector", tmp_path, worker)
    assert told.failure is None
    assert not told.notes
    assert {item.index: item.score for item in told.results if isinstance(item, Detection)}[
        2
    ] == pytest.approx(CALIBRATION.default_score)


def test_a_detectors_calibration_that_is_ignored_is_noted(
    tmp_path: Path, worker: MetadataWorker
) -> None:
    """The Task Library looks for it at the third output, whichever output has the scores."""
    told = calibrated_detector("detector_post_process", tmp_path, worker)
    assert told.failure is None
    assert re.search(r"calibration is ignored .* the scores are output 4", told.notes[0])


def test_each_language_is_loaded(tmp_path: Path, worker: MetadataWorker) -> None:
    """A short file fails only when an app asks for its language."""
    labels = Labels(names=PETS.names, locales={"de": ("Katze", "Hund", "Vogel", "Fisch")})
    description = replace(EXAMPLES["float32"], labels=labels)
    assert verify(tagged(tmp_path, "float32", description, worker), worker=worker).ok
    short = {"labels_de.txt": b"Katze\n"}
    path = tagged(tmp_path, "float32", description, worker, files=short)
    told = verify(path, worker=worker)
    assert told.failure is not None
    assert "'de'" in told.failure or "labels_de.txt" in told.failure


def test_scores_without_softmax_are_noted(tmp_path: Path, worker: MetadataWorker) -> None:
    told = verify(tagged(tmp_path, "logits", EXAMPLES["logits"], worker), seed=1, worker=worker)
    assert told.ok
    assert any("below zero" in note for note in told.notes)


def test_one_mask_needs_the_confidence_mask(tmp_path: Path, worker: MetadataWorker) -> None:
    path = tagged(tmp_path, "segmenter_one", EXAMPLES["segmenter_one"], worker)
    told = verify(path, worker=worker)
    assert told.ok
    assert any("CONFIDENCE_MASK" in note for note in told.notes)


def test_swapped_boxes_are_seen_by_an_app_only(tmp_path: Path, worker: MetadataWorker) -> None:
    """Both orders load: a wrong one shows in the picture, which no comparison can tell."""
    order = ("xmin", "ymin", "xmax", "ymax")
    description = replace(EXAMPLES["detector"], box_order=order)
    assert verify(tagged(tmp_path, "detector", description, worker), worker=worker).ok


def test_raw_pixels_far_from_the_normalisation_are_a_failure(
    tmp_path: Path, worker: MetadataWorker
) -> None:
    description = replace(EXAMPLES["uint8_io"], mean=(0.0,), std=(255.0,))
    told = verify(tagged(tmp_path, "uint8_io", description, worker), worker=worker)
    assert told.failure is not None
    assert "so raw pixels reach the model" in told.failure


def test_words_beyond_the_models_table_are_told(tmp_path: Path, worker: MetadataWorker) -> None:
    """The generated text has the word with the largest number in it."""
    words = RegexTokenizer(vocabulary=WORDS + b"far 90000\n")
    description = TextClassifier(labels=MOODS, tokenizer=words)
    told = verify(tagged(tmp_path, "text", description, worker), worker=worker)
    assert told.failure is not None
    assert "Invoke() failed" in told.failure
    assert "vocabulary" in (told.hint or "")


@pytest.mark.parametrize(
    ("which", "wrong"),
    [
        ("float32", {"mean": [0.0]}),
        ("segmenter", {"mean": [0.0]}),
        ("embedder", {"std": [1.0]}),
        ("detector", {"mean": [-1000.0]}),
        ("text", {"vocabulary": "<START> 1\n<UNKNOWN> 3\ngood 2\nbad 4\n"}),
        ("bert", {"roles": ["mask", "ids", "segment_ids"]}),
        ("bert_embedder", {"vocabulary": "[CLS]\n[SEP]\n[UNK]\nthe\ncat\n"}),
        ("bert_answers", {"vocabulary": "[CLS]\n[SEP]\n[UNK]\nthe\ncat\n"}),
    ],
)
def test_a_difference_is_seen(
    which: str,
    wrong: dict[str, Any],
    tmp_path: Path,
    worker: MetadataWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plain run is prepared in another way than the metadata say."""
    real = proof.request
    monkeypatch.setattr(proof, "request", lambda *asked: {**real(*asked), **wrong})
    given = {"text": "the cats the cat"} if "bert" in which else {}
    given |= {"question": "the cat"} if which == "bert_answers" else {}
    path = tagged(tmp_path, which, EXAMPLES[which], worker)
    told = verify(path, worker=worker, **given)  # type: ignore[arg-type]
    assert told.failure is not None
    assert "disagree" in told.failure


def test_each_output_of_a_classifier_is_compared(tmp_path: Path, worker: MetadataWorker) -> None:
    def two_heads(graph: dict[str, Any]) -> None:
        graph["input_tensor_metadata"][0].update(name="image")
        for item in graph["output_tensor_metadata"]:
            item["associated_files"] = [{"name": "labels.txt", "type": "TENSOR_AXIS_LABELS"}]

    path = tagged(
        tmp_path,
        "two_outputs",
        EXAMPLES["two_outputs"],
        worker,
        change=two_heads,
        files={"labels.txt": b"cat\ndog\nbird\nfish\n"},
    )
    told = verify(path, worker=worker)
    assert told.task == "image-classifier"
    assert told.failure is None
    assert {item.head for item in told.results if isinstance(item, Category)} == {0, 1}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of nested dictionaries and lists: what it is in, and its key."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def leave_out(number: int, graph: dict[str, Any]) -> None:
    """Take one entry out; a union and its type go together."""
    where, key = list(places(graph))[number]
    for union in ("options", "content_properties"):
        if key in {union, f"{union}_type"}:
            where.pop(f"{union}_type", None)
            key = union
    del where[key]


@pytest.mark.parametrize("which", ["float32", "detector", "segmenter", "text", "bert", "audio"])
def test_whatever_is_left_out_ends_nothing(
    which: str, tmp_path: Path, worker: MetadataWorker
) -> None:
    """Each part of the metadata is taken out in turn: a sentence is said, or it works without."""
    entries: list[Any] = []
    path = tagged(
        tmp_path, which, EXAMPLES[which], worker, change=lambda graph: entries.extend(places(graph))
    )
    assert verify(path, worker=worker).ok
    before = worker.pid
    for number in range(len(entries)):
        change = partial(leave_out, number)
        path = tagged(tmp_path, which, EXAMPLES[which], worker, change=change)
        told = verify(path, task=EXAMPLES[which].task, worker=worker)
        assert told.ok or (told.failure and told.hint)
        assert worker.pid == before, f"{entries[number]}: {told.failure}"
