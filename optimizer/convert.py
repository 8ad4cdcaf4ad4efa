"""An exported source and a recipe to TFLite bytes: the one place that knows the converter."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.errors import ConversionError
from optimizer.recipe import Recipe
from optimizer.source_model import SIGNATURE, batch_size, batches
from optimizer.techniques import IoType, Scheme
from optimizer.tensorflow_setup import import_tensorflow, quiet_stderr
from optimizer.tflite_file import operators_of

_MANY_CHARACTERS = 300


def convert(
    exported: Path,
    recipe: Recipe,
    *,
    where: str,
    inputs: Sequence[TensorSpec],
    calibration: dict[str, Any] | None = None,
) -> bytes:
    """Return the ``.tflite`` of an exported source by a recipe; the same inputs give the same bytes.

    ``where`` names the source in errors. ``calibration`` holds an array of samples for each input, by
    name; recipes that measure ranges need it.

    Raises:
        ConversionError: the converter refuses the model; ``log`` is all that it said.
    """
    tf = import_tensorflow("Optimizing a model")
    if recipe.calibration is not None and b"While" in _graph(exported):
        _refuse_loops(exported, recipe, where=where, inputs=inputs)
    with quiet_stderr() as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            converter = tf.lite.TFLiteConverter.from_saved_model(
                str(exported), signature_keys=[SIGNATURE]
            )
            _apply(tf, converter, recipe, batch_size(inputs) or 1, calibration)
            content: bytes = converter.convert()
        except ConversionError:
            raise
        except Exception as error:  # noqa: BLE001 (raised again below, once standard error is back)
            failure = error
        else:
            return content
    raise explain(where, recipe, failure, log[0]) from failure


def _refuse_loops(
    exported: Path, recipe: Recipe, *, where: str, inputs: Sequence[TensorSpec]
) -> None:
    """Convert to float and look for loops: TensorFlow 2.19's calibrator crashes on them (SIGSEGV).

    An LSTM has a loop in its graph and becomes one fused operator; a GRU stays a loop.
    """
    plain = convert(exported, Recipe(name=recipe.name), where=where, inputs=inputs)
    if "WHILE" in operators_of(plain):
        raise ConversionError(
            f"{where} cannot be converted by {recipe.name!r}: it has a loop (WHILE), as GRU layers have, "
            "on which TensorFlow's calibrator crashes.",
            hint="build these layers with unroll=True, or use the recipe dynamic-range",
        )


def _graph(exported: Path) -> bytes:
    return (exported / "saved_model.pb").read_bytes()


def explain(where: str, recipe: Recipe, error: Exception, log: str) -> ConversionError:
    """One sentence for what the converter says in many; ``log`` is what it wrote besides."""
    text = f"{error}\n{log}"
    # "Custom ops: Foo, Bar" in lists of needed operators, 'tf.Foo' op in single errors.
    custom = _operators(text, r"Custom ops: (.+)") or _operators(
        text, r"neither a custom op[^']*'(tf\.\w+)'"
    )
    flex = _operators(text, r"Flex ops: (.+)")
    unquantized = _operators(text, r"(?:not support|Unsupported)[^\n]*?'tfl\.(\w+)'")
    quantizes = recipe.quantization.scheme.needs_calibration
    if custom:
        what = f"it has operators that TFLite does not know: {', '.join(custom)}"
        hint = "replace these layers by standard ones"
    elif flex:
        what = f"it needs TensorFlow operators (Flex), which are not allowed: {', '.join(flex)}"
        hint = "replace these layers by ones that TFLite has"
    elif quantizes and not recipe.quantization.float_fallback:
        what = f"{unquantized[0]} has no integer kernel" if unquantized else _first_line(error)
        hint = "float_fallback = true in the recipe leaves such operators in float"
    else:
        what = _first_line(error)
        hint = "try --recipe float32: if that fails too, a layer of the model is what TFLite lacks"
    return ConversionError(
        f"{where} cannot be converted by {recipe.name!r}: {what}.", hint=hint, log=text
    )


def _apply(
    tf: Any, converter: Any, recipe: Recipe, batch: int, calibration: dict[str, Any] | None
) -> None:
    """Set the converter as the recipe says."""
    quantization = recipe.quantization
    scheme = quantization.scheme
    sparse = recipe.pruning is not None and recipe.pruning.sparse_encoding
    if scheme is Scheme.NONE:
        if sparse:
            converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if sparse:
        converter.optimizations.append(tf.lite.Optimize.EXPERIMENTAL_SPARSITY)
    # The converter has no public names for these.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = (  # noqa: SLF001
        not quantization.per_channel_dense
    )
    converter._experimental_disable_per_channel = not quantization.per_channel  # noqa: SLF001
    if scheme is Scheme.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if quantization.io_dtype is not IoType.FLOAT32:
        converter.inference_input_type = getattr(tf, quantization.io_dtype.value)
        converter.inference_output_type = getattr(tf, quantization.io_dtype.value)
    # A model that was trained for int8 brings its ranges along, and keeps some layers in float.
    if scheme.needs_calibration and recipe.qat is None:
        _calibrate(tf, converter, recipe, batch, calibration)


def _calibrate(
    tf: Any, converter: Any, recipe: Recipe, batch: int, calibration: dict[str, Any] | None
) -> None:
    """Let the converter measure ranges, and choose the integer operators."""
    if calibration is None:
        raise ConversionError(f"The recipe {recipe.name!r} needs calibration data.")

    def representative() -> Iterator[dict[str, Any]]:
        for samples, _ in batches(calibration, batch):
            yield samples

    converter.representative_dataset = representative
    operators = tf.lite.OpsSet
    integer = (
        operators.TFLITE_BUILTINS_INT8
        if recipe.quantization.scheme is Scheme.INT8
        else operators.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    )
    fallback = [operators.TFLITE_BUILTINS] if recipe.quantization.float_fallback else []
    converter.target_spec.supported_ops = [integer, *fallback]


def _operators(text: str, pattern: str) -> list[str]:
    found = re.search(pattern, text)
    return [part.strip() for part in found[1].split(",")] if found else []


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # MLIR puts the place in the Python source that made the operator before what is wrong.
    told = re.sub(r"^.*?\berror: ", "", lines[0]) if lines else type(error).__name__
    return told[:_MANY_CHARACTERS].rstrip(".")
