"""From a source model and recipes to artifacts, cached by content: same inputs, no work.

A manifest beside the output with the build's key means that there is nothing to do; a file of that key in
the user's cache is copied; only then is TensorFlow imported. What the recipes of a call have in common is
made once: see ``job``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.artifact import Artifact, gzip_size_of
from optimizer.build_cache import (
    build_key,
    existing,
    from_cache,
    keep_log,
    to_cache,
    toolchain,
    write_artifact,
)
from optimizer.build_warnings import build_warnings
from optimizer.data import Dataset, read_dataset
from optimizer.datasets import DataSets, check_classes, hold_out
from optimizer.errors import (
    ConversionError,
    DataError,
    OptimizerError,
    RecipeError,
    TrainingError,
)
from optimizer.interpreter import TFLiteModel
from optimizer.job import Job, Step
from optimizer.pixels import scaled_by, source_rescales
from optimizer.recipe import Recipe
from optimizer.source import identify
from optimizer.structure import kernels_of, sparsity_of, undone
from optimizer.to_tflite import blame, to_tflite

if TYPE_CHECKING:
    from optimizer.metadata import MetadataWorker
    from optimizer.metadata.wanted import Wanted

# Of training data given alone, this share is held out to compare artifacts with their source.
HELD_OUT = 0.2


def build_artifacts(
    model: Path,
    recipes: Sequence[Recipe],
    *,
    output: Path,
    training: Dataset | Path | None = None,
    calibration: Dataset | Path | None = None,
    evaluation: Dataset | Path | None = None,
    overwrite: bool = False,
    allow_unsafe: bool = False,
    step: Step = lambda _: None,
) -> tuple[Artifact, ...]:
    """Build ``OUTPUT/NAME.RECIPE.tflite`` with its manifest for each recipe, in order: see ``Builder``."""
    with Builder(
        model,
        recipes,
        output=output,
        training=training,
        calibration=calibration,
        evaluation=evaluation,
        overwrite=overwrite,
        allow_unsafe=allow_unsafe,
        step=step,
    ) as builder:
        return tuple(builder.build(recipe) for recipe in recipes)


class Builder:
    """Builds the artifacts of one model; what its recipes have in common is made once.

    Fidelity is measured on the evaluation data; without them on a part of the training data that is then
    not trained on, else on the calibration data. Calibration data that are not given are taken from the
    training data. ``step`` is told what is being done. ``allow_unsafe`` lets code in a Keras file run.
    ``metadata`` are written into every artifact.

    Raises:
        ModelError: the source cannot be used.
        DataError: data are missing for one of the recipes.
        MetadataError: what the metadata should say cannot be read.
    """

    def __init__(
        self,
        model: Path,
        recipes: Sequence[Recipe],
        *,
        output: Path,
        training: Dataset | Path | None,
        calibration: Dataset | Path | None,
        evaluation: Dataset | Path | None,
        overwrite: bool,
        allow_unsafe: bool,
        metadata: Wanted | None = None,
        step: Step,
    ) -> None:
        source = identify(model)
        _check_output(output)
        data = _data(training, calibration, evaluation)
        _check_recipes(recipes, data)
        if metadata is not None:
            metadata.check()
        self._output, self._overwrite = output, overwrite
        self._stack = ExitStack()
        self._metadata = metadata
        self._worker: MetadataWorker | None = None
        self._job = Job(
            source=source, data=data, step=step, stack=self._stack, allow_unsafe=allow_unsafe
        )

    def __enter__(self) -> Builder:  # noqa: PYI034 (typing.Self is of Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def build(self, recipe: Recipe) -> Artifact:
        """The artifact of a recipe, built unless there is one of the same things.

        Raises:
            ModelError: the source cannot be used, or the output is a file that this tool did not make.
            DataError: data do not fit the model.
            TrainingError: a technique does not fit the model, or training diverged.
            ConversionError: the converter refuses, or what it made does not run.
            OptimizerError: the output cannot be written.
            MetadataError: the metadata that are wanted do not fit the model.
            MissingExtraError: TensorFlow is not installed, or tflite-support for metadata.
        """
        target = self._output / f"{self._job.source.name}.{recipe.name}.tflite"
        artifact = _artifact(self._job, recipe, target, overwrite=self._overwrite)
        return artifact if self._metadata is None else self._tagged(artifact, self._metadata)

    def _tagged(self, artifact: Artifact, metadata: Wanted) -> Artifact:
        """The artifact with metadata, proven; its manifest says if the Task Library refuses it."""
        from optimizer.metadata import MetadataWorker
        from optimizer.metadata.wanted import tag_artifact

        if self._worker is None:  # started when the first file is written
            self._worker = self._stack.enter_context(MetadataWorker())
        return tag_artifact(artifact, metadata, worker=self._worker, step=self._job.step)


def build_each(
    builder: Builder, recipes: Sequence[Recipe]
) -> tuple[list[Artifact], list[tuple[Recipe, OptimizerError]]]:
    """The artifacts of recipes, and those that do not fit the model with why: the others go on.

    Raises:
        OptimizerError: what is wrong is wrong for all: the source, the data, the output.
    """
    artifacts: list[Artifact] = []
    failed: list[tuple[Recipe, OptimizerError]] = []
    for recipe in recipes:
        built = _try(builder, recipe)
        if isinstance(built, Artifact):
            artifacts.append(built)
        else:
            failed.append((recipe, built))
    return artifacts, failed


def _try(builder: Builder, recipe: Recipe) -> Artifact | OptimizerError:
    try:
        return builder.build(recipe)
    except (ConversionError, TrainingError, RecipeError) as error:
        return error


def _data(
    training: Dataset | Path | None,
    calibration: Dataset | Path | None,
    evaluation: Dataset | Path | None,
) -> DataSets:
    """The data of a call, with what is missing taken from the training data."""
    given = [
        read_dataset(item) if isinstance(item, Path) else item
        for item in (training, calibration, evaluation)
    ]
    trained, calibrated, evaluated = given
    if trained is not None and evaluated is None:
        trained, evaluated = hold_out(trained, share=HELD_OUT)
    return DataSets(training=trained, calibration=calibrated or trained, evaluation=evaluated)


def _check_output(output: Path) -> None:
    """A folder that cannot be is told before anything is trained."""
    there = next((path for path in (output, *output.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        raise OptimizerError(
            f"{there} is a file, and {output} should be a folder.", hint="give another --output"
        )
    if there is not None and not os.access(there, os.W_OK | os.X_OK):
        raise OptimizerError(
            f"{output} cannot be written: you may not write into {there}.",
            hint="check the folder's permissions, or give another --output",
        )


def _check_recipes(recipes: Sequence[Recipe], data: DataSets) -> None:
    names = [recipe.name for recipe in recipes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptimizerError(f"The recipe {twice!r} is named twice.", hint="name each recipe once")
    for recipe in recipes:
        if recipe.trains and data.training is None:
            raise DataError(
                f"The recipe {recipe.name!r} trains, and no training data were given.",
                hint="--data train.npz, inputs and labels y; or --recipe int8, which only quantizes",
            )
        if recipe.trains and data.training is not None:
            check_classes(data.training)
        if recipe.calibration is not None and data.calibration is None:
            raise DataError(
                f"The recipe {recipe.name!r} needs calibration data, and none were given.",
                hint="--calibration data.npz, a few hundred typical inputs; or --recipe dynamic-range",
            )
        if recipe.selective is not None and data.compared_on is None:
            raise DataError(
                f"The recipe {recipe.name!r} searches by accuracy, and has no data to measure it on.",
                hint="--evaluation test.npz, inputs and labels y",
            )


def _artifact(job: Job, recipe: Recipe, target: Path, *, overwrite: bool) -> Artifact:
    """The artifact of one recipe: the one that is there, the cache's, or a new one."""
    key = build_key(job.source, recipe, job.data)
    artifact = existing(target, key, overwrite=overwrite) or from_cache(
        target, key, source=job.source, recipe=recipe
    )
    if artifact is not None:
        job.step(f"{recipe.name}: up to date")
        return artifact
    try:
        return _build(job, recipe, target, key)
    except ConversionError as error:
        kept = keep_log(key, error.log) if error.log else None
        if kept is None:
            raise
        hint = f"{error.hint}; all that the converter said: {kept}"
        raise ConversionError(str(error), hint=hint, log=error.log) from error


