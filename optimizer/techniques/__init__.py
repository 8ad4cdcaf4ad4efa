"""The sections of a recipe: one frozen dataclass a technique, each checked when it is built."""

from __future__ import annotations

from optimizer.techniques.quantizing import (
    Calibration,
    IoType,
    Quantization,
    Scheme,
    Selective,
    Tool,
)
from optimizer.techniques.training import (
    Averaging,
    Centroids,
    ChannelPruning,
    Clustering,
    Criterion,
    Distillation,
    FineTune,
    ModelSoup,
    Policy,
    Pruning,
    QuantizationAwareTraining,
    Schedule,
    Stage,
    Structure,
)

__all__ = [
    "Averaging",
    "Calibration",
    "Centroids",
    "ChannelPruning",
    "Clustering",
    "Criterion",
    "Distillation",
    "FineTune",
    "IoType",
    "ModelSoup",
    "Policy",
    "Pruning",
    "Quantization",
    "QuantizationAwareTraining",
    "Schedule",
    "Scheme",
    "Selective",
    "Stage",
    "Structure",
    "Tool",
]
