"""Reading what a file of Keras 3 would build, before Keras builds it: data, never code.

Keras 3's own ``safe_mode`` refuses lambdas; this also refuses every module that is not of Keras' layers,
and layers that read other files when they are built.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optimizer.errors import ModelError

_KNOWN = re.compile(
    r"keras(\.src)?(\.(layers|models|activations|initializers|regularizers|constraints|dtype_policies|ops))?(\..+)?"
)
_FOREIGN = re.compile(
    r"keras(\.src)?\.(utils|saving|export|callbacks|datasets|backend|trainers|applications)\b.*"
)
_CODE = {"Lambda", "__lambda__"}
# They load a graph or a program from elsewhere.
_LOADERS = {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}


def check(path: Path) -> None:
    """Refuse a file that would execute code, or read other files.

    Raises:
        ModelError: it would, it has a layer of its own, or it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path} is damaged: its configuration cannot be read.", hint="save the model again"
        ) from error
    for item in _objects(config):
        name, module = str(item.get("class_name")), item.get("module")
        if name in _CODE:
            raise ModelError(
                f"{path} has a Lambda layer, whose code would be executed from the file.",
                hint="replace the Lambda by standard layers; --allow-unsafe runs it, if you trust the file",
            )
        if name in _LOADERS:
            raise ModelError(
                f"{path} has a layer {name}, which loads a program from elsewhere.",
                hint="export the whole model as a SavedModel and give that folder",
            )
        if module == "builtins":
            continue
        if module is None or ">" in str(item.get("registered_name") or ""):
            raise ModelError(
                f"{path} has a custom layer, {name}, which this toolchain does not know.",
                hint="export it in your training script, model.export('saved_model'), and give that folder",
            )
        if not _KNOWN.fullmatch(str(module)) or _FOREIGN.fullmatch(str(module)):
            raise ModelError(
                f"{path} asks for {module}.{name}, which is not of Keras' layers.",
                hint="a model file is data: this tool imports nothing that one names; --allow-unsafe does",
            )
        vocabulary = (
            (item.get("config") or {}).get("vocabulary")
            if isinstance(item.get("config"), dict)
            else None
        )
        if isinstance(vocabulary, str):
            raise ModelError(
                f"{path} has a layer {name} that reads the file {vocabulary!r}.",
                hint="save the model with the vocabulary itself in it",
            )


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every serialized object at any depth, but those of the training, which is not loaded."""
    if isinstance(config, dict):
        if (
            "class_name" in config
            and "config" in config
            and config["class_name"] != "__keras_tensor__"
        ):
            yield config
        for key, value in config.items():
            if key != "compile_config":
                yield from _objects(value)
    elif isinstance(config, list):
        for item in config:
            yield from _objects(item)
