"""The sections of a recipe about quantization after training."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from optimizer.techniques.bounds import STRICT, at_least, expression, within


class Scheme(str, Enum):
    """How numbers are stored and computed in the artifact."""

    NONE = "none"
    FLOAT16 = "float16"
    DYNAMIC_RANGE = "dynamic-range"
    WEIGHT_ONLY = "weight-only"
    INT4 = "int4"
    INT8 = "int8"
    INT16X8 = "int16x8"

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of activations must be measured on data."""
        return self in {Scheme.INT8, Scheme.INT16X8}

    @property
    def needs_quantizer(self) -> bool:
        """Whether only ai-edge-quantizer can do it, from a float ``.tflite``."""
        return self in {Scheme.WEIGHT_ONLY, Scheme.INT4}


class IoType(str, Enum):
    """The type of the artifact's inputs and outputs.

    ``float32`` is what the Task Library and ML Kit take from any model; ``int8`` saves the conversion
    at the borders and is for callers who quantize themselves.
    """

    FLOAT32 = "float32"
    INT8 = "int8"
    UINT8 = "uint8"


class Tool(str, Enum):
    """What quantizes: TensorFlow's converter, or ai-edge-quantizer on a float ``.tflite``."""

    CONVERTER = "converter"
    QUANTIZER = "ai-edge-quantizer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Quantization of the artifact.

    ``float_fallback`` lets operators without an integer kernel stay in float. ``per_channel`` gives each
    filter a scale of its own; one scale a tensor costs accuracy, and keeps the number of distinct values
    of a clustered kernel, which compresses better. ``per_channel_dense`` does it for the units of dense
    layers too: refused by runtimes older than TensorFlow 2.17, Android's Task Library 0.4.4 among them
    (FULLY_CONNECTED version 12). ``float_layers`` are regular expressions on names of operators' output
    tensors that stay in float, ``only_operators`` the only ones that are quantized: both go through
    ai-edge-quantizer.
    """

    __pydantic_config__ = STRICT

    scheme: Scheme = Scheme.NONE
    io_dtype: IoType = IoType.FLOAT32
    float_fallback: bool = False
    per_channel: bool = True
    per_channel_dense: bool = False
    tool: Tool | None = None
    float_layers: tuple[str, ...] = ()
    only_operators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        scheme = self.scheme.value
        for pattern in self.float_layers:
            expression("float_layers", pattern)
        if self.io_dtype is not IoType.FLOAT32 and self.scheme is not Scheme.INT8:
            raise ValueError(f"io_dtype {self.io_dtype.value!r} needs the scheme 'int8'")
        if self.float_fallback and not self.scheme.needs_calibration:
            raise ValueError(f"float_fallback means nothing with the scheme {scheme!r}")
        if self.per_channel_dense and self.scheme in {Scheme.NONE, Scheme.FLOAT16}:
            raise ValueError(f"per_channel_dense means nothing with the scheme {scheme!r}")
        if self.per_channel_dense and not self.per_channel:
            raise ValueError("per_channel_dense needs per_channel")
        if not self.per_channel and self.scheme is not Scheme.INT8:
            raise ValueError("per_channel = false needs the scheme 'int8'")
        if self.scheme in {Scheme.NONE, Scheme.FLOAT16} and self.by_quantizer:
            raise ValueError(f"ai-edge-quantizer has nothing to do with the scheme {scheme!r}")
        if self.tool is Tool.CONVERTER and (
            self.scheme.needs_quantizer or self.float_layers or self.only_operators
        ):
            raise ValueError("the converter cannot do this: leave tool out, or 'ai-edge-quantizer'")
        if self.by_quantizer and (self.io_dtype is not IoType.FLOAT32 or not self.per_channel):
            raise ValueError("io_dtype and per_channel = false need the tool 'converter'")

    @property
    def by_quantizer(self) -> bool:
        """Whether ai-edge-quantizer does it, on the float ``.tflite``."""
        return (
            self.tool is Tool.QUANTIZER
            or self.scheme.needs_quantizer
            or bool(self.float_layers or self.only_operators)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How many samples measure the ranges of activations, and the seed that picks them."""

    __pydantic_config__ = STRICT

    samples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("samples", self.samples, 1)
        at_least("seed", self.seed, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selective:
    """Layers are left in float, those that quantization hurts most, until accuracy is within the bound.

    ``max_accuracy_drop`` is in percentage points against the source; without labels it is the share of
    samples that may change their class.
    """

    __pydantic_config__ = STRICT

    max_accuracy_drop: float = 0.5
    max_evaluations: int = 16

    def __post_init__(self) -> None:
        within("max_accuracy_drop", self.max_accuracy_drop, 0, 100)
        at_least("max_evaluations", self.max_evaluations, 1)
