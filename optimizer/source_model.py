"""A loaded source as the rest of the optimizer sees it: named inputs in, named outputs out.

Keras models and SavedModels become the same thing here: a function with one signature, whose names are
the ones that the artifact's signature has too. So outputs are compared by name: the converter sorts them.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.errors import DataError, ModelError
from optimizer.interpreter import TFLiteModel
from optimizer.source import Format, Source, load
from optimizer.tensorflow_setup import import_tensorflow, quiet_stderr
from optimizer.tflite_file import inspect

SIGNATURE = "serving_default"
# As many samples at once as have so many values: activations are a few times as large.
_VALUES_AT_ONCE = 4_000_000
_FEWEST_AT_ONCE, _MOST_AT_ONCE = 8, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel:
    """A loaded source. ``outputs`` are names in the model's order; a SavedModel's are sorted.

    ``call`` takes tensors in the order of ``inputs`` and returns tensors by name. ``state`` is what has
    to be saved with it, variables as a rule; ``whole`` is the loaded model, for those with lookup tables.
    ``keras`` is the Keras 2 model that can be trained; without one ``untrainable`` says why.
    """

    path: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[str, ...]
    call: Callable[..., dict[str, Any]]
    state: Any
    whole: Any
    keras: Any = None
    untrainable: str | None = None

    def predict(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs, each (samples, …) in float32, for inputs of (samples, …) by name.

        Raises:
            DataError: the model fails on these values, an index beyond an embedding for instance.
        """
        import numpy as np

        tf = import_tensorflow("Optimizing a model")
        function = tf.function(self.call, input_signature=self._signature(tf, free_batch=True))
        count = len(next(iter(inputs.values())))
        parts: list[dict[str, Any]] = []
        for batch, used in batches(inputs, batch_size(self.inputs) or _at_once(inputs)):
            tensors = [tf.constant(batch[spec.name], dtype=spec.dtype) for spec in self.inputs]
            try:
                found = function(*tensors)
            except (tf.errors.OpError, ValueError) as error:
                raise DataError(
                    f"The source model fails on the data: {_last_line(error)}",
                    hint="the values may lie outside of what the model was trained on",
                ) from error
            parts.append({name: found[name].numpy()[:used] for name in self.outputs})
        return {
            name: np.concatenate([part[name] for part in parts]).astype("float32")[:count]
            for name in self.outputs
        }

    def export(self, folder: Path) -> None:
        """Write a SavedModel for the converter, for one sample at a time.

        A free batch would stay in the artifact as Shape, StridedSlice and Pack operators, keeps
        delegates away, and the converter refuses LSTMs with it. An app runs one sample at a time.
        """
        tf = import_tensorflow("Optimizing a model")
        function = tf.function(self.call, input_signature=self._signature(tf, free_batch=False))
        with quiet_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signatures = {SIGNATURE: function.get_concrete_function()}
            module = tf.Module()
            module.state = self.state
            try:
                tf.saved_model.save(module, str(folder), signatures=signatures)
            except (
                AssertionError
            ):  # "untracked resource": a table, say, of a layer that looks words up
                # Keras traces every layer apart for this: five times slower for MobileNetV2.
                module.state = self.whole
                tf.saved_model.save(module, str(folder), signatures=signatures)

    def _signature(self, tf: Any, *, free_batch: bool) -> list[Any]:
        specs = []
        for spec in self.inputs:
            sizes: list[int | None] = [None if size < 0 else size for size in spec.shape]
            if sizes and sizes[0] is None:
                sizes[0] = None if free_batch else 1
            specs.append(tf.TensorSpec(sizes, spec.dtype, name=spec.name))
        return specs


@dataclass(frozen=True, slots=True, kw_only=True)
class TFLiteSource:
    """A source that is a ``.tflite`` already: it runs, and can be quantized, not trained or exported."""

    path: Path
    model: TFLiteModel

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs under their names in the signature."""
        specs = zip(self.model.inputs, self.model.input_names, strict=True)
        return tuple(replace(spec, name=name) for spec, name in specs)

    @property
    def keras(self) -> None:
        """There is no Keras model."""
        return

    @property
    def untrainable(self) -> str:
        """Why it cannot be trained."""
        return "it is a .tflite, in which there is nothing to train"

    def predict(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs by name, each (samples, …) in float32.

        Raises:
            ConversionError: an operator fails while running.
        """
        return self.model.run(inputs)


def open_model(
    source: Source, *, allow_unsafe: bool = False, stack: ExitStack | None = None
) -> SourceModel | TFLiteSource:
    """Load a source.

    A model of Keras 3 with layers that Keras 2 lacks goes the road of a SavedModel, which ``stack`` keeps.

    Raises:
        ModelError: it is damaged, or has no inputs and outputs that can be known.
        MissingExtraError: TensorFlow is not installed.
    """
    if source.format is Format.TFLITE:
        inspect(source.path)  # says what is wrong with a file that is cut short
        return TFLiteSource(
            path=source.path,
            model=TFLiteModel(source.path.read_bytes(), where=source.path.name),
        )
    if source.format is Format.KERAS3:
        from optimizer.keras3 import NotCarriedOver

        try:
            return of_keras(source.path, load(source, allow_unsafe=allow_unsafe))
        except NotCarriedOver as error:
            if stack is None:
                raise
            return _of_keras3(source, error, allow_unsafe=allow_unsafe, stack=stack)
    if source.format is Format.SAVED_MODEL:
        return of_saved_model(source)
    return of_keras(source.path, load(source, allow_unsafe=allow_unsafe))


