"""Reading what a Keras file would build, before Keras builds it: data first, never code.

Keras 2 executes the bytecode of a Lambda in an ``.h5`` without asking, and its ``safe_mode`` knows only
its own format; so both are looked through here, and custom layers are named on the way.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any

from optimizer.errors import ModelError
from optimizer.source import Format, Source

# Classes of Keras 2 that are made by operators on tensors and are not in tf.keras.layers.
_OPERATORS = {"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"}
_CONTAINERS = {"Functional", "Sequential", "Model"}


def check(source: Source, tf: Any) -> None:
    """Refuse a file with a Lambda or a custom layer, by name.

    Raises:
        ModelError: there is one, or the file holds no architecture at all.
    """
    for layer in _layers(_config(source)):
        name = str(layer.get("class_name"))
        if name == "Lambda":
            raise ModelError(
                f"{source.path} has a Lambda layer, whose code would be executed from the file.",
                hint="replace the Lambda by standard layers, or export a SavedModel and give that folder",
            )
        known = name in _OPERATORS | _CONTAINERS or hasattr(tf.keras.layers, name)
        registered = str(layer.get("registered_name") or "")
        if not known or ">" in registered:
            raise ModelError(
                f"{source.path} has a custom layer, {name}, which this toolchain does not know.",
                hint="export it in your training script, model.export('saved_model'), and give that folder",
            )


def _config(source: Source) -> Any:
    """The architecture as JSON."""
    if source.format is Format.KERAS:
        with zipfile.ZipFile(source.path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(source.path, "r") as file:
        text = file.attrs.get("model_config")
    if text is None:
        raise ModelError(
            f"{source.path} holds weights without an architecture.",
            hint="save the whole model: model.save('model.keras')",
        )
    return json.loads(text)


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    """Every layer at any depth: models in models, layers in wrappers."""
    if isinstance(config, list):
        for item in config:
            yield from _layers(item)
    elif isinstance(config, dict):
        for key, value in config.items():
            if key == "layers" and isinstance(value, list):
                yield from (
                    item for item in value if isinstance(item, dict) and "class_name" in item
                )
            if key in {"layer", "forward_layer", "backward_layer", "cell"} and isinstance(
                value, dict
            ):
                yield value
            yield from _layers(value)
