"""The proof that a carried model is the same: both run on the same random inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optimizer.keras3.graph import Carrier
from optimizer.keras3.layers import NotCarriedOver
from optimizer.tensorflow_setup import import_keras3, import_tensorflow

LARGEST_DIFFERENCE = 1e-4  # of an output's range
_SAMPLES = 4
_SMALLEST_RANGE = 1e-6
# Sizes for dimensions that are free: some models need more than the first.
_FREE_SIZES = (32, 128)


def prove(path: Path, original: Any, model: Any, carrier: Carrier) -> None:
    """Compare the outputs of both models.

    Raises:
        NotCarriedOver: they differ by more than 1e-4 of their range; the first layer that does is named.
            Or no random inputs are found that the model takes.
    """
    inputs = None
    for inputs, wanted in _examples(original):
        try:
            found = _flat(model(inputs, training=False))
        except Exception:  # noqa: BLE001, S112 (an index beyond an embedding: Keras 3 lets it pass)
            continue
        if len(wanted) == len(found) and all(map(_same, wanted, found)):
            return
        break
    if inputs is None:
        raise NotCarriedOver(
            path, original.name, "it cannot be proven equal, as it takes no random inputs"
        )
    raise NotCarriedOver(
        path,
        _first_difference(original, model, carrier, inputs),
        "it computes something else there",
    )


def _examples(original: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Random inputs that the model of Keras 3 takes, and its outputs.

    Words often come as an input of floats, and indices beyond an embedding are refused: whole numbers
    are tried after normal ones.
    """
    import numpy as np

    for size in _FREE_SIZES:
        for whole in (False, True):
            inputs = _inputs(original, free_size=size, whole=whole)
            try:
                wanted = _flat(original(inputs, training=False))
            except Exception:  # noqa: BLE001, S112 (the next inputs may do)
                continue
            if all(np.isfinite(output).any() for output in wanted if output.size):
                yield inputs, wanted


def _inputs(original: Any, *, free_size: int, whole: bool) -> Any:
    """Seeded random inputs in the structure that the model takes."""
    import numpy as np

    keras = import_keras3("Carrying a model of Keras 3 over")
    random = np.random.default_rng(0)
    most = _smallest_vocabulary(keras, original)

    def one(tensor: Any) -> Any:
        free = [free_size if size is None else size for size in tensor.shape[1:]]
        shape = (tensor.shape[0] or _SAMPLES, *free)
        if whole or "float" not in tensor.dtype:
            numbers: Any = random.integers(0, 2 if tensor.dtype == "bool" else most, shape)
        else:
            numbers = random.normal(size=shape)
        return keras.ops.cast(numbers, tensor.dtype)  # NumPy has no bfloat16

    arrays = [one(tensor) for tensor in original.inputs]
    structure = getattr(original, "_inputs_struct", None)
    return arrays[0] if structure is None else keras.tree.pack_sequence_as(structure, arrays)


def _smallest_vocabulary(keras: Any, model: Any) -> int:
    """Whole numbers below this are valid for every layer of the model; bytes of a pixel without one."""
    sizes = []
    for layer in model._flatten_layers():  # noqa: SLF001 (Keras has no public way)
        if isinstance(layer, keras.layers.Embedding):
            sizes.append(layer.input_dim)
        elif isinstance(layer, keras.layers.CategoryEncoding):
            sizes.append(layer.num_tokens)
    return min(sizes, default=256)


def _flat(outputs: Any) -> list[Any]:
    import numpy as np

    tf = import_tensorflow("Carrying a model of Keras 3 over")
    # NumPy has no bfloat16.
    return [np.asarray(tf.cast(output, "float64")) for output in tf.nest.flatten(outputs)]


def _same(want: Any, have: Any) -> bool:
    """Whether both are within the tolerance, and not a number or infinite at the same places."""
    import numpy as np

    if want.shape != have.shape or not np.array_equal(
        np.where(np.isfinite(want), 0.0, want),
        np.where(np.isfinite(have), 0.0, have),
        equal_nan=True,
    ):
        return False
    want, have = want[np.isfinite(want)], have[np.isfinite(have)]
    if not want.size:
        return True
    span = max(float(want.max() - want.min()), _SMALLEST_RANGE)
    return float(np.abs(want - have).max()) <= LARGEST_DIFFERENCE * span


def _first_difference(original: Any, model: Any, carrier: Carrier, inputs: Any) -> str:
    """The first layer of the outermost model whose output differs."""
    keras = import_keras3("Carrying a model of Keras 3 over")
    tf = import_tensorflow("Carrying a model of Keras 3 over")
    try:
        ours = keras.Model(original.inputs, [tensor for _, tensor, _ in carrier.outputs])
        theirs = tf.keras.Model(model.inputs, [tensor for _, _, tensor in carrier.outputs])
        flat = keras.tree.flatten(inputs)
        wanted, found = _flat(ours(flat)), _flat(theirs(flat))
    except Exception:  # noqa: BLE001 (an odd structure: the model itself is named then)
        return str(original.name)
    for (name, _, _), want, have in zip(carrier.outputs, wanted, found, strict=False):
        if not _same(want, have):
            return name
    return str(original.name)
