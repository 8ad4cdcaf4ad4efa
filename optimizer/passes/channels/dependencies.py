"""Which channels stand and fall together: each tensor's as numbers, coupled where layers couple them.

A convolution or dense layer makes new channels; depthwise convolutions, normalizations, activations and
pooling pass them on; additions couple them one by one; concatenations put them side by side; flattening
repeats them for each place. What cannot be followed is fixed: never wrong, only less to remove.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from optimizer.tensorflow_setup import import_tensorflow

# Layers whose kernel makes new channels.
MAKERS = {"Conv1D", "Conv2D", "Conv2DTranspose", "SeparableConv2D", "Dense"}
_PASSED = {
    "Activation", "ActivityRegularization", "AlphaDropout", "AveragePooling1D", "AveragePooling2D",
    "BatchNormalization", "Cropping1D", "Cropping2D", "DepthwiseConv2D", "Dropout", "ELU",
    "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "LeakyReLU", "MaxPooling1D", "MaxPooling2D", "PReLU",
    "ReLU", "Rescaling", "Resizing", "SpatialDropout1D", "SpatialDropout2D", "ThresholdedReLU",
    "UpSampling1D", "UpSampling2D", "ZeroPadding1D", "ZeroPadding2D",
}  # fmt: skip
_MERGED = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"}
_OPERATORS = {
    "__operators__.add", "math.add", "math.multiply", "math.subtract", "math.maximum", "math.minimum",
    "math.sigmoid", "math.tanh", "nn.relu", "nn.relu6", "nn.silu", "nn.swish", "identity",
    "math.truediv", "math.divide", "clip_by_value", "keras.activations.relu",
}  # fmt: skip


# What a free height or width counts as: only the relation of layers to each other matters.
_FREE_SIZE = 32


@dataclass(slots=True)
class Uses:
    """A layer with the channels that it takes and gives, as numbers.

    ``places`` are those of its outputs, all of them where it is used more than once.
    """

    layer: Any
    taken: Any
    given: Any
    places: int


@dataclass(slots=True)
class Channels:
    """The channels of a model. Numbers are coupled by ``root``; those in ``fixed`` must stay."""

    uses: dict[str, Uses] = field(default_factory=dict)
    fixed: set[int] = field(default_factory=set)
    # Layers whose output goes through a normalization: its name.
    normalized_by: dict[str, str] = field(default_factory=dict)
    _parents: list[int] = field(default_factory=list)

    def new(self, count: int, *, fixed: bool = False) -> Any:
        """Numbers for new channels."""
        import numpy as np

        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        if fixed:
            self.fixed.update(range(first, first + count))
        return np.arange(first, first + count)

    def root(self, number: int) -> int:
        """The number that stands for all channels coupled with this one."""
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return int(number)

    def roots(self, numbers: Any) -> Any:
        """The roots of many numbers."""
        import numpy as np

        return np.array([self.root(int(number)) for number in numbers], dtype=int)

    def couple(self, one: Any, other: Any) -> None:
        """Couple channels one by one."""
        for a, b in zip(one, other, strict=True):
            first, second = self.root(int(a)), self.root(int(b))
            if first != second:
                self._parents[second] = first

    def fix(self, numbers: Any) -> None:
        """Let these channels stay."""
        self.fixed.update(int(number) for number in numbers)

    def fixed_roots(self) -> set[int]:
        """The roots of channels that must stay."""
        return {self.root(number) for number in self.fixed}


def channels_of(model: Any) -> Channels:
    """Follow the channels through a flat functional or Sequential model."""
    tf = import_tensorflow("Removing channels")
    channels = Channels()
    carried: dict[int, Any] = {}
    made_by: dict[int, str] = {}
    for tensor in model.inputs:
        carried[id(tensor)] = channels.new(_width(tensor), fixed=True)
    for depth in sorted(model._nodes_by_depth, reverse=True):  # noqa: SLF001 (Keras has no public way)
        for node in model._nodes_by_depth[depth]:  # noqa: SLF001
            if node.is_input:
                continue
            inputs = tf.nest.flatten(node.keras_inputs)
            outputs = tf.nest.flatten(node.outputs)
            taken = [carried[id(tensor)] for tensor in inputs]
            given = _given(channels, node.layer, taken, outputs)
            if type(node.layer).__name__ == "BatchNormalization" and id(inputs[0]) in made_by:
                channels.normalized_by[made_by[id(inputs[0])]] = node.layer.name
            for tensor, numbers in zip(outputs, given, strict=True):
                carried[id(tensor)] = numbers
                made_by[id(tensor)] = node.layer.name
    for tensor in model.outputs:
        channels.fix(carried[id(tensor)])
    return channels


def _given(channels: Channels, layer: Any, taken: list[Any], outputs: list[Any]) -> list[Any]:
    """The channels of a layer's outputs; what cannot be followed is fixed."""
    found = _followed(channels, layer, taken, outputs[0]) if len(outputs) == 1 else None
    if found is None:
        for numbers in taken:
            channels.fix(numbers)
        return [channels.new(_width(tensor), fixed=True) for tensor in outputs]
    known = channels.uses.get(layer.name)
    shape = outputs[0].shape[1:-1]
    places = math.prod(_FREE_SIZE if size is None else size for size in shape)
    if known is None:
        channels.uses[layer.name] = Uses(layer=layer, taken=taken[0], given=found, places=places)
    elif layer.weights or hasattr(layer, "target_shape"):
        # A layer used twice has one kernel: what it takes and gives is coupled.
        channels.couple(known.taken, taken[0])
        channels.couple(known.given, found)
        known.places += places
    return [found]


