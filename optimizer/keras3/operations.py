"""Operations of Keras 3 between layers, ``x + y`` or ``keras.ops.relu(x)``, as TensorFlow's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# (TensorFlow, the operation with its options, its arguments …) → what it gives
Operation = Callable[..., Any]


def _plain(name: str) -> Operation:
    """A function of TensorFlow that takes what the operation takes."""

    def run(tf: Any, _operation: Any, *arguments: Any) -> Any:
        return _function(tf, name)(*arguments)

    return run


def _along(name: str, **renamed: str) -> Operation:
    """A function of TensorFlow with options of the operation, by TensorFlow's names for them."""

    def run(tf: Any, operation: Any, x: Any) -> Any:
        options = {theirs: getattr(operation, ours) for theirs, ours in renamed.items()}
        return _function(tf, name)(x, **options)

    return run


def _reduce(name: str) -> Operation:
    return _along(f"math.{name}", axis="axis", keepdims="keepdims")


def _function(tf: Any, name: str) -> Any:
    for part in name.split("."):
        tf = getattr(tf, part)
    return tf


def _reshape(tf: Any, operation: Any, x: Any) -> Any:
    return tf.reshape(x, [-1 if size is None else size for size in operation.newshape])


def _swapped(tf: Any, operation: Any, x: Any) -> Any:
    axes = list(range(len(x.shape)))
    first, second = operation.axis1, operation.axis2
    axes[first], axes[second] = axes[second], axes[first]
    return tf.transpose(x, axes)


def _split(tf: Any, operation: Any, x: Any) -> Any:
    parts, axis = operation.indices_or_sections, operation.axis
    if not isinstance(parts, int):  # places to cut at; TensorFlow wants sizes
        ends = [*parts, int(x.shape[axis])]
        parts = [end - start for start, end in zip([0, *parts], ends, strict=True)]
    return tf.split(x, parts, axis=axis)


def _padded(tf: Any, operation: Any, x: Any, constant_values: Any = None) -> Any:
    widths = operation.pad_width
    if len(widths) == 1:  # the same for all dimensions
        widths = [*widths] * len(x.shape)
    return tf.pad(x, widths, mode=operation.mode.upper(), constant_values=constant_values or 0)


def _flipped(tf: Any, operation: Any, x: Any) -> Any:
    axis = range(len(x.shape)) if operation.axis is None else operation.axis
    return tf.reverse(x, [axis] if isinstance(axis, int) else list(axis))


def _einsum(tf: Any, operation: Any, *operands: Any) -> Any:
    found = operands[0] if len(operands) == 1 and isinstance(operands[0], tuple) else operands
    return tf.einsum(operation.subscripts, *found)


# They give the type of what they are given; graph.py sees to one type for both sides.
ARITHMETIC: dict[str, Operation] = {
    **{
        name: _plain(f"math.{name.lower()}")
        for name in (
            "Abs", "Add", "Ceil", "Cos", "Erf", "Exp", "Expm1", "Floor", "Log", "Log1p", "Maximum",
            "Minimum", "Multiply", "Negative", "Reciprocal", "Rsqrt", "Sigmoid", "Sign", "Sin",
            "Softplus", "Sqrt", "Square", "Subtract", "Tan", "Tanh",
        )
    },
    **{name: _plain(f"nn.{name.lower()}") for name in ("Relu", "Relu6", "Selu", "Silu", "Softsign")},
    "Absolute": _plain("math.abs"),
    "Divide": _plain("math.truediv"),
    "FloorDivide": _plain("math.floordiv"),
    "LogSigmoid": _plain("math.log_sigmoid"),
    "Matmul": _plain("linalg.matmul"),
    "Mod": _plain("math.floormod"),
    "Power": _plain("math.pow"),
    "TrueDivide": _plain("math.truediv"),
    "Max": _reduce("reduce_max"),
    "Mean": _reduce("reduce_mean"),
    "Min": _reduce("reduce_min"),
    "Prod": _reduce("reduce_prod"),
    "Std": _reduce("reduce_std"),
    "Sum": _reduce("reduce_sum"),
    "Var": _reduce("reduce_variance"),
}  # fmt: skip

OPERATIONS: dict[str, Operation] = {
    **ARITHMETIC,
    "Argmax": lambda tf, operation, x: tf.argmax(x, axis=operation.axis, output_type="int32"),
    "BroadcastTo": _along("broadcast_to", shape="shape"),
    "Cast": _along("cast", dtype="dtype"),
    "Clip": _along("clip_by_value", clip_value_min="x_min", clip_value_max="x_max"),
    "Concatenate": _along("concat", axis="axis"),
    "Einsum": _einsum,
    "Elu": lambda tf, operation, x: tf.where(x > 0, x, operation.alpha * tf.nn.elu(x)),
    "Equal": _plain("math.equal"),
    "ExpandDims": _along("expand_dims", axis="axis"),
    "Flip": _flipped,
    "Gelu": _along("nn.gelu", approximate="approximate"),
    "GetItem": lambda _tf, _operation, x, key: x[key],
    "Greater": _plain("math.greater"),
    "GreaterEqual": _plain("math.greater_equal"),
    "HardSigmoid": lambda tf, _operation, x: tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "HardSilu": lambda tf, _operation, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "LeakyRelu": _along("nn.leaky_relu", alpha="negative_slope"),
    "Less": _plain("math.less"),
    "LessEqual": _plain("math.less_equal"),
    "LogSoftmax": _along("nn.log_softmax", axis="axis"),
    "LogicalAnd": _plain("math.logical_and"),
    "LogicalNot": _plain("math.logical_not"),
    "LogicalOr": _plain("math.logical_or"),
    "NotEqual": _plain("math.not_equal"),
    "Pad": _padded,
    "Repeat": _along("repeat", repeats="repeats", axis="axis"),
    "Reshape": _reshape,
    "Roll": _along("roll", shift="shift", axis="axis"),
    "Softmax": _along("nn.softmax", axis="axis"),
    "Split": _split,
    "Squeeze": _along("squeeze", axis="axis"),
    "Stack": _along("stack", axis="axis"),
    "Swapaxes": _swapped,
    "Tile": _along("tile", multiples="repeats"),
    "Transpose": _along("transpose", perm="axes"),
    "Where": _plain("where"),
}
