import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.artifact import (
    Artifact,
    MetadataSummary,
    file_sha256,
    gzip_size,
    read_manifest,
    write_manifest,
)
from optimizer.errors import MetadataError, ModelError
from optimizer.metadata import Existing, Labels, MetadataWorker, show, tag, verify, write
from optimizer.metadata.container import take_apart
from optimizer.metadata.tasks import ImageClassifier

Model = Callable[..., Path]


def manifest_for(model: Path) -> Artifact:
    artifact = Artifact(
        path=model,
        sha256=file_sha256(model),
        size_bytes=model.stat().st_size,
        gzip_bytes=gzip_size(model),
        name="m",
        recipe_name="int8",
    )
    write_manifest(artifact)
    return artifact


@pytest.mark.parametrize("which", ["float32", "int8_float_io", "uint8_io", "free_size"])
def test_a_tagged_model_works_in_the_task_library(
    which: str, model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model(which)
    before = path.read_bytes()
    summary = write(path, description, worker=worker)
    assert replace(summary, digest=None) == MetadataSummary(
        task="image-classifier", name="Pets", labels=4, mean=(127.5,), std=(127.5,)
    )
    proof = verify(path, worker=worker)
    assert proof.failure is None
    assert {result.label for result in proof.results} == set(description.labels.names)
    assert take_apart(path.read_bytes(), origin="m").model == before


def test_show_tells_all_that_was_written(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    assert show(path, worker=worker) is None
    exact = replace(description, mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 0.1234567))
    write(path, exact, worker=worker)
    shown = show(path, worker=worker)
    assert shown is not None
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["name"], shown["author"], shown["license"], shown["version"]) == (
        "Pets",
        "Team",
        "Apache-2.0",
        "1.2",
    )
    (image,) = shown["subgraph_metadata"][0]["input_tensor_metadata"]
    assert image["content"]["content_properties"]["color_space"] == "RGB"
    assert image["process_units"][0]["options"]["mean"] == [123.675, 116.28, 103.53]
    assert image["process_units"][0]["options"]["std"] == [58.395, 57.12, 0.1234567]
    (packed,) = shown["packed_files"]
    assert packed["name"] == "labels.txt"
    assert tuple(packed["labels"]) == description.labels.names


@pytest.mark.parametrize(
    ("which", "lowest", "highest"),
    [("float32", -1.0, 1.0), ("uint8_io", 0.0, 255.0), ("int8_io", -128.0, 127.0)],
)
def test_ranges_follow_the_types_of_the_tensors(  # noqa: PLR0917
    which: str,
    lowest: float,
    highest: float,
    model: Model,
    description: ImageClassifier,
    worker: MetadataWorker,
) -> None:
    path = model(which)
    write(path, description, worker=worker)
    shown = show(path, worker=worker)
    assert shown is not None
    (image,) = shown["subgraph_metadata"][0]["input_tensor_metadata"]
    assert image["stats"] == {"min": [lowest], "max": [highest]}
    assert image["process_units"][0]["options_type"] == "NormalizationOptions"


