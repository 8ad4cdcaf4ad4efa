"""A model after its training stages to TFLite bytes, by whichever tool its recipe needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optimizer.artifact import Fidelity
from optimizer.errors import RecipeError
from optimizer.job import Job
from optimizer.recipe import Recipe
from optimizer.techniques import Scheme

_COMPARED = 16
_BLAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A ``.tflite``, where its calibration data came from, and what a search left in float."""

    content: bytes
    origin: str | None = None
    float_layers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def to_tflite(job: Job, recipe: Recipe, made: Any) -> Converted:
    """Convert a ``Made`` by a recipe.

    Raises:
        ConversionError: a tool refuses the model.
        RecipeError: the source is a ``.tflite``, and the recipe is not for one.
    """
    quantization = recipe.quantization
    where = str(job.source.path)
    samples, origin = job.calibration(recipe)
    if recipe.selective is not None:
        return _search(job, recipe, made, samples, origin)
    job.step(f"{recipe.name}: convert")
    sparse = recipe.pruning is not None and recipe.pruning.sparse_encoding
    if quantization.scheme is Scheme.NONE and not sparse:
        return Converted(content=job.float_content(made, where=where))
    if not job.is_tflite and not quantization.by_quantizer:
        from optimizer.convert import convert

        exported = job.exported(made)
        content = convert(
            exported, recipe, where=where, inputs=made.model.inputs, calibration=samples
        )
        if recipe.qat is not None and made.records[-1].left_in_float:
            return _left_in_float(job, made, content, origin)
        return Converted(content=content, origin=origin)
    plain = job.float_content(made, where=where)
    from optimizer.quantize_tflite import quantize

    content = quantize(
        plain,
        scheme=_scheme(job, recipe),
        where=where,
        calibration=samples,
        float_layers=quantization.float_layers,
        only_operators=quantization.only_operators,
    )
    return Converted(content=content, origin=origin)


def _left_in_float(job: Job, made: Any, content: bytes, origin: str | None) -> Converted:
    """Bring back to float what was not trained for int8, and the converter quantized all the same."""
    from optimizer.restore_float import restore_float

    plain = job.float_content(made, where=str(job.source.path))
    restored, names = restore_float(content, plain, made.records[-1].left_in_float)
    return Converted(content=restored, origin=origin, float_layers=names)


def _search(job: Job, recipe: Recipe, made: Any, samples: Any, origin: str | None) -> Converted:
    """Quantize, and leave in float what costs more accuracy than the recipe allows."""
    from optimizer.fidelity import measure_fidelity
    from optimizer.interpreter import TFLiteModel
    from optimizer.selective import search_float_layers

    selective = recipe.selective
    if selective is None:
        raise ValueError("no search in this recipe")
    wanted = job.reference()
    where = str(job.source.path)

    def score(content: bytes) -> float:
        built = TFLiteModel(content, where=where)
        found = measure_fidelity(wanted, built, where=where)
        value = found.accuracy if found.accuracy is not None else found.top1_agreement
        return found.cosine if value is None else value

    plain = job.float_content(made, where=where)
    job.step(f"{recipe.name}: search layers to leave in float")
    result = search_float_layers(
        plain,
        scheme=_scheme(job, recipe),
        calibration=samples,
        inputs=wanted.inputs,
        score=score,
        float_score=score(plain),
        max_drop=selective.max_accuracy_drop / 100,
        where=where,
        max_evaluations=selective.max_evaluations,
        step=lambda told: job.step(f"{recipe.name}: {told}"),
    )
    missed = result.float_score - result.score - selective.max_accuracy_drop / 100
    told = (
        f"The search ended {missed * 100:.2f} points short of its bound after {result.tried} tries.",
    )
    return Converted(
        content=result.content,
        origin=origin,
        float_layers=result.float_layers,
        warnings=told if missed > 1e-9 else (),
    )


def blame(
    job: Job, recipe: Recipe, made: Any, content: bytes, fidelity: Fidelity | None
) -> list[str]:
    """For an artifact that collapsed, the layers where quantization lost what the model needs."""
    from optimizer.fidelity import collapse, measure_fidelity
    from optimizer.interpreter import TFLiteModel

    if (
        fidelity is None
        or collapse(fidelity, trained=bool(recipe.stages)) is None
        or recipe.quantization.scheme is Scheme.NONE
    ):
        return []
    from optimizer.layer_errors import compare_layers, responsible_layers

    where = str(job.source.path)
    plain = job.float_content(made, where=where)
    if made.records:
        before = measure_fidelity(job.reference(), TFLiteModel(plain, where=where), where=where)
        told = collapse(before, trained=True)
        if told is not None:
            return [
                f"Not the quantization's doing: trained, and still in float, it had {told.lower()}"
            ]
    inputs = {name: array[:_COMPARED] for name, array in job.reference().inputs.items()}
    job.step(f"{recipe.name}: collapsed, look for the layers")
    errors = compare_layers(plain, content, inputs, where=where, samples=_COMPARED)
    found = responsible_layers(errors, count=_BLAMED)
    if not found:
        return []
    named = "; ".join(
        f"{item.layer} ({item.operator}, error {item.relative_error:.0%} of its signal)"
        for item in found
    )
    return [f"The layers responsible: {named}. android-bench debug-quantization shows all."]


def _scheme(job: Job, recipe: Recipe) -> Any:
    """The scheme as ai-edge-quantizer's.

    Raises:
        RecipeError: the source is a ``.tflite`` and only the converter, from a Keras model, can do it.
    """
    from optimizer.quantize_tflite import TFLiteScheme

    quantization = recipe.quantization
    known = {item.value for item in TFLiteScheme}
    why = None
    if recipe.stages:
        why = f"[{recipe.stages[0]}] trains"
    elif quantization.scheme.value not in known:
        why = f"the scheme {quantization.scheme.value!r} is the converter's"
    elif job.is_tflite and (
        quantization.io_dtype.value != "float32" or not quantization.per_channel
    ):
        why = "io_dtype and per_channel = false are the converter's"
    if why is not None and job.is_tflite:
        raise RecipeError(
            f"The recipe {recipe.name!r} is not for {job.source.path.name}, a .tflite already: {why}.",
            hint=f"a .tflite can be quantized: {', '.join(sorted(known))}; for others give its Keras model",
        )
    return TFLiteScheme(quantization.scheme.value)
