"""What the recipes of one call share: the source, its reference outputs, trained and exported models.

Everything is made when it is first needed, and once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.data import fit_to_inputs, pick
from optimizer.datasets import DataSets, check_classes
from optimizer.recipe import Recipe
from optimizer.source import Format, Source
from optimizer.tensorflow_setup import require_tensorflow

Step = Callable[[str], None]


@dataclass(slots=True)
class Job:
    """The shared parts of one call."""

    source: Source
    data: DataSets
    step: Step
    stack: ExitStack
    allow_unsafe: bool = False
    _model: Any = field(default=None)
    _reference: Any = field(default=None)
    _workshop: Any = field(default=None)
    _exported: dict[str, Path] = field(default_factory=dict)
    _float: dict[str, bytes] = field(default_factory=dict)

    @property
    def is_tflite(self) -> bool:
        """Whether the source is a ``.tflite`` already: it can only be quantized."""
        return self.source.format is Format.TFLITE

    def model(self) -> Any:
        """The loaded source: a ``SourceModel``, or a ``TFLiteSource``."""
        if self._model is None:
            from optimizer.source_model import open_model

            if not self.is_tflite:
                require_tensorflow("Optimizing a model")
            self.step(f"load {self.source.path.name}")
            self._model = open_model(self.source, allow_unsafe=self.allow_unsafe, stack=self.stack)
        return self._model

    def made(self, recipe: Recipe) -> Any:
        """The source after the recipe's training stages, a ``Made``."""
        from optimizer.stages import Made, Workshop
        from optimizer.teachers import Teachers

        if not recipe.stages:
            return Made(model=self.model())
        if self._workshop is None:
            self._workshop = Workshop(
                source=self.model(),
                source_sha256=self.source.sha256,
                teachers=Teachers(
                    source=self.model(),
                    training_set=self._training_set(),
                    step=self.step,
                    allow_unsafe=self.allow_unsafe,
                ),
                data_sha256=self.data.training.sha256 if self.data.training else None,
                step=self.step,
            )
        return self._workshop.make(recipe)

    def exported(self, made: Any) -> Path:
        """A model as the SavedModel that is converted."""
        if made.key not in self._exported:
            folder = tempfile.TemporaryDirectory(prefix="android-bench-")
            path = Path(self.stack.enter_context(folder))
            made.model.export(path)
            self._exported[made.key] = path
        return self._exported[made.key]

    def float_content(self, made: Any, *, where: str) -> bytes:
        """A model as a float ``.tflite``: what ai-edge-quantizer starts from."""
        if self.is_tflite:
            return self.source.path.read_bytes()
        if made.key not in self._float:
            from optimizer.convert import convert

            plain = Recipe(name="float32")
            exported = self.exported(made)
            self._float[made.key] = convert(exported, plain, where=where, inputs=made.model.inputs)
        return self._float[made.key]

    def reference(self) -> Any:
        """The source's outputs that artifacts are held against, ``None`` without data."""
        dataset = self.data.compared_on
        if self._reference is None and dataset is not None:
            from optimizer.fidelity import reference

            model = self.model()
            self.step(f"run the source on {dataset.path.name}")
            self._reference = reference(model, dataset)
        return self._reference

    def calibration(self, recipe: Recipe) -> tuple[dict[str, Any] | None, str | None]:
        """The recipe's choice of calibration samples, and where they came from."""
        wanted, dataset = recipe.calibration, self.data.calibration
        if wanted is None or dataset is None:
            return None, None
        chosen = pick(dataset, wanted.samples, wanted.seed)
        arrays = fit_to_inputs(dataset, self.model().inputs)
        samples = {name: array[chosen] for name, array in arrays.items()}
        return samples, dataset.origin(len(chosen), seed=wanted.seed)

    def _training_set(self) -> Any:
        """The training data as the model takes them."""
        from optimizer.training import TrainingSet

        dataset = self.data.training
        if dataset is None:
            return None
        check_classes(dataset)
        labels = dataset.labels
        inputs = fit_to_inputs(dataset, self.model().inputs)
        if labels is not None:
            from optimizer.fidelity import check_labels

            first = self.model().predict({name: array[:1] for name, array in inputs.items()})
            check_labels(dataset, labels, next(iter(first.values())))
        return TrainingSet(inputs=inputs, labels=labels)
