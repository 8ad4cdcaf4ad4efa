"""Whether calibration data reach as far as what a model will see.

Calibration measures the range of every tensor, and int8 stores nothing outside of it.
"""

from __future__ import annotations

from typing import Any

from optimizer.data import Dataset

# Outliers are cut off on purpose; more than this share is a part of the data.
_MOST_OUTSIDE = 0.05
_LEAST_RANGE = 0.5
_PERCENTILES = (0.1, 99.9)
# Values that percentiles are taken from: enough for a thousandth, and done in a tenth of a second.
_MOST_VALUES = 2_000_000


def calibration_coverage(calibration: Dataset, evaluation: Dataset) -> list[str]:
    """A sentence for each input whose calibration data cover clearly less than the evaluation data.

    That is when more than 5 % of the evaluation's values lie outside of the calibration's, or when the
    calibration's range is less than half of that of the evaluation without its outermost thousandths.
    Of many values, a seeded random choice is looked at.
    """
    import numpy as np

    found = []
    for name, measured, seen in _pairs(calibration, evaluation):
        if not measured.size or not seen.size:
            continue
        low, high = float(measured.min()), float(measured.max())
        values = seen.reshape(-1)
        if seen.size > _MOST_VALUES:
            values = values[np.random.default_rng(0).integers(0, seen.size, _MOST_VALUES)]
        outside = float(np.mean((values < low) | (values > high)))
        bottom, top = np.percentile(values, _PERCENTILES)
        if outside > _MOST_OUTSIDE or high - low < _LEAST_RANGE * (top - bottom):
            found.append(
                f"{calibration.path.name} covers {name!r} from {low:.3g} to {high:.3g}, the evaluation "
                f"data reach from {float(seen.min()):.3g} to {float(seen.max()):.3g}: int8 cuts off "
                "what lies outside."
            )
    return found


def _pairs(calibration: Dataset, evaluation: Dataset) -> list[tuple[str, Any, Any]]:
    """The inputs that both have; single inputs belong together whatever they are called."""
    ours, theirs = calibration.inputs, evaluation.inputs
    if len(ours) == len(theirs) == 1:
        return [(name, ours[name], theirs[other]) for name, other in zip(ours, theirs, strict=True)]
    return [(name, ours[name], theirs[name]) for name in ours if name in theirs]