def _build(job: Job, recipe: Recipe, target: Path, key: str) -> Artifact:
    """Train, convert, run, compare, and write file and manifest."""
    wanted = job.reference()
    made = job.made(recipe)
    result = to_tflite(job, recipe, made)
    content = result.content
    built = TFLiteModel(content, where=target.name)
    fidelity = None
    if wanted is None:
        built.run_once()
    else:
        from optimizer.fidelity import SLOW_SAMPLES, measure_fidelity, some_of

        job.step(f"{recipe.name}: compare with the source")
        scheme = recipe.quantization.scheme
        if scheme in SLOW_SAMPLES:
            wanted = some_of(wanted, SLOW_SAMPLES[scheme])
        fidelity = measure_fidelity(wanted, built, where=target.name)
    sparsity = sparsity_of(content)
    training = job.data.training if recipe.trains else None
    artifact = Artifact(
        path=target,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        gzip_bytes=gzip_size_of(content),
        name=target.name.removesuffix(".tflite"),
        inputs=built.inputs,
        outputs=built.outputs,
        source=job.source.path.name,
        source_sha256=job.source.sha256,
        recipe_name=recipe.name,
        recipe=recipe.to_dict(),
        calibration=result.origin,
        training=training.origin(training.samples) if training else None,
        stages=made.records,
        sparsity=sparsity,
        float_layers=result.float_layers,
        pixels=scaled_by(job, recipe),
        rescales_inside=source_rescales(job, recipe),
        toolchain=toolchain(),
        fidelity=fidelity,
        warnings=(
            *build_warnings(job, recipe, built, fidelity),
            *blame(job, recipe, made, content, fidelity),
            *(note for record in made.records for note in record.notes),
            *undone(kernels_of(content), sparsity, made.records),
            *result.warnings,
        ),
        build_key=key,
    )
    write_artifact(artifact, content)
    to_cache(artifact, content)
    return artifact
