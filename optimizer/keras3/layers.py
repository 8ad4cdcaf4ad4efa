"""A layer of Keras 3 as the layer of Keras 2 of the same name, by its configuration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optimizer.errors import ModelError
from optimizer.tensorflow_setup import import_keras3, import_tensorflow

_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}}
# What these do, they do in training only. RandomCrop is none of them: it crops the middle otherwise.
_AUGMENTATION = re.compile(
    r"Random(?!Crop$)[A-Z]\w+|AutoContrast|CutMix|MixUp|AugMix|RandAugment|Solarization|Equalization"
)
# They look words up in tables, which are no weights, or hold code.
_WITHOUT_EQUAL = {
    "HashedCrossing", "IntegerLookup", "Lambda", "StringLookup", "TextVectorization"
}  # fmt: skip
# Options that Keras 3 sets by itself, to what Keras 2 does.
_AS_EVER = [("data_format", "channels_last"), ("rms_scaling", False)]
_MOST_OPTIONS = 40
_OPTION = re.compile(r"(?:argument not understood: ?\W*|unexpected keyword argument )'(\w+)'")


# Activations that Keras 2 lacks, or computes by another formula.
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "celu": lambda tf, x: tf.nn.elu(x),
    "hard_shrink": lambda tf, x: tf.where(tf.abs(x) > 0.5, x, 0.0),
    "hard_sigmoid": lambda tf, x: tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "hard_silu": lambda tf, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "hard_swish": lambda tf, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "hard_tanh": lambda tf, x: tf.clip_by_value(x, -1.0, 1.0),
    "leaky_relu": lambda tf, x: tf.nn.leaky_relu(x, 0.2),
    "log_sigmoid": lambda tf, x: tf.math.log_sigmoid(x),
    "log_softmax": lambda tf, x: tf.nn.log_softmax(x),
    "relu6": lambda tf, x: tf.nn.relu6(x),
    "silu": lambda tf, x: tf.nn.silu(x),
    "soft_shrink": lambda tf, x: x - tf.clip_by_value(x, -0.5, 0.5),
    "squareplus": lambda tf, x: (x + tf.sqrt(tf.square(x) + 4.0)) * 0.5,
    "tanh_shrink": lambda tf, x: x - tf.tanh(x),
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
    if type(layer).__name__ == "TimeDistributed":
        return function_after(layer.layer)
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    # A recurrent layer needs it in every step, and nothing can be put behind that.
    recurrent = hasattr(layer, "recurrent_activation") or hasattr(layer, "cell")
    return name if name in FUNCTIONS and not recurrent else None


def carried_layer(path: Path, layer: Any) -> Any:
    """The Keras 2 layer with the configuration of a Keras 3 layer, not built yet.

    Raises:
        NotCarriedOver: Keras 2 has no such layer, or not with these options.
    """
    tf = import_tensorflow("Carrying a model of Keras 3 over")
    kind = type(layer).__name__
    if _AUGMENTATION.fullmatch(kind):
        return tf.keras.layers.Activation("linear", name=layer.name)
    config = translated(layer.get_config())
    if function_after(layer) is not None:
        inner = config["layer"]["config"] if kind == "TimeDistributed" else config
        inner["activation"] = "linear"
    return _Builder(path, layer.name).build(kind, config)


def translated(config: Any) -> Any:
    """A configuration as Keras 2 writes it."""
    if isinstance(config, (list, tuple)):
        return [translated(item) for item in config]
    if not isinstance(config, dict):
        return config
    name = config.get("class_name")
    if name is not None and "config" in config:
        inner = config["config"]
        if name.endswith("DTypePolicy"):
            return inner.get("name", name)  # one of quantized weights has none
        if name == "function" or config.get("module") == "builtins":
            return inner  # a function goes by its name
        return {"class_name": name, "config": translated(inner)}
    return {
        key: translated(value)
        for key, value in config.items()
        # Weights are copied, so initializers are not needed; those of Keras 3 have options of their own.
        if not key.endswith("_initializer")
    }


class _Builder:
    """Builds a layer and those in its configuration: cells, wrapped layers, activations."""

    def __init__(self, path: Path, name: str) -> None:
        self._tf = import_tensorflow("Carrying a model of Keras 3 over")
        self._keras = import_keras3("Carrying a model of Keras 3 over")
        self._path = path
        self._name = name

    def build(self, kind: str, config: dict[str, Any]) -> Any:
        """The layer; an option that Keras 2 lacks goes if it has the value that Keras 3 gives it."""
        made = getattr(self._tf.keras.layers, kind, None)
        if made is None or kind in _WITHOUT_EQUAL:
            raise self._refused(f"Keras 2 has no {kind} that could be")
        renamed = _RENAMED.get(kind, {})
        config = {renamed.get(key, key): self._inner(value) for key, value in config.items()}
        if kind == "MultiHeadAttention":  # it asks for them, and takes that they are not known
            config |= dict.fromkeys(("query_shape", "key_shape", "value_shape"))
        for _ in range(_MOST_OPTIONS):
            layer, refused = _try(made, config)
            if refused is None:
                return layer
            found = _OPTION.search(refused)
            if found is None or found[1] not in config:
                told = refused.rpartition("Exception encountered: ")[
                    2
                ]  # behind a whole configuration
                raise self._refused(told.splitlines()[0][:200].rstrip("."))
            value = config.pop(found[1])
            if not self._means_nothing(kind, found[1], value):
                raise self._refused(f"{kind} of Keras 2 has no {found[1]} = {str(value)[:80]}")
        raise self._refused("it has too many options that Keras 2 lacks")

    def _inner(self, value: Any) -> Any:
        """A part of a configuration with the layers in it as Keras 2 writes them."""
        if isinstance(value, list):
            return [self._inner(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind = str(value.get("class_name"))
        if isinstance(value.get("config"), dict) and hasattr(self._tf.keras.layers, kind):
            return {"class_name": kind, "config": self.build(kind, value["config"]).get_config()}
        return {key: self._inner(item) for key, item in value.items()}

    def _means_nothing(self, kind: str, option: str, value: Any) -> bool:
        """Whether an option is not set, or to what Keras 2 does anyway."""
        if value is None or (option, value) in _AS_EVER:
            return True
        for one in getattr(self._keras.layers, kind, object).__mro__:
            made: Any = one
            parameter = inspect.signature(made.__init__).parameters.get(option)
            if parameter is not None:
                return bool(translated(parameter.default) == value)
        return False

    def _refused(self, why: str) -> NotCarriedOver:
        return NotCarriedOver(self._path, self._name, why)


def _try(made: Any, config: dict[str, Any]) -> tuple[Any, str | None]:
    """The layer, or what Keras 2 says against its configuration."""
    try:
        return made.from_config(dict(config)), None
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return None, str(error).strip() or type(error).__name__
