"""Source and recipe to TFLite bytes: the one place that knows the converter."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.errors import ConversionError
from optimizer.recipe import IoType, Recipe, Scheme
from optimizer.source import Format, Source
from optimizer.tensorflow_setup import import_tensorflow, quiet_stderr

_MANY_CHARACTERS = 300


def convert(
    source: Source, model: Any, recipe: Recipe, *, calibration: Sequence[Any] | None = None
) -> bytes:
    """Return the ``.tflite`` of a loaded source by a recipe.

    ``calibration`` holds an array of samples for each input, in the inputs' order; recipes that measure
    ranges need it.

    Raises:
        ConversionError: the converter refuses the model.
    """
    tf = import_tensorflow("Optimizing a model")
    if source.format is Format.SAVED_MODEL:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(source.path))
    else:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    _apply(tf, converter, recipe, calibration)
    with quiet_stderr() as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            content: bytes = converter.convert()
        except Exception as error:
            raise _explain(source, recipe, error, log) from error
    return content


def input_specs(source: Source, model: Any) -> tuple[TensorSpec, ...]:
    """The inputs of a loaded source, in the order in which calibration data are fed.

    Raises:
        ConversionError: a SavedModel has no serving signature.
    """
    if source.format is not Format.SAVED_MODEL:
        return tuple(
            TensorSpec(
                name=tensor.name.partition(":")[0],
                shape=_shape(tensor.shape),
                dtype=tensor.dtype.name,
            )
            for tensor in model.inputs
        )
    signature = serving_signature(source, model)
    return tuple(
        TensorSpec(name=name, shape=_shape(spec.shape), dtype=spec.dtype.name)
        for name, spec in sorted(signature.structured_input_signature[1].items())
    )


def serving_signature(source: Source, model: Any) -> Any:
    """The signature of a SavedModel that is converted.

    Raises:
        ConversionError: it has none called ``serving_default``.
    """
    if "serving_default" not in model.signatures:
        names = ", ".join(model.signatures) or "none"
        raise ConversionError(
            f"{source.path} has no signature 'serving_default' (it has: {names}).",
            hint="export it with model.export('saved_model')",
        )
    return model.signatures["serving_default"]


def _apply(tf: Any, converter: Any, recipe: Recipe, calibration: Sequence[Any] | None) -> None:
    """Set the converter as the recipe says."""
    quantization = recipe.quantization
    scheme = quantization.scheme
    operators = tf.lite.OpsSet
    if scheme is Scheme.NONE:
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # The converter has no public name for it.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = (  # noqa: SLF001
        not quantization.per_channel_dense
    )
    if scheme is Scheme.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if not scheme.needs_calibration:
        return
    if calibration is None:
        raise ConversionError(f"The recipe {recipe.name!r} needs calibration data.")

    def representative() -> Iterator[list[Any]]:
        for index in range(len(calibration[0])):
            yield [array[index : index + 1] for array in calibration]

    converter.representative_dataset = representative
    integer = (
        operators.TFLITE_BUILTINS_INT8
        if scheme is Scheme.INT8
        else operators.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    )
    fallback = [operators.TFLITE_BUILTINS] if quantization.float_fallback else []
    converter.target_spec.supported_ops = [integer, *fallback]
    if quantization.io_dtype is not IoType.FLOAT32:
        converter.inference_input_type = getattr(tf, quantization.io_dtype.value)
        converter.inference_output_type = getattr(tf, quantization.io_dtype.value)


def _explain(source: Source, recipe: Recipe, error: Exception, log: list[str]) -> ConversionError:
    """One sentence for what the converter says in many."""
    text = "\n".join([str(error), *log])
    # "tf.Foo {…}" in lists of needed operators, 'tf.Foo' op in single errors.
    custom = _operators(text, r"Custom ops: (.+)") or _operators(
        text, r"neither a custom op[^']*'(tf\.\w+)'"
    )
    flex = _operators(text, r"Flex ops: (.+)")
    if custom:
        what = f"it has operators that TFLite does not know: {', '.join(custom)}"
        hint = "replace these layers by standard ones"
    elif flex:
        what = f"it needs TensorFlow operators (Flex), which this recipe does not allow: {', '.join(flex)}"
        hint = "replace these layers by ones that TFLite has"
    elif recipe.quantization.scheme.needs_calibration and not recipe.quantization.float_fallback:
        what = _first_line(error)
        hint = "an operator may have no integer kernel: set float_fallback = true in the recipe"
    else:
        what = _first_line(error)
        hint = "export a SavedModel in your training script and give that folder"
    return ConversionError(
        f"{source.path} cannot be converted by {recipe.name!r}: {what}.", hint=hint
    )


def _operators(text: str, pattern: str) -> list[str]:
    found = re.search(pattern, text)
    return [part.strip() for part in found[1].split(",")] if found else []


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:_MANY_CHARACTERS].rstrip(".")


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(-1 if size is None else int(size) for size in shape)
