"""How pixels become a model's input, where the model itself tells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from optimizer.artifact import TensorSpec
from optimizer.errors import MetadataError
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.tflite_reader import DAMAGE, Operator, Reader, read

Values: TypeAlias = tuple[float, ...]
# What float32, in which they are stored, can hold and divide by.
_MOST, _LEAST = 3.4e38, 1.2e-38
# Ranges that models are trained on, as (lowest, highest, mean, std).
_KNOWN = (
    (0.0, 1.0, 0.0, 255.0),
    (-1.0, 1.0, 127.5, 127.5),
    (0.0, 255.0, 0.0, 1.0),
    (-0.5, 0.5, 127.5, 255.0),
    (-127.5, 127.5, 127.5, 1.0),
    (-128.0, 127.0, 128.0, 1.0),
)
# A calibration does not always see a white and a black pixel.
_CLOSE = 0.02
# Beyond this share of the range, what was said is something else than what the model tells.
_CONTRADICTS = 0.25
# They leave the values of pixels as they are, or take some of them.
_PASSES = {
    "QUANTIZE", "DEQUANTIZE", "CAST", "PAD", "PADV2", "MIRROR_PAD", "RESHAPE", "TRANSPOSE", "GATHER",
    "STRIDED_SLICE", "REVERSE_V2", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
}  # fmt: skip
_ARITHMETIC = {"MUL", "DIV", "SUB", "ADD"}
# What pixels are multiplied by to bring them to a few units, and what is taken from them first.
_FACTORS, _OFFSETS = (1 / 300, 0.04), (20.0, 255.0)
_MAKES_PIXELS = 100.0
# A filter that is trained on a few units has a norm of about 0.3 or more; a factor 1/255 that the
# converter has multiplied into it leaves a hundredth of that.
_SMALL_FILTER = 0.05
_AT_ONCE = 256
# They stand between a filter and the batch normalisation that scales what it gives.
_ACTIVATES = {
    "RELU", "RELU6", "LEAKY_RELU", "PRELU", "ELU", "GELU", "TANH", "HARD_SWISH",
    "MAX_POOL_2D", "AVERAGE_POOL_2D", "QUANTIZE", "DEQUANTIZE", "PAD", "PADV2",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization:
    """``(pixel - mean) / std``, and why."""

    mean: float
    std: float
    why: str


def check_normalization(mean: Values | None, std: Values | None) -> None:
    """Refuse numbers by which no pixels can be scaled.

    Raises:
        MetadataError: only one of them is given, or one is not finite, or a std is not above zero.
    """
    if (mean is None) != (std is None):
        raise MetadataError(
            f"Only {'std' if mean is None else 'mean'} was given.",
            hint="give both --mean and --std, or none if the model tells them",
        )
    for word, values in (("mean", mean or ()), ("std", std or ())):
        if not all(math.isfinite(value) and abs(value) <= _MOST for value in values):
            raise MetadataError(
                f"{word} must be one finite number, or one for each channel; it is {list(values)}.",
                hint="(pixel - mean) / std, pixels from 0 to 255: for inputs from -1 to 1 "
                "give --mean 127.5 --std 127.5",
            )
    if any(value < _LEAST for value in std or ()):
        raise MetadataError(
            f"std must be above zero, for pixels are divided by it; it is {list(std or ())}.",
            hint="for inputs from 0 to 255 give --mean 0 --std 1",
        )


def of_one_length(mean: Values, std: Values, channels: int) -> tuple[Values, Values]:
    """Both with one value, or both with one for each channel.

    Raises:
        MetadataError: they have another number of values.
    """
    for word, values in (("mean", mean), ("std", std)):
        if len(values) not in {1, channels}:
            raise MetadataError(
                f"{word} has {len(values)} values, but the model's input has {channels} "
                f"channel{'s' if channels != 1 else ''}.",
                hint=f"give one value, or {channels}",
            )
    size = max(len(mean), len(std))
    return mean * (size if len(mean) == 1 else 1), std * (size if len(std) == 1 else 1)


def infer_normalization(model: ModelView, image: ModelTensor) -> Normalization | None:
    """What the model says of its input: ``None`` when it says nothing.

    A model that rescales inside takes pixels as they are. The quantization of an input, or of what an
    input in float becomes at once, has the range of what was fed in when it was calibrated.
    """
    try:
        graph = _Graph(model, image)
        if model.rescales_inside:
            return Normalization(mean=0.0, std=1.0, why="a layer of its source rescales inside")
        inside = None if model.rescales_inside is False else _rescaled_inside(graph)
        return inside or _quantized(graph, image)
    except DAMAGE:
        return None


def contradiction(model: ModelView, image: ModelTensor, mean: Values, std: Values) -> str | None:
    """A sentence when the model tells another range of its input than mean and std bring pixels to."""
    found = infer_normalization(model, image)
    if found is None:
        return None
    width = 255.0 / found.std
    for one, other in zip(*of_one_length(mean, std, image.shape[-1]), strict=True):
        for pixel in (0.0, 255.0):
            apart = abs((pixel - one) / other - (pixel - found.mean) / found.std)
            if apart > _CONTRADICTS * width:
                told = [",".join(f"{value:g}" for value in values) for values in (mean, std)]
                return (
                    f"mean {told[0]}, std {told[1]} are written, but the model tells mean {found.mean:g}, "
                    f"std {found.std:g}: {found.why}. If it is right, an app would feed wrong values."
                )
    return None


class _Graph:
    """The way of an image through the first operators, and the constants on it."""

    def __init__(self, model: ModelView, image: ModelTensor) -> None:
        self._reader: Reader = read(model.content)
        self._graph: Any = self._reader.model.Subgraphs(0)
        self._operators = model.operators
        self._made = {output: item for item in model.operators for output in item.outputs}
        self.channels = image.shape[-1] if image.shape else 0
        self.way: list[Operator] = []
        current = int(self._graph.Inputs(image.position))
        for item in model.operators:
            if current in item.inputs:
                self.way.append(item)
                if item.kind not in _PASSES | _ARITHMETIC or not item.outputs:
                    break
                current = item.outputs[0]

    def constant(self, index: int) -> Any:
        """The real values of a constant tensor, ``None`` if it is none."""
        tensor = self._graph.Tensors(index)
        buffer = self._reader.model.Buffers(tensor.Buffer())
        if buffer is None or not buffer.DataLength():
            made = self._made.get(index)
            unpacks = made is not None and made.kind == "DEQUANTIZE"  # float16, for example
            return self.constant(made.inputs[0]) if made is not None and unpacks else None
        spec = self._reader.spec(tensor)
        if spec.dtype not in {"float32", "float16", "int8", "uint8"}:
            return None
        values = buffer.DataAsNumpy().view(spec.dtype).astype("float32", copy=False)
        values = values.reshape(spec.shape)
        told = tensor.Quantization()
        if told is None or not told.ScaleLength():
            return values
        along = [1] * values.ndim
        if told.ScaleLength() > 1:
            along[told.QuantizedDimension()] = -1
        zeros = told.ZeroPointAsNumpy().reshape(along) if told.ZeroPointLength() else 0
        return (values - zeros) * told.ScaleAsNumpy().reshape(along)

    def one_for_each_channel(self, item: Operator) -> Any:
        """The sizes of an operator's constant if it is one value, or one for each channel."""
        import numpy as np

        found = [value for value in map(self.constant, item.inputs) if value is not None]
        sizes = {1, self.channels}
        return np.abs(found[0]).ravel() if len(found) == 1 and found[0].size in sizes else None

    def is_scaled_behind(self, item: Operator) -> bool:
        """Whether each channel that an operator gives is multiplied by a constant of its own."""
        current = item.outputs[0]
        for other in self._operators:
            if current not in other.inputs:
                continue
            if other.kind in {"MUL", "DIV"}:
                return any(self.constant(index) is not None for index in other.inputs)
            if other.kind not in _ACTIVATES:
                return False
            current = other.outputs[0]
        return False

    def range_of(self, index: int) -> tuple[float, float] | None:
        """The values that a quantized tensor can hold."""
        return _range(self._reader.spec(self._graph.Tensors(index)))


