"""What training put into the weights, looked for in the final file: zeros, and few different values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.artifact import StageRecord
from optimizer.tflite_reader import read, text

# Rounding and fusing may cost a few zeros; more than this share of them means that a tool undid the work.
_MOST_ZEROS_LOST = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The constant weights of an operator. ``distinct`` is the number of different values, in the
    channel that has most where each channel has a scale of its own.
    """

    name: str
    values: int
    zeros: int
    distinct: int


def kernels_of(content: bytes) -> tuple[Kernel, ...]:
    """The kernels of a sound model, stored dense."""
    reader = read(content)
    return tuple(
        _kernel(name, values, scales, axis) for name, values, scales, axis in reader.kernels()
    )


def keras_structure(model: Any) -> tuple[float | None, tuple[int, ...]]:
    """The share of zeros among a Keras model's kernels, and each kernel's number of different values."""
    import numpy as np

    zeros = values = 0
    distinct = []
    for weight in model.get_weights():
        if weight.ndim >= 2:
            zeros += int(weight.size - np.count_nonzero(weight))
            values += weight.size
            distinct.append(len(np.unique(weight)))
    return (zeros / values if values else None), tuple(distinct)


def undone(
    kernels: Sequence[Kernel], sparsity: float | None, stages: Sequence[StageRecord]
) -> list[str]:
    """Sentences about zeros and clusters that training made and the file no longer has.

    ``sparsity`` is the share of zeros among the values of all kernels of the file.
    """
    found = []
    for record in stages:
        if record.sparsity and (sparsity or 0.0) < record.sparsity * (1 - _MOST_ZEROS_LOST):
            found.append(
                f"Lost sparsity: {record.technique} left {record.sparsity:.1%} zeros, the file has "
                f"{sparsity or 0.0:.1%}."
            )
        if record.clusters and record.clustered:
            having = sum(kernel.distinct <= record.clusters for kernel in kernels)
            if having < record.clustered:
                found.append(
                    f"Lost clusters: {record.clustered} kernels had at most {record.clusters} values, "
                    f"{having} of the file have."
                )
    dead = [
        kernel.name for kernel in kernels if kernel.values > 1 and kernel.zeros == kernel.values
    ]
    found += [f"The kernel {name} is all zeros: nothing gets through it." for name in dead]
    return found


def sparsity_of(content: bytes) -> float | None:
    """The share of zeros among the values of all kernels of a sound model, however they are stored."""
    return read(content).constants().sparsity


def _kernel(name: bytes | None, values: Any, scales: int, axis: int) -> Kernel:
    import numpy as np

    channels = np.moveaxis(values, axis, 0) if scales > 1 else values[np.newaxis]
    return Kernel(
        name=text(name) or "",
        values=int(values.size),
        zeros=int(values.size - np.count_nonzero(values)),
        distinct=max((len(np.unique(channel)) for channel in channels), default=0),
    )