def _followed(channels: Channels, layer: Any, taken: list[Any], output: Any) -> Any | None:
    """The channels of a layer's single output, ``None`` when they cannot be followed."""
    import numpy as np

    kind = type(layer).__name__
    found = None
    if kind in MAKERS and _plain(layer):
        known = channels.uses.get(layer.name)
        # A softmax weighs its channels against each other: none can go.
        softmax = getattr(layer.activation, "__name__", "") == "softmax"
        found = channels.new(_width(output), fixed=softmax) if known is None else known.given
    elif kind in _PASSED and _passes(layer, taken[0], output):
        found = taken[0]
    elif kind in _MERGED or (kind == "TFOpLambda" and _is_operator(layer)):
        found = _merge(channels, taken, output)
    elif kind == "Concatenate" and layer.axis in {-1, len(output.shape) - 1}:
        found = np.concatenate(taken)
    elif kind == "Concatenate":
        found = _merge(channels, taken, output)
    elif kind in {"Flatten", "Reshape"} and _in_order(layer):
        times, rest = divmod(_width(output), len(taken[0]))
        if rest == 0 and (times == 1 or len(output.shape) == 2):
            found = np.tile(taken[0], times)
    return found


def _plain(layer: Any) -> bool:
    """Whether a layer's kernel can be cut: no groups, no softmax over what would be fewer channels."""
    kind = type(layer).__name__
    if not _in_order(layer):
        return False
    if getattr(layer, "groups", 1) != 1:
        return False
    return kind != "SeparableConv2D" or layer.depth_multiplier == 1


def _in_order(layer: Any) -> bool:
    """Whether a layer has the channels in the last axis."""
    return getattr(layer, "data_format", "channels_last") == "channels_last"


def _passes(layer: Any, taken: Any, output: Any) -> bool:
    kind = type(layer).__name__
    if not _in_order(layer):
        return False
    if kind == "Activation" and getattr(layer.activation, "__name__", "") == "softmax":
        return False
    if kind == "DepthwiseConv2D" and layer.depth_multiplier != 1:
        return False
    if kind == "BatchNormalization" and list(layer.axis) != [len(output.shape) - 1]:
        return False
    if kind == "Rescaling" and not all(
        isinstance(value, (int, float)) for value in (layer.scale, layer.offset)
    ):
        return False
    return _width(output) == len(taken)


def _merge(channels: Channels, taken: list[Any], output: Any) -> Any | None:
    """Couple what is added or multiplied channel by channel; a single channel spreads over all."""
    width = _width(output)
    whole = [numbers for numbers in taken if len(numbers) == width]
    if not whole or any(len(numbers) not in {1, width} for numbers in taken):
        return None
    for numbers in taken:
        if len(numbers) == 1 and width > 1:
            channels.fix(numbers)
    for numbers in whole[1:]:
        channels.couple(whole[0], numbers)
    return whole[0]


def _is_operator(layer: Any) -> bool:
    """Whether an operator layer works channel by channel, on tensors and single numbers only."""
    name = str(getattr(layer, "symbol", "") or layer.get_config().get("function", ""))
    node = layer.inbound_nodes[0]
    constants = [
        value
        for value in (*node.call_args, *node.call_kwargs.values())
        if value is not None
        and not isinstance(value, (int, float, str, bool))
        and not hasattr(value, "node")
    ]
    return name in _OPERATORS and not constants


def _width(tensor: Any) -> int:
    """The size of the last axis; 1 for a tensor without one."""
    size = tensor.shape[-1] if len(tensor.shape) else 1
    return int(size) if size else 1
