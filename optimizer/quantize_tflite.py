"""From a float ``.tflite`` to a quantized one through ai-edge-quantizer: no Keras model is needed."""

from __future__ import annotations

import contextlib
import difflib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from optimizer.errors import ConversionError, MissingExtraError, RecipeError
from optimizer.tensorflow_setup import quiet_stderr
from optimizer.tflite_reader import read
from optimizer.tflite_signature import signed

# What a calibration found: the ranges of tensors by their names.
Ranges = dict[str, Any]


class TFLiteScheme(str, Enum):
    """The schemes that need no Keras model, by the names that recipes give them."""

    DYNAMIC_RANGE = "dynamic-range"
    WEIGHT_ONLY = "weight-only"
    INT4 = "int4"
    INT8 = "int8"
    INT16X8 = "int16x8"

    @property
    def needs_calibration(self) -> bool:
        """Whether the ranges of activations must be measured on data."""
        return self in {TFLiteScheme.INT8, TFLiteScheme.INT16X8}


def quantize(
    content: bytes,
    *,
    scheme: TFLiteScheme,
    where: str,
    calibration: dict[str, Any] | None = None,
    ranges: Ranges | None = None,
    float_layers: Sequence[str] = (),
    only_operators: Sequence[str] = (),
) -> bytes:
    """Return the quantized model; its inputs and outputs stay float.

    ``calibration`` holds (samples, …) for each input by its name in the signature; ``ranges`` is what
    ``calibrate`` made of it. ``float_layers`` are regular expressions on names of operators' outputs.

    Raises:
        ConversionError: the model is quantized already, or the quantizer refuses it.
        RecipeError: an expression or operator name fits nothing.
        MissingExtraError: ai-edge-quantizer is not installed.
    """
    _check(content, where, float_layers, only_operators)
    if scheme.needs_calibration:
        content = signed(content)
    if scheme.needs_calibration and ranges is None:
        ranges = calibrate(content, scheme=scheme, where=where, calibration=calibration)
    with _quietly(where):
        quantizer = _quantizer(content, scheme, float_layers, only_operators)
        result = quantizer.quantize(ranges) if ranges is not None else quantizer.quantize()
        return bytes(result.quantized_model)


def calibrate(
    content: bytes, *, scheme: TFLiteScheme, where: str, calibration: dict[str, Any] | None
) -> Ranges:
    """Measure the ranges of all tensors on samples, for several quantizations of one model.

    A range goes from the smallest to the largest value that was seen, as the converter's do: the
    quantizer's own averages cut off what few samples reach.

    Raises:
        ConversionError: there are no samples, or the quantizer refuses the model.
    """
    if calibration is None:
        raise ConversionError(
            f"{where} needs calibration data for the scheme {scheme.value!r}.",
            hint="--calibration data.npz, a few hundred typical inputs",
        )
    from optimizer.source_model import batches

    content = signed(content)
    samples = [batch for batch, _ in batches(calibration, _batch(content))]
    by_signature = {
        key: [{ours: batch[theirs] for ours, theirs in names.items()} for batch in samples]
        for key, names in _calibrated_through(content, calibration, where).items()
    }
    with _quietly(where):
        from ai_edge_quantizer import calibrator, recipe_manager
        from ai_edge_quantizer.utils import qsv_utils

        manager = recipe_manager.RecipeManager()
        recipe = _quantizer(content, scheme, (), ()).get_quantization_recipe()
        manager.load_quantization_recipe(recipe)
        run = calibrator.Calibrator(
            content, num_threads=2, qsv_update_func=qsv_utils.min_max_update
        )
        run.calibrate(by_signature, manager)
        found: Ranges = run.get_model_qsvs()
        return found


def _calibrated_through(
    content: bytes, calibration: dict[str, Any], where: str
) -> dict[str, dict[str, str]]:
    """The signatures to run, each with the data for its inputs: their names there and in the data.

    Raises:
        ConversionError: a signature has an input that there are no data for.
    """
    found = {}
    for signature in read(content).signature_inputs():
        # The main graph's inputs are in the data under their own names where several signatures are.
        names = {
            name: next((one for one in (name, tensor) if one in calibration), None)
            for name, tensor in signature.inputs.items()
        }
        missing = next((name for name, given in names.items() if given is None), None)
        if missing is not None:
            raise ConversionError(
                f"{where} has the signature {signature.key!r}, and the data hold nothing for its input "
                f"{missing!r}.",
                hint="dynamic-range and weight-only need no data",
            )
        found[signature.key] = {name: given for name, given in names.items() if given is not None}
    return found


