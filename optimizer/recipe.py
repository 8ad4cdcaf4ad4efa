"""Recipes: what is done to a model. Two that do the same have the same digest, whatever they are called."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from optimizer.techniques import (
    Calibration,
    ChannelPruning,
    Clustering,
    Distillation,
    FineTune,
    ModelSoup,
    Pruning,
    Quantization,
    QuantizationAwareTraining,
    Scheme,
    Selective,
    Stage,
)

_STRICT = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is done to a model. ``name`` becomes part of the artifact's file name.

    A scheme that measures ranges has a ``calibration``, the default one unless another is given; a
    technique that trains has a ``fine_tune``.
    """

    __pydantic_config__ = _STRICT

    name: str
    description: str = ""
    averaging: ModelSoup | None = None
    distillation: Distillation | None = None
    channel_pruning: ChannelPruning | None = None
    pruning: Pruning | None = None
    clustering: Clustering | None = None
    qat: QuantizationAwareTraining | None = None
    fine_tune: FineTune | None = None
    quantization: Quantization = field(default_factory=Quantization)
    calibration: Calibration | None = None
    selective: Selective | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,63}", self.name):
            raise ValueError(
                "name must be at most 64 letters, digits, '-', '_' or '+', for it names files, "
                f"not {self.name[:80]!r}"
            )
        self._check_qat()
        self._check_selective()
        self._check_pruning()
        self._complete_calibration()
        self._complete_training()

    def _complete_calibration(self) -> None:
        """QAT learns the ranges itself; a calibration beside it is for the layers it leaves out."""
        scheme = self.quantization.scheme
        if scheme.needs_calibration and self.qat is None:
            if self.calibration is None:
                object.__setattr__(self, "calibration", Calibration())
        elif self.calibration is not None:
            why = (
                f"the scheme {scheme.value!r}"
                if self.qat is None
                else "qat, which learns the ranges"
            )
            raise ValueError(f"calibration means nothing with {why}")

    def _complete_training(self) -> None:
        distillation = self.distillation
        if distillation is not None and not distillation.makes_student and not self.trains:
            raise ValueError(
                "distillation needs a student, a width, teachers, or another technique that trains"
            )
        if self.stages:
            if self.fine_tune is None:
                object.__setattr__(self, "fine_tune", FineTune())
        elif self.fine_tune is not None:
            raise ValueError("fine_tune means nothing without a technique that trains")

    def _check_pruning(self) -> None:
        scheme = self.quantization.scheme
        sparse = self.pruning is not None and self.pruning.sparse_encoding
        if sparse and scheme not in {Scheme.NONE, Scheme.FLOAT16}:
            raise ValueError(
                f"pruning.sparse_encoding does not go with the scheme {scheme.value!r}: LiteRT fails to "
                "run such files"
            )

    def _check_qat(self) -> None:
        if self.qat is None:
            return
        if self.quantization.scheme is not Scheme.INT8:
            raise ValueError("qat needs the scheme 'int8' in [quantization]")
        if self.quantization.by_quantizer or self.selective is not None:
            raise ValueError(
                "qat goes through the converter: leave tool, float_layers and selective out"
            )
        if not self.quantization.per_channel and self.clustering is not None:
            raise ValueError("per_channel = false does not go with both qat and clustering")

    def _check_selective(self) -> None:
        if self.selective is None:
            return
        if self.quantization.scheme not in {
            Scheme.INT8,
            Scheme.INT16X8,
            Scheme.DYNAMIC_RANGE,
            Scheme.INT4,
        }:
            raise ValueError(
                "selective needs a scheme that quantizes: int8, int16x8, dynamic-range or int4"
            )
        if self.quantization.float_layers:
            raise ValueError("selective finds the float_layers: leave them out")

    @property
    def stages(self) -> tuple[str, ...]:
        """The sections that change the Keras model before it is converted, in the order they are done."""
        done = [
            name
            for name in (
                "averaging",
                "distillation",
                "channel_pruning",
                "pruning",
                "clustering",
                "qat",
            )
            if getattr(self, name) is not None
        ]
        if self.distillation is not None and not self.distillation.makes_student:
            done.remove("distillation")
        return tuple(done)

    @property
    def trains(self) -> bool:
        """Whether training data are needed."""
        return any(stage != "averaging" for stage in self.stages)

    def training_of(self, stage: str) -> FineTune:
        """How a stage trains: ``[fine_tune]``, with what its section says for itself."""
        section = getattr(self, stage)
        base = self.fine_tune or FineTune()
        if not isinstance(section, Stage):
            return base
        own = {"epochs": section.epochs, "learning_rate": section.learning_rate}
        given: dict[str, Any] = {key: value for key, value in own.items() if value is not None}
        return replace(base, **given)

    @property
    def files(self) -> tuple[Path, ...]:
        """The model files that the recipe names."""
        distillation, soup = self.distillation, self.averaging
        names = list(soup.checkpoints) if soup else []
        if distillation is not None:
            names += [*distillation.teachers, *filter(None, [distillation.student])]
        return tuple(Path(name) for name in names)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values, every default written out; sections that are absent are."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {key: value for key, value in plain.items() if value is not None}

    @property
    def digest(self) -> str:
        """SHA-256 of what the recipe does; its name and description do not count."""
        work = {
            key: value
            for key, value in self.to_dict().items()
            if key not in {"name", "description"}
        }
        return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()

    def to_toml(self) -> str:
        """The recipe as the text of a TOML file that reads back as this recipe."""
        lines = [
            f"{key} = {_toml(value)}"
            for key, value in self.to_dict().items()
            if isinstance(value, str)
        ]
        for section, values in self.to_dict().items():
            if isinstance(values, dict):
                lines += ["", f"[{section}]"]
                lines += [
                    f"{key} = {_toml(value)}" for key, value in values.items() if value is not None
                ]
        return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A value in TOML, whose basic strings are JSON's but for DEL, which must be escaped too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
