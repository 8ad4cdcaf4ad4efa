"""Channel pruning: what is removed is gone for real, and what stays computes the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optimizer.errors import TrainingError
from optimizer.passes.channels import multiply_adds, prune_channels, scale_width
from optimizer.passes.channels.dependencies import channels_of
from optimizer.passes.channels.importance import importance
from optimizer.passes.channels.narrow import narrowed
from optimizer.passes.inline import inline
from optimizer.techniques import Criterion


def plain(L: Any, tf: Any) -> Any:  # noqa: N803
    return tf.keras.Sequential(
        [
            L.Input((8, 8, 3), name="image"),
            L.Conv2D(16, 3, name="first"),
            L.BatchNormalization(),
            L.ReLU(),
            L.MaxPooling2D(2),
            L.Conv2D(16, 3, name="second", activation="relu"),
            L.Flatten(),
            L.Dense(24, activation="relu", name="hidden"),
            L.Dense(5, activation="softmax", name="out"),
        ]
    )


def residual(L: Any, tf: Any) -> Any:  # noqa: N803
    image = L.Input((8, 8, 3), name="image")
    x = L.Conv2D(16, 3, padding="same", name="stem")(image)
    y = L.BatchNormalization()(L.Conv2D(16, 3, padding="same", name="branch")(x))
    x = L.ReLU()(L.Add()([x, y]))
    y = L.Conv2D(16, 1, name="late")(x)
    x = x + y  # an operator layer
    return tf.keras.Model(image, L.Dense(5, name="out")(L.GlobalAveragePooling2D()(x)))


def depthwise(L: Any, tf: Any) -> Any:  # noqa: N803
    image = L.Input((8, 8, 3), name="image")
    x = L.Conv2D(16, 1, name="expand")(image)
    x = L.DepthwiseConv2D(3, padding="same", name="depth")(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    x = L.SeparableConv2D(16, 3, name="separable")(x)
    x = L.PReLU(shared_axes=[1, 2])(x)
    x = L.Conv2DTranspose(12, 2, strides=2, name="up")(x)
    return tf.keras.Model(image, L.Dense(5, name="out")(L.GlobalMaxPooling2D()(x)))


def concatenated(L: Any, tf: Any) -> Any:  # noqa: N803
    image = L.Input((8, 8, 3), name="image")
    a = L.Conv2D(16, 3, padding="same", name="a")(image)
    b = L.Conv2D(8, 1, padding="same", name="b")(image)
    x = L.Concatenate()([a, b, a])
    x = L.ZeroPadding2D(1)(L.Dropout(0.1)(x))
    x = L.Conv2D(16, 3, name="mix")(x)
    x = L.Reshape((64, 16))(x)
    return tf.keras.Model(image, L.Dense(5, name="out")(L.GlobalAveragePooling1D()(x)))


def squeezed(L: Any, tf: Any) -> Any:  # noqa: N803
    image = L.Input((8, 8, 3), name="image")
    x = L.Conv2D(16, 3, padding="same", name="stem")(image)
    s = L.GlobalAveragePooling2D()(x)
    s = L.Reshape((1, 1, 16))(s)
    s = L.Conv2D(8, 1, activation="relu", name="squeeze")(s)
    s = L.Conv2D(16, 1, activation="sigmoid", name="excite")(s)
    x = L.Multiply()([x, s])
    return tf.keras.Model(image, L.Dense(5, name="out")(L.Flatten()(x)))


def nested(L: Any, tf: Any) -> Any:  # noqa: N803
    inside = L.Input((8, 8, 16))
    inner = tf.keras.Model(inside, L.ReLU()(L.Conv2D(16, 3, padding="same", name="in")(inside)))
    image = L.Input((8, 8, 3), name="image")
    shared = L.Conv2D(16, 1, name="shared")
    x = inner(L.Conv2D(16, 3, padding="same", name="stem")(image))
    x = shared(shared(x))
    return tf.keras.Model(image, L.Dense(5, name="out")(L.GlobalAveragePooling2D()(x)))


def reused(L: Any, tf: Any) -> Any:  # noqa: N803
    relu, image = L.ReLU(), L.Input((8, 8, 3), name="image")
    x = relu(L.Conv2D(16, 3, padding="same", name="narrow")(image))
    x = tf.constant(np.linspace(1, 2, 16), tf.float32) * x  # one number a channel: these stay
    x = relu(L.Conv2D(32, 3, padding="same", name="wide")(x))
    x = L.Conv2D(8, 1, name="last")(x)
    return tf.keras.Model(image, L.Dense(5, name="out")(L.Flatten(data_format="channels_first")(x)))


MODELS: list[Callable[[Any, Any], Any]] = [
    plain,
    residual,
    depthwise,
    concatenated,
    squeezed,
    nested,
    reused,
]


def made(tf: Any, make: Callable[[Any, Any], Any]) -> Any:
    tf.keras.utils.set_random_seed(0)
    model = make(tf.keras.layers, tf)
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.1, 1.0, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_channels_that_contribute_nothing_leave_the_output_as_it_was(
    tf: Any, make: Callable[[Any, Any], Any]
) -> None:
    model = inline(made(tf, make))
    channels = channels_of(model)
    fixed = channels.fixed_roots()
    roots = sorted(
        {root for use in channels.uses.values() for root in channels.roots(use.given)} - fixed
    )
    assert roots
    gone = set(roots[::3])
    # Nothing comes out of what will be removed: whoever takes these channels multiplies them by zero.
    for use in channels.uses.values():
        if not use.layer.weights or type(use.layer).__name__ in {"BatchNormalization", "PReLU"}:
            continue
        weights = use.layer.get_weights()
        taken = np.isin(channels.roots(use.taken), list(gone))
        kind = type(use.layer).__name__
        if kind == "Conv2DTranspose":
            weights[0][..., taken] = 0
        elif kind == "DepthwiseConv2D":
            continue
        else:
            weights[0][..., taken, :] = 0
        use.layer.set_weights(weights)
    smaller = narrowed(model, channels, gone)
    assert smaller.count_params() < model.count_params()
    image = np.random.default_rng(2).random((4, 8, 8, 3), dtype="float32")
    wanted, found = model.predict(image, verbose=0), smaller.predict(image, verbose=0)
    assert np.abs(wanted - found).max() <= 1e-4 * max(1.0, np.abs(wanted).max())


@pytest.mark.parametrize("criterion", Criterion)
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_half_of_the_multiply_adds_can_go(
    tf: Any, make: Callable[[Any, Any], Any], criterion: Criterion
) -> None:
    model = made(tf, make)
    image = np.random.default_rng(2).random((40, 8, 8, 3), dtype="float32")
    result = prune_channels(
        model, target=0.5, criterion=criterion, divisor=2, samples=(image, np.arange(40) % 5)
    )
    assert result.multiply_adds_before == multiply_adds(model)
    assert result.multiply_adds_after == multiply_adds(result.model)
    assert result.multiply_adds_after <= 0.5 * result.multiply_adds_before
    assert result.model.input_names == model.input_names
    assert result.model.output_names == model.output_names
    assert result.model.predict(image, verbose=0).shape == (40, 5)
    assert result.channels
    assert all(after < before for before, after in result.channels.values())


def test_the_least_important_filters_go(tf: Any) -> None:
    model = made(tf, plain)
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., 4:12] *= 1e-3
    model.get_layer("first").set_weights([kernel, bias])
    result = prune_channels(model, target=0.2, divisor=1)
    kept = result.model.get_layer("first").get_weights()[0]
    assert kept.shape[-1] < 16
    assert np.abs(kept).max(axis=(0, 1, 2)).min() > 1e-2 or kept.shape[-1] > 8


def test_a_layer_that_is_used_twice_computes_twice(tf: Any) -> None:
    layers = tf.keras.layers
    twice, image = layers.Conv2D(4, 3, padding="same"), layers.Input((8, 8, 4))
    model = tf.keras.Model(image, twice(twice(image)))
    assert multiply_adds(model) == 2 * 64 * 9 * 4 * 4


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_the_loss_of_a_single_score_is_known_too(
    tf: Any, activation: str | None, labelled: bool
) -> None:
    layers = tf.keras.layers
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="first")(image)
    x = layers.Dense(1, activation=activation)(layers.GlobalAveragePooling2D()(x))
    model = tf.keras.Model(image, x)
    images = np.random.default_rng(2).random((40, 8, 8, 3), dtype="float32")
    labels = np.arange(40) % 2 if labelled else None
    scores = importance(model, channels_of(model), Criterion.TAYLOR, (images, labels))
    assert len(set(scores.values())) > 2


def test_layers_that_are_to_be_kept_are(tf: Any) -> None:
    result = prune_channels(made(tf, plain), target=0.1, keep=("fir*", "hidden"))
    assert set(result.channels) == {"second"}


def test_widths_stay_multiples(tf: Any) -> None:
    result = prune_channels(made(tf, plain), target=0.4, divisor=4)
    assert all(after % 4 == 0 for _, after in result.channels.values())


@pytest.mark.parametrize(
    ("keep", "target", "message"),
    [(("*",), 0.5, "no channels"), (("first", "second"), 0.9, "cannot be reached: at most")],
)
def test_what_cannot_be_removed_is_said(
    tf: Any, keep: tuple[str, ...], target: float, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        prune_channels(made(tf, plain), target=target, keep=keep)


def test_what_cannot_be_followed_stays(tf: Any) -> None:
    layers = tf.keras.layers
    image = layers.Input((8, 8, 4), name="image")
    x = layers.Conv2D(8, 3, name="free")(image)
    x = layers.Conv2D(8, 3, name="before")(x)
    x = layers.LayerNormalization()(x)
    x = layers.Conv2D(8, 3, groups=2, name="grouped")(x)
    model = tf.keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))
    result = prune_channels(model, target=0.2, divisor=1)
    assert set(result.channels) == {"free"}


def test_a_student_has_the_widths_times_the_factor(tf: Any) -> None:
    model = made(tf, plain)
    student = scale_width(model, width=0.5)
    widths = {layer.name: layer.output.shape[-1] for layer in student.layers}
    assert (widths["first"], widths["second"], widths["hidden"], widths["out"]) == (8, 8, 12, 5)


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50"])
def test_known_networks_lose_half_and_still_convert_and_run(tf: Any, name: str) -> None:
    make = getattr(tf.keras.applications, name)
    model = make(weights=None, input_shape=(64, 64, 3), classes=10)
    result = prune_channels(model, target=0.5)
    left = result.multiply_adds_after / result.multiply_adds_before
    assert 0.47 <= left <= 0.5
    if name == "MobileNetV2":
        from optimizer.interpreter import TFLiteModel

        content = tf.lite.TFLiteConverter.from_keras_model(result.model).convert()
        TFLiteModel(content, where=name).run_once()
    else:
        image = np.zeros((1, 64, 64, 3), "float32")
        assert result.model.predict(image, verbose=0).shape == (1, 10)
