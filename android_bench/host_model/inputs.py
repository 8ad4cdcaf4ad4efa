"""The inputs of a model, from the ``input_layer`` flags, from files, or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from android_bench.host_model.flags import FlagValue, HostModelError

# The same inputs in every invocation: values can decide how long an operator takes.
_SEED = 20250101
# Ranges of the tool's random inputs, both ends included (tflite/tools/utils.cc). For int16 it has
# none and feeds zeros; here it is the range of the symmetric type.
_RANGES: dict[str, tuple[float, float]] = {
    "float16": (-0.5, 0.5),
    "float32": (-0.5, 0.5),
    "float64": (-0.5, 0.5),
    "complex64": (-0.5, 0.5),
    "int8": (-127, 127),
    "uint8": (0, 254),
    "int16": (-32767, 32767),
    "uint16": (0, 65534),
    "int32": (0, 99),
    "uint32": (0, 99),
    "int64": (0, 99),
    "uint64": (0, 99),
    "bool": (0, 1),
}
Array = npt.NDArray[Any]


@dataclass(slots=True, kw_only=True)
class Layer:
    """What the flags say of one input."""

    name: str
    shape: tuple[int, ...]
    value_range: tuple[int, int] | None = None
    file: Path | None = None


def read_layers(values: Mapping[str, FlagValue]) -> list[Layer]:
    """The ``input_layer`` flags.

    Raises:
        HostModelError: they do not fit each other.
    """
    names = _split(str(values["input_layer"]), ",")
    shapes = _split(str(values["input_layer_shape"]), ":")
    if len(names) != len(shapes):
        raise HostModelError(
            f"The number of items in --input_layer_shape ({values['input_layer_shape']}, with "
            f"{len(shapes)} items) must match the number of items in --input_layer "
            f"({values['input_layer']}, with {len(names)} items). For example "
            "--input_layer=input1,input2 --input_layer_shape=1,224,224,4:1,20"
        )
    layers = [
        Layer(name=name, shape=_shape(shape)) for name, shape in zip(names, shapes, strict=True)
    ]
    by_name = {layer.name: layer for layer in layers}
    for item in _split(str(values["input_layer_value_range"]), ":"):
        name, low, high = _range(item)
        _known(by_name, name).value_range = (low, high)
    for item in _split(str(values["input_layer_value_files"]), ","):
        name, path = _name_and_file(item)
        _known(by_name, name).file = Path(path)
    return layers


def prepare_inputs(details: Sequence[Mapping[str, Any]], layers: Sequence[Layer]) -> list[Array]:
    """The data of every input, in order: read from its file, or made up.

    ``layers`` is empty, or has one for each input.

    Raises:
        HostModelError: a file has another size than its tensor, or the type cannot be made up.
    """
    random = np.random.default_rng(_SEED)
    data: list[Array] = []
    for index, detail in enumerate(details):
        layer = layers[index] if layers else None
        if layer is not None and layer.file is not None:
            data.append(_from_file(detail, layer.file))
        else:
            chosen = layer.value_range if layer is not None else None
            data.append(_at_random(detail, random, chosen))
    return data


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if text else []


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(size) for size in _split(text, ","))
    except ValueError:
        raise HostModelError(f"Incorrect size string specified: {text}") from None
    if any(size < 0 for size in shape):
        raise HostModelError(
            "Any unknown sizes in the shapes (-1's) must be replaced with the size you want to "
            "benchmark with."
        )
    return shape


def _range(item: str) -> tuple[str, int, int]:
    try:
        name, low, high = item.split(",")
        bounds = int(low), int(high)
    except ValueError:
        raise HostModelError(f"Wrong input value range item specified: {item}") from None
    if bounds[0] > bounds[1]:
        raise HostModelError(f"Wrong low and high value of the input value range specified: {item}")
    return name, *bounds


def _name_and_file(item: str) -> tuple[str, str]:
    """Split at the one single colon; two of them are one that belongs to a name."""
    parts = item.replace("::", "\0").split(":")
    if len(parts) != 2:
        raise HostModelError(f"Wrong input value file item specified: {item}")
    name, path = (part.replace("\0", ":") for part in parts)
    return name, path


def _known(layers: Mapping[str, Layer], name: str) -> Layer:
    if name not in layers:
        raise HostModelError(
            f"Cannot find the corresponding input_layer name({name}) in --input_layer as "
            f"{','.join(layers)}"
        )
    return layers[name]


def _from_file(detail: Mapping[str, Any], path: Path) -> Array:
    dtype, shape = np.dtype(detail["dtype"]), tuple(int(size) for size in detail["shape"])
    _refuse_strings(detail, dtype)
    try:
        raw = path.read_bytes()
    except OSError:
        raise HostModelError(f"Failed to read the input_layer_value_file:{path}") from None
    expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(raw) != expected:
        raise HostModelError(
            f"The size of {path} is {len(raw)} bytes. It should be {expected} bytes."
        )
    data: Array = np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    return data


def _at_random(
    detail: Mapping[str, Any], random: np.random.Generator, chosen: tuple[int, int] | None
) -> Array:
    dtype, shape = np.dtype(detail["dtype"]), tuple(int(size) for size in detail["shape"])
    _refuse_strings(detail, dtype)
    if dtype.name not in _RANGES:
        raise HostModelError(
            f"Don't know how to populate tensor {detail['name']} of type {dtype.name}"
        )
    low, high = chosen or _RANGES[dtype.name]
    data: Array
    if dtype.kind in "fc":
        data = random.uniform(low, high, shape).astype(dtype)
        if dtype.kind == "c":
            data = (data + 1j * random.uniform(low, high, shape)).astype(dtype)
        return data
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        low, high = max(int(low), bounds.min), min(int(high), bounds.max)
    data = np.asarray(random.integers(int(low), int(high), shape, endpoint=True)).astype(dtype)
    return data


def _refuse_strings(detail: Mapping[str, Any], dtype: np.dtype[Any]) -> None:
    if dtype.kind in "OSU":
        raise HostModelError(
            f"Don't know how to populate tensor {detail['name']} of type STRING: host_model cannot "
            "feed strings"
        )
