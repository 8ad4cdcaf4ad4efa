"""How much each channel matters, by the weights that make it or by what the loss says of them."""

from __future__ import annotations

from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.channels.dependencies import MAKERS, Channels
from optimizer.techniques import Criterion
from optimizer.tensorflow_setup import import_tensorflow

_BATCH = 32


def importance(
    model: Any, channels: Channels, criterion: Criterion, samples: Any
) -> dict[int, float]:
    """A score for each root, comparable between layers: in units of its layer's mean.

    ``norm``: the length of the filter that makes a channel, times the scale of the normalization behind
    it. ``batch-norm``: that scale alone (Liu et al. 2017, Network slimming), the length where there is
    none. ``taylor``: the squared sum of gradient × weight of the filter, the first term of what the loss
    would change (Molchanov et al. 2019). Coupled channels have the sum of their scores.

    Raises:
        TrainingError: the criterion needs samples, and there are none.
    """
    import numpy as np

    if criterion is Criterion.TAYLOR:
        scores = _taylor(model, channels, samples)
    else:
        scores = {
            name: _by_weights(channels, model, name, criterion)
            for name in channels.uses
            if _kernel(channels.uses[name].layer) is not None
        }
    total: dict[int, float] = {}
    for name, values in scores.items():
        relative = values / (np.mean(values) or 1.0)
        for number, value in zip(channels.uses[name].given, relative, strict=True):
            root = channels.root(int(number))
            total[root] = total.get(root, 0.0) + float(value)
    return total


def filters_of(layer: Any, kernel: Any) -> Any:
    """A kernel as (channels out, weights)."""
    import numpy as np

    axis = -2 if type(layer).__name__ == "Conv2DTranspose" else -1
    moved = np.moveaxis(kernel, axis, 0)
    return moved.reshape(len(moved), -1)


def _kernel(layer: Any) -> Any:
    """The variable that makes a layer's channels, ``None`` for layers that pass channels on."""
    if not layer.weights or type(layer).__name__ not in MAKERS:
        return None
    separable = type(layer).__name__ == "SeparableConv2D"
    return layer.pointwise_kernel if separable else layer.kernel


def _by_weights(channels: Channels, model: Any, name: str, criterion: Criterion) -> Any:
    import numpy as np

    layer = channels.uses[name].layer
    lengths = np.linalg.norm(filters_of(layer, _kernel(layer).numpy()), axis=1)
    normalization = channels.normalized_by.get(name)
    if normalization is None:
        return lengths
    found = model.get_layer(normalization)
    scale = 1.0 if found.gamma is None else np.abs(found.gamma.numpy())
    if criterion is Criterion.BATCH_NORM:
        return np.broadcast_to(scale, lengths.shape)
    return lengths * scale / np.sqrt(found.moving_variance.numpy() + found.epsilon)


def _taylor(model: Any, channels: Channels, samples: Any) -> dict[str, Any]:
    import numpy as np

    tf = import_tensorflow("Removing channels")
    if samples is None:
        raise TrainingError(
            "[channel_pruning] criterion 'taylor' needs data.",
            hint="--data DATA, or criterion = 'norm'",
        )
    inputs, labels = samples
    arrays = inputs if isinstance(inputs, list) else [inputs]
    makers = {
        name: use.layer for name, use in channels.uses.items() if _kernel(use.layer) is not None
    }
    kernels = [_kernel(layer) for layer in makers.values()]
    total = dict.fromkeys(makers, 0.0)
    for start in range(0, len(arrays[0]), _BATCH):
        batch = [tf.constant(array[start : start + _BATCH]) for array in arrays]
        with tf.GradientTape() as tape:
            found = tf.nest.flatten(model(batch if len(batch) > 1 else batch[0], training=False))
            first = tf.reshape(found[0], [len(batch[0]), -1])
            wanted = None if labels is None else labels[start : start + _BATCH]
            loss = _loss(tf, first, wanted)
        gradients = tape.gradient(loss, kernels)
        for (name, layer), kernel, gradient in zip(makers.items(), kernels, gradients, strict=True):
            product = kernel.numpy() * (0 if gradient is None else gradient.numpy())
            total[name] = total[name] + filters_of(layer, product).sum(axis=1) ** 2
    return {name: np.asarray(value) for name, value in total.items()}


def _loss(tf: Any, output: Any, wanted: Any) -> Any:
    """The cross entropy of scores, probabilities or logits; without ``wanted`` of its own classes."""
    if output.shape[1] == 1:
        probable = bool(tf.reduce_all((output >= 0) & (output <= 1)))
        known = tf.clip_by_value(output, 1e-7, 1 - 1e-7)
        logits = tf.math.log(known) - tf.math.log(1 - known) if probable else output
        label = logits[:, 0] > 0 if wanted is None else wanted
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(label, tf.float32), logits[:, 0])
        )
    label = tf.cast(tf.argmax(output, axis=1) if wanted is None else wanted, tf.int32)
    sums = tf.reduce_sum(output, axis=1)
    probable = bool(tf.reduce_all(output >= 0)) and bool(tf.reduce_all(tf.abs(sums - 1) < 1e-3))
    logits = tf.math.log(tf.clip_by_value(output, 1e-7, 1.0)) if probable else output
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
