"""Reading what a file of Keras 3 would build, before Keras builds it: data, never code.

Keras 3's own ``safe_mode`` refuses lambdas; this also refuses every module that is not of Keras' layers,
and layers that read other files when they are built. Keras looks names up with their dots, so that
``layers.Lambda`` of ``keras`` is one: a name with a dot is refused before names are compared.
"""

from __future__ import annotations

import builtins
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optimizer.errors import ModelError

# What a model is made of. Losses and the like stand in models inside of models that were compiled.
_KNOWN = re.compile(
    r"keras|keras(\.src)?\."
    r"(activations|constraints|dtype_policies|initializers|layers|losses|metrics|models|ops|optimizers|"
    r"quantizers|regularizers)(\.\w+)*"
)
# Layers that Keras keeps beside its architectures.
_OF_ARCHITECTURES = {
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.convnext", "PreStem"),
}
_CODE = {"Lambda", "__lambda__"}
# They load a graph or a program from elsewhere.
_LOADERS = {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
# Values that JSON cannot write.
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}


def check(path: Path) -> None:
    """Refuse a file that would execute code, or read other files.

    Raises:
        ModelError: it would, it has a layer of its own, or it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
        items = list(_objects(config))
    # Besides its own error zipfile raises these for damage, encryption and odd compression.
    except (
        OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error
    ) as error:  # fmt: skip
        raise ModelError(
            f"{path} is damaged: its configuration cannot be read.", hint="save the model again"
        ) from error
    for item in items:
        _refuse_code(path, item)
        _refuse_modules(path, item)
        _refuse_files(path, item)


def _refuse_code(path: Path, item: dict[str, Any]) -> None:
    name = str(item["class_name"]).rpartition(".")[2]
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


def _refuse_modules(path: Path, item: dict[str, Any]) -> None:
    name, module = str(item["class_name"]), item.get("module")
    if module is None or ">" in str(item.get("registered_name") or ""):
        raise ModelError(
            f"{path} has a custom layer, {name}, which this toolchain does not know.",
            hint="export it in your training script, model.export('saved_model'), and give that folder",
        )
    function = str(item["config"]) if name == "function" else name
    if module == "builtins":
        # Keras writes its own functions so; Python's go by the same module.
        known = name == "function" and not hasattr(builtins, function)
    else:
        known = bool(_KNOWN.fullmatch(str(module))) or (module, name) in _OF_ARCHITECTURES
    if not known or not (name.isidentifier() and function.isidentifier()) or name.startswith("__"):
        raise ModelError(
            f"{path} asks for {module}.{function}, which is not of Keras' layers.",
            hint="a model file is data: this tool imports nothing that one names; --allow-unsafe does",
        )


def _refuse_files(path: Path, item: dict[str, Any]) -> None:
    config = item["config"]
    vocabulary = config.get("vocabulary") if isinstance(config, dict) else None
    if isinstance(vocabulary, str):
        raise ModelError(
            f"{path} has a layer {item['class_name']} that reads the file {vocabulary!r}.",
            hint="save the model with the vocabulary itself in it",
        )


def _objects(config: Any, *, outermost: bool = True) -> Iterator[dict[str, Any]]:
    """Every serialized object at any depth, but those of the training, which is not loaded.

    The training of a model inside of this one is: Keras leaves out the outermost only.
    """
    if isinstance(config, dict):
        if "class_name" in config and "config" in config and config["class_name"] not in _VALUES:
            yield config
        for key, value in config.items():
            if not outermost or key != "compile_config":
                yield from _objects(value, outermost=False)
    elif isinstance(config, list):
        for item in config:
            yield from _objects(item, outermost=False)
