"""From a source model and recipes to artifacts, cached by content: same inputs, no work.

The key of a build is the digest of the source, the recipe, the data and the versions of the tools. A
manifest beside the output with the same key means that there is nothing to do; a file of that key in the
user's cache is copied; only then is TensorFlow imported.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optimizer.artifact import (
    Artifact,
    Fidelity,
    gzip_size,
    manifest_path,
    read_manifest,
    write_manifest,
)
from optimizer.data import Dataset, fit_to_inputs, pick, read_dataset
from optimizer.errors import DataError, ModelError, OptimizerError
from optimizer.files import write_atomic
from optimizer.recipe import Recipe
from optimizer.source import Source, identify, load
from optimizer.tensorflow_setup import require_tensorflow

# Their versions decide what comes out; they are part of the key and of the manifest.
TOOLCHAIN = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy")
EVALUATION_SAMPLES = 5000
# Below these an artifact has collapsed rather than lost a little: it is kept, and its manifest says so.
COLLAPSED_AGREEMENT = 0.5
COLLAPSED_COSINE = 0.9

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

    Fidelity is measured on the evaluation data, else on the calibration data. The source is loaded once,
    and only if something has to be built.

    Raises:
        ModelError: the source cannot be used, or an output is a file that this tool did not make.
        DataError: data are missing or do not fit the model.
        ConversionError: the converter refuses, or what it made does not run.
        MissingExtraError: TensorFlow is not installed.
    """
    source = identify(model)
    _check_recipes(recipes, calibration)
    job = _Job(
        source=source,
        calibration=read_dataset(calibration) if calibration else None,
        evaluation=read_dataset(evaluation) if evaluation else None,
    )
    built = []
    for recipe in recipes:
        target = output / f"{source.name}.{recipe.name}.tflite"
        key = job.key(recipe)
        artifact = _existing(target, key, overwrite=overwrite) or _from_cache(target, key)
        if artifact is None:
            require_tensorflow("Optimizing a model")
            step(f"{recipe.name}: convert and compare")
            artifact = _build(job, recipe, target, key)
            _to_cache(artifact)
        else:
            step(f"{recipe.name}: up to date")
        built.append(artifact)
    return tuple(built)


