import contextlib
import json
import subprocess
import sys
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
from optimizer.errors import DataError, MetadataError, ModelError
from optimizer.metadata import ImageClassifierMetadata, MetadataWorker, show, tag, verify, write
from optimizer.metadata.container import take_apart

Model = Callable[..., Path]

# tflite-support's own way, to hold ours against: its populator, its JSON.
OTHER_WAY = """
import ctypes, sys, libusb_package
sys.modules["tensorflow"] = None
ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
from tflite_support import metadata
from tflite_support.metadata_writers import image_classifier, writer_utils
model, output, labels = sys.argv[1:]
writer = image_classifier.MetadataWriter.create_for_inference(
    writer_utils.load_file(model), [127.5], [127.5], [labels])
writer_utils.save_file(writer.populate(), output)
"""


def tag_elsewhere(model: Path, description: ImageClassifierMetadata) -> Path:
    labels = model.with_name("labels.txt")
    labels.write_text("\n".join(description.labels), encoding="utf-8")
    output = model.with_name("elsewhere.tflite")
    subprocess.run(
        [sys.executable, "-c", OTHER_WAY, str(model), str(output), str(labels)],
        check=True,
        capture_output=True,
    )
    return output


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
    which: str, model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model(which)
    before = path.read_bytes()
    summary = write(path, description, worker=worker)
    assert summary == MetadataSummary(
        task="image-classifier", name="Pets", labels=4, mean=(127.5,), std=(127.5,)
    )
    proof = verify(path, worker=worker)
    assert proof.failure is None
    assert {result.label for result in proof.results} == set(description.labels)
    assert proof.litert_top1 == proof.results[0].index
    assert take_apart(path.read_bytes(), origin="m").model == before


