"""Who teaches, and what is learned: the models and the data behind a stage's objective."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.errors import TrainingError
from optimizer.objective import Objective, make_objective
from optimizer.recipe import Recipe
from optimizer.source import identify
from optimizer.source_model import SourceModel, open_model
from optimizer.training import Forward, TrainingSet, predict

_TOLD_BY = 256


@dataclass(slots=True)
class Teachers:
    """The models that recipes name and the training data; each is opened, and asked, once."""

    source: SourceModel
    training_set: TrainingSet | None
    step: Callable[[str], None]
    allow_unsafe: bool = False
    _opened: dict[Path, Any] = field(default_factory=dict)
    _said: dict[str, list[Any]] = field(default_factory=dict)

    def data(self, recipe: Recipe) -> TrainingSet:
        """The training data.

        Raises:
            TrainingError: none were given.
        """
        if self.training_set is None:
            raise TrainingError(
                f"The recipe {recipe.name!r} trains, and no data were given.",
                hint="--data train.npz, inputs x and labels y; or a recipe that only quantizes",
            )
        return self.training_set

    def student(self, recipe: Recipe, model: Any) -> Any:
        """The model that learns in the stage of distillation."""
        from optimizer.passes.channels import scale_width
        from optimizer.passes.prepared import copy_of

        spec = recipe.distillation
        if spec is None:
            raise ValueError("no distillation in this recipe")
        if spec.width is not None:
            return scale_width(model, width=spec.width)
        if spec.student is None:
            return copy_of(model)
        return copy_of(self._alike(Path(spec.student), "the student"))

    def _alike(self, path: Path, what: str) -> Any:
        """A model that takes and gives what the source does.

        Raises:
            TrainingError: its inputs or outputs have other shapes.
        """
        model, source = self.open(path), self.source.keras
        ours = [tuple(tensor.shape[1:]) for tensor in (*source.inputs, *source.outputs)]
        theirs = [tuple(tensor.shape[1:]) for tensor in (*model.inputs, *model.outputs)]
        if ours != theirs:
            raise TrainingError(
                f"[distillation] {what} {path} has inputs and outputs {theirs}, the source {ours}.",
                hint="teachers and students take and give what the source does",
            )
        for said, wanted in (
            (model.input_names, source.input_names),
            (model.output_names, source.output_names),
        ):
            if said != wanted and sorted(said) == sorted(wanted):
                raise TrainingError(
                    f"[distillation] {what} {path} has {', '.join(said)} in another order than the "
                    f"source: {', '.join(wanted)}.",
                    hint="they are matched by their places: save it with the source's order",
                )
        return model

    def objective(self, recipe: Recipe, model: Any) -> Objective:
        """What a stage learns: labels, and what teachers say where recipe or data ask for it."""
        import numpy as np

        data = self.data(recipe)
        few = predict(model, data.inputs, np.arange(min(_TOLD_BY, data.samples)))
        spec = recipe.distillation
        labelled = data.labels is not None and few[0].ndim == 2
        teachers: Sequence[list[Any]] = []
        if spec is not None or not labelled or len(few) > 1:
            teachers = [self._said_by(path) for path in (spec.teachers if spec else ()) or (None,)]
        return make_objective(
            few,
            labels=data.labels if labelled else None,
            teachers=teachers,
            distillation=spec,
        )

    def _said_by(self, path: str | None) -> list[Any]:
        """A teacher's outputs on all training samples; the source's without a path."""
        name = path or "source"
        if name not in self._said and self.training_set is not None:
            teacher = self.source.keras if path is None else self._alike(Path(path), "the teacher")
            self.step(f"ask the teacher {Path(name).name}")
            self._said[name] = predict(teacher, self.training_set.inputs)
        return self._said[name]

    def forward(self, recipe: Recipe, model: Any) -> tuple[Forward | None, list[Any]]:
        """How a stage runs its model when features are distilled."""
        from optimizer.passes.distillation import feature_forward

        spec = recipe.distillation
        if spec is None or not spec.features:
            return None, []
        teacher = self.open(Path(spec.teachers[0])) if spec.teachers else self.source.keras
        return feature_forward(model, teacher, spec.features, spec.feature_weight)

    def open(self, path: Path) -> Any:
        """The Keras model of a file that a recipe names.

        Raises:
            TrainingError: it has none that could teach or be trained.
        """
        if path not in self._opened:
            model = open_model(identify(path), allow_unsafe=self.allow_unsafe)
            if model.keras is None:
                raise TrainingError(
                    f"{path} cannot teach or be trained: {model.untrainable}.",
                    hint="give the Keras model that it was made of",
                )
            self._opened[path] = model.keras
        return self._opened[path]
