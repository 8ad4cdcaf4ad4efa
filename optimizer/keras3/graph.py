"""The graph of a Keras 3 model built again with layers of Keras 2, weights and names included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.errors import ModelError
from optimizer.keras3.layers import FUNCTIONS, NotCarriedOver, carried_layer, function_after
from optimizer.keras3.operations import ARITHMETIC, OPERATIONS
from optimizer.tensorflow_setup import import_keras3, import_tensorflow


class Carrier:
    """Carries one file's model over. A layer that is used twice becomes one layer that is used twice."""

    def __init__(self, path: Path) -> None:
        self._tf = import_tensorflow("Carrying a model of Keras 3 over")
        self._keras = import_keras3("Carrying a model of Keras 3 over")
        self._path = path
        # By the id of the layer of Keras 3: that layer, and the one of Keras 2. Inner ones come first.
        self._layers: dict[int, tuple[Any, Any]] = {}
        # Outputs of layers of the outermost model, of Keras 3 and of Keras 2, in order.
        self.outputs: list[tuple[str, Any, Any]] = []

    def carry(self, original: Any) -> Any:
        """The Keras 2 model of a Keras 3 model: layers, weights, and which of them are frozen.

        Raises:
            NotCarriedOver: it is a subclass of Model with code of its own, or a layer has no equal.
        """
        model = self._model(original)
        model.trainable = original.trainable
        # Freezing a model freezes what is in it, so the outer ones go first.
        for layer, made in reversed(list(self._layers.values())):
            _freeze_alike(layer, made)
        return model

    def _model(self, original: Any) -> Any:
        if isinstance(original, self._keras.Sequential):
            return self._sequential(original)
        if hasattr(original, "_nodes_by_depth"):
            return self._functional(original, original.name)
        raise NotCarriedOver(
            self._path,
            original.name,
            f"{type(original).__name__} is a model with code of its own",
        )

    def _sequential(self, original: Any) -> Any:
        if not original.built or not original.inputs:
            raise NotCarriedOver(self._path, original.name, "it was saved before it was built")
        if any(function_after(layer) for layer in original.layers):
            graph = original._functional  # noqa: SLF001 (Keras has no public way to a Sequential's)
            return self._functional(graph, original.name)
        layers = [self._input(original.inputs[0])]
        model = self._tf.keras.Sequential(layers, name=original.name)
        for layer in original.layers:
            try:
                model.add(self._layer(layer))
                self._fill(layer)
            except ModelError:
                raise
            except Exception as error:  # Keras raises whatever its layers raise
                raise self._failed(layer, error) from error
            self.outputs.append((layer.name, layer.output, model.layers[-1].output))
        return model

    def _functional(self, original: Any, name: str) -> Any:
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
                try:
                    found = tf.nest.flatten(self._call(node, tensors))
                except ModelError:
                    raise
                except Exception as error:  # Keras raises whatever its layers raise
                    raise self._failed(node.operation, error) from error
                for tensor, value in zip(node.outputs, found, strict=True):
                    tensors[id(tensor)] = value
                outermost.append((node.operation.name, node.outputs[0], found[0]))
        self.outputs = outermost
        pack = self._keras.tree.pack_sequence_as
        given = pack(original._inputs_struct, inputs)  # noqa: SLF001
        flat = [tensors[id(tensor)] for tensor in original.outputs]
        wanted = pack(original._outputs_struct, flat)  # noqa: SLF001
        return tf.keras.Model(given, wanted, name=name)

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
        kind = type(operation).__name__
        known = OPERATIONS.get(kind)
        if known is None:
            raise NotCarriedOver(self._path, operation.name, f"it is the operation {kind}")
        if kind in ARITHMETIC:  # Keras 3 finds a type for both sides, TensorFlow wants one
            arguments = [self._of_type(value, node.outputs[0].dtype) for value in arguments]
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

    def _of_type(self, value: Any, dtype: str) -> Any:
        """A tensor or number in the type of an operation's result."""
        if not hasattr(value, "dtype"):
            return self._tf.constant(value, dtype)
        return value if value.dtype == dtype else self._tf.cast(value, dtype)

    def _failed(self, operation: Any, error: Exception) -> NotCarriedOver:
        """What Keras 2 says against a layer, by the name of the layer."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        told = [line for line in lines if not line.startswith("Exception encountered")]
        why = (told or lines or [type(error).__name__])[0][:200].rstrip(".")
        return NotCarriedOver(self._path, operation.name, why)

    def _layer(self, layer: Any) -> Any:
        """The Keras 2 layer of a layer, the same one each time."""
        if id(layer) not in self._layers:
            if self._is_model(layer):
                kept = self.outputs
                made = self._model(layer)
                self.outputs = kept
            elif self._is_model(getattr(layer, "layer", None)):  # for every step of a sequence
                made = self._tf.keras.layers.TimeDistributed(
                    self._layer(layer.layer), name=layer.name
                )
            else:
                made = carried_layer(self._path, layer)
            self._layers[id(layer)] = (layer, made)
        return self._layers[id(layer)][1]

    def _is_model(self, layer: Any) -> bool:
        return isinstance(layer, self._keras.Model)

    def _fill(self, layer: Any) -> None:
        """Copy the weights, by position with a check of shapes: names differ between the two."""
        import numpy as np

        made = self._layers[id(layer)][1]
        if self._is_model(layer) or self._is_model(getattr(layer, "layer", None)):
            return  # filled layer by layer
        # Frozen, it would list its weights in another order; which ones are frozen is seen to at the end.
        made.trainable = True
        values = [np.asarray(weight) for weight in layer.weights]
        shapes = [tuple(weight.shape) for weight in made.weights]
        if [value.shape for value in values] != shapes:
            raise NotCarriedOver(
                self._path,
                layer.name,
                f"its weights are {[value.shape for value in values]} in Keras 3, {shapes} in Keras 2",
            )
        if values:
            made.set_weights(values)
        if hasattr(made, "finalize_state"):
            made.finalize_state()  # Normalization computes with what it makes of its weights


def _freeze_alike(layer: Any, made: Any) -> None:
    """Freeze what is frozen in Keras 3, inside of wrappers too."""
    made.trainable = layer.trainable
    for name in ("layer", "forward_layer", "backward_layer"):
        if hasattr(layer, name) and hasattr(made, name):
            _freeze_alike(getattr(layer, name), getattr(made, name))
