"""Two files of raw outputs held against each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from android_bench.errors import NumericsError
from android_bench.measuring.numerics.reference import reference_name
from android_bench.results import Numerics
from optimizer.artifact import TensorSpec

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]


def compare_outputs(
    specs: Sequence[TensorSpec], device: bytes, host: bytes, *, sample: int
) -> Numerics:
    """Hold two files of outputs against each other, quantized ones by their real values.

    Raises:
        NumericsError: a file has another size than the outputs that the model declares.
    """
    import numpy as np

    ours, theirs = _outputs(specs, device, "the device"), _outputs(specs, host, "this computer")
    left, right = (np.concatenate([part.ravel() for part in side]) for side in (ours, theirs))
    if left.size != right.size:
        raise NumericsError(f"The device gave {left.size} values, this computer {right.size}.")
    # NaN on both sides is agreement; on one it is as far away as can be.
    both = np.isnan(left) & np.isnan(right)
    with np.errstate(invalid="ignore"):
        distance = np.where(both | (left == right), 0.0, np.abs(left - right))
    worst = float(np.max(np.nan_to_num(distance, nan=np.inf), initial=0.0))
    norms = float(np.linalg.norm(left)) * float(np.linalg.norm(right))
    usable = np.isfinite(norms) and norms > 0
    return Numerics(
        sample=sample,
        # JSON has no infinity.
        max_abs_error=min(worst, float(np.finfo(np.float64).max)),
        cosine=float(np.dot(left, right) / norms) if usable else None,
        top1_agrees=_same_class(ours, theirs),
        reference=reference_name(),
    )


def _same_class(ours: Sequence[Array], theirs: Sequence[Array]) -> bool | None:
    """About the first output that is one row of scores; maps and boxes have no class to agree on."""
    for left, right in zip(ours, theirs, strict=True):
        if left.size > 1 and left.ndim and left.shape[-1] == left.size:
            return bool(left.argmax() == right.argmax())
    return None


def _outputs(specs: Sequence[TensorSpec], content: bytes, where: str) -> list[Array]:
    """Cut a file into the outputs that a model declares, dequantized."""
    import numpy as np

    if not specs:
        raise NumericsError("The model does not tell its outputs.")
    shapes = _shapes(specs, len(content), where)
    arrays, position = [], 0
    for spec, shape in zip(specs, shapes, strict=True):
        length = math.prod(shape) * _item_bytes(spec)
        raw = np.frombuffer(content[position : position + length], dtype=np.dtype(spec.dtype))
        real = raw.astype(np.float64).reshape(shape)
        if spec.scale:
            real = (real - (spec.zero_point or 0)) * spec.scale
        arrays.append(real)
        position += length
    return arrays


def _shapes(specs: Sequence[TensorSpec], length: int, where: str) -> list[tuple[int, ...]]:
    """The shapes of outputs in a file of so many bytes. A free size is 1 (a batch) where that fits, else
    the one output that has any takes what is there.
    """
    ones = [tuple(1 if size < 0 else size for size in spec.shape) for spec in specs]
    sizes = [math.prod(shape) * _item_bytes(spec) for spec, shape in zip(specs, ones, strict=True)]
    if sum(sizes) == length:
        return ones
    free = [index for index, spec in enumerate(specs) if min(spec.shape, default=0) < 0]
    known = sum(size for index, size in enumerate(sizes) if index not in free)
    if len(free) == 1:
        items, rest = divmod(length - known, _item_bytes(specs[free[0]]))
        if items >= 0 and not rest:
            ones[free[0]] = (items,)
            return ones
    raise NumericsError(
        f"{where} gave {length} bytes of outputs; the model declares "
        f"{known}{' and outputs of free size' if free else ''}."
    )


def _item_bytes(spec: TensorSpec) -> int:
    import numpy as np

    try:
        return int(np.dtype(spec.dtype).itemsize)
    except TypeError as error:
        raise NumericsError(f"The output {spec.name!r} holds {spec.dtype}, not numbers.") from error
