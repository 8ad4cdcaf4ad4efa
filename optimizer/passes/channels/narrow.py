"""A model with fewer channels: the same layers, narrower, with the weights of what stays."""

from __future__ import annotations

from typing import Any

from optimizer.passes.channels.dependencies import Channels, Uses
from optimizer.tensorflow_setup import import_tensorflow

_COUNTED = {"Conv1D", "Conv2D", "Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D", "Dense"}


def narrowed(model: Any, channels: Channels, removed: set[int]) -> Any:
    """The model without the removed roots."""
    tf = import_tensorflow("Removing channels")
    kept = {name: _kept(channels, use, removed) for name, use in channels.uses.items()}

    def smaller(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in kept:
            width = int(kept[layer.name][1].sum())
            if "filters" in config:
                config["filters"] = width
            if "units" in config:
                config["units"] = width
            if "target_shape" in config:
                config["target_shape"] = (*config["target_shape"][:-1], width)
        return type(layer).from_config(config)

    copy = tf.keras.models.clone_model(model, clone_function=smaller)
    for layer in model.layers:
        if layer.weights:
            weights = layer.get_weights()
            if layer.name in kept:
                weights = _cut(layer, weights, *kept[layer.name])
            copy.get_layer(layer.name).set_weights(weights)
    return copy


def multiply_adds_of(channels: Channels, removed: set[int]) -> int:
    """The multiply-adds of one inference without the removed roots."""
    total = 0
    for use in channels.uses.values():
        kind = type(use.layer).__name__
        if kind not in _COUNTED:
            continue
        taken, given = (int(mask.sum()) for mask in _kept(channels, use, removed))
        total += use.places * _per_place(use, kind, taken, given)
    return total


def _per_place(use: Uses, kind: str, taken: int, given: int) -> int:
    """The multiply-adds of a layer for each place of its output."""
    if kind == "Dense":
        return taken * given
    size = 1
    for side in use.layer.kernel_size:
        size *= side
    if kind == "DepthwiseConv2D":
        return size * given
    if kind == "SeparableConv2D":
        return size * taken + taken * given
    if kind == "Conv2DTranspose":
        for stride in use.layer.strides:
            size = size / stride
        return int(size * taken * given)
    return size * taken * given


def _kept(channels: Channels, use: Uses, removed: set[int]) -> tuple[Any, Any]:
    """Masks of the channels that a layer still takes and gives."""
    import numpy as np

    cache = np.array(sorted(removed), dtype=int)
    return (
        ~np.isin(channels.roots(use.taken), cache),
        ~np.isin(channels.roots(use.given), cache),
    )


def _cut(layer: Any, weights: list[Any], taken: Any, given: Any) -> list[Any]:
    """A layer's weights for the channels that stay."""
    kind = type(layer).__name__
    if kind == "DepthwiseConv2D":
        return [weights[0][:, :, given, :], *(bias[given] for bias in weights[1:])]
    if kind == "SeparableConv2D":
        return [
            weights[0][:, :, taken, :],
            weights[1][:, :, taken][..., given],
            *(bias[given] for bias in weights[2:]),
        ]
    if kind == "Conv2DTranspose":
        return [weights[0][:, :, given][..., taken], *(bias[given] for bias in weights[1:])]
    if kind in {"Conv1D", "Conv2D", "Dense"}:
        kernel = weights[0][..., taken, :][..., given]
        return [kernel, *(bias[given] for bias in weights[1:])]
    # Normalizations and PReLU have a number for each channel, in the last axis.
    return [weight[..., given] for weight in weights]
