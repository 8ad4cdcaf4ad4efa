"""A layer of Keras 3 as the layer of Keras 2 of the same name, by its configuration."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optimizer.errors import ModelError
from optimizer.tensorflow_setup import import_tensorflow

# Values of options that Keras 2 lacks, with which they mean what Keras 2 does anyway.
_HARMLESS = (None, False, "auto", "channels_last", "float32", 0)
_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}}
# What these do, they do in training only.
_AUGMENTATION = re.compile(
    r"Random[A-Z]\w+|AutoContrast|CutMix|MixUp|AugMix|RandAugment|Solarization|Equalization"
)
_MOST_OPTIONS = 40
_OPTION = re.compile(r"(?:argument not understood: ?\W*|unexpected keyword argument )'(\w+)'")


# Activations that Keras 2 lacks, or computes by another formula.
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "hard_sigmoid": lambda tf, x: tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "hard_silu": lambda tf, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "hard_swish": lambda tf, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "leaky_relu": lambda tf, x: tf.nn.leaky_relu(x, 0.2),
    "log_sigmoid": lambda tf, x: tf.math.log_sigmoid(x),
    "log_softmax": lambda tf, x: tf.nn.log_softmax(x),
    "relu6": lambda tf, x: tf.nn.relu6(x),
    "silu": lambda tf, x: tf.nn.silu(x),
}


class NotCarriedOver(ModelError):  # noqa: N818 (it is what a layer is, not only an error)
    """A model of Keras 3 cannot become one of Keras 2; ``layer`` is the first that is in the way."""

    def __init__(self, path: Path, layer: str, why: str) -> None:
        super().__init__(
            f"The layer {layer!r} of {path.name} cannot be carried over to Keras 2: {why}.",
            hint="recipes that only quantize work on it all the same; to train, replace the layer",
        )
        self.layer = layer


def function_after(layer: Any) -> str | None:
    """The activation of a layer that has to be computed behind it, ``None`` when Keras 2 has it."""
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    # Inside of a recurrent layer nothing can be put behind.
    return name if name in FUNCTIONS and not hasattr(layer, "recurrent_activation") else None


def carried_layer(path: Path, layer: Any) -> Any:
    """The Keras 2 layer with the configuration of a Keras 3 layer, not built yet.

    Raises:
        NotCarriedOver: Keras 2 has no such layer, or not with these options.
    """
    tf = import_tensorflow("Carrying a model of Keras 3 over")
    kind = type(layer).__name__
    if _AUGMENTATION.fullmatch(kind):
        return tf.keras.layers.Activation("linear", name=layer.name)
    made = getattr(tf.keras.layers, kind, None)
    if made is None or kind in {
        "StringLookup",
        "IntegerLookup",
        "TextVectorization",
        "HashedCrossing",
        "Lambda",
    }:
        raise NotCarriedOver(path, layer.name, f"Keras 2 has no {kind} that could be")
    config = translated(layer.get_config())
    if function_after(layer) is not None:
        config["activation"] = "linear"
    for old, new in _RENAMED.get(kind, {}).items():
        if old in config:
            config[new] = config.pop(old)
    if kind == "MultiHeadAttention":  # it asks for them, and takes that they are not known
        config |= dict.fromkeys(("query_shape", "key_shape", "value_shape"))
    for key, value in config.items():
        inner = value.get("class_name") if isinstance(value, dict) else None
        if inner is not None and hasattr(tf.keras.layers, str(inner)):  # the layer in a wrapper
            wrapped = _build(path, layer, getattr(tf.keras.layers, inner), value["config"])
            config[key] = {"class_name": inner, "config": wrapped.get_config()}
    return _build(path, layer, made, config)


def translated(config: Any) -> Any:
    """A configuration as Keras 2 writes it."""
    if isinstance(config, list):
        return [translated(item) for item in config]
    if not isinstance(config, dict):
        return config
    name = config.get("class_name")
    if name is not None and "config" in config:
        inner = config["config"]
        if name.endswith("DTypePolicy"):
            return inner["name"]
        if name == "function" or config.get("module") == "builtins":
            return inner  # a function goes by its name
        return {"class_name": name, "config": translated(inner)}
    return {
        key: translated(value)
        for key, value in config.items()
        # Weights are copied, so initializers are not needed; those of Keras 3 have options of their own.
        if not key.endswith("_initializer")
    }


def _build(path: Path, layer: Any, made: Any, config: dict[str, Any]) -> Any:
    """Build a layer; an option that Keras 2 lacks may go where it has no effect."""
    for _ in range(_MOST_OPTIONS):
        made_layer, refused = _try(made, config)
        if refused is None:
            return made_layer
        found = _OPTION.search(refused)
        if found is None or found[1] not in config:
            raise NotCarriedOver(path, layer.name, refused.splitlines()[0][:200].rstrip("."))
        value = config.pop(found[1])
        if not any(value is item or value == item for item in _HARMLESS):
            why = f"{type(layer).__name__} of Keras 2 has no {found[1]} = {value!r}"
            raise NotCarriedOver(path, layer.name, why)
    raise NotCarriedOver(path, layer.name, "it has too many options that Keras 2 lacks")


def _try(made: Any, config: dict[str, Any]) -> tuple[Any, str | None]:
    """The layer, or what Keras 2 says against its configuration."""
    try:
        return made.from_config(dict(config)), None
    except (TypeError, ValueError, KeyError) as error:
        return None, str(error).strip() or type(error).__name__
