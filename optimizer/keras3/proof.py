"""The proof that a carried model is the same: both run on the same random inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.keras3.graph import Carrier
from optimizer.keras3.layers import NotCarriedOver
from optimizer.tensorflow_setup import import_keras3, import_tensorflow

LARGEST_DIFFERENCE = 1e-4  # of an output's range
_SAMPLES = 4
_FREE_SIZE = 32
_SMALLEST_RANGE = 1e-6


def prove(path: Path, original: Any, model: Any, carrier: Carrier) -> None:
    """Compare the outputs of both models.

    Raises:
        NotCarriedOver: they differ by more than 1e-4 of their range; the first layer that does is named.
    """
    inputs = _inputs(original)
    wanted = _flat(original(inputs, training=False))
    found = _flat(model(_like(model, inputs), training=False))
    if len(wanted) == len(found) and all(
        _same(want, have) for want, have in zip(wanted, found, strict=True)
    ):
        return
    raise NotCarriedOver(
        path,
        _first_difference(original, model, carrier, inputs),
        "it computes something else there",
    )


def _inputs(original: Any) -> Any:
    """Seeded random inputs in the structure that the model takes."""
    import numpy as np

    keras = import_keras3("Carrying a model of Keras 3 over")
    random = np.random.default_rng(0)
    most = _smallest_vocabulary(keras, original)

    def one(tensor: Any) -> Any:
        free = [_FREE_SIZE if size is None else size for size in tensor.shape[1:]]
        batch = tensor.shape[0] or _SAMPLES
        if "int" in tensor.dtype:
            return random.integers(0, most, (batch, *free)).astype(tensor.dtype)
        return random.normal(size=(batch, *free)).astype(tensor.dtype)

    arrays = [one(tensor) for tensor in original.inputs]
    structure = getattr(original, "_inputs_struct", None)
    if isinstance(structure, dict):
        return dict(zip(sorted(structure), arrays, strict=True))
    return arrays if len(arrays) > 1 else arrays[0]


def _smallest_vocabulary(keras: Any, model: Any) -> int:
    """Whole numbers below this are valid for every embedding of the model; bytes of a pixel without one."""
    sizes = [
        layer.input_dim
        for layer in model._flatten_layers()  # noqa: SLF001 (Keras has no public way)
        if isinstance(layer, keras.layers.Embedding)
    ]
    return min(sizes, default=256)


def _like(model: Any, inputs: Any) -> Any:
    """Inputs for the Keras 2 model: by name, or in its order."""
    if isinstance(inputs, dict):
        return (
            {name: inputs[name] for name in inputs}
            if isinstance(model.input, dict)
            else list(inputs.values())
        )
    return inputs


def _flat(outputs: Any) -> list[Any]:
    import numpy as np

    tf = import_tensorflow("Carrying a model of Keras 3 over")
    return [np.asarray(output) for output in tf.nest.flatten(outputs)]


def _same(want: Any, have: Any) -> bool:
    import numpy as np

    if want.shape != have.shape:
        return False
    want, have = np.nan_to_num(want.astype("float64")), np.nan_to_num(have.astype("float64"))
    span = max(float(want.max() - want.min()), _SMALLEST_RANGE) if want.size else 1.0
    return not want.size or float(np.abs(want - have).max()) <= LARGEST_DIFFERENCE * span


def _first_difference(original: Any, model: Any, carrier: Carrier, inputs: Any) -> str:
    """The first layer of the outermost model whose output differs."""
    keras = import_keras3("Carrying a model of Keras 3 over")
    tf = import_tensorflow("Carrying a model of Keras 3 over")
    try:
        ours = keras.Model(original.inputs, [tensor for _, tensor, _ in carrier.outputs])
        theirs = tf.keras.Model(model.inputs, [tensor for _, _, tensor in carrier.outputs])
        flat = list(inputs.values()) if isinstance(inputs, dict) else inputs
        wanted, found = _flat(ours(flat)), _flat(theirs(flat))
    except Exception:  # noqa: BLE001 (an odd structure: the model itself is named then)
        return str(original.name)
    for (name, _, _), want, have in zip(carrier.outputs, wanted, found, strict=False):
        if not _same(want, have):
            return name
    return str(original.name)
