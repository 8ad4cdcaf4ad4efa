"""The sections of a recipe: one frozen dataclass a technique, each checked when it is built."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum

_STRICT = {"extra": "forbid"}
_MOST = 2**32 - 1  # what a seed of numpy can be, and more than any count makes sense


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


class Schedule(str, Enum):
    """How sparsity grows: at once, or along the cubic of Zhu and Gupta 2017."""

    POLYNOMIAL_DECAY = "polynomial-decay"
    CONSTANT = "constant"


class Structure(str, Enum):
    """Which weights become zero together."""

    UNSTRUCTURED = "unstructured"
    TWO_OF_FOUR = "2:4"
    BLOCK = "block"


class Policy(str, Enum):
    """Which layers are pruned: all that can be, or those whose sparse kernels XNNPACK has."""

    ALL = "all"
    XNNPACK = "xnnpack"


class Centroids(str, Enum):
    """Where the centroids of weight sharing begin."""

    LINEAR = "linear"
    KMEANS = "kmeans++"
    DENSITY = "density"


class Criterion(str, Enum):
    """What tells the channels that matter least."""

    NORM = "norm"
    BATCH_NORM = "batch-norm"
    TAYLOR = "taylor"


class Averaging(str, Enum):
    """Which checkpoints go into the mean (Wortsman et al. 2022, Model soups)."""

    UNIFORM = "uniform"
    GREEDY = "greedy"


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

    __pydantic_config__ = _STRICT

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
            _expression("float_layers", pattern)
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

    __pydantic_config__ = _STRICT

    samples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least("samples", self.samples, 1)
        _at_least("seed", self.seed, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selective:
    """Layers are left in float, those that quantization hurts most, until accuracy is within the bound.

    ``max_accuracy_drop`` is in percentage points against the source; without labels it is the share of
    samples that may change their class.
    """

    __pydantic_config__ = _STRICT

    max_accuracy_drop: float = 0.5
    max_evaluations: int = 16

    def __post_init__(self) -> None:
        _within("max_accuracy_drop", self.max_accuracy_drop, 0, 100)
        _at_least("max_evaluations", self.max_evaluations, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTune:
    """How every stage trains, unless its section says otherwise.

    Without ``epochs`` there are as many as make a thousand steps, between 4 and 40. ``validation`` is the
    share of the training data that is held out to stop early: after ``patience``
    epochs without a better one, 0 for never. The best epoch's weights are kept.
    """

    __pydantic_config__ = _STRICT

    epochs: int | None = None
    learning_rate: float = 1e-3
    batch_size: int = 128
    patience: int = 5
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs is not None:
            _at_least("epochs", self.epochs, 1)
        _above("learning_rate", self.learning_rate)
        _at_least("batch_size", self.batch_size, 1)
        _at_least("patience", self.patience, 0)
        _within("validation", self.validation, 0, 0.9)
        _within("seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What every technique that trains may say for itself: ``None`` is what ``[fine_tune]`` says."""

    __pydantic_config__ = _STRICT

    epochs: int | None = None
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None:
            _at_least("epochs", self.epochs, 1)
        if self.learning_rate is not None:
            _above("learning_rate", self.learning_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning(Stage):
    """Weights of small magnitude become zero while the model trains, and stay so.

    ``sparsity`` is the share of zeros at the end. ``layers`` gives patterns of layer names a sparsity of
    their own, the first that fits counts, 0 leaves a layer alone. ``2:4`` keeps two of four neighbours;
    ``block`` prunes blocks of ``block_size`` (height, width) of the kernel as a matrix.
    ``sparse_encoding`` stores zeros as absent: the file shrinks, gzip may not.
    """

    sparsity: float = 0.8
    initial_sparsity: float = 0.0
    schedule: Schedule = Schedule.POLYNOMIAL_DECAY
    structure: Structure = Structure.UNSTRUCTURED
    block_size: tuple[int, int] = (1, 4)
    policy: Policy = Policy.ALL
    layers: dict[str, float] = field(default_factory=dict)
    sparse_encoding: bool = False

    def __post_init__(self) -> None:
        Stage.__post_init__(self)
        _share("sparsity", self.sparsity)
        for pattern, value in self.layers.items():
            if not 0 <= value < 1:
                raise ValueError(f"layers.{pattern} must be at least 0 and below 1, not {value:g}")
        if not 0 <= self.initial_sparsity <= self.sparsity:
            raise ValueError(
                f"initial_sparsity must lie between 0 and sparsity, not {self.initial_sparsity:g}"
            )
        if self.structure is Structure.TWO_OF_FOUR and self.sparsity != 0.5:
            raise ValueError(f"structure '2:4' is a sparsity of 0.5, not {self.sparsity:g}")
        if self.structure is Structure.TWO_OF_FOUR and any(
            value not in {0, 0.5} for value in self.layers.values()
        ):
            raise ValueError("structure '2:4' allows layers only 0 and 0.5")
        if min(self.block_size) < 1:
            raise ValueError(
                f"block_size must be two numbers of at least 1, not {list(self.block_size)}"
            )
        if self.schedule is Schedule.CONSTANT and self.initial_sparsity:
            raise ValueError("initial_sparsity means nothing with the schedule 'constant'")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPruning(Stage):
    """Filters and units are removed for real: the share ``target`` of the multiply-adds.

    ``keep`` are patterns of layer names that stay as they are; ``divisor`` keeps widths multiples of it;
    ``rounds`` removes a part at a time, with training in between.
    """

    target: float = 0.5
    criterion: Criterion = Criterion.NORM
    keep: tuple[str, ...] = ()
    divisor: int = 4
    rounds: int = 1

    def __post_init__(self) -> None:
        Stage.__post_init__(self)
        _share("target", self.target)
        _at_least("divisor", self.divisor, 1)
        _at_least("rounds", self.rounds, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering(Stage):
    """Weights share a few values. Zeros of a pruned model stay zeros.

    ``layers`` gives patterns of layer names a number of their own, 0 leaves a layer alone.
    ``fold_normalization`` folds normalizations into kernels first: without it the converter does so later,
    and the values are shared within channels only. It goes with ``per_channel = false``.
    """

    clusters: int = 16
    fold_normalization: bool = False
    centroids: Centroids = Centroids.KMEANS
    layers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Stage.__post_init__(self)
        _at_least("clusters", self.clusters, 2)
        for pattern, value in self.layers.items():
            if value < 0 or value == 1:
                raise ValueError(f"layers.{pattern} must be 0 or at least 2, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationAwareTraining(Stage):
    """Training with the rounding of int8 in it, of the ``layers`` that fit a pattern.

    Layers that cannot be trained so train in float, stay in float in the file, and are listed.
    """

    layers: tuple[str, ...] = ("*",)
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation(Stage):
    """A student learns from teachers' outputs (Hinton et al. 2015), in every stage that trains.

    ``teachers`` are model files, the source itself when there are none; their probabilities are averaged.
    The ``student`` is a model file, or the source with its widths times ``width``, else the source.
    ``alpha`` is the weight of the true labels, 1 - alpha that of the teachers at ``temperature``.
    ``features`` are pairs of a teacher's and a student's layer whose outputs are brought together
    (Romero et al. 2015), with ``feature_weight``.
    """

    teachers: tuple[str, ...] = ()
    student: str | None = None
    width: float | None = None
    temperature: float = 4.0
    alpha: float = 0.3
    features: tuple[tuple[str, str], ...] = ()
    feature_weight: float = 1.0

    def __post_init__(self) -> None:
        Stage.__post_init__(self)
        if self.student is not None and self.width is not None:
            raise ValueError("student and width exclude each other")
        if self.width is not None and not 0 < self.width < 1:
            raise ValueError(f"width must lie between 0 and 1, not {self.width:g}")
        _above("temperature", self.temperature)
        _within("alpha", self.alpha, 0, 1)
        _within("feature_weight", self.feature_weight, 0, 1e6)

    @property
    def makes_student(self) -> bool:
        """Whether it is a stage of its own, and not only how the other stages learn."""
        return bool(self.teachers or self.student or self.width or self.epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSoup:
    """The mean of the weights of several checkpoints of the source's architecture.

    ``greedy`` takes a checkpoint in only if the accuracy on held-out data does not fall.
    """

    __pydantic_config__ = _STRICT

    checkpoints: tuple[str, ...] = ()
    method: Averaging = Averaging.GREEDY

    def __post_init__(self) -> None:
        if not self.checkpoints:
            raise ValueError("checkpoints must name at least one model file besides the source")


def _share(name: str, value: float) -> None:
    if not 0 < value < 1:
        share = f"; {value:g} % are {value / 100:g}" if 1 < value < 100 else ""
        raise ValueError(f"{name} must lie between 0 and 1, not {value:g}{share}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low:.10g} and {high:.10g}, not {value:.10g}")


def _at_least(name: str, value: float, low: int) -> None:
    if value < low:
        raise ValueError(f"{name} must be at least {low}, not {value}")
    if value > _MOST:
        raise ValueError(f"{name} must be at most {_MOST}, not {value}")


def _above(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a number above 0, not {value:g}")


def _expression(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"{name} holds {pattern!r}, which is no regular expression: {error}"
        ) from error
