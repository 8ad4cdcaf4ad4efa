"""Running a model on made-up inputs, to see what its outputs give.

In a process of its own: LiteRT does not survive every damaged file.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from optimizer.metadata.model_view import ModelView

_FREE_SIZE = 64
_SEED = 0
_LONGEST_S = 60.0


def output_values(model: ModelView, *, runs: int = 3) -> list[Any] | None:
    """The outputs of a few runs on random inputs, one flat array each; ``None`` when it does not run.

    Float inputs are drawn from what images are normalized to, -1 to 1; integers from all of their range.
    """
    import numpy as np

    root = Path(__file__).resolve().parents[2]
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "optimizer.metadata.trial", str(runs)],
            input=model.content,
            capture_output=True,
            cwd=root,  # so that no file of the user's folder is imported
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    with np.load(io.BytesIO(done.stdout)) as found:
        return [found[name] for name in found.files]


def _run(content: bytes, runs: int) -> list[Any]:
    """The outputs, one flat array each, of all runs."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    random = np.random.default_rng(_SEED)
    interpreter = Interpreter(model_content=content, num_threads=1)
    for entry in interpreter.get_input_details():
        shape = [_size(size) for size in entry["shape_signature"]]
        if shape != list(entry["shape"]):
            interpreter.resize_tensor_input(entry["index"], shape)
    interpreter.allocate_tensors()
    found: list[list[Any]] = [[] for _ in interpreter.get_output_details()]
    for _ in range(runs):
        for entry in interpreter.get_input_details():
            interpreter.set_tensor(entry["index"], _random(random, entry))
        interpreter.invoke()
        for place, entry in enumerate(interpreter.get_output_details()):
            raw = interpreter.get_tensor(entry["index"]).astype("float64").reshape(-1)
            scale, zero_point = entry["quantization"]
            found[place].append((raw - zero_point) * scale if scale else raw)
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


def main() -> None:
    """Read a model from standard input, write what it gives to standard output, as arrays."""
    import numpy as np

    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # native libraries print where they like
        stream = io.BytesIO()
        np.savez(stream, *_run(sys.stdin.buffer.read(), int(sys.argv[1])))
        answer.write(stream.getvalue())


if __name__ == "__main__":
    main()
