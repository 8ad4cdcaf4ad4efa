"""Every artifact of a build tagged from one wish: proven, written once, and read back from the file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.artifact import Artifact, read_manifest
from optimizer.data import read_dataset
from optimizer.data_sources import Scaling
from optimizer.errors import MetadataError
from optimizer.metadata import Labels, MetadataWorker, show
from optimizer.metadata.describing import Said
from optimizer.metadata.wanted import Wanted
from optimizer.pipeline import Builder
from optimizer.recipe_file import load_recipes
from optimizer.tflite_file import artifact_of

CLASSES = 3


@pytest.fixture(scope="module")
def folder(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """net.keras on pixels from -1 to 1, and data.npz of whole pixels."""
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    image = layers.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    model = tf.keras.Model(image, layers.Dense(CLASSES, activation="softmax", name="scores")(x))
    folder = tmp_path_factory.mktemp("tagged")
    model.save(folder / "net.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype="uint8")
    pixels[0], pixels[1] = 0, 255
    np.savez(folder / "data.npz", image=pixels)
    return folder


def built(
    folder: Path, output: Path, wish: Wanted, recipes: str
) -> tuple[list[Artifact], list[str]]:
    told: list[str] = []
    scaling = Scaling(mean=(127.5,), std=(127.5,))
    data = read_dataset(folder / "data.npz", scaling=scaling)
    chosen = load_recipes([recipes])
    with Builder(
        folder / "net.keras",
        chosen,
        output=output,
        training=None,
        calibration=data,
        evaluation=None,
        overwrite=False,
        allow_unsafe=False,
        metadata=wish,
        step=told.append,
    ) as builder:
        return [builder.build(recipe) for recipe in chosen], told


def wish(*labels: str) -> Wanted:
    return Wanted(said=Said(labels=Labels(names=labels)))


def test_one_wish_serves_every_variant(folder: Path, tmp_path: Path) -> None:
    artifacts, _ = built(folder, tmp_path, wish("a", "b", "c"), "float32,float16,int8")
    with MetadataWorker() as worker:
        for artifact in artifacts:
            metadata = artifact.metadata
            assert metadata is not None
            assert metadata.verified, metadata.failure
            assert (metadata.task, metadata.labels) == ("image-classifier", CLASSES)
            # How the data were scaled is how an app has to.
            assert (metadata.mean, metadata.std) == ((127.5,), (127.5,))
            assert read_manifest(artifact.path) == artifact
            shown = show(artifact.path, worker=worker)
            assert shown is not None
            (image,) = shown["subgraph_metadata"][0]["input_tensor_metadata"]
            assert image["stats"] == {"max": [1.0], "min": [-1.0]}


def test_what_says_the_same_is_not_written_again(folder: Path, tmp_path: Path) -> None:
    (first,), told = built(folder, tmp_path, wish("a", "b", "c"), "float32")
    assert any("tag and prove" in step for step in told)
    before = first.path.stat()
    (again,), told = built(folder, tmp_path, wish("a", "b", "c"), "float32")
    assert again == first
    assert not any("tag" in step for step in told)
    assert first.path.stat().st_mtime_ns == before.st_mtime_ns
    (other,), told = built(folder, tmp_path, wish("d", "e", "f"), "float32")
    assert any("tag and prove" in step for step in told)
    assert other.sha256 != first.sha256
    assert other.build_key == first.build_key


def test_what_apps_refuse_is_built_and_said(folder: Path, tmp_path: Path) -> None:
    (artifact,), _ = built(folder, tmp_path, wish("a", "b", "c"), "int8-io")
    assert artifact.metadata is not None
    assert not artifact.metadata.verified
    assert "int8" in (artifact.metadata.failure or "")


def test_a_wish_that_does_not_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="2 labels were given"):
        built(folder, tmp_path, wish("a", "b"), "float32")


def test_a_file_tells_where_it_comes_from_without_its_manifest(
    folder: Path, tmp_path: Path
) -> None:
    (artifact,), _ = built(folder, tmp_path / "out", wish("a", "b", "c"), "int8")
    alone = tmp_path / "alone.tflite"
    alone.write_bytes(artifact.path.read_bytes())
    found = artifact_of(alone)
    assert (found.recipe_name, found.source) == ("int8", "net.keras")
    assert found.source_sha256 == artifact.source_sha256
    assert found.fidelity == artifact.fidelity


def test_a_file_that_cannot_be_is_told_before_anything_is_built(
    folder: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "metadata.toml"
    wrong.write_text("task = 'image-classifier'\nlabel = 'labels.txt'")
    with pytest.raises(MetadataError, match="'label' is not known"):
        built(folder, tmp_path / "out", Wanted(file=wrong), "float32")
    assert not (tmp_path / "out").exists()


def rescaling(tf: Any, folder: Path, *layers: Any) -> Path:
    image = tf.keras.layers.Input((8, 8, 3), name="image")
    x = image
    for layer in (*layers, tf.keras.layers.Conv2D(4, 3), tf.keras.layers.GlobalAveragePooling2D()):
        x = layer(x)
    scores = tf.keras.layers.Dense(CLASSES, activation="softmax", name="scores")(x)
    tf.keras.Model(image, scores).save(folder / "net.keras")
    np.savez(folder / "data.npz", image=np.zeros((8, 8, 8, 3), "uint8"))
    return folder


def test_a_source_that_rescales_is_asked_first(tf: Any, tmp_path: Path) -> None:
    from optimizer.pixels import rescales_inside

    layers = tf.keras.layers
    flip = layers.RandomFlip()
    inner = tf.keras.Sequential([layers.Input((8, 8, 3)), layers.Rescaling(1 / 255)])
    for first, told in (
        ([layers.Rescaling(1 / 255)], True),
        ([flip, layers.Normalization(mean=0.0, variance=1.0)], True),
        ([inner], True),
        ([], False),
        ([layers.ZeroPadding2D(), layers.Conv2D(2, 1), layers.Rescaling(3.0)], False),
        ([lambda x: x / 127.5 - 1.0], None),
    ):
        folder = tmp_path / f"{told}{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        rescaling(tf, folder, *first)
        model = tf.keras.models.load_model(folder / "net.keras", compile=False)
        assert rescales_inside(model) is told


def test_data_scaled_twice_are_told(tf: Any, tmp_path: Path) -> None:
    folder = rescaling(tf, tmp_path, tf.keras.layers.Rescaling(1 / 127.5, offset=-1.0))
    (artifact,), _ = built(folder, tmp_path / "out", wish("a", "b", "c"), "float32")
    assert artifact.rescales_inside is True
    assert artifact.metadata is not None
    assert any(
        "An app would feed wrong" in n or "an app would feed wrong" in n
        for n in artifact.metadata.notes
    )
    from optimizer.metadata import verify

    proof = verify(artifact.path)
    assert any("the model tells mean 0, std 1" in note for note in proof.notes)
