"""Layers that quantization-aware training leaves out stay in float in the file, whatever stands around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.artifact import Artifact
from optimizer.interpreter import TFLiteModel
from optimizer.pipeline import build_artifacts
from optimizer.recipe_file import parse_recipe
from optimizer.restore_float import restore_float
from optimizer.tflite_file import operators_of
from optimizer.tflite_reader import read

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((96, 8, 8, 3), dtype="float32")
LABELS = RANDOM.integers(0, 4, 96)


@pytest.fixture(scope="module")
def source(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    image = layers.Input((8, 8, 3), name="image")
    x = image
    for number in (1, 2, 3):
        x = layers.Conv2D(6, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    branch = layers.Conv2D(6, 1, name="side")(x)
    x = layers.Add(name="joined")([x, branch])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = tf.keras.Model(image, layers.Dense(4, name="out")(x))
    folder = tmp_path_factory.mktemp("restore")
    model.save(folder / "net.keras")
    np.savez(folder / "data.npz", image=IMAGES, y=LABELS)
    return folder / "net.keras"


def built(source: Path, tmp_path: Path, skip: list[str], extra: str = "") -> Artifact:
    recipe = parse_recipe(
        f"[qat]\nskip = {skip}\n[fine_tune]\nepochs = 1\n[quantization]\nscheme = 'int8'\n{extra}",
        where="r",
        default_name="qat",
    )
    (artifact,) = build_artifacts(
        source, [recipe], output=tmp_path / "out", training=source.parent / "data.npz"
    )
    return artifact


def types(content: bytes) -> dict[str, set[str]]:
    """The types of what each layer's operator reads and writes, biases aside."""
    reader = read(content)
    graph = reader.model.Subgraphs(0)
    names = {0: "float32", 9: "int8"}
    return {
        layer.removeprefix("quant_"): {
            names.get(graph.Tensors(index).Type(), "other")
            for index in (*item.inputs[:2], *item.outputs)
        }
        for item in reader.graph()
        if item.kind in {"CONV_2D", "FULLY_CONNECTED", "ADD"}
        for layer in item.layers
    }


@pytest.mark.parametrize(
    ("skip", "restored", "borders"),
    [
        (["conv2"], 1, 4),  # in the middle, where the converter quantizes it
        (["conv1"], 0, 2),  # where it does not by itself: at the beginning
        (["conv1", "conv2"], 1, 4),  # neighbours, with a quantized activation between them
        (["conv2", "relu2", "conv3"], 0, 4),  # ... and without
        (["side"], 0, 4),  # one of two consumers
        (["out"], 0, 2),  # at the end
    ],
)
def test_left_layers_are_float_and_the_others_integers(
    source: Path, tmp_path: Path, skip: list[str], restored: int, borders: int
) -> None:
    artifact = built(source, tmp_path, skip)
    content = artifact.path.read_bytes()
    found = types(content)
    for layer in found.keys() & {"conv1", "conv2", "conv3", "out"}:
        assert found[layer] == ({"float32"} if layer in skip else {"int8"}), layer
    counted = operators_of(content)
    assert counted["QUANTIZE"] + counted["DEQUANTIZE"] == borders
    assert len(artifact.float_layers) == restored
    assert any(f"{skip[0]} (not chosen)" in told for told in artifact.warnings)


def test_integer_borders_stay(source: Path, tmp_path: Path) -> None:
    artifact = built(source, tmp_path, ["conv2"], "io_dtype = 'int8'")
    model = TFLiteModel(artifact.path.read_bytes(), where="x")
    assert [spec.dtype for spec in (*model.inputs, *model.outputs)] == ["int8", "int8"]
    assert types(artifact.path.read_bytes())["conv2"] == {"float32"}


def test_nothing_left_out_changes_nothing(source: Path, tmp_path: Path) -> None:
    content = built(source, tmp_path, []).path.read_bytes()
    assert types(content)["conv1"] == {"int8"}
    assert restore_float(content, content, ["nosuch"]) == (content, ())
    # Without a twin in float an operator stays as it is.
    assert restore_float(content, content, ["quant_conv1"]) == (content, ())