def _of_keras3(
    source: Source, error: Exception, *, allow_unsafe: bool, stack: ExitStack
) -> SourceModel:
    """A model that Keras 3 itself exports: it can be converted, not trained."""
    from optimizer.keras3 import export_saved_model

    folder = tempfile.TemporaryDirectory(prefix="android-bench-")
    path = Path(stack.enter_context(folder))
    export_saved_model(source.path, path, allow_unsafe=allow_unsafe)
    exported = Source(path=path, format=Format.SAVED_MODEL, sha256=source.sha256)
    model = of_saved_model(exported)
    return replace(model, path=source.path, untrainable=str(error).rstrip("."))


def batch_size(inputs: Sequence[TensorSpec]) -> int | None:
    """The batch that a model's inputs are fixed to, ``None`` when it is free."""
    return next((spec.shape[0] for spec in inputs if spec.shape and spec.shape[0] > 0), None)


def _at_once(inputs: dict[str, Any]) -> int:
    """How many samples of this size are predicted at once."""
    values = int(sum(array[:1].size for array in inputs.values()))
    return max(_FEWEST_AT_ONCE, min(_MOST_AT_ONCE, _VALUES_AT_ONCE // max(1, values)))


def batches(inputs: dict[str, Any], size: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Batches of exactly ``size`` samples with how many of them count: the last sample fills the last one.

    Data of fewer samples than ``size`` are filled up too; a model with a fixed batch takes no other.
    """
    import numpy as np

    count = len(next(iter(inputs.values())))
    for start in range(0, count, size):
        chosen = np.minimum(np.arange(start, start + size), count - 1)
        yield {name: array[chosen] for name, array in inputs.items()}, min(size, count - start)


def of_keras(path: Path, model: Any, *, like: SourceModel | None = None) -> SourceModel:
    """A Keras 2 model as a source; with the names of another model's inputs and outputs if one is given.

    Raises:
        ModelError: it was never built.
    """
    tf = import_tensorflow("Optimizing a model")
    if not getattr(model, "inputs", None):
        raise ModelError(
            f"{path} was saved before it was built, so its input has no shape.",
            hint="call the model once on real data, or give it an Input layer, and save it again",
        )
    structure = model.input  # a tensor, or a list or dictionary of tensors
    names = _usable_names(model.input_names)
    if isinstance(model.output, dict):
        outputs = _usable_names(sorted(model.output))
    else:
        outputs = _usable_names(model.output_names)
    if like is not None:
        names, outputs = tuple(spec.name for spec in like.inputs), like.outputs

    def call(*tensors: Any) -> dict[str, Any]:
        found = model(tf.nest.pack_sequence_as(structure, list(tensors)), training=False)
        return dict(zip(outputs, tf.nest.flatten(found), strict=True))

    inputs = tuple(
        _spec(path, name, tensor.shape, tensor.dtype)
        for name, tensor in zip(names, model.inputs, strict=True)
    )
    return SourceModel(
        path=path,
        inputs=inputs,
        outputs=outputs,
        call=call,
        state=list(model.variables),
        whole=model,
        keras=model,
    )


def of_saved_model(source: Source) -> SourceModel:
    """A SavedModel as a source.

    Raises:
        ModelError: it is damaged, or has no signature with named inputs.
    """
    loaded = load(source)
    signatures = dict(getattr(loaded, "signatures", {}))
    if SIGNATURE not in signatures:
        raise ModelError(
            f"{source.path} has no signature {SIGNATURE!r} (it has: {', '.join(signatures) or 'none'}).",
            hint="export it with model.export('saved_model')",
        )
    signature = signatures[SIGNATURE]
    specs = signature.structured_input_signature[1]
    if not specs:
        raise ModelError(
            f"The signature {SIGNATURE!r} of {source.path} has no inputs.",
            hint="export it with model.export('saved_model')",
        )
    keys = sorted(specs)
    names = _usable_names(keys)
    results = sorted(signature.structured_outputs)
    outputs = _usable_names(results)

    def call(*tensors: Any) -> dict[str, Any]:
        found = signature(**dict(zip(keys, tensors, strict=True)))
        return {name: found[key] for name, key in zip(outputs, results, strict=True)}

    inputs = tuple(
        _spec(source.path, name, specs[key].shape, specs[key].dtype)
        for name, key in zip(names, keys, strict=True)
    )
    return SourceModel(
        path=source.path,
        inputs=inputs,
        outputs=outputs,
        call=call,
        state=loaded,
        whole=loaded,
        untrainable="it is a SavedModel, whose layers cannot be told apart",
    )


def _spec(path: Path, name: str, shape: Any, dtype: Any) -> TensorSpec:
    if shape.rank is None:
        raise ModelError(
            f"The input {name!r} of {path} has no fixed number of dimensions.",
            hint="export the model with a signature that names its shape; sizes may be None",
        )
    return TensorSpec(
        name=name,
        shape=tuple(-1 if size is None else int(size) for size in shape),
        dtype=dtype.name,
    )


def _usable_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names as a signature takes them: letters, digits and underscores, each once."""
    usable: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if re.match(r"[A-Za-z]", plain) else f"t_{plain}"
        number = sum(other == plain or other.startswith(f"{plain}__") for other in usable)
        usable.append(f"{plain}__{number}" if plain in usable else plain)
    return tuple(usable)


def _last_line(error: Exception) -> str:
    """TensorFlow puts the graph's history first and what happened last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("[[", "File ", "Graph execution"))]
    return (told[-1] if told else type(error).__name__)[:300]