def _rescaled_inside(graph: _Graph) -> Normalization | None:
    """Whether the model brings pixels to another range, by constants that fit pixels only."""
    untouched = True
    for item in graph.way:
        where = f"the model rescales inside, in {item.name!r}"
        if item.kind in _ARITHMETIC:
            values = graph.one_for_each_channel(item)
            if values is None:
                return None
            factors = 1 / values if item.kind == "DIV" else values
            if item.kind in {"MUL", "DIV"}:
                if factors.min() >= _MAKES_PIXELS:
                    return None  # it makes pixels of something else
                fits = _FACTORS[0] <= factors.min() and factors.max() <= _FACTORS[1]
            else:
                fits = _OFFSETS[0] <= values.min() and values.max() <= _OFFSETS[1]
            if fits:
                return Normalization(mean=0.0, std=1.0, why=where)
            untouched = False
        elif item.kind in {"CONV_2D", "DEPTHWISE_CONV_2D"} and untouched:
            if _has_small_filters(graph, item):
                why = f"the first filters, {item.name!r}, are as small as pixels need"
                return Normalization(mean=0.0, std=1.0, why=why)
            return None
    return None


def _has_small_filters(graph: _Graph, item: Operator) -> bool:
    import numpy as np

    kernel = graph.constant(item.inputs[1])
    if kernel is None or kernel.ndim != 4:
        return False
    filters = np.moveaxis(kernel, 0 if item.kind == "CONV_2D" else 3, 0)
    largest = 0.0
    for start in range(0, len(filters), _AT_ONCE):
        part = np.square(filters[start : start + _AT_ONCE])
        largest = max(largest, float(np.sqrt(part.sum(axis=(1, 2, 3)).max())))
        if largest >= _SMALL_FILTER:
            return False
    return largest > 0 and not graph.is_scaled_behind(item)


def _quantized(graph: _Graph, image: ModelTensor) -> Normalization | None:
    """What the quantization of the input says."""
    found = _range(image.spec)
    for item in graph.way:
        if found is None and item.kind == "QUANTIZE":
            found = graph.range_of(item.outputs[0])
        if item.kind not in _PASSES:
            break
    if found is None:
        return None
    low, high = found

    def distance(known: tuple[float, float, float, float]) -> float:
        lowest, highest, _, _ = known
        return max(abs(low - lowest), abs(high - highest)) / (highest - lowest)

    nearest = min(_KNOWN, key=distance)
    if distance(nearest) > _CLOSE:
        return None
    why = f"its input is quantized for values from {low:.3g} to {high:.3g}"
    return Normalization(mean=nearest[2], std=nearest[3], why=why)


def _range(spec: TensorSpec) -> tuple[float, float] | None:
    if spec.scale is None or spec.dtype not in {"uint8", "int8"}:
        return None
    low, high = (0, 255) if spec.dtype == "uint8" else (-128, 127)
    zero_point = spec.zero_point or 0
    return (low - zero_point) * spec.scale, (high - zero_point) * spec.scale