def test_writing_again_gives_the_same_file(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    write(path, description, worker=worker)
    first = path.read_bytes()
    write(
        path, replace(description, author="Someone else"), existing=Existing.REPLACE, worker=worker
    )
    assert path.read_bytes() != first
    write(path, description, existing=Existing.REPLACE, worker=worker)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("which", "change", "says"),
    [
        (
            "float32",
            {"labels": Labels(names=tuple("abc"))},
            "3 labels were given, but .* has 4 outputs",
        ),
        (
            "float32",
            {"labels": Labels(names=tuple("abcde"))},
            "5 labels were given, but .* has 4 outputs",
        ),
        ("float32", {"mean": (0.0, 0.0)}, "mean has 2 values, but the model's input has 3"),
        ("gray", {"std": (1.0, 2.0, 3.0)}, "std has 3 values, but the model's input has 1 channel"),
        ("flat", {}, "its input is 'x' .1×4, float32., and an image is"),
        ("four_channels", {}, "1×8×6×4"),
        ("two_outputs", {}, "it has 2 outputs, and an image classifier has one"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(  # noqa: PLR0917
    which: str,
    change: dict[str, object],
    says: str,
    model: Model,
    description: ImageClassifier,
    worker: MetadataWorker,
) -> None:
    path = model(which)
    before = path.read_bytes()
    with pytest.raises(MetadataError, match=says) as caught:
        write(path, replace(description, **change), worker=worker)  # type: ignore[arg-type]
    assert caught.value.hint
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("length", [0, 3, 8, 100, 700, 1500, 2400])
def test_a_truncated_file_is_refused(
    length: int, model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises((ModelError, MetadataError)):
        write(path, description, worker=worker)
    with contextlib.suppress(ModelError, MetadataError):
        assert not verify(path, worker=worker).ok
    with contextlib.suppress(ModelError, MetadataError):
        assert show(path, worker=worker) is None
    assert path.stat().st_size == length


def test_garbage_with_the_identifier_is_refused(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    noise = np.random.default_rng(3).bytes(4000)
    path.write_bytes(b"\x1c\0\0\0TFL3" + noise)
    with pytest.raises((ModelError, MetadataError), match=r"damaged|cannot use"):
        write(path, description, worker=worker)


@pytest.mark.parametrize("name", ["a b.tflite", 'it\'s "q" $(x);.tflite', "größe 人.tflite"])
def test_file_names_are_only_names(
    name: str, model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model(name=name)
    path.chmod(0o640)
    tag(path, description, worker=worker)
    assert path.stat().st_mode & 0o777 == 0o640
    assert verify(path, worker=worker).ok


def test_another_output_leaves_the_model_as_it_is(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    before = path.read_bytes()
    output = path.parent / "new folder" / "tagged.tflite"
    write(path, description, output=output, worker=worker)
    assert path.read_bytes() == before
    assert verify(output, worker=worker).ok


def test_a_link_is_followed(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    link = path.with_name("link.tflite")
    link.symlink_to(path)
    write(link, description, worker=worker)
    assert link.is_symlink()
    assert verify(path, worker=worker).ok


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("gray", r"needs an input with 3 channels \(RGB\); gray\.tflite has 1"),
        ("int8_io", r"takes float32 or uint8 inputs; int8_io\.tflite has int8"),
        ("uint8_narrow", "raw pixels reach the model"),
    ],
)
def test_what_android_refuses_is_said_before_anything_is_written(
    which: str,
    says: str,
    model: Model,
    description: ImageClassifier,
    worker: MetadataWorker,
) -> None:
    path = model(which)
    manifest_for(path)
    before = path.read_bytes()
    with pytest.raises(MetadataError, match=says) as caught:
        tag(path, description, worker=worker)
    assert caught.value.hint
    assert path.read_bytes() == before
    tagged = tag(path, description, require_verified=False, worker=worker)
    assert tagged.artifact is not None
    assert tagged.artifact == read_manifest(path)
    assert tagged.artifact.metadata is not None
    assert not tagged.artifact.metadata.verified
    assert tagged.artifact.metadata.failure == str(caught.value)
    assert take_apart(path.read_bytes(), origin="m").model == before


def test_the_manifest_follows_the_file(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model("int8_float_io")
    before = manifest_for(path)
    tagged = tag(path, description, worker=worker)
    artifact = tagged.artifact
    assert artifact is not None
    assert artifact == read_manifest(path)
    assert artifact == replace(
        before,
        sha256=file_sha256(path),
        size_bytes=path.stat().st_size,
        gzip_bytes=gzip_size(path),
        metadata=replace(tagged.summary, verified=True),
    )


def test_a_model_without_manifest_gets_none(
    model: Model, description: ImageClassifier, worker: MetadataWorker
) -> None:
    path = model()
    assert tag(path, description, worker=worker).artifact is None
    assert list(path.parent.iterdir()) == [path]
