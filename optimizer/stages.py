"""From a Keras model to the one that is converted: a recipe's training stages, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optimizer import stage_store
from optimizer.artifact import StageRecord
from optimizer.errors import TrainingError
from optimizer.passes.prepared import Prepared, hold_zeros
from optimizer.recipe import Recipe
from optimizer.source_model import SourceModel, of_keras, of_saved_model
from optimizer.stage_keys import Unit, units
from optimizer.structure import keras_structure
from optimizer.teachers import Teachers
from optimizer.techniques import FineTune
from optimizer.tensorflow_setup import import_tensorflow
from optimizer.training import epochs_of, fine_tune, held_out, predict, steps_per_epoch

Step = Callable[[str], None]
_SCORED_BY = 256
_TITLES = {
    "averaging": "average",
    "distillation": "distil",
    "channel_pruning": "remove channels",
    "pruning": "prune",
    "clustering": "cluster",
    "qat": "train for int8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A model after its stages, with the records of all of them."""

    model: SourceModel
    records: tuple[StageRecord, ...] = ()
    key: str = "source"


@dataclass(slots=True)
class Workshop:
    """What the stages of all recipes of a call share: the source, the data, the models made so far."""

    source: SourceModel
    source_sha256: str
    teachers: Teachers
    data_sha256: str | None
    step: Step
    _made: dict[str, Made] = field(default_factory=dict)

    def make(self, recipe: Recipe) -> Made:
        """The source after the recipe's stages, from the last one that was made before.

        Raises:
            TrainingError: the source cannot be trained, a technique does not fit, or training diverged.
        """
        made = Made(model=self.source)
        todo = units(recipe, source=self.source_sha256, data=self.data_sha256)
        if todo and self.source.keras is None:
            raise TrainingError(
                f"{self.source.path} cannot be trained by {recipe.name!r}: {self.source.untrainable}.",
                hint="recipes that only quantize work on it; for the others save the Keras model itself, "
                "model.save('model.keras')",
            )
        for unit in todo:
            known = self._made.get(unit.key) or self._from_store(unit, made)
            made = known or self._do(recipe, unit, made)
            self._made[unit.key] = made
        return made

    def _from_store(self, unit: Unit, before: Made) -> Made | None:
        found = stage_store.kept(unit.key)
        if found is None:
            return None
        folder, record = found
        try:
            model = self._read(folder)
        except Exception:  # noqa: BLE001 (whatever is wrong with a cached model: make it again)
            return None
        self.step(f"{_TITLES[unit.stage]}: kept from before")
        return Made(model=model, records=(*before.records, record), key=unit.key)

    def _read(self, folder: Path) -> SourceModel:
        """A kept stage: a Keras model, or the exported graph of one that was trained for int8."""
        from optimizer.source import Format, Source

        exported = folder / "exported"
        if exported.is_dir():
            return of_saved_model(Source(path=exported, format=Format.SAVED_MODEL, sha256=""))
        tf = import_tensorflow("Training a model")
        model = tf.keras.models.load_model(str(folder / "model.keras"), compile=False)
        return of_keras(self.source.path, model, like=self.source)

    def _do(self, recipe: Recipe, unit: Unit, before: Made) -> Made:
        """Train a stage, unless another process has meanwhile."""
        title = _TITLES[unit.stage]

        def wait() -> None:
            self.step(f"{title}: wait for another process that trains it")

        with stage_store.locked(unit.key, wait) as checkpoint:
            known = self._from_store(unit, before)
            if known is not None:
                return known
            model, record = self._train(recipe, unit, before, checkpoint)
            made = Made(
                model=of_keras(self.source.path, model, like=self.source),
                records=(*before.records, record),
                key=unit.key,
            )

            def write(folder: Path) -> None:
                if unit.stage == "qat":  # its wrapped layers are for the converter only
                    made.model.export(folder / "exported")
                else:
                    model.save(str(folder / "model.keras"))

            stage_store.keep(unit.key, record, write)
        return made

    def _train(
        self, recipe: Recipe, unit: Unit, before: Made, checkpoint: Path
    ) -> tuple[Any, StageRecord]:
        """The Keras model of a stage."""
        how = recipe.training_of(unit.stage)
        label = f"{recipe.name}: {_TITLES[unit.stage]}"
        self.step(label)
        if unit.stage == "averaging":
            return self._average(recipe, before, how)
        data = self.teachers.data(recipe)
        prepared, how = self._prepare(recipe, unit, before, how)
        if recipe.pruning is not None and unit.stage in {"clustering", "qat"}:
            hold_zeros(prepared.model)
        told_by = prepared.model if unit.stage == "distillation" else before.model.keras
        objective = self.teachers.objective(recipe, told_by)
        forward, more = self.teachers.forward(recipe, prepared.model)
        history = fine_tune(
            prepared.model,
            data,
            objective,
            how,
            label=label,
            callbacks=prepared.callbacks,
            best_from=prepared.best_from,
            forward=forward,
            more_variables=more,
            checkpoint=checkpoint,
            step=self.step,
        )
        finished = prepared.finish()
        sparsity, distinct = keras_structure(finished)
        most = self._most_clusters(recipe) if unit.stage == "clustering" else None
        record = StageRecord(
            technique=unit.stage,
            epochs=history.epochs,
            best_epoch=history.best_epoch,
            score=max(history.scores[prepared.best_from :], default=None),
            sparsity=sparsity if unit.stage == "pruning" else None,
            clusters=most,
            clustered=None if most is None else sum(count <= most for count in distinct),
            left_in_float=prepared.left_in_float,
            multiply_adds=prepared.multiply_adds,
            notes=prepared.notes,
        )
        return finished, record

    @staticmethod
    def _most_clusters(recipe: Recipe) -> int | None:
        """The largest number of different values that clustering leaves in a kernel."""
        spec = recipe.clustering
        return None if spec is None else max([spec.clusters, *spec.layers.values()])

    def _prepare(
        self, recipe: Recipe, unit: Unit, before: Made, how: FineTune
    ) -> tuple[Prepared, FineTune]:
        """The model as it is trained in a stage."""
        from optimizer.passes import clustering, pruning, qat
        from optimizer.passes.prepared import copy_of

        model = before.model.keras
        zeros = recipe.pruning is not None
        if unit.stage == "pruning" and recipe.pruning is not None:
            data = self.teachers.data(recipe)
            steps = steps_per_epoch(data, how)
            return (
                pruning.prepare(
                    model, recipe.pruning, steps_per_epoch=steps, epochs=epochs_of(data, how)
                ),
                how,
            )
        if unit.stage == "clustering" and recipe.clustering is not None:
            return clustering.prepare(model, recipe.clustering, keep_zeros=zeros), how
        if unit.stage == "qat" and recipe.qat is not None:
            return (
                qat.prepare(
                    model,
                    recipe.qat,
                    keep_zeros=zeros,
                    keep_clusters=recipe.clustering is not None,
                    per_channel=recipe.quantization.per_channel,
                ),
                how,
            )
        if unit.stage == "channel_pruning":
            return self._remove_channels(recipe, unit, before, how)
        student = self.teachers.student(recipe, model)
        return Prepared(model=student, finish=lambda: copy_of(student)), how

    def _remove_channels(
        self, recipe: Recipe, unit: Unit, before: Made, how: FineTune
    ) -> tuple[Prepared, FineTune]:
        """Remove channels up to a round's goal, which is a share of what there was before the first."""
        from optimizer.passes.channels import multiply_adds, prune_channels
        from optimizer.passes.prepared import copy_of

        spec = recipe.channel_pruning
        if spec is None:
            raise ValueError("no channel pruning in this recipe")
        model = before.model.keras
        data = self.teachers.data(recipe)
        how = replace(how, epochs=max(1, epochs_of(data, how) // spec.rounds))
        now = multiply_adds(model)
        first = next(
            (item.multiply_adds for item in before.records if item.multiply_adds), (now, now)
        )
        goal = first[0] * (1.0 - spec.target) ** ((unit.round + 1) / spec.rounds)
        if now <= goal:  # widths are whole numbers: the round before went further than it had to
            kept = copy_of(model)
            return Prepared(model=kept, finish=lambda: copy_of(kept), multiply_adds=(now, now)), how
        chosen = held_out(data, how, most=_SCORED_BY)
        arrays = [array[chosen] for array in data.inputs.values()]
        labels = None if data.labels is None else data.labels[chosen]
        result = prune_channels(
            model,
            target=1.0 - goal / now,
            criterion=spec.criterion,
            keep=spec.keep,
            divisor=spec.divisor,
            samples=(arrays if len(arrays) > 1 else arrays[0], labels),
        )
        after = result.multiply_adds_after
        note = (
            f"Multiply-adds from {now:,} to {after:,}; {len(result.channels)} layers are narrower."
        )
        return (
            Prepared(
                model=result.model,
                finish=lambda: copy_of(result.model),
                notes=(note,),
                multiply_adds=(now, after),
            ),
            how,
        )

    def _average(self, recipe: Recipe, before: Made, how: FineTune) -> tuple[Any, StageRecord]:
        """The soup of the source and the recipe's checkpoints."""
        from optimizer.passes.averaging import average

        spec = recipe.averaging
        if spec is None:
            raise ValueError("no averaging in this recipe")
        checkpoints = [(Path(path), self.teachers.open(Path(path))) for path in spec.checkpoints]
        score = None
        data = self.teachers.training_set
        if data is not None:
            objective = self.teachers.objective(recipe, before.model.keras)
            chosen = held_out(data, how)

            def scored(model: Any) -> float:
                return objective.score(predict(model, data.inputs, chosen), chosen)

            score = scored
        model, notes = average(before.model.keras, checkpoints, method=spec.method, score=score)
        reached = None if score is None else score(model)
        return model, StageRecord(technique="averaging", score=reached, notes=notes)
