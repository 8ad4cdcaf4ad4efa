"""Operations of Keras 3 between layers, ``x + y`` or ``keras.ops.relu(x)``, as TensorFlow's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Operation = Callable[..., Any]


def _plain(name: str) -> Operation:
    """A function of TensorFlow that takes what the operation takes."""

    def run(tf: Any, _operation: Any, *arguments: Any) -> Any:
        found = tf
        for part in name.split("."):
            found = getattr(found, part)
        return found(*arguments)

    return run


def _reduce(name: str) -> Operation:
    def run(tf: Any, operation: Any, x: Any) -> Any:
        return getattr(tf, name)(x, axis=operation.axis, keepdims=operation.keepdims)

    return run


def _reshape(tf: Any, operation: Any, x: Any) -> Any:
    shape = [-1 if size is None else size for size in operation.newshape]
    return tf.reshape(x, shape)


OPERATIONS: dict[str, Operation] = {
    **{
        name: _plain(f"math.{name.lower()}")
        for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
    },
    **{
        name: _plain(f"math.{name.lower()}")
        for name in ("Sqrt", "Exp", "Log", "Square", "Tanh", "Sigmoid")
    },
    "Divide": _plain("math.truediv"),
    "TrueDivide": _plain("math.truediv"),
    "Power": _plain("math.pow"),
    "Absolute": _plain("math.abs"),
    "Abs": _plain("math.abs"),
    "Negative": _plain("math.negative"),
    "Matmul": _plain("linalg.matmul"),
    "Relu": _plain("nn.relu"),
    "Relu6": _plain("nn.relu6"),
    "Silu": _plain("nn.silu"),
    "GetItem": lambda _tf, _operation, x, key: x[key],
    "Softmax": lambda tf, operation, x: tf.nn.softmax(x, axis=operation.axis),
    "Clip": lambda tf, operation, x: tf.clip_by_value(x, operation.x_min, operation.x_max),
    "Reshape": _reshape,
    "Transpose": lambda tf, operation, x: tf.transpose(x, operation.axes),
    "Concatenate": lambda tf, operation, xs: tf.concat(xs, axis=operation.axis),
    "ExpandDims": lambda tf, operation, x: tf.expand_dims(x, axis=operation.axis),
    "Squeeze": lambda tf, operation, x: tf.squeeze(x, axis=operation.axis),
    "Mean": _reduce("reduce_mean"),
    "Sum": _reduce("reduce_sum"),
    "Max": _reduce("reduce_max"),
    "Min": _reduce("reduce_min"),
}
