"""Float against quantized, layer by layer, for a model and a recipe or for two files that are there."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from optimizer.data import Dataset, fit_to_inputs, pick
from optimizer.datasets import DataSets
from optimizer.errors import RecipeError
from optimizer.job import Job, Step
from optimizer.layer_errors import LayerError, compare_layers
from optimizer.quantize_tflite import is_quantized
from optimizer.recipe import Recipe
from optimizer.source import Format, identify
from optimizer.source_model import TFLiteSource, open_model
from optimizer.techniques import Scheme
from optimizer.tflite_file import read_bytes
from optimizer.to_tflite import to_tflite


def debug_recipe(
    model: Path,
    recipe: Recipe,
    *,
    data: Dataset,
    samples: int,
    allow_unsafe: bool = False,
    step: Step = lambda _: None,
) -> tuple[LayerError, ...]:
    """The errors of a model quantized by a recipe, on calibration from ``data`` and samples of them.

    A recipe's training is done too, if it has any: float is the trained model then.

    Raises:
        RecipeError: the recipe does not quantize, or what it makes has no float twin.
        OptimizerError: the model or the data cannot be used, or the conversion fails.
    """
    if recipe.quantization.scheme in {Scheme.NONE, Scheme.FLOAT16}:
        raise RecipeError(
            f"The recipe {recipe.name!r} does not quantize to integers: there is nothing to compare.",
            hint="--recipe int8",
        )
    if recipe.qat is not None:
        raise RecipeError(
            f"The recipe {recipe.name!r} trains for int8: its model has no float twin.",
            hint="android-bench debug-quantization FLOAT.tflite QUANTIZED.tflite compares two files",
        )
    with ExitStack() as stack:
        sets = DataSets(training=data, calibration=data, evaluation=data)
        source = identify(model)
        job = Job(source=source, data=sets, step=step, stack=stack, allow_unsafe=allow_unsafe)
        made = job.made(recipe)
        converted = to_tflite(job, recipe, made)
        plain = job.float_content(made, where=str(model))
        arrays = fit_to_inputs(data, job.model().inputs)
        chosen = pick(data, samples, seed=0)
        step("compare layer by layer")
        inputs = {name: array[chosen] for name, array in arrays.items()}
        return compare_layers(plain, converted.content, inputs, where=str(model), samples=samples)


def debug_files(
    model: Path, quantized: Path, *, data: Dataset, samples: int
) -> tuple[LayerError, ...]:
    """The errors of a quantized ``.tflite`` against the float one that it was made of.

    Raises:
        ModelError: a file is no ``.tflite``, or the two have nothing in common.
        OptimizerError: the data do not fit, or a model does not run.
    """
    read_bytes(model)  # says what is wrong with a file that is none
    content = read_bytes(quantized)
    source = identify(model)
    opened = open_model(source)
    if source.format is not Format.TFLITE or not isinstance(opened, TFLiteSource):
        raise RecipeError(f"{model} is no .tflite.", hint="give two .tflite files, or a recipe")
    if is_quantized(model.read_bytes()):
        raise RecipeError(
            f"{model} is quantized itself.",
            hint="give the float model first, then the quantized one",
        )
    arrays = fit_to_inputs(data, opened.inputs)
    chosen = pick(data, samples, seed=0)
    inputs = {name: array[chosen] for name, array in arrays.items()}
    return compare_layers(
        model.read_bytes(), content, inputs, where=f"{model} and {quantized}", samples=samples
    )
