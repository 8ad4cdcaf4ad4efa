"""Running a model on made-up inputs, to see what its outputs give."""

from __future__ import annotations

from typing import Any

from optimizer.metadata.model_view import ModelView
from optimizer.tensorflow_setup import quiet_stderr

_FREE_SIZE = 64
_SEED = 0


def output_values(model: ModelView, *, runs: int = 3) -> list[Any] | None:
    """The outputs of a few runs on random inputs, one flat array each; ``None`` when it does not run.

    Float inputs are drawn from what images are normalized to, -1 to 1; integers from all of their range.
    """
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    random = np.random.default_rng(_SEED)
    found: list[list[Any]] = [[] for _ in model.outputs]
    with quiet_stderr():
        try:
            interpreter = Interpreter(model_content=model.content, num_threads=1)
            details = interpreter.get_input_details()
            for entry in details:
                shape = [_size(size) for size in entry["shape_signature"]]
                if shape != list(entry["shape"]):
                    interpreter.resize_tensor_input(entry["index"], shape)
            interpreter.allocate_tensors()
            for _ in range(runs):
                for entry in interpreter.get_input_details():
                    interpreter.set_tensor(entry["index"], _random(random, entry))
                interpreter.invoke()
                for place, entry in enumerate(interpreter.get_output_details()):
                    raw = interpreter.get_tensor(entry["index"]).astype("float64").reshape(-1)
                    scale, zero_point = entry["quantization"]
                    found[place].append((raw - zero_point) * scale if scale else raw)
        except (RuntimeError, ValueError, TypeError):
            return None
    return [np.concatenate(parts) for parts in found]


def _size(size: int) -> int:
    return int(size) if size >= 0 else _FREE_SIZE


def _random(random: Any, entry: Any) -> Any:
    import numpy as np

    dtype = np.dtype(entry["dtype"])
    shape = tuple(int(size) for size in entry["shape"])
    if dtype.kind == "f":
        return random.uniform(-1.0, 1.0, shape).astype(dtype)
    if dtype.itemsize == 1:
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max + 1, shape).astype(dtype)
    return np.zeros(shape, dtype)
