"""The sections of a recipe about techniques that train."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from optimizer.techniques.bounds import STRICT, above_zero, at_least, share, within


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
class FineTune:
    """How every stage trains, unless its section says otherwise.

    Without ``epochs`` there are as many as make a thousand steps, between 4 and 40. ``validation`` is the
    share of the training data that is held out to stop early: after ``patience``
    epochs without a better one, 0 for never. The best epoch's weights are kept.
    """

    __pydantic_config__ = STRICT

    epochs: int | None = None
    learning_rate: float = 1e-3
    batch_size: int = 128
    patience: int = 5
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs is not None:
            at_least("epochs", self.epochs, 1)
        above_zero("learning_rate", self.learning_rate)
        at_least("batch_size", self.batch_size, 1)
        at_least("patience", self.patience, 0)
        within("validation", self.validation, 0, 0.9)
        within("seed", self.seed, 0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What every technique that trains may say for itself: ``None`` is what ``[fine_tune]`` says."""

    __pydantic_config__ = STRICT

    epochs: int | None = None
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None:
            at_least("epochs", self.epochs, 1)
        if self.learning_rate is not None:
            above_zero("learning_rate", self.learning_rate)


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
        share("sparsity", self.sparsity)
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
        share("target", self.target)
        at_least("divisor", self.divisor, 1)
        at_least("rounds", self.rounds, 1)


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
        at_least("clusters", self.clusters, 2)
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
        above_zero("temperature", self.temperature)
        within("alpha", self.alpha, 0, 1)
        within("feature_weight", self.feature_weight, 0, 1e6)

    @property
    def makes_student(self) -> bool:
        """Whether it is a stage of its own, and not only how the other stages learn."""
        return bool(self.teachers or self.student or self.width or self.epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSoup:
    """The mean of the weights of several checkpoints of the source's architecture.

    ``greedy`` takes a checkpoint in only if the accuracy on held-out data does not fall.
    """

    __pydantic_config__ = STRICT

    checkpoints: tuple[str, ...] = ()
    method: Averaging = Averaging.GREEDY

    def __post_init__(self) -> None:
        if not self.checkpoints:
            raise ValueError("checkpoints must name at least one model file besides the source")
