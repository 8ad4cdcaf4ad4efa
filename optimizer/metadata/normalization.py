"""How pixels become a model's input, where the model itself tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.tflite_reader import DAMAGE, Operator, read

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
_PASSES = {"QUANTIZE", "DEQUANTIZE", "CAST", "PAD", "PADV2", "RESHAPE"}
# Pixels are brought to a range of a few units: a factor is small, an offset in pixels is large.
_SMALL, _LARGE = 0.05, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization:
    """``(pixel - mean) / std``, and why."""

    mean: float
    std: float
    why: str


def infer_normalization(model: ModelView, image: ModelTensor) -> Normalization | None:
    """What the model says of its input: ``None`` when it says nothing.

    A model that rescales inside takes pixels as they are. The quantization of an input, or of what an
    input in float becomes at once, has the range of what was fed in when it was calibrated.
    """
    try:
        chain = _first_operators(model)
        inside = next((item for item in chain if _rescales(model, item)), None)
        if inside is not None:
            return Normalization(
                mean=0.0, std=1.0, why=f"the model rescales inside, in {inside.name!r}"
            )
        spec = image.spec
        if spec.scale is not None and spec.dtype in {"uint8", "int8"}:
            return _of_range(*_range(spec.dtype, spec.scale, spec.zero_point or 0), "its input")
        for item in chain:
            if item.kind == "QUANTIZE":
                return _of_range(*_quantized_range(model, item), "its input")
    except DAMAGE:
        return None
    return None


def _range(dtype: str, scale: float, zero_point: int) -> tuple[float, float]:
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    return (low - zero_point) * scale, (high - zero_point) * scale


def _of_range(low: float, high: float, what: str) -> Normalization | None:
    for lowest, highest, mean, std in _KNOWN:
        close = _CLOSE * (highest - lowest)
        if abs(low - lowest) <= close and abs(high - highest) <= close:
            why = f"{what} is quantized for values from {low:.3g} to {high:.3g}"
            return Normalization(mean=mean, std=std, why=why)
    return None


def _first_operators(model: ModelView) -> list[Operator]:
    """The operators that the image goes through before anything else is done to it."""
    reader = read(model.content)
    graph = reader.model.Subgraphs(0)
    current = int(graph.Inputs(0))
    found = []
    for item in model.operators:
        if current not in item.inputs:
            continue
        found.append(item)
        if item.kind not in _PASSES and not _arithmetic(item):
            break
        current = item.outputs[0]
    return found


def _arithmetic(item: Operator) -> bool:
    return item.kind in {"MUL", "DIV", "SUB", "ADD"}


def _rescales(model: ModelView, item: Operator) -> bool:
    """Whether an operator brings pixels to another range, by constants that fit pixels only."""
    if not _arithmetic(item):
        return False
    for value in _constants(model, item):
        size = abs(value)
        if item.kind == "MUL" and 0 < size < _SMALL:
            return True
        if item.kind in {"DIV", "SUB", "ADD"} and size > _LARGE:
            return True
    return False


def _constants(model: ModelView, item: Operator) -> Iterator[float]:
    """The real values of an operator's small constants."""
    import numpy as np

    reader = read(model.content)
    graph = reader.model.Subgraphs(0)
    for index in item.inputs:
        tensor = graph.Tensors(index)
        buffer = reader.model.Buffers(tensor.Buffer())
        if buffer is None or not buffer.DataLength():
            continue
        spec = reader.spec(tensor)
        if spec.dtype not in {"float32", "int8", "uint8"}:
            continue
        values = np.frombuffer(bytes(buffer.DataAsNumpy()), spec.dtype)[:4].astype("float64")
        if spec.scale is not None:
            values = (values - (spec.zero_point or 0)) * spec.scale
        yield from (float(value) for value in values)


def _quantized_range(model: ModelView, item: Operator) -> tuple[float, float]:
    reader = read(model.content)
    spec = reader.spec(reader.model.Subgraphs(0).Tensors(item.outputs[0]))
    if spec.scale is None or spec.dtype not in {"uint8", "int8"}:
        return 0.0, 0.0
    return _range(spec.dtype, spec.scale, spec.zero_point or 0)
