"""Normalizations folded into the kernels before them, as the converter does it, but in the Keras model.

A kernel that is clustered before it is folded has its few values scaled apart channel by channel when it
is converted; clustered afterwards it keeps them.
"""

from __future__ import annotations

from typing import Any

from optimizer.passes.inline import inline
from optimizer.passes.prepared import copy_of
from optimizer.tensorflow_setup import import_tensorflow

_FOLDED = {"Conv2D", "DepthwiseConv2D", "Dense"}


def fold_normalizations(model: Any) -> Any:
    """The model with each normalization that directly follows a convolution or dense layer in its kernel.

    The layers keep their names; a folded normalization passes its input on.
    """
    tf = import_tensorflow("Folding normalizations")
    # A copy: layers of a model that was loaded or used may have nodes of other graphs.
    model = copy_of(inline(model))
    pairs = {
        producer.name: layer
        for layer in model.layers
        if type(layer).__name__ == "BatchNormalization"
        for producer in [_foldable(tf, layer, model.outputs)]
        if producer is not None
    }
    if not pairs:
        return model
    folded = {layer.name for layer in pairs.values()}

    def replaced(layer: Any) -> Any:
        if layer.name in folded:
            return tf.keras.layers.Activation("linear", name=layer.name)
        config = layer.get_config()
        if layer.name in pairs:
            config["use_bias"] = True
        return type(layer).from_config(config)

    result = tf.keras.models.clone_model(model, clone_function=replaced)
    for layer in model.layers:
        if layer.name in pairs:
            result.get_layer(layer.name).set_weights(_weights(layer, pairs[layer.name]))
        elif layer.weights and layer.name not in folded:
            result.get_layer(layer.name).set_weights(layer.get_weights())
    return result


def _foldable(tf: Any, normalization: Any, outputs: list[Any]) -> Any:
    """The layer that a normalization can be folded into, ``None`` if there is none."""
    producers = tf.nest.flatten(normalization.inbound_nodes[0].inbound_layers)
    if len(producers) != 1 or len(normalization.inbound_nodes) != 1:
        return None
    layer = producers[0]
    plain = (
        type(layer).__name__ in _FOLDED
        and getattr(layer, "data_format", "channels_last") == "channels_last"
    )
    if not plain or len(layer.outbound_nodes) != 1 or len(layer.inbound_nodes) != 1:
        return None
    if any(layer.output is tensor for tensor in outputs):  # somebody wants it as it is
        return None
    linear = getattr(layer.activation, "__name__", "") == "linear"
    last = list(normalization.axis) == [len(layer.output.shape) - 1]
    return layer if linear and last else None


def _weights(layer: Any, normalization: Any) -> list[Any]:
    """A layer's kernel and bias with a normalization's statistics in them."""
    import numpy as np

    weights = layer.get_weights()
    kernel = weights[0]
    mean, variance = normalization.moving_mean.numpy(), normalization.moving_variance.numpy()
    bias = weights[1] if layer.use_bias else np.zeros_like(mean)
    scale = 1.0 / np.sqrt(variance + normalization.epsilon)
    if normalization.gamma is not None:
        scale = scale * normalization.gamma.numpy()
    shift = 0.0 if normalization.beta is None else normalization.beta.numpy()
    if type(layer).__name__ == "DepthwiseConv2D":
        kernel = kernel * scale.reshape(kernel.shape[2:])
    else:
        kernel = kernel * scale
    return [kernel.astype("float32"), ((bias - mean) * scale + shift).astype("float32")]
