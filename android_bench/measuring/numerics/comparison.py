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
    """Cut a file into the outputs that a model declares, dequantized; a free size takes what is there."""
    import numpy as np

    if not specs:
        raise NumericsError("The model does not tell its outputs.")
    sizes = [
        None if -1 in spec.shape else math.prod(spec.shape) * _item_bytes(spec) for spec in specs
    ]
    free = [index for index, size in enumerate(sizes) if size is None]
    known = sum(size for size in sizes if size is not None)
    if len(free) > 1 or (not free and known != len(content)) or known > len(content):
        raise NumericsError(
            f"{where} gave {len(content)} bytes of outputs; the model declares "
            f"{known}{' and several of free size' if len(free) > 1 else ''}."
        )
    arrays, position = [], 0
    for spec, size in zip(specs, sizes, strict=True):
        length = len(content) - known if size is None else size
        raw = np.frombuffer(content[position : position + length], dtype=np.dtype(spec.dtype))
        shape = spec.shape if size is not None else (raw.size,)
        real = raw.astype(np.float64).reshape(shape)
        if spec.scale:
            real = (real - (spec.zero_point or 0)) * spec.scale
        arrays.append(real)
        position += length
    return arrays


def _item_bytes(spec: TensorSpec) -> int:
    import numpy as np

    try:
        return int(np.dtype(spec.dtype).itemsize)
    except TypeError as error:
        raise NumericsError(f"The output {spec.name!r} holds {spec.dtype}, not numbers.") from error
