"""The plain LiteRT run that everything is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizer.metadata.worker import native

Array = npt.NDArray[Any]
REFUSALS = (ValueError, RuntimeError)
_FREE_SIZE = 64


class RefusedError(Exception):
    """LiteRT does not run the model on this input."""


def run(content: bytes, feed: Sequence[Array]) -> list[Array]:
    """Return each output as real numbers in its shape, for the inputs by position.

    Raises:
        RefusedError: LiteRT cannot load or run the model.
    """
    try:
        interpreter = native.interpreter(content)
        details = interpreter.get_input_details()
        for entry, values in zip(details, feed, strict=True):
            if tuple(entry["shape"]) != values.shape:
                interpreter.resize_tensor_input(entry["index"], values.shape)
        interpreter.allocate_tensors()
        for entry, values in zip(details, feed, strict=True):
            interpreter.set_tensor(entry["index"], values)
        interpreter.invoke()
    except REFUSALS as error:
        raise RefusedError(str(error)) from error
    return [
        _real(interpreter.get_tensor(exit_["index"]), exit_)
        for exit_ in interpreter.get_output_details()
    ]


def attempt(answer: dict[str, Any], content: bytes, feed: Sequence[Array]) -> list[Array] | None:
    """Run, and write into the answer what came out: ``plain``, or ``litert_refused``."""
    try:
        outputs = run(content, feed)
    except RefusedError as error:
        answer["litert_refused"] = str(error)
        return None
    answer["plain"] = [listed(values) for values in outputs]
    return outputs


def listed(values: Array) -> list[float]:
    """The numbers, row by row; none of texts."""
    return [] if values.dtype.kind in "OSU" else values.astype(np.float64).ravel().tolist()


def refusal(run: Callable[[], object]) -> str | None:
    """What the Task Library says against it; ``None`` when it runs."""
    try:
        run()
    except REFUSALS as error:
        return str(error)
    return None


def prove(task: str, content: bytes, *, seed: int, alone: bool = False) -> dict[str, Any]:  # noqa: ARG001
    """Run a model of no task in particular on numbers from ``seed``.

    With ``alone``, ``needs_delegate`` says what LiteRT misses without XNNPACK, if it does.
    """
    answer: dict[str, Any] = {"refused_locales": {}}
    random = np.random.default_rng(seed)
    try:
        details = native.interpreter(content).get_input_details()
    except REFUSALS as error:
        return {**answer, "litert_refused": str(error)}
    outputs = attempt(answer, content, [_made_up(random, entry) for entry in details])
    if outputs is not None:
        answer["plain"] = [numbers[:1000] for numbers in answer["plain"]]
        answer["finite"] = [
            values.dtype.kind in "OSU" or bool(np.all(np.isfinite(values))) for values in outputs
        ]
        bare = native.interpreter(content, delegates=False) if alone else None
        if bare is not None and (missed := refusal(bare.allocate_tensors)) is not None:
            answer["needs_delegate"] = missed
    return answer


def _made_up(random: np.random.Generator, entry: dict[str, Any]) -> Array:
    """Numbers as normalized inputs have them; bytes of the whole range; zero where they may be ids."""
    shape = tuple(int(size) if size >= 0 else _FREE_SIZE for size in entry["shape_signature"])
    if entry["dtype"] in {np.object_, np.bytes_, np.str_}:
        return np.full(shape, b"a text")
    dtype = np.dtype(entry["dtype"])
    if dtype.kind == "f":
        return random.uniform(-1.0, 1.0, shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize == 1:
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max + 1, shape).astype(dtype)
    return np.zeros(shape, dtype)


def _real(values: Array, entry: dict[str, Any]) -> Array:
    scale, zero_point = entry["quantization"]
    if scale and values.dtype.kind in "iu":
        real: Array = (values.astype(np.float32) - zero_point) * np.float32(scale)
        return real
    return values
