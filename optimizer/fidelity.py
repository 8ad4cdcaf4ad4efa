"""How close an artifact stays to its source, measured on the ``.tflite`` itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.artifact import Fidelity


def compare_outputs(
    expected: Sequence[Any],
    actual: Sequence[Any],
    *,
    labels: Any | None = None,
    origin: str | None = None,
) -> Fidelity:
    """Compare the source's outputs with the artifact's on the same inputs.

    Each output is (samples, …). The largest difference and the cosine are taken over all outputs
    together; classes are those of the first output when it is (samples, classes) with at least two.
    """
    import numpy as np

    samples = len(expected[0])
    before = np.concatenate(
        [np.asarray(item, "float64").reshape(samples, -1) for item in expected], axis=1
    )
    after = np.concatenate(
        [np.asarray(item, "float64").reshape(samples, -1) for item in actual], axis=1
    )
    agreement = accuracy = source_accuracy = None
    if expected[0].ndim == 2 and expected[0].shape[1] > 1:
        wanted, got = expected[0].argmax(1), actual[0].argmax(1)
        agreement = float((wanted == got).mean())
        if labels is not None:
            accuracy = float((got == labels).mean())
            source_accuracy = float((wanted == labels).mean())
    return Fidelity(
        samples=samples,
        max_abs_error=float(np.abs(before - after).max()),
        cosine=float(_cosine(before, after).mean()),
        top1_agreement=agreement,
        accuracy=accuracy,
        source_accuracy=source_accuracy,
        data_origin=origin,
    )


def _cosine(first: Any, second: Any) -> Any:
    """The cosine similarity of each sample; two all-zero outputs are alike."""
    import numpy as np

    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    dots = (first * second).sum(axis=1)
    both_zero = ~first.any(axis=1) & ~second.any(axis=1)
    return np.where(both_zero, 1.0, dots / np.where(norms > 0, norms, 1.0))