def is_quantized(content: bytes) -> bool:
    """Whether a sound model has quantized tensors already."""
    reader = read(content)
    if any(item.kind in {"QUANTIZE", "DEQUANTIZE"} for item in reader.graph()):
        return True
    return any(values.dtype.kind == "i" for _, values, _, _ in reader.kernels())


def _quantizer(
    content: bytes, scheme: TFLiteScheme, float_layers: Sequence[str], operators: Sequence[str]
) -> Any:
    """A quantizer with the recipe of a scheme."""
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer

    names = qtyping.TFLOperationName
    made = quantizer.Quantizer(memoryview(content))
    for name in [names(one) for one in operators] or [names.ALL_SUPPORTED]:
        if scheme is TFLiteScheme.DYNAMIC_RANGE:
            made.add_dynamic_config(".*", name, num_bits=8)
        elif scheme is TFLiteScheme.INT4:
            made.add_dynamic_config(".*", name, num_bits=4)
        elif scheme is TFLiteScheme.WEIGHT_ONLY:
            made.add_weight_only_config(".*", name, num_bits=8)
        else:
            bits = 8 if scheme is TFLiteScheme.INT8 else 16
            made.add_static_config(".*", name, activation_num_bits=bits, weight_num_bits=8)
    off = algorithm_manager.AlgorithmName.NO_QUANTIZE
    if not operators:
        # An app gives and takes float values, whatever is inside.
        for border in (names.INPUT, names.OUTPUT):
            made.update_quantization_recipe("^.*$", border, algorithm_key=off)
    for pattern in float_layers:
        made.update_quantization_recipe(pattern, names.ALL_SUPPORTED, algorithm_key=off)
    return made


def _check(
    content: bytes, where: str, float_layers: Sequence[str], only_operators: Sequence[str]
) -> None:
    """Refuse what would be silently without effect."""
    outputs = [(item.kind, item.name) for item in read(content).graph()]
    if is_quantized(content):
        raise ConversionError(
            f"{where} is quantized already.",
            hint="give the float model that it was made of",
        )
    for pattern in float_layers:
        try:
            # The quantizer looks in names that end in a semicolon, so that one is no beginning of another.
            fits = any(re.search(pattern, f"{name};") for _, name in outputs)
        except re.error as error:
            raise RecipeError(
                f"float_layers: {pattern!r} is no regular expression: {error}.",
                hint="a dot, bracket or star of a name is written with a backslash before it",
            ) from error
        if not fits:
            close = difflib.get_close_matches(
                pattern, [name for _, name in outputs], n=1, cutoff=0.3
            )
            raise RecipeError(
                f"float_layers: {pattern!r} fits no operator of {where}.",
                hint=(f"Did you mean {close[0]!r}? " if close else "")
                + "android-bench debug-quantization lists their names",
            )
    known = {operator for operator, _ in outputs}
    for operator in only_operators:
        if operator not in known:
            raise RecipeError(
                f"only_operators: {where} has no operator {operator!r}.",
                hint=f"it has {', '.join(sorted(known))}",
            )


def _batch(content: bytes) -> int:
    inputs = read(content).tensors(0, "Inputs")
    sizes = [spec.shape[0] for spec in inputs if spec.shape]
    return max([1, *sizes])


@contextlib.contextmanager
def _quietly(where: str) -> Iterator[None]:
    """Keep the quantizer's own talk from the terminal; what it raises becomes one sentence."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            quiet_stderr(),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        raise MissingExtraError(
            "optimize", needed_for="Quantizing a .tflite", module="ai_edge_quantizer"
        ) from error
    except (ValueError, RuntimeError, KeyError, NotImplementedError, AttributeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionError(
            f"{where} cannot be quantized by ai-edge-quantizer: {lines[0][:300]}",
            hint="leave the layer in float (float_layers), or try another scheme",
            log=str(error),
        ) from error
    finally:
        logging.disable(level)
