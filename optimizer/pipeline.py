"""From a source model and recipes to artifacts, cached by content: same inputs, no work.

A manifest beside the output with the build's key means that there is nothing to do; a file of that key in
the user's cache is copied; only then is TensorFlow imported. The source is loaded and exported once for
all recipes of a call.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.artifact import Artifact, Fidelity, TensorSpec, gzip_size_of
from optimizer.build_cache import (
    build_key,
    existing,
    from_cache,
    keep_log,
    to_cache,
    toolchain,
    write_artifact,
)
from optimizer.data import Dataset, constant_inputs, fit_to_inputs, pick, read_dataset
from optimizer.errors import ConversionError, DataError, OptimizerError
from optimizer.interpreter import TFLiteModel
from optimizer.recipe import Recipe
from optimizer.source import Source, identify
from optimizer.tensorflow_setup import require_tensorflow

Step = Callable[[str], None]


def build_artifacts(
    model: Path,
    recipes: Sequence[Recipe],
    *,
    output: Path,
    calibration: Path | None = None,
    evaluation: Path | None = None,
    overwrite: bool = False,
    step: Step = lambda _: None,
) -> tuple[Artifact, ...]:
    """Build ``OUTPUT/NAME.RECIPE.tflite`` with its manifest for each recipe, in order.

    Fidelity is measured on the evaluation data, else on the calibration data. ``step`` is told what is
    being done.

    Raises:
        ModelError: the source cannot be used, or an output is a file that this tool did not make.
        DataError: data are missing or do not fit the model.
        ConversionError: the converter refuses, or what it made does not run.
        OptimizerError: the output cannot be written.
        MissingExtraError: TensorFlow is not installed.
    """
    source = identify(model)
    _check_recipes(recipes, calibration)
    read = read_dataset(calibration) if calibration else None
    held_out = read_dataset(evaluation) if evaluation else None
    with ExitStack() as stack:
        job = _Job(source=source, calibration=read, evaluation=held_out, step=step, stack=stack)
        return tuple(
            _artifact(
                job, recipe, output / f"{source.name}.{recipe.name}.tflite", overwrite=overwrite
            )
            for recipe in recipes
        )


@dataclass(slots=True)
class _Job:
    """What the recipes of one call share; the model is loaded when it is first needed."""

    source: Source
    calibration: Dataset | None
    evaluation: Dataset | None
    step: Step
    stack: ExitStack
    _model: Any = field(default=None)
    _exported: Path | None = field(default=None)
    _reference: Any = field(default=None)

    def model(self) -> Any:
        """The loaded source, a ``SourceModel``."""
        if self._model is None:
            from optimizer.source_model import open_model

            require_tensorflow("Optimizing a model")
            self.step(f"load {self.source.path.name}")
            self._model = open_model(self.source)
        return self._model

    def exported(self) -> Path:
        """The source as the SavedModel that is converted."""
        if self._exported is None:
            folder = tempfile.TemporaryDirectory(prefix="android-bench-")
            self._exported = Path(self.stack.enter_context(folder))
            self.model().export(self._exported)
        return self._exported

    def reference(self) -> Any:
        """The source's outputs that artifacts are held against, ``None`` without data."""
        dataset = self.evaluation or self.calibration
        if self._reference is None and dataset is not None:
            from optimizer.fidelity import reference

            model = self.model()
            self.step(f"run the source on {dataset.path.name}")
            self._reference = reference(model, dataset)
        return self._reference


def _check_recipes(recipes: Sequence[Recipe], calibration: Path | None) -> None:
    names = [recipe.name for recipe in recipes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptimizerError(f"The recipe {twice!r} is named twice.", hint="name each recipe once")
    for recipe in recipes:
        if recipe.calibration is not None and calibration is None:
            raise DataError(
                f"The recipe {recipe.name!r} needs calibration data, and none were given.",
                hint="--calibration data.npz, a few hundred typical inputs; or --recipe dynamic-range",
            )


def _artifact(job: _Job, recipe: Recipe, target: Path, *, overwrite: bool) -> Artifact:
    """The artifact of one recipe: the one that is there, the cache's, or a new one."""
    key = build_key(job.source, recipe, calibration=job.calibration, evaluation=job.evaluation)
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


def _build(job: _Job, recipe: Recipe, target: Path, key: str) -> Artifact:
    """Convert, run, compare, and write file and manifest."""
    from optimizer.convert import convert

    model = job.model()
    samples, origin = _calibration(job, recipe, model.inputs)
    wanted = job.reference()
    job.step(f"{recipe.name}: convert")
    content = convert(
        job.exported(), recipe, where=str(job.source.path), inputs=model.inputs, calibration=samples
    )
    built = TFLiteModel(content, where=target.name)
    fidelity = None
    if wanted is None:
        built.run_once()
    else:
        from optimizer.fidelity import measure_fidelity

        job.step(f"{recipe.name}: compare with the source")
        fidelity = measure_fidelity(wanted, built, where=target.name)
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
        calibration=origin,
        toolchain=toolchain(),
        fidelity=fidelity,
        warnings=tuple(_warnings(job, recipe, built, fidelity)),
        build_key=key,
    )
    write_artifact(artifact, content)
    to_cache(artifact, content)
    return artifact


def _calibration(
    job: _Job, recipe: Recipe, inputs: Sequence[TensorSpec]
) -> tuple[dict[str, Any] | None, str | None]:
    """The recipe's choice of calibration samples, and where they came from."""
    if recipe.calibration is None or job.calibration is None:
        return None, None
    wanted = recipe.calibration
    chosen = pick(job.calibration, wanted.samples, wanted.seed)
    arrays = fit_to_inputs(job.calibration, inputs)
    samples = {name: array[chosen] for name, array in arrays.items()}
    return samples, job.calibration.origin(len(chosen), seed=wanted.seed)


def _warnings(
    job: _Job, recipe: Recipe, built: TFLiteModel, fidelity: Fidelity | None
) -> list[str]:
    """What a reader of the manifest must know."""
    found = []
    data = job.calibration
    if recipe.calibration is not None and data is not None:
        if data.samples < recipe.calibration.samples:
            found.append(
                f"{data.path.name} has {data.samples} samples, the recipe asks for "
                f"{recipe.calibration.samples}."
            )
        found += [
            f"{data.path.name}: {name} has the same value everywhere, which tells no range."
            for name in constant_inputs(data)
        ]
    found += [
        f"The input {spec.name!r} has free sizes; delegates and benchmark_model want fixed ones."
        for spec in job.model().inputs
        if any(size < 0 for size in spec.shape[1:])
    ]
    if built.keeps_state:
        found.append(
            "Keeps state from one inference to the next, as LSTMs do: an app has to reset the variables "
            "before each sequence (resetVariableTensors)."
        )
    if fidelity is not None:
        from optimizer.fidelity import losses

        found += losses(fidelity)
    return found