def test_show_tells_all_that_was_written(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
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
    assert tuple(packed["labels"]) == description.labels


@pytest.mark.parametrize(
    ("which", "lowest", "highest"),
    [("float32", -1.0, 1.0), ("uint8_io", 0.0, 255.0), ("int8_io", -128.0, 127.0)],
)
def test_ranges_follow_the_types_of_the_tensors(  # noqa: PLR0917
    which: str,
    lowest: float,
    highest: float,
    model: Model,
    description: ImageClassifierMetadata,
    worker: MetadataWorker,
) -> None:
    path = model(which)
    write(path, description, worker=worker)
    shown = show(path, worker=worker)
    assert shown is not None
    (image,) = shown["subgraph_metadata"][0]["input_tensor_metadata"]
    assert image["stats"] == {"min": [lowest], "max": [highest]}
    assert image["process_units"][0]["options_type"] == "NormalizationOptions"


def test_the_same_is_said_as_by_tflite_support(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model("uint8_io")
    theirs = show(tag_elsewhere(path, description), worker=worker)
    write(path, description, worker=worker)
    ours = show(path, worker=worker)
    assert ours is not None
    assert theirs is not None
    assert ours["min_parser_version"] == theirs["min_parser_version"]
    for group, keys in {
        "input_tensor_metadata": ("name", "content", "stats", "process_units"),
        "output_tensor_metadata": ("name", "content", "stats", "associated_files"),
    }.items():
        (mine,), (other,) = (side["subgraph_metadata"][0][group] for side in (ours, theirs))
        assert {key: mine.get(key) for key in keys} == {key: other.get(key) for key in keys}


def test_what_others_tagged_is_verified_and_replaced(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = tag_elsewhere(model(), description)
    assert verify(path, worker=worker).ok
    with pytest.raises(MetadataError, match="has metadata already and 1 packed files"):
        write(path, description, worker=worker)
    changed = replace(description, labels=("w", "x", "y", "z"))
    write(path, changed, replace=True, worker=worker)
    proof = verify(path, worker=worker)
    assert proof.ok
    assert {result.label for result in proof.results} == {"w", "x", "y", "z"}


def test_writing_again_gives_the_same_file(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model()
    write(path, description, worker=worker)
    first = path.read_bytes()
    write(path, replace(description, author="Someone else"), replace=True, worker=worker)
    assert path.read_bytes() != first
    write(path, description, replace=True, worker=worker)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("which", "change", "says"),
    [
        ("float32", {"labels": ("a", "b", "c")}, "3 labels were given, but .* has 4 outputs"),
        ("float32", {"labels": tuple("abcde")}, "5 labels were given, but .* has 4 outputs"),
        ("float32", {"mean": (0.0, 0.0)}, "mean has 2 values, but the model's input has 3"),
        ("gray", {"std": (1.0, 2.0, 3.0)}, "std has 3 values, but the model's input has 1 channel"),
        ("flat", {}, "its input is 1×4, and an image is"),
        ("four_channels", {}, "1×8×6×4"),
        ("two_outputs", {}, "1 inputs and 2 outputs"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(  # noqa: PLR0917
    which: str,
    change: dict[str, tuple[float, ...]],
    says: str,
    model: Model,
    description: ImageClassifierMetadata,
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
    length: int, model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
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
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model()
    noise = np.random.default_rng(3).bytes(4000)
    path.write_bytes(b"\x1c\0\0\0TFL3" + noise)
    with pytest.raises((ModelError, MetadataError), match=r"damaged|cannot use"):
        write(path, description, worker=worker)


@pytest.mark.parametrize("name", ["a b.tflite", 'it\'s "q" $(x);.tflite', "größe 人.tflite"])
def test_file_names_are_only_names(
    name: str, model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model(name=name)
    path.chmod(0o640)
    tag(path, description, worker=worker)
    assert path.stat().st_mode & 0o777 == 0o640
    assert verify(path, worker=worker).ok


def test_another_output_leaves_the_model_as_it_is(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model()
    before = path.read_bytes()
    output = path.parent / "new folder" / "tagged.tflite"
    write(path, description, output=output, worker=worker)
    assert path.read_bytes() == before
    assert verify(output, worker=worker).ok


def test_a_link_is_followed(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
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
    description: ImageClassifierMetadata,
    worker: MetadataWorker,
) -> None:
    path = model(which)
    manifest_for(path)
    before = path.read_bytes()
    with pytest.raises(MetadataError, match=says) as caught:
        tag(path, description, worker=worker)
    assert caught.value.hint
    assert path.read_bytes() == before
    artifact = tag(path, description, require_verified=False, worker=worker)
    assert artifact is not None
    assert artifact.metadata is not None
    assert not artifact.metadata.verified


def test_the_manifest_follows_the_file(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model("int8_float_io")
    before = manifest_for(path)
    artifact = tag(path, description, worker=worker)
    assert artifact is not None
    assert artifact == read_manifest(path)
    assert artifact == replace(
        before,
        sha256=file_sha256(path),
        size_bytes=path.stat().st_size,
        gzip_bytes=gzip_size(path),
        metadata=description.summary(verified=True),
    )


def test_a_model_without_manifest_gets_none(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model()
    assert tag(path, description, worker=worker) is None
    assert list(path.parent.iterdir()) == [path]


def test_verify_says_what_is_missing(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    path = model()
    proof = verify(path, worker=worker)
    assert proof.failure == "float32.tflite has no metadata."
    assert "metadata write" in str(proof.hint)
    with pytest.raises(DataError, match="does not exist"):
        verify(path, image=tmp_path / "none.png", worker=worker)


def test_logits_are_noted(
    model: Model, description: ImageClassifierMetadata, worker: MetadataWorker
) -> None:
    path = model("logits")
    write(path, description, worker=worker)
    proof = verify(path, worker=worker)
    assert proof.ok
    assert "without softmax" in proof.notes[0]
    assert len(proof.results) < 4


@pytest.mark.parametrize("channels", [1, 3])
def test_a_given_image_is_classified(
    channels: int,
    model: Model,
    description: ImageClassifierMetadata,
    worker: MetadataWorker,
    tmp_path: Path,
) -> None:
    path = model()
    write(path, description, worker=worker)
    image = tmp_path / "bild größe.bmp"
    pixels = np.random.default_rng(5).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    if channels == 1:
        pixels[:] = pixels[:, :, :1]
    write_bmp(image, pixels)
    proof = verify(path, image=image, worker=worker)
    assert proof.failure is None
    assert proof.input_origin == str(image)
    image.write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot be read"):
        verify(path, image=image, worker=worker)


def write_bmp(path: Path, pixels: np.ndarray) -> None:
    height, width, _ = pixels.shape
    rows = np.zeros((height, (width * 3 + 3) // 4 * 4), np.uint8)
    rows[:, : width * 3] = pixels[::-1, :, ::-1].reshape(height, -1)
    head = np.array([40, width, height, 1 | 24 << 16, 0, rows.size, 0, 0, 0, 0], "<u4").tobytes()
    size = np.array([54 + rows.size, 0, 54], "<u4").tobytes()
    path.write_bytes(b"BM" + size + head + rows.tobytes())
