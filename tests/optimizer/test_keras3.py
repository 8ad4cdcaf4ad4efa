"""Models saved by Keras 3, as everybody saves them today, carried over to Keras 2."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from optimizer.errors import ModelError, TrainingError
from optimizer.keras3 import NotCarriedOver, carry_over, export_saved_model
from optimizer.keras3.layers import FUNCTIONS
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


def frames(L: Any, keras: Any) -> Any:  # noqa: N803
    """A model for every step of a sequence, and an activation that goes behind such a layer."""
    each = keras.Sequential(
        [L.Input((8, 8, 3)), L.Conv2D(4, 3), L.BatchNormalization(), L.GlobalMaxPooling2D()]
    )
    video = L.Input((3, 8, 8, 3), name="video")
    x = L.TimeDistributed(each)(video)
    x = L.TimeDistributed(L.Dense(4, activation="hard_silu"))(x)
    x = L.SimpleRNN(4, activation="silu", return_sequences=True)(x)
    return keras.Model(video, L.RNN([L.GRUCell(3), L.LSTMCell(4)])(x))


def operators(L: Any, keras: Any) -> Any:  # noqa: N803
    """Slices and constants in the graph, and sides of two types."""
    ops = keras.ops
    x = L.Input((4, 6), dtype="int32", name="x")
    y = 1.0 - x * 2.5 + np.arange(6, dtype="float32")
    y = ops.concatenate([ops.transpose(y, (0, 2, 1)), ops.reshape(y, (-1, 6, 4))], axis=-1)
    y = ops.squeeze(ops.expand_dims(y / 8.0, 1), 1)[:, :4, 1:7]
    a, b = ops.split(ops.tanh(y), 2, axis=-1)
    a = ops.pad(ops.stack([a, ops.sigmoid(b)], axis=1), [[0, 0], [0, 0], [1, 1], [0, 0]])
    a = ops.where(a > 0.1, ops.leaky_relu(a), ops.gelu(a)) + ops.cast(x[:, :1, :1, None], "float32")
    return keras.Model(x, ops.mean(ops.softmax(a), axis=1) + ops.mean(x, axis=1)[:, None, :3])


def options(L: Any, keras: Any) -> Any:  # noqa: N803
    """Options that Keras 2 does not know, at what they are by default."""
    return keras.Sequential(
        [
            L.Input((8, 8, 3), name="image"),
            L.Resizing(12, 12),
            L.Conv2D(4, 3, activation=L.LeakyReLU(negative_slope=0.1)),
            L.Conv2DTranspose(4, 3, kernel_constraint="max_norm", activation="tanh_shrink"),
            L.PReLU(shared_axes=[1, 2]),
            L.SpatialDropout2D(0.2, seed=3),
            L.GroupNormalization(2),
            L.Flatten(),
            L.Dense(2, kernel_regularizer=keras.regularizers.L1L2(0.1, 0.1)),
        ]
    )


def named(L: Any, keras: Any) -> Any:  # noqa: N803
    """Dictionaries in and out, sorted otherwise than they were made."""
    a, b = L.Input((4,), name="zed"), L.Input((4,), name="abe")
    return keras.Model(
        {"zed": a, "abe": b}, {"two": L.Dense(2, name="p")(a), "one": L.Dense(3, name="q")(b)}
    )


def floats(L: Any, keras: Any) -> Any:  # noqa: N803
    """An input of words that nobody gave a type."""
    return keras.Sequential(
        [L.Input((6,), name="words"), L.Embedding(20, 8, mask_zero=True), L.LSTM(4)]
    )


MODELS: list[Callable[[Any, Any], Any]] = [
    cnn, residual, nested, sequence, many, normalized, frames, operators, options, named, floats,
]  # fmt: skip


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
    assert model.name == original.name
    names = {layer.name for layer in original.layers if isinstance(layer, keras.layers.Layer)}
    assert names <= {layer.name for layer in model.layers}
    random = np.random.default_rng(5)
    arrays = [
        random.integers(0, 20, (7, *tensor.shape[1:])).astype(tensor.dtype)
        if "int" in tensor.dtype or make is floats
        else random.normal(size=(7, *tensor.shape[1:])).astype("float32")
        for tensor in original.inputs
    ]
    inputs = dict(zip(["abe", "zed"], arrays, strict=True)) if make is named else arrays
    inputs = arrays[0] if len(arrays) == 1 else inputs
    wanted = tf.nest.flatten(original(inputs, training=False))
    found = tf.nest.flatten(model(inputs, training=False))
    for want, have in zip(wanted, found, strict=True):
        span = float(np.ptp(np.asarray(want)))
        assert np.abs(np.asarray(want) - np.asarray(have)).max() <= 1e-4 * span


def frozen(L: Any, keras: Any) -> Any:  # noqa: N803
    inside = L.Input((8, 8, 3))
    base = keras.Model(inside, L.BatchNormalization()(L.Conv2D(4, 3)(inside)), name="base")
    base.trainable = False
    image = L.Input((8, 8, 3), name="image")
    x = L.Dense(4, name="kept", trainable=False)(L.Flatten()(base(image)))
    return keras.Model(image, L.Dense(2, name="head")(x))


def test_what_is_frozen_stays_so(keras: Any, tmp_path: Path) -> None:
    """Training a head must not move the network under it, nor its statistics."""
    original, path = save(keras, frozen, tmp_path)
    model = carry_over(path)
    assert [layer.trainable for layer in model.get_layer("base").layers[1:]] == [False, False]
    assert not model.get_layer("kept").trainable
    assert [weight.name for weight in model.trainable_weights] == ["head/kernel:0", "head/bias:0"]
    assert len(original.trainable_weights) == 2


def test_a_model_that_computes_something_else_is_not_given_out(
    tf: Any, keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = save(keras, residual, tmp_path)
    for wrong in (lambda tf, x: x * 1.01, lambda tf, x: tf.math.log(x * 0.0)):
        monkeypatch.setitem(FUNCTIONS, "hard_silu", wrong)
        with pytest.raises(NotCarriedOver, match="computes something else") as caught:
            carry_over(path)
        assert caught.value.layer.startswith("separable_conv2d")


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


def odd_operation(L: Any, keras: Any) -> Any:  # noqa: N803
    x = L.Input((4,), name="x")
    return keras.Model(x, L.Dense(2)(keras.ops.cumsum(x, axis=1)))


def odd_activation(L: Any, keras: Any) -> Any:  # noqa: N803
    return keras.Sequential([L.Input((4,)), L.Dense(2, activation="sparse_plus", name="odd")])


def odd_gate(L: Any, keras: Any) -> Any:  # noqa: N803
    """Keras 2 takes it without a word and means another formula."""
    return keras.Sequential(
        [L.Input((6, 3)), L.LSTM(4, recurrent_activation="hard_sigmoid", name="odd")]
    )


def quantized(L: Any, keras: Any) -> Any:  # noqa: N803
    model = keras.Sequential([L.Input((8,)), L.Dense(4, name="odd")])
    model.quantize("int8")
    return model


@pytest.mark.parametrize(
    ("make", "named_layer"),
    [(odd_operation, "cumsum"), (odd_activation, "odd"), (odd_gate, "odd"), (quantized, "odd")],
)
def test_what_has_no_equal_is_named_and_can_be_exported(
    tf: Any, keras: Any, tmp_path: Path, make: Callable[[Any, Any], Any], named_layer: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original = make(keras.layers, keras)
        original.save(tmp_path / "model.keras")
    with pytest.raises(NotCarriedOver) as caught:
        carry_over(tmp_path / "model.keras")
    assert caught.value.layer.startswith(named_layer)
    assert len(str(caught.value)) < 300
    export_saved_model(tmp_path / "model.keras", tmp_path / "saved")
    signature = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    inputs = signature.structured_input_signature[1]
    assert [spec.shape[0] for spec in inputs.values()] == [None]


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
        (  # Keras follows the dots
            {"module": "keras", "class_name": "layers.TFSMLayer", "config": {"filepath": "/x"}},
            "loads a program",
        ),
        ({"module": "keras", "class_name": "layers.Lambda", "config": {}}, "Lambda layer"),
        (
            {"module": "keras", "class_name": "function", "config": "utils.get_file"},
            "asks for keras.utils.get_file",
        ),
        (
            {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
            "not of Keras' layers",
        ),
        (
            {"module": "keras.wrappers", "class_name": "SKLearnClassifier", "config": {}},
            "not of Keras' layers",
        ),
        ({"module": "builtins", "class_name": "eval", "config": {}}, "asks for builtins.eval"),
        (
            {"module": "builtins", "class_name": "function", "config": "eval"},
            "asks for builtins.eval",
        ),
        (
            {"module": "keras", "class_name": "__typespec__", "spec_name": "Model", "config": []},
            "not of Keras' layers",
        ),
    ],
    ids=[
        "os",
        "utils",
        "saving",
        "tfsm",
        "custom",
        "vocabulary",
        "dotted-loader",
        "dotted-lambda",
        "dotted-function",
        "config",
        "wrappers",
        "eval",
        "eval-function",
        "typespec",
    ],
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


def test_the_training_of_an_inner_model_is_looked_through_too(keras: Any, tmp_path: Path) -> None:
    """Keras leaves the training out of the outermost model only."""
    _, path = save(keras, nested, tmp_path)
    evil = {"loss": {"module": "os", "class_name": "system", "config": {}}}

    def inside(config: dict[str, Any]) -> None:
        layers = config["config"]["layers"]
        next(layer for layer in layers if layer["name"] == "block")["compile_config"] = evil

    with pytest.raises(ModelError, match=r"asks for os\.system"):
        carry_over(tampered(path, inside))
    tampered_path = tampered(path, lambda config: config.update(compile_config=evil))
    assert carry_over(tampered_path) is not None


def test_weights_of_another_file_are_not_read(keras: Any, tmp_path: Path) -> None:
    _, path = save(keras, many, tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones((4, 5), "float32")
    other = tmp_path / "linked.keras"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "model.weights.h5":
                memory = io.BytesIO(content)
                with h5py.File(memory, "r+") as file:
                    weights = file["layers/dense/vars"]
                    del weights["0"]
                    weights["0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
                content = memory.getvalue()
            copy.writestr(name, content)
    with pytest.raises(ModelError, match="cannot be loaded"):
        carry_over(other)


def test_a_damaged_file_is_told_in_a_sentence(keras: Any, tmp_path: Path) -> None:
    _, path = save(keras, cnn, tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        carry_over(tampered(path, lambda config: config["config"].pop("layers")))
