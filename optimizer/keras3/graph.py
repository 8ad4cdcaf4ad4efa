"""The graph of a Keras 3 model built again with layers of Keras 2, weights and names included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.keras3.layers import FUNCTIONS, NotCarriedOver, carried_layer, function_after
from optimizer.keras3.operations import OPERATIONS
from optimizer.tensorflow_setup import import_keras3, import_tensorflow


class Carrier:
    """Carries one file's model over. A layer that is used twice becomes one layer that is used twice."""

    def __init__(self, path: Path) -> None:
        self._tf = import_tensorflow("Carrying a model of Keras 3 over")
        self._keras = import_keras3("Carrying a model of Keras 3 over")
        self._path = path
        self._layers: dict[int, Any] = {}
        # Outputs of layers of the outermost model, of Keras 3 and of Keras 2, in order.
        self.outputs: list[tuple[str, Any, Any]] = []

    def model(self, original: Any) -> Any:
        """The Keras 2 model of a Keras 3 model.

        Raises:
            NotCarriedOver: it is a subclass of Model with code of its own, or a layer has no equal.
        """
        if isinstance(original, self._keras.Sequential):
            model = self._sequential(original)
        elif hasattr(original, "_nodes_by_depth"):
            model = self._functional(original)
        else:
            raise NotCarriedOver(
                self._path,
                original.name,
                f"{type(original).__name__} is a model with code of its own",
            )
        model.trainable = original.trainable
        return model

    def _sequential(self, original: Any) -> Any:
        if not original.built or not original.inputs:
            raise NotCarriedOver(self._path, original.name, "it was saved before it was built")
        if any(function_after(layer) for layer in original.layers):
            return self._functional(original._functional)  # noqa: SLF001 (the graph of a Sequential)
        layers = [self._input(original.inputs[0])]
        model = self._tf.keras.Sequential(layers, name=original.name)
        for layer in original.layers:
            model.add(self._layer(layer))
            self._fill(layer)
            self.outputs.append((layer.name, layer.output, model.layers[-1].output))
        return model

    def _functional(self, original: Any) -> Any:
        tf = self._tf
        tensors: dict[int, Any] = {}
        inputs = [self._input(tensor) for tensor in original.inputs]
        tensors.update(
            {id(tensor): made for tensor, made in zip(original.inputs, inputs, strict=True)}
        )
        outermost: list[tuple[str, Any, Any]] = []
        for depth in sorted(original._nodes_by_depth, reverse=True):  # noqa: SLF001 (no public way)
            for node in original._nodes_by_depth[depth]:  # noqa: SLF001
                if node.is_input:
                    continue
                found = tf.nest.flatten(self._call(node, tensors))
                for tensor, value in zip(node.outputs, found, strict=True):
                    tensors[id(tensor)] = value
                outermost.append((node.operation.name, node.outputs[0], found[0]))
        self.outputs = outermost
        given = _structure(tf, original._inputs_struct, inputs)  # noqa: SLF001
        flat = [tensors[id(tensor)] for tensor in original.outputs]
        wanted = _structure(tf, original._outputs_struct, flat)  # noqa: SLF001
        return tf.keras.Model(given, wanted, name=original.name)

    def _input(self, tensor: Any) -> Any:
        """An input of the name and type of a Keras 3 one."""
        layer = tensor._keras_history.operation  # noqa: SLF001
        return self._tf.keras.Input(
            batch_shape=tuple(tensor.shape), dtype=tensor.dtype, name=layer.name
        )

    def _call(self, node: Any, tensors: dict[int, Any]) -> Any:
        """What a node gives, by the layer or operator of Keras 2."""
        arguments = self._mapped(node.arguments.args, tensors)
        options = {
            key: self._mapped(value, tensors)
            for key, value in node.arguments.kwargs.items()
            # Keras 2 works out masks and the mode by itself.
            if value is not None and key not in {"mask", "training"}
        }
        operation = node.operation
        if isinstance(operation, self._keras.layers.Layer):
            layer = self._layer(operation)
            found = layer(*arguments, **options)
            self._fill(operation)
            after = function_after(operation)
            return found if after is None else FUNCTIONS[after](self._tf, found)
        known = OPERATIONS.get(type(operation).__name__)
        if known is None:
            raise NotCarriedOver(
                self._path, operation.name, f"it is the operation {type(operation).__name__}"
            )
        return known(self._tf, operation, *arguments, **options)

    def _mapped(self, value: Any, tensors: dict[int, Any]) -> Any:
        """An argument with its tensors exchanged."""
        if isinstance(value, self._keras.KerasTensor):
            return tensors[id(value)]
        if isinstance(value, (list, tuple)):
            return type(value)(self._mapped(item, tensors) for item in value)
        if isinstance(value, dict):
            return {key: self._mapped(item, tensors) for key, item in value.items()}
        return value

    def _layer(self, layer: Any) -> Any:
        """The Keras 2 layer of a layer, the same one each time."""
        if id(layer) not in self._layers:
            inner = isinstance(layer, self._keras.Model)
            if inner:
                kept = self.outputs
                self._layers[id(layer)] = self.model(layer)
                self.outputs = kept
            else:
                self._layers[id(layer)] = carried_layer(self._path, layer)
        return self._layers[id(layer)]

    def _fill(self, layer: Any) -> None:
        """Copy the weights, by position with a check of shapes: names differ between the two."""
        import numpy as np

        made = self._layers[id(layer)]
        if isinstance(layer, self._keras.Model):
            return
        trainable = layer.trainable
        # Frozen, the two would list their weights in different orders.
        layer.trainable = made.trainable = True
        values = [np.asarray(weight) for weight in layer.weights]
        shapes = [tuple(weight.shape) for weight in made.weights]
        if type(layer).__name__.startswith("Random"):
            values = []
        if [value.shape for value in values] != shapes:
            raise NotCarriedOver(
                self._path,
                layer.name,
                f"its weights are {[value.shape for value in values]} in Keras 3, {shapes} in Keras 2",
            )
        if values:
            made.set_weights(values)
        if hasattr(
            made, "finalize_state"
        ):  # of Normalization: weights become what is computed with
            made.finalize_state()
        layer.trainable = made.trainable = trainable


def _structure(tf: Any, like: Any, flat: list[Any]) -> Any:
    """Tensors in the structure of a Keras 3 model's: one, a list, or a dictionary."""
    if isinstance(like, dict):
        return dict(zip(sorted(like), flat, strict=True)) if len(like) == len(flat) else flat
    return flat if isinstance(like, (list, tuple)) else tf.nest.pack_sequence_as(0, flat)
