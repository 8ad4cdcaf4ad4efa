"""How pixels become a model's input: what its data and its source's first layers tell."""

from __future__ import annotations

from typing import Any

from optimizer.job import Job
from optimizer.recipe import Recipe
from optimizer.tensorflow_setup import import_tensorflow

_RESCALES = {"Rescaling", "Normalization"}
# What they compute is not told by what they are.
_OPAQUE = {"TFOpLambda", "SlicingOpLambda", "Lambda"}


def scaled_by(job: Job, recipe: Recipe) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation by which pixels became the input, in data that the build depends on."""
    used = [job.data.compared_on, job.data.training if recipe.trains else None]
    found = [item.scaling for item in used if item is not None and item.scaling is not None]
    return (found[0].mean, found[0].std) if found else None


def source_rescales(job: Job, recipe: Recipe) -> bool | None:
    """Whether the source rescales pixels itself; of a student that is another model, it is not known."""
    distillation = recipe.distillation
    keras = job.model().keras
    if keras is None or (distillation is not None and distillation.student is not None):
        return None
    return rescales_inside(keras)


def rescales_inside(model: Any) -> bool | None:
    """Whether a layer rescales the input before any weights are used; ``None`` when that cannot be told."""
    tf = import_tensorflow("Optimizing a model")
    if len(getattr(model, "inputs", None) or ()) != 1:
        return None
    seen: set[int] = set()
    waiting = list(_first_layers(tf, model))
    opaque = False
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        kind = type(layer).__name__
        if kind in _RESCALES:
            return True
        if isinstance(layer, tf.keras.Model):
            inner = rescales_inside(layer)
            if inner is not False:
                return inner
            continue
        opaque = opaque or kind in _OPAQUE
        if not layer.weights:
            waiting += [node.outbound_layer for node in layer.outbound_nodes]
    return None if opaque else False


def _first_layers(tf: Any, model: Any) -> list[Any]:
    """The layers that take the model's input."""
    if isinstance(model, tf.keras.Sequential):
        return list(model.layers[:1])
    source = model.inputs[0].node.layer
    members = {id(layer) for layer in model.layers}
    return [
        node.outbound_layer for node in source.outbound_nodes if id(node.outbound_layer) in members
    ]
