"""Reading what a Keras file would build, before Keras builds it: data first, never code.

Keras 2 executes the bytecode of a Lambda in an ``.h5`` without asking, its ``safe_mode`` knows only its
own format, it imports any module that a configuration names, and it calls any public function of
TensorFlow that an operator layer names: ``tf.io.write_file`` with constants writes a file while the model
is being opened. So configurations are looked through here first, and custom layers are named on the way.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import Any

from optimizer.errors import ModelError
from optimizer.source import Format, Source, check_keras_version

# Classes of Keras 2 that are made by operators on tensors and are not in tf.keras.layers.
_OPERATORS = {"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"}
_CONTAINERS = {"Functional", "Sequential", "Model"}
_LAYER_KEYS = {"layer", "forward_layer", "backward_layer", "cell"}
_OWN_MODULES = {"keras", "tf_keras", "builtins"}
# EfficientNetV2 of Keras 2 names its initializers by this place, which TensorFlow has imported anyway.
_INITIALIZERS = "tensorflow.python.ops.init_ops_v2"
_CODE = {"Lambda", "__lambda__"}
# What an operator layer may call: functions that compute on tensors and do nothing else.
_PACKAGES_OF_MATHS = (
    "__operators__.", "bitwise.", "image.", "keras.activations.", "keras.backend.", "linalg.", "math.",
    "nn.", "quantization.", "ragged.", "random.", "signal.", "sparse.", "strings.",
)  # fmt: skip
_MATHS = {
    "argsort", "bitcast", "boolean_mask", "broadcast_to", "cast", "clip_by_norm", "clip_by_value",
    "concat", "constant", "convert_to_tensor", "dynamic_partition", "dynamic_stitch", "ensure_shape",
    "expand_dims", "fill", "gather", "gather_nd", "identity", "identity_n", "linspace", "meshgrid",
    "one_hot", "ones", "ones_like", "pad", "range", "rank", "RaggedTensor", "repeat", "reshape",
    "reverse", "reverse_sequence", "roll", "saturate_cast", "scatter_nd", "searchsorted",
    "sequence_mask", "shape", "shape_n", "size", "slice", "sort", "SparseTensor", "split", "squeeze",
    "stack", "stop_gradient", "strided_slice", "Tensor", "tensor_scatter_nd_add",
    "tensor_scatter_nd_max", "tensor_scatter_nd_min", "tensor_scatter_nd_sub",
    "tensor_scatter_nd_update", "tile", "transpose", "unique", "unstack", "where", "zeros",
    "zeros_like",
}  # fmt: skip


def check(source: Source, tf: Any) -> None:
    """Refuse a file with a custom layer, by name, and one that would execute code.

    Raises:
        ModelError: there is one, the file is of Keras 3, or it holds no architecture at all.
    """
    config = _config(source)
    for item in _dictionaries(config):
        _refuse_code(source, item)
    for layer in _layers(config):
        name = str(layer.get("class_name"))
        known = name in _OPERATORS | _CONTAINERS or hasattr(tf.keras.layers, name)
        if not known or ">" in str(layer.get("registered_name") or ""):
            raise ModelError(
                f"{source.path} has a custom layer, {name}, which this toolchain does not know.",
                hint="export it in your training script, model.export('saved_model'), and give that folder",
            )
    for item in _dictionaries(config):
        _refuse_modules(source, item)
        _refuse_functions(source, item, tf)


def _config(source: Source) -> Any:
    """The architecture as JSON."""
    if source.format is Format.KERAS:
        with zipfile.ZipFile(source.path) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(source.path, "r") as file:
        text = file.attrs.get("model_config")
        check_keras_version(source.path, _plain(file.attrs.get("keras_version")))
    if text is None:
        raise ModelError(
            f"{source.path} holds weights without an architecture.",
            hint="save the whole model: model.save('model.keras')",
        )
    return json.loads(text)


def _refuse_code(source: Source, item: dict[str, Any]) -> None:
    """Lambdas, wherever they stand: as layers, as functions, inside wrappers of cells."""
    kinds = [value for key, value in item.items() if key.endswith("_type")]
    if item.get("class_name") in _CODE or "lambda" in kinds:
        raise ModelError(
            f"{source.path} has a Lambda layer, whose code would be executed from the file.",
            hint="replace the Lambda by standard layers; --allow-unsafe runs it, if you trust the file",
        )


def _refuse_modules(source: Source, item: dict[str, Any]) -> None:
    """Keras would import any module that stands beside a class name."""
    module = item.get("module")
    if module == _INITIALIZERS and item.get("class_name") != "function":
        return
    if "class_name" in item and module and str(module).partition(".")[0] not in _OWN_MODULES:
        raise ModelError(
            f"{source.path} asks for {module}.{item['class_name']}, which is not of Keras.",
            hint="a model file is data: this tool imports nothing that one names. Export a SavedModel "
            "and give that folder",
        )


def _refuse_functions(source: Source, item: dict[str, Any], tf: Any) -> None:
    """Keras would call any function of TensorFlow that an operator layer names."""
    config = item.get("config")
    if item.get("class_name") not in _OPERATORS or not isinstance(config, dict):
        return
    for key in ("function", "cls_symbol"):
        name = str(config.get(key, "identity")).removeprefix("compat.v1.")
        maths = name in _MATHS or any(hasattr(package, name) for package in (tf.math, tf.linalg))
        if not maths and not name.startswith(_PACKAGES_OF_MATHS):
            raise ModelError(
                f"{source.path} calls tf.{name}, which may do more than compute on tensors.",
                hint="replace the call by standard layers, or export a SavedModel and give that folder",
            )


def _dictionaries(config: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary at any depth but those of the training, which is not loaded."""
    if isinstance(config, dict):
        yield config
        for key, value in config.items():
            if key != "compile_config":
                yield from _dictionaries(value)
    elif isinstance(config, list):
        for item in config:
            yield from _dictionaries(item)


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    """Every layer at any depth: models in models, layers in wrappers."""
    for item in _dictionaries(config):
        layers = item.get("layers")
        found = layers if isinstance(layers, list) else []
        found = [*found, *(value for key, value in item.items() if key in _LAYER_KEYS)]
        yield from (one for one in found if isinstance(one, dict) and "class_name" in one)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