@dataclass(slots=True)
class _Job:
    """What the recipes of one call share; the model is loaded when it is first needed."""

    source: Source
    calibration: Dataset | None
    evaluation: Dataset | None
    _loaded: Any = None
    _expected: tuple[Dataset, Any, list[Any]] | None = field(default=None)

    def model(self) -> Any:
        """The loaded source."""
        if self._loaded is None:
            self._loaded = load(self.source)
        return self._loaded

    def key(self, recipe: Recipe) -> str:
        """The digest of everything that decides what comes out."""
        parts = {
            "source": self.source.sha256,
            "recipe": recipe.digest,
            "calibration": self.calibration.sha256 if self.calibration else None,
            "evaluation": self.evaluation.sha256 if self.evaluation else None,
            "toolchain": toolchain(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def expected(self, specs: Sequence[Any]) -> tuple[Dataset, Any, list[Any]] | None:
        """The dataset that fidelity is measured on, the samples' indices, and the source's outputs."""
        dataset = self.evaluation or self.calibration
        if dataset is not None and self._expected is None:
            chosen = pick(dataset, EVALUATION_SAMPLES, seed=0)
            inputs = [array[chosen] for array in fit_to_inputs(dataset, specs)]
            self._expected = (
                dataset,
                chosen,
                _run_source(self.source, self.model(), specs, inputs),
            )
        return self._expected


def toolchain() -> dict[str, str]:
    """The versions of the tools that are installed."""
    installed = {item.name: item.version for name in TOOLCHAIN for item in _distributions(name)}
    return {name: installed[name] for name in TOOLCHAIN if name in installed}


def _distributions(name: str) -> list[importlib.metadata.Distribution]:
    return list(importlib.metadata.distributions(name=name))[:1]


def cache_folder() -> Path:
    """Where finished artifacts are kept by their key."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("android-bench")) / "artifacts"


def _check_recipes(recipes: Sequence[Recipe], calibration: Path | None) -> None:
    names = [recipe.name for recipe in recipes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptimizerError(f"The recipe {twice!r} is named twice.", hint="name each recipe once")
    for recipe in recipes:
        if recipe.quantization.scheme.needs_calibration and calibration is None:
            raise DataError(
                f"The recipe {recipe.name!r} needs calibration data, and none were given.",
                hint="--calibration data.npz, a few hundred typical inputs; or --recipe dynamic-range",
            )


def _existing(target: Path, key: str, *, overwrite: bool) -> Artifact | None:
    """The artifact that is there already, if it was made of the same things.

    A file without a manifest, or changed since, is not this tool's to replace.
    """
    if not target.exists():
        return None
    artifact = None
    try:
        artifact = read_manifest(target)
    except ModelError:
        if not overwrite:
            raise
    if artifact is not None and artifact.build_key == key:
        return artifact
    if not overwrite and (artifact is None or artifact.build_key is None):
        raise ModelError(
            f"{target} exists and was not made by this tool, or was changed since.",
            hint="--overwrite replaces it; --output names another folder",
        )
    return None


def _build(job: _Job, recipe: Recipe, target: Path, key: str) -> Artifact:
    """Convert, run, compare, and write file and manifest."""
    from optimizer.convert import convert, input_specs
    from optimizer.interpreter import TFLiteModel

    specs = input_specs(job.source, job.model())
    samples, origin = None, None
    if recipe.calibration is not None and job.calibration is not None:
        wanted = recipe.calibration
        chosen = pick(job.calibration, wanted.samples, wanted.seed)
        samples = [array[chosen] for array in fit_to_inputs(job.calibration, specs)]
        origin = job.calibration.origin(len(chosen), seed=wanted.seed)
    content = convert(job.source, job.model(), recipe, calibration=samples)
    built = TFLiteModel(content, where=f"{job.source.name}.{recipe.name}.tflite")
    built.run_once()
    fidelity = _measure(job, specs, built)
    write_atomic(target, content)
    artifact = Artifact(
        path=target,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        gzip_bytes=gzip_size(target),
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
        warnings=tuple(_warnings(job, recipe, fidelity)),
        build_key=key,
    )
    write_manifest(artifact)
    return artifact


def _measure(job: _Job, specs: Sequence[Any], built: Any) -> Fidelity | None:
    """Compare the artifact with its source on the data there are."""
    from optimizer.fidelity import compare_outputs

    found = job.expected(specs)
    if found is None:
        return None
    dataset, chosen, expected = found
    by_input = dict(
        zip((_plain(spec.name) for spec in specs), fit_to_inputs(dataset, specs), strict=True)
    )
    ordered = _order_like(built.inputs, by_input)
    actual = built.run([array[chosen] for array in ordered])
    labels = None if dataset.labels is None else dataset.labels[chosen]
    return compare_outputs(
        expected, _pair(expected, actual), labels=labels, origin=dataset.origin(len(chosen))
    )


def _order_like(inputs: Sequence[Any], arrays: dict[str, Any]) -> list[Any]:
    """The arrays in the artifact's own order of inputs, by name where names survived."""
    names = [_plain(spec.name) for spec in inputs]
    return [arrays[name] for name in names] if set(names) == set(arrays) else list(arrays.values())


def _pair(expected: Sequence[Any], actual: Sequence[Any]) -> list[Any]:
    """The artifact's outputs in the source's order: the converter may reorder them, shapes tell."""
    left = list(actual)
    ordered = []
    for want in expected:
        index = next((i for i, have in enumerate(left) if have.shape == want.shape), 0)
        ordered.append(left.pop(index))
    return ordered


def _run_source(
    source: Source, model: Any, specs: Sequence[Any], inputs: Sequence[Any]
) -> list[Any]:
    """The source's outputs as float32 arrays (samples, …)."""
    import numpy as np

    from optimizer.convert import serving_signature
    from optimizer.source import Format

    if source.format is Format.SAVED_MODEL:
        from optimizer.tensorflow_setup import import_tensorflow

        tf = import_tensorflow("Optimizing a model")
        call = serving_signature(source, model)
        named = {spec.name: tf.constant(array) for spec, array in zip(specs, inputs, strict=True)}
        outputs = [value.numpy() for _, value in sorted(call(**named).items())]
    else:
        result = model.predict(inputs[0] if len(inputs) == 1 else list(inputs), verbose=0)
        outputs = list(result) if isinstance(result, list | tuple) else [result]
    return [np.asarray(item, "float32") for item in outputs]


def _warnings(job: _Job, recipe: Recipe, fidelity: Fidelity | None) -> list[str]:
    """What a reader of the manifest must know."""
    found = []
    if (
        recipe.calibration
        and job.calibration
        and job.calibration.samples < recipe.calibration.samples
    ):
        found.append(
            f"{job.calibration.path.name} has {job.calibration.samples} samples, the recipe asks for "
            f"{recipe.calibration.samples}."
        )
    agreement = fidelity.top1_agreement if fidelity else None
    if fidelity and agreement is not None and agreement < COLLAPSED_AGREEMENT:
        found.append(f"Collapsed: only {agreement:.1%} of the samples keep their class.")
    elif fidelity and agreement is None and fidelity.cosine < COLLAPSED_COSINE:
        found.append(f"Collapsed: the outputs' cosine similarity is only {fidelity.cosine:.3f}.")
    return found


def _plain(name: str) -> str:
    return name.removeprefix("serving_default_").partition(":")[0]


def _from_cache(target: Path, key: str) -> Artifact | None:
    """Copy a finished artifact of this key, if the cache has a sound one."""
    kept = cache_folder() / key / "model.tflite"
    try:
        artifact = read_manifest(kept) if kept.is_file() else None
    except ModelError:
        return None
    if artifact is None or artifact.build_key != key:
        return None
    write_atomic(target, kept.read_bytes())
    artifact = replace(artifact, path=target, name=target.name.removesuffix(".tflite"))
    write_manifest(artifact)
    return artifact


def _to_cache(artifact: Artifact) -> None:
    """Keep a finished artifact; a cache that cannot be written costs time, nothing else."""
    folder = cache_folder() / str(artifact.build_key)
    try:
        write_atomic(folder / "model.tflite", artifact.path.read_bytes())
        shutil.copyfile(artifact.manifest_path, manifest_path(folder / "model.tflite"))
    except OSError:
        return
