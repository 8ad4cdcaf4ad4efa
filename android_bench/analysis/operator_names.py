"""The names that benchmark_model gives to operators, and the layers in them.

An operator is named by its output tensors and its number in the graph:
``[model/relu/Relu;model/conv/Conv2D]:3``. The converter joins the names of what it fused with
semicolons, the last layer first; what stands in front of a layer are the models it lies in, and what
stands behind it are its TensorFlow operators.
"""

from __future__ import annotations

import re

_TENSORS = re.compile(r"\[(?P<tensors>.*)\](?::(?P<index>[0-9]{1,9}))?", re.DOTALL)
# Scopes that tf.nn, Keras' layers and tfmot's wrappers open between a layer and its operators.
_INNER_SCOPES = frozenset(
    {
        "AllValuesQuantize", "Conv1D", "Einsum", "ExpandDims", "LastValueQuant", "MovingAvgQuantize",
        "Tensordot", "batchnorm", "conv1d_transpose", "gru_cell", "lstm_cell", "separable_conv2d",
        "simple_rnn_cell", "while_body", "while_cond",
    }
)  # fmt: skip
# Scopes that people call layers by as well: they are taken for scopes only behind a model and a layer.
_WORDS = frozenset({"depthwise", "einsum", "moments", "resize", "while"})
# An operator of TFLite computes one of these. A second in its name is that of a constant which the
# converter found twice and kept once.
_PRODUCTS = re.compile(
    r"(?:Conv[123]D(?:BackpropInput(?:V2)?)?|DepthwiseConv2dNative|MatMul|convolution|depthwise)[0-9_]*",
    re.ASCII,
)
# Layers of Keras' MultiHeadAttention: without its name nobody knows which attention's they are.
_PARTS_OF_LAYERS = frozenset({"attention_output", "key", "query", "value"})
# Names that the exporter, the converter and the runtime give to tensors themselves.
_NO_LAYERS = re.compile(
    r"(?:(?:Stateful)?PartitionedCall|Identity|Const|Placeholder|XlaCallModule|call_module|Unknown|output|args?)"
    r"(?:_?\d+)*(?::\d+)?|(?:serving_default_|tfl\.|arith\.|std\.|pseudo_|unknown_).*",
    re.ASCII | re.DOTALL,
)
_QUANTIZER = "quant_"  # tfmot's wrapper for quantization-aware training names itself so


def layers_of(name: str) -> tuple[str, ...]:
    """The layers that an operator was made of by its name, in the order of the network.

    Names without layers (of kernels inside a delegate, of what the exporter put around a model) give
    none. A layer wrapped for quantization-aware training has its own name, without ``quant_``.
    """
    match = _TENSORS.fullmatch(name.strip())
    if match is None:
        return ()
    layers: dict[str, None] = {}
    product: str | None = None
    for path in reversed(re.split(r", |;", match["tensors"])):
        layer, operator = _layer(path)
        if layer is None:
            continue
        if _PRODUCTS.fullmatch(operator):
            product = product or layer
            if layer != product:
                continue
        layers[layer] = None
    return tuple(layers)


def index_of(name: str) -> int | None:
    """The operator's number in its graph by its name, ``None`` for names without one."""
    match = _TENSORS.fullmatch(name.strip())
    return int(match["index"]) if match and match["index"] else None


def tensors_of(name: str) -> tuple[str, ...]:
    """The names of an operator's output tensors."""
    match = _TENSORS.fullmatch(name.strip())
    return tuple(filter(None, match["tensors"].split(", "))) if match else ()


def _layer(path: str) -> tuple[str | None, str]:
    """The layer and the operator in the path of one tensor: ``model/block/conv/Conv2D``."""
    # Behind it stands only which of the layer's variables was read.
    path = path.strip().partition("/ReadVariableOp")[0]
    parts = [part for part in path.split("/") if part]
    if not parts or (len(parts) == 1 and _NO_LAYERS.fullmatch(parts[0])):
        return None, ""
    operator = parts.pop() if len(parts) > 1 else ""
    while len(parts) > 1 and _is_scope(parts):
        parts.pop()
    layer = parts[-1].removeprefix(_QUANTIZER) or parts[-1]
    if layer in _PARTS_OF_LAYERS and len(parts) > 1:
        return f"{parts[-2].removeprefix(_QUANTIZER)}/{layer}", operator
    return layer, operator


def _is_scope(parts: list[str]) -> bool:
    """Whether the last part is a scope inside the layer before it."""
    # Without the number that tells it from others of its name.
    name = re.sub(r"_[0-9]+$", "", parts[-1])
    return name in _INNER_SCOPES or (name in _WORDS and len(parts) > 2)
