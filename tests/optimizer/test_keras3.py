"""Models saved by Keras 3, as everybody saves them today, carried over to Keras 2."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import ModelError, TrainingError
from optimizer.keras3 import NotCarriedOver, carry_over, export_saved_model
from optimizer.pipeline import build_artifacts
from optimizer.recipe_file import load_recipe
from optimizer.tensorflow_setup import import_keras3, import_toolkit


@pytest.fixture(scope="session")
def keras(tf: Any) -> Any:
    return import_keras3("The tests")


def cnn(L: Any, keras: Any) -> Any:  # noqa: N803
    return keras.Sequential(
        [
            L.Input((8, 8, 3), name="image"),
            L.Rescaling(1 / 255),
            L.RandomFlip("horizontal"),
            L.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.LeakyReLU(negative_slope=0.2),
            L.MaxPooling2D(),
            L.Dropout(0.3),
            L.Flatten(),
            L.Dense(3, activation="softmax", name="scores"),
        ]
    )


def residual(L: Any, keras: Any) -> Any:  # noqa: N803
    image = L.Input((8, 8, 3), name="image")
    x = L.SeparableConv2D(8, 3, padding="same", activation="hard_silu")(image)
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = L.BatchNormalization()(y)
    x = L.Add()([x, y])
    x = L.Concatenate()([x, L.UpSampling2D()(L.AveragePooling2D(2)(x))])
    x = keras.ops.relu(x * 2.0 + 1.0)
    squeezed = L.GlobalAveragePooling2D(keepdims=True)(x)
    x = L.Multiply()([x, L.Conv2D(16, 1, activation="hard_sigmoid")(squeezed)])
    return keras.Model(image, L.Dense(2)(keras.ops.mean(x, axis=(1, 2))), name="residual")


def nested(L: Any, keras: Any) -> Any:  # noqa: N803
    inside = L.Input((8, 8, 4))
    block = keras.Model(inside, L.ReLU()(L.Conv2D(4, 3, padding="same")(inside)), name="block")
    chain = keras.Sequential([L.Input((8, 8, 4)), L.Conv2D(4, 1), L.ReLU(6.0)], name="chain")
    image = L.Input((8, 8, 3), name="image")
    x = L.Conv2D(4, 3, padding="same")(image)
    x = chain(block(block(x)))  # block twice: shared weights
    return keras.Model(image, L.Dense(2)(L.GlobalMaxPooling2D()(x)))


def sequence(L: Any, keras: Any) -> Any:  # noqa: N803
    words = L.Input((6,), dtype="int32", name="words")
    x = L.Embedding(20, 8)(words)
    x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 4)(x, x))
    x = L.Bidirectional(L.LSTM(4, return_sequences=True))(x)
    x = L.TimeDistributed(L.Dense(4, activation="gelu"))(x)
    x = L.GRU(5)(x)
    return keras.Model(words, L.Dense(2)(x))


def many(L: Any, keras: Any) -> Any:  # noqa: N803
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    shared = L.Dense(5, name="shared")
    x, y = shared(a), shared(b)
    return keras.Model(
        [a, b], [L.Dense(2, name="first")(L.Subtract()([x, y])), L.Average(name="second")([x, y])]
    )


def normalized(L: Any, keras: Any) -> Any:  # noqa: N803
    layer = L.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3.0, 2.0, (64, 4)).astype("float32"))
    return keras.Sequential([L.Input((4,), name="x"), layer, L.Dense(2, activation="tanh")])


MODELS: list[Callable[[Any, Any], Any]] = [cnn, residual, nested, sequence, many, normalized]


def save(keras: Any, make: Callable[[Any, Any], Any], folder: Path) -> tuple[Any, Path]:
    """A model with weights and statistics that are nothing like fresh ones."""
    keras.utils.set_random_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(keras.layers, keras)
        random = np.random.default_rng(2)
        for weight in model.weights:
            if weight.path.endswith("moving_variance"):
                weight.assign(random.uniform(0.5, 2.0, weight.shape))
            elif not weight.path.startswith("normalization/"):
                weight.assign(random.normal(0.0, 0.4, weight.shape))
        path = folder / f"{make.__name__}.keras"
        model.save(path)
    return model, path


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_carried_model_is_the_same(
    tf: Any, keras: Any, tmp_path: Path, make: Callable[[Any, Any], Any]
) -> None:
    original, path = save(keras, make, tmp_path)
    model = carry_over(path)
    assert isinstance(model, tf.keras.Model)
    assert model.input_names == [tensor._keras_history.operation.name for tensor in original.inputs]
    names = {layer.name for layer in original.layers}
    assert names <= {layer.name for layer in model.layers} | {"image"}
    random = np.random.default_rng(5)
    inputs = [
        random.integers(0, 20, (7, *tensor.shape[1:])).astype(tensor.dtype)
        if "int" in tensor.dtype
        else random.normal(size=(7, *tensor.shape[1:])).astype("float32")
        for tensor in original.inputs
    ]
    wanted = tf.nest.flatten(original(inputs if len(inputs) > 1 else inputs[0], training=False))
    found = tf.nest.flatten(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    for want, have in zip(wanted, found, strict=True):
        span = float(np.ptp(np.asarray(want)))
        assert np.abs(np.asarray(want) - np.asarray(have)).max() <= 1e-4 * span


def test_a_model_of_keras_applications_is_carried_over_and_can_be_pruned(
    keras: Any, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35)
        original.save(tmp_path / "net.keras")
    model = carry_over(tmp_path / "net.keras")
    tfmot = import_toolkit("The tests")
    assert tfmot.sparsity.keras.prune_low_magnitude(model) is not None


def test_the_whole_road_from_keras_3(keras: Any, tmp_path: Path) -> None:
    _, path = save(keras, cnn, tmp_path)
    random = np.random.default_rng(0)
    data = tmp_path / "data.npz"
    np.savez(data, image=random.random((80, 8, 8, 3), dtype="float32"), y=random.integers(0, 3, 80))
    int8, pruned = build_artifacts(
        path,
        [load_recipe("int8"), load_recipe("prune50+int8")],
        output=tmp_path / "out",
        training=data,
    )
    assert int8.fidelity is not None
    assert int8.fidelity.cosine > 0.99
    assert pruned.sparsity is not None
    assert pruned.sparsity > 0.45


def unequal(L: Any, keras: Any) -> Any:  # noqa: N803
    x = L.Input((4, 8), name="x")
    y = L.RMSNormalization(name="rms")(L.Dense(8)(x))
    return keras.Model(x, L.Dense(2, name="out")(y))


def test_a_layer_that_keras_2_lacks_is_named_and_quantizing_works_all_the_same(
    keras: Any, tmp_path: Path
) -> None:
    _, path = save(keras, unequal, tmp_path)
    with pytest.raises(NotCarriedOver, match="'rms' of unequal.keras") as caught:
        carry_over(path)
    assert caught.value.layer == "rms"
    export_saved_model(path, tmp_path / "saved")
    assert (tmp_path / "saved" / "saved_model.pb").is_file()
    data = tmp_path / "data.npz"
    random = np.random.default_rng(0)
    np.savez(data, x=random.normal(size=(50, 4, 8)).astype("float32"))
    (artifact,) = build_artifacts(
        path, [load_recipe("dynamic-range")], output=tmp_path / "out", evaluation=data
    )
    assert artifact.fidelity is not None
    assert artifact.fidelity.cosine > 0.99
    with pytest.raises(TrainingError, match="cannot be trained by 'prune50'.*'rms'"):
        build_artifacts(path, [load_recipe("prune50")], output=tmp_path / "out", training=data)


def with_lambda(L: Any, keras: Any) -> Any:  # noqa: N803
    return keras.Sequential([L.Input((4,), name="x"), L.Lambda(lambda x: x * 2), L.Dense(2)])


def test_a_lambda_is_refused_unless_it_is_allowed(keras: Any, tmp_path: Path) -> None:
    _, path = save(keras, with_lambda, tmp_path)
    with pytest.raises(ModelError, match="Lambda") as caught:
        carry_over(path)
    assert "--allow-unsafe" in str(caught.value.hint)
    with pytest.raises(
        NotCarriedOver
    ):  # Keras 2 cannot have its code, and says so after loading it
        carry_over(path, allow_unsafe=True)


def tampered(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with another configuration."""
    other = path.with_name("tampered.keras")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config).encode()
            copy.writestr(name, content)
    return other


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"module": "os", "class_name": "system", "config": {"command": "id"}},
            "asks for os.system",
        ),
        (
            {"module": "keras.utils", "class_name": "get_file", "config": {}},
            "asks for keras.utils.get_file",
        ),
        ({"module": "keras.src.saving.x", "class_name": "f", "config": {}}, "not of Keras' layers"),
        (
            {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}},
            "loads a program",
        ),
        (
            {"module": None, "class_name": "Mine", "config": {}, "registered_name": "my>Mine"},
            "custom layer, Mine",
        ),
        (
            {
                "module": "keras.layers",
                "class_name": "StringLookup",
                "config": {"vocabulary": "/etc/passwd"},
            },
            "reads the file '/etc/passwd'",
        ),
    ],
    ids=["os", "utils", "saving", "tfsm", "custom", "vocabulary"],
)
def test_a_file_is_data_and_not_a_program(
    keras: Any, tmp_path: Path, layer: dict[str, Any], message: str
) -> None:
    _, path = save(keras, cnn, tmp_path)
    other = tampered(path, lambda config: config["config"]["layers"].append(layer))
    with pytest.raises(ModelError, match=message):
        carry_over(other)
    with pytest.raises(ModelError, match=message):
        export_saved_model(other, tmp_path / "saved")


def test_a_damaged_file_is_told_in_a_sentence(keras: Any, tmp_path: Path) -> None:
    _, path = save(keras, cnn, tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        carry_over(tampered(path, lambda config: config["config"].pop("layers")))
