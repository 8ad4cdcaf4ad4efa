"""Operators on tensors in Keras models: what computes is let through, what does more is not called."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import pytest

from optimizer import build_cache
from optimizer.errors import ModelError
from optimizer.pipeline import build_artifacts
from optimizer.recipe_file import load_recipe
from optimizer.source import identify, load


@pytest.fixture(scope="module")
def operators(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of many plain operators, as ops.keras and ops.h5."""
    folder = tmp_path_factory.mktemp("operators")
    image = tf.keras.layers.Input((4, 4, 3), name="image")
    values = tf.nn.relu(image) * 2.0 - tf.reduce_mean(image, axis=[1, 2], keepdims=True)
    values = tf.concat([values, tf.clip_by_value(image, 0.0, 1.0)], axis=-1)[:, 1:]
    values = tf.transpose(tf.image.resize(values, (4, 4)), (0, 2, 1, 3))
    flat = tf.reshape(tf.cast(values, tf.float32), (-1, 96))
    scores = tf.linalg.matmul(flat, tf.ones((96, 2))) + tf.math.exp(-tf.abs(flat[:, :2]))
    model = tf.keras.Model(image, tf.where(scores > 0, scores, tf.zeros_like(scores)))
    model.save(folder / "ops.keras")
    model.save(folder / "ops.h5")
    return folder


def pointed_at(config: dict[str, Any], function: str, target: Path) -> dict[str, Any]:
    """The configuration with its ReLU made a call of another function, on constants alone."""
    for layer in config["config"]["layers"]:
        if layer["config"].get("function") == "nn.relu":
            layer["config"]["function"] = function
            layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(target), {"contents": "owned"}]]
    return config


@pytest.mark.parametrize("name", ["ops.keras", "ops.h5"])
def test_plain_operators_are_let_through(operators: Path, name: str) -> None:
    assert load(identify(operators / name)).output_shape == (None, 2)


@pytest.mark.parametrize(
    "function",
    [
        "io.write_file", "compat.v1.io.write_file", "raw_ops.WriteFile", "keras.models.load_model",
        "keras.utils.get_file", "py_function", "numpy_function", "load_library", "print",
    ],
)  # fmt: skip
def test_no_file_is_written_by_opening_a_model(
    operators: Path, tmp_path: Path, function: str
) -> None:
    target, evil = tmp_path / "owned", tmp_path / "evil.keras"
    with zipfile.ZipFile(operators / "ops.keras") as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = json.dumps(pointed_at(json.loads(content), function, target)).encode()
            new.writestr(name, content)
    with pytest.raises(ModelError, match="more than compute on tensors"):
        load(identify(evil))
    assert not target.exists()


def test_nor_by_opening_hdf5(operators: Path, tmp_path: Path) -> None:
    target, evil = tmp_path / "owned", tmp_path / "evil.h5"
    evil.write_bytes((operators / "ops.h5").read_bytes())
    with h5py.File(evil, "a") as file:
        config = pointed_at(json.loads(file.attrs["model_config"]), "io.write_file", target)
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ModelError, match=r"calls tf\.io\.write_file"):
        load(identify(evil))
    assert not target.exists()


def test_initializers_of_tensorflow_itself_are_let_through(tf: Any, tmp_path: Path) -> None:
    """EfficientNetV2 names them so."""
    file = tmp_path / "m.keras"
    start = tf.constant_initializer(0.5)
    layers = [tf.keras.layers.Input((2,)), tf.keras.layers.Dense(2, bias_initializer=start)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.keras.Sequential(layers).save(file)
    assert b"init_ops_v2" in zipfile.ZipFile(file).read("config.json")
    load(identify(file))


def test_the_cache_drops_the_oldest_and_keeps_the_newest(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_cache, "MOST_CACHED_BYTES", 1)
    for name in ("float32", "float16"):
        (artifact,) = build_artifacts(
            models / "small.keras", [load_recipe(name)], output=tmp_path / "out"
        )
    assert [item.name for item in build_cache.cache_folder().iterdir()] == [artifact.build_key]
