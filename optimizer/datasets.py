"""The data of one call: for training, for calibration, for evaluation; some taken from others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from optimizer.data import Dataset
from optimizer.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSets:
    """The data of a call."""

    training: Dataset | None = None
    calibration: Dataset | None = None
    evaluation: Dataset | None = None

    @property
    def compared_on(self) -> Dataset | None:
        """The data that artifacts are held against their source on."""
        return self.evaluation or self.calibration


def only_class(dataset: Dataset) -> int | None:
    """The class of every sample, ``None`` if there are several or no labels."""
    labels = dataset.labels
    return int(labels[0]) if labels is not None and bool((labels == labels[0]).all()) else None


def check_classes(training: Dataset) -> None:
    """Refuse to train on a single class.

    Raises:
        DataError: all labels are the same.
    """
    label = only_class(training)
    if label is not None:
        raise DataError(
            f"{training.path}: every label is {label}; a single class teaches nothing.",
            hint="give data of every class that the model tells apart, or leave the labels out: it then "
            "follows its source's outputs",
        )


def single_class_warning(dataset: Dataset) -> str | None:
    """What a reader must know of an accuracy on these data: that it is one of a single class.

    They are not refused: how close an artifact stays to its source is measured on them all the same.
    """
    label = only_class(dataset)
    if label is None:
        return None
    several = dataset.samples > 1
    count = f"{dataset.samples} samples are" if several else "only sample is"
    return (
        f"{dataset.path.name}: the {count} of class {label}, so an accuracy on "
        f"{'them' if several else 'it'} tells nothing: evaluate on data of every class."
    )


def hold_out(dataset: Dataset, *, share: float, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Split a dataset by chance, seeded: the rest, and the share that is held out.

    Raises:
        DataError: it has fewer than two samples.
    """
    import numpy as np

    if dataset.samples < 2:
        raise DataError(f"{dataset.path} has a single sample.", hint="give a few hundred")
    order = np.random.default_rng(seed).permutation(dataset.samples)
    count = max(1, min(round(dataset.samples * share), dataset.samples - 1))
    return _part(dataset, order[count:], f"rest {share} {seed}"), _part(
        dataset, order[:count], f"held out {share} {seed}"
    )


def _part(dataset: Dataset, chosen: object, what: str) -> Dataset:
    """Some of the samples, with a fingerprint of the choice."""
    import numpy as np

    order = np.sort(np.asarray(chosen))
    return replace(
        dataset,
        sha256=hashlib.sha256(f"{dataset.sha256} {what}".encode()).hexdigest(),
        inputs={name: array[order] for name, array in dataset.inputs.items()},
        labels=None if dataset.labels is None else dataset.labels[order],
    )
