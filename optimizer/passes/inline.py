"""Models in models made one flat model, as tfmot's quantization and channel pruning want it."""

from __future__ import annotations

from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.prepared import copy_of
from optimizer.tensorflow_setup import import_tensorflow


class _Again:
    """A value that a node may take as often as it likes."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def pop(self) -> Any:
        return self._value


def inline(model: Any) -> Any:
    """Return the model with the layers of models in it as its own, with equal weights.

    Raises:
        TrainingError: it is no functional model, or two layers would have the same name.
    """
    tf = import_tensorflow("Training a model")
    if not any(isinstance(layer, tf.keras.Model) for layer in model.layers):
        return model
    copy = copy_of(model)
    inputs = [
        tf.keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        for tensor, name in zip(copy.inputs, copy.input_names, strict=True)
    ]
    try:
        outputs = _expand(tf, copy, inputs)
        structure = tf.nest.pack_sequence_as(copy.output, outputs)
        given = tf.nest.pack_sequence_as(copy.input, inputs)
        flat = tf.keras.Model(given, structure, name=model.name)
    except ValueError as error:
        raise TrainingError(
            f"The models in {model.name!r} cannot be made one: {str(error).splitlines()[0]}",
            hint="give the layers of each inner model names of their own",
        ) from error
    # Its layers were called twice, in the old graph and in the new: a copy knows only the new one.
    return copy_of(flat)


def _expand(tf: Any, model: Any, inputs: list[Any]) -> list[Any]:
    """The outputs of a model's layers on these inputs, with those of inner models in their place."""
    values = {
        str(id(tensor)): _Again(value) for tensor, value in zip(model.inputs, inputs, strict=True)
    }
    for depth in sorted(model._nodes_by_depth, reverse=True):  # noqa: SLF001 (Keras has no public way)
        for node in model._nodes_by_depth[depth]:  # noqa: SLF001
            if node.is_input:
                continue
            arguments, options = node.map_arguments(values)
            if isinstance(node.layer, tf.keras.Model):
                found = _expand(tf, node.layer, tf.nest.flatten(arguments))
            else:
                found = tf.nest.flatten(node.layer(*arguments, **options))
            for tensor, value in zip(tf.nest.flatten(node.outputs), found, strict=True):
                values[str(id(tensor))] = _Again(value)
    return [values[str(id(tensor))].pop() for tensor in tf.nest.flatten(model.outputs)]
