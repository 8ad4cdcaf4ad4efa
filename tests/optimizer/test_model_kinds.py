"""Models that are not one image in, one score out: each builds right, or is refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.artifact import Artifact, Fidelity
from optimizer.errors import ConversionError, DataError, ModelError
from optimizer.pipeline import build_artifacts
from optimizer.recipe_file import load_recipe
from optimizer.tflite_file import inspect

RANDOM = np.random.default_rng(0)
FLAT = RANDOM.random((40, 4), dtype="float32")
SERIES = RANDOM.random((40, 6, 4), dtype="float32")


@pytest.fixture(autouse=True)
def seeded(tf: Any) -> None:
    tf.keras.utils.set_random_seed(0)


@pytest.fixture
def layers(tf: Any) -> Any:
    return tf.keras.layers


def build(model: Any, folder: Path, recipe: str = "float32", **arrays: Any) -> Artifact:
    """Save, build, and return the artifact; the arrays are calibration and evaluation data."""
    source = model if isinstance(model, Path) else folder / "m.keras"
    if source is not model:
        model.save(source)
    data = None
    if arrays:
        data = folder / "data.npz"
        np.savez(data, **arrays)
    (artifact,) = build_artifacts(
        source, [load_recipe(recipe)], output=folder / "out", calibration=data
    )
    return artifact


def measured(artifact: Artifact) -> Fidelity:
    assert artifact.fidelity is not None
    return artifact.fidelity


def test_outputs_of_one_shape_are_not_mixed_up(tf: Any, layers: Any, tmp_path: Path) -> None:
    """The converter sorts outputs by name; shapes do not tell these four apart."""
    entry = layers.Input((4,))
    outputs = [layers.Dense(3, name=name)(entry) for name in ("z", "y", "b", "a")]
    artifact = build(tf.keras.Model(entry, outputs), tmp_path, x=FLAT)
    assert measured(artifact).max_abs_error < 1e-5
    assert measured(artifact).top1_agreement == 1.0


def test_inputs_and_outputs_in_dictionaries(tf: Any, layers: Any, tmp_path: Path) -> None:
    inputs = {name: layers.Input((4,), name=name) for name in ("zeta", "alpha")}
    mixed = layers.Concatenate()([inputs["zeta"], layers.Rescaling(3.0)(inputs["alpha"])])
    outputs = {"y": layers.Dense(3)(mixed), "b": layers.Dense(3)(mixed)}
    artifact = build(tf.keras.Model(inputs, outputs), tmp_path, "int8", zeta=FLAT, alpha=FLAT[::-1])
    assert measured(artifact).cosine > 0.999
    assert len(artifact.inputs) == len(artifact.outputs) == 2


def test_outputs_of_a_saved_model(tf: Any, tmp_path: Path) -> None:
    class Three(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(RANDOM.random((4, 3), dtype="float32"))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"zz": x @ self.weight, "aa": -(x @ self.weight), "mm": 2 * (x @ self.weight)}

    module = Three()
    folder = tmp_path / "saved"
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})
    assert measured(build(folder, tmp_path, x=FLAT)).max_abs_error < 1e-5


def test_names_that_no_signature_takes(tf: Any, layers: Any, tmp_path: Path) -> None:
    entry = layers.Input((4,), name="in-put.1")
    model = tf.keras.Model(entry, layers.Dense(3, name="1/out")(entry))
    assert measured(build(model, tmp_path, x=FLAT)).max_abs_error < 1e-5


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_batch_that_is_fixed(tf: Any, layers: Any, tmp_path: Path, recipe: str) -> None:
    entry = layers.Input(batch_shape=(8, 4))
    artifact = build(tf.keras.Model(entry, layers.Dense(3)(entry)), tmp_path, recipe, x=FLAT[:21])
    assert artifact.inputs[0].shape == (8, 4)
    assert measured(artifact).samples == 21
    assert measured(artifact).cosine > 0.999


def test_an_lstm_is_one_operator_and_begins_each_sample_anew(
    tf: Any, layers: Any, tmp_path: Path
) -> None:
    model = tf.keras.Sequential([layers.Input((6, 4)), layers.LSTM(8), layers.Dense(3)])
    artifact = build(model, tmp_path, x=SERIES)
    assert inspect(artifact.path).operators["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert inspect(artifact.path).keeps_state
    assert measured(artifact).max_abs_error < 1e-5
    assert any("resetVariableTensors" in warning for warning in artifact.warnings)


def test_a_loop_is_refused_before_the_calibrator_crashes_on_it(
    tf: Any, layers: Any, tmp_path: Path
) -> None:
    model = tf.keras.Sequential([layers.Input((6, 4)), layers.GRU(8), layers.Dense(3)])
    assert measured(build(model, tmp_path, x=SERIES)).max_abs_error < 1e-5
    with pytest.raises(ConversionError, match=r"a loop \(WHILE\)") as caught:
        build(model, tmp_path, "int8", x=SERIES)
    assert "unroll=True" in (caught.value.hint or "")


@pytest.mark.parametrize("with_data", [True, False])
def test_free_sizes_run_and_are_told(tf: Any, layers: Any, tmp_path: Path, with_data: bool) -> None:
    model = tf.keras.Sequential(
        [layers.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()]
    )
    images: dict[str, Any] = (
        {"x": RANDOM.random((9, 9, 7, 3), dtype="float32")} if with_data else {}
    )
    artifact = build(model, tmp_path, **images)
    assert artifact.inputs[0].shape == (1, -1, -1, 3)
    assert any("free sizes" in warning for warning in artifact.warnings)


def test_a_probability_of_two_classes_has_an_accuracy(tf: Any, layers: Any, tmp_path: Path) -> None:
    model = tf.keras.Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")])
    labels = (model.predict(FLAT, verbose=0)[:, 0] > 0.5).astype("int64")
    fidelity = measured(build(model, tmp_path, x=FLAT, y=labels))
    assert fidelity.accuracy == fidelity.source_accuracy == fidelity.top1_agreement == 1.0


def test_values_beyond_an_embedding_are_the_datas_fault(
    tf: Any, layers: Any, tmp_path: Path
) -> None:
    model = tf.keras.Sequential(
        [layers.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.Flatten()]
    )
    with pytest.raises(DataError, match=r"99 is not in \[0, 10\)"):
        build(model, tmp_path, x=np.full((3, 5), 99))


def test_a_source_that_gives_nan_is_told(tf: Any, layers: Any, tmp_path: Path) -> None:
    model = tf.keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ModelError, match="itself gives NaN"):
        build(model, tmp_path, x=FLAT)
