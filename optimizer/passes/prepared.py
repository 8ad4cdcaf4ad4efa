"""What a technique hands to the training, and how it becomes an ordinary model again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from optimizer.tensorflow_setup import import_tensorflow

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model that is ready to be trained with a technique.

    ``finish`` turns the trained model into the stage's result. Epochs before ``best_from`` are not
    candidates for the best one. ``left_in_float`` are layers that int8 is not for. ``multiply_adds`` are
    those before and after. ``notes`` are sentences for the manifest.
    """

    model: Any
    finish: Callable[[], Any]
    callbacks: Sequence[Any] = ()
    best_from: int = 0
    left_in_float: tuple[str, ...] = ()
    multiply_adds: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def copy_of(model: Any) -> Any:
    """An equal model that shares nothing with the one given: wrappers take layers over."""
    tf = import_tensorflow("Training a model")
    copy = tf.keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def hold_zeros(model: Any) -> None:
    """Let the zeros of a pruned model stay zeros in the layers, too, that a technique leaves alone."""
    for variable in model.trainable_variables:
        mask = variable.numpy() != 0
        if variable.shape.rank >= 2 and mask.any() and not mask.all():
            # Keras' optimizers apply it after each step.
            variable._constraint = _masked(mask.astype("float32"), variable.constraint)  # noqa: SLF001


def _masked(mask: Any, own: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return lambda weights: (own(weights) if own else weights) * mask


def layers_of(model: Any) -> list[Any]:
    """The layers of a model at any depth, models in models looked through, each once."""
    tf = import_tensorflow("Training a model")
    found: dict[int, Any] = {}
    for layer in model.layers:
        inner = layers_of(layer) if isinstance(layer, tf.keras.Model) else [layer]
        found |= {id(one): one for one in inner}
    return list(found.values())


def chosen_by(name: str, patterns: dict[str, Value], default: Value) -> Value:
    """The value of the first pattern that a layer's name fits."""
    return next((value for key, value in patterns.items() if fnmatchcase(name, key)), default)


def unused_patterns(patterns: Sequence[str], model: Any) -> list[str]:
    """Patterns that fit no layer: a misspelt one would be silently without effect."""
    names = [layer.name for layer in layers_of(model)]
    return [one for one in patterns if not any(fnmatchcase(name, one) for name in names)]
