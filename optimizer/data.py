"""Data for calibration and evaluation: read without executing anything, checked before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.data_sources import LABEL_KEYS, Arrays, Scaling
from optimizer.errors import DataError

_SHOWN = 3
# Rounding that rows of class shares may have: smoothed or mixed labels in half precision.
_ROUNDING = 1e-2
_LEAVE_OUT = (
    "for a model whose output is no classes leave y out: it is trained on and compared with its source's "
    "outputs"
)
_NUMBERS = {
    *("float16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Arrays of a file: inputs by name, each (samples, …), and labels (samples,) when there are any.

    ``scaling`` is how whole numbers, pixels mostly, were brought to the model's range, if they were.
    """

    path: Path
    sha256: str
    inputs: dict[str, Any]
    labels: Any | None = None
    class_names: tuple[str, ...] = ()
    scaling: Scaling | None = None

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(next(iter(self.inputs.values())))

    def origin(self, count: int, *, seed: int | None = None) -> str:
        """Where samples came from, for the record."""
        text = f"{self.path.name} (SHA-256 {self.sha256[:12]}, {count} of {self.samples} samples"
        return text + (f", seed {seed})" if seed is not None else ")")


def read_dataset(
    given: Path | str,
    *,
    scaling: Scaling | None = None,
    split: str = "train",
    image_shape: tuple[int, int, int] | None = None,
) -> Dataset:
    """Read data of any kind: what it is, is told by its content.

    ``.npz`` (arrays by name; labels under y or labels), ``.npy`` (one array), idx files or a folder of
    them, a folder of images, or ``FILE.py:FUNCTION``. Of folders and functions that have several, ``split``
    is read. Whole numbers are brought to the model's range by ``scaling``.

    Raises:
        DataError: it cannot be read, is empty, holds objects, NaN or infinite values.
        MissingExtraError: a function imports TensorFlow, which is not installed.
        OptimizerError: a function needs TensorFlow, which was imported with Keras 3.
    """
    from optimizer.data_sources import entry_point, idx, image_folder, numpy_file

    path = Path(given)
    # What exists is taken for what it holds; only where nothing is, a text names a function.
    if path.is_dir():
        found = (
            idx.read_idx_folder(path, split)
            if idx.is_idx_folder(path)
            else image_folder.read_image_folder(path, split=split, image_shape=image_shape)
        )
    elif path.is_file() and path.suffix == ".py":
        raise entry_point.without_function(path)
    elif idx.is_idx(path):
        found = idx.read_idx_data(path)
    elif entry_point.is_entry_point(str(given)):
        found = entry_point.read_entry_point(str(given), split=split, image_shape=image_shape)
    else:
        found = numpy_file.read_numpy(path)
    return _dataset(path, found, scaling)


def _dataset(path: Path, found: Arrays, scaling: Scaling | None) -> Dataset:
    """Arrays as a dataset, scaled and checked."""
    import numpy as np

    arrays = dict(found.inputs)
    labels = found.labels
    if labels is None:
        labels = next((arrays.pop(key) for key in LABEL_KEYS if key in arrays), None)
    labels = None if labels is None else np.asarray(labels)
    _check_arrays(path, arrays, labels)
    sha256 = found.sha256
    whole = any(array.dtype.kind in "iu" for array in arrays.values())
    if scaling is not None:
        arrays = {name: scaling.scaled(array, name) for name, array in arrays.items()}
        sha256 = scaling.sha256(sha256)
    return Dataset(
        path=path,
        sha256=sha256,
        inputs=arrays,
        labels=None if labels is None else _classes(path, labels),
        class_names=found.class_names,
        scaling=scaling if whole else None,
    )


def fit_to_inputs(dataset: Dataset, inputs: Sequence[TensorSpec]) -> dict[str, Any]:
    """Return the dataset's arrays by the names of the model's inputs, in their types.

    Arrays are matched by name; a single array fits a single input whatever it is called.

    Raises:
        DataError: an input has no array, or an array has another shape or a type that would lose values.
    """
    arrays = {}
    for spec in inputs:
        name = spec.name
        array = dataset.inputs.get(name)
        if array is None and len(inputs) == len(dataset.inputs) == 1:
            array = next(iter(dataset.inputs.values()))
        if array is None:
            raise DataError(
                f"{dataset.path} has no array for the model's input {name!r}; it has "
                f"{', '.join(sorted(dataset.inputs))}.",
                hint=f"np.savez('data.npz', {name}=…)",
            )
        arrays[name] = _fit(dataset, array, spec)
    return arrays


def pick(dataset: Dataset, count: int, seed: int) -> Any:
    """The indices of a seeded random choice of samples, without repeats, in order.

    Raises:
        DataError: there are no samples to pick from.
    """
    import numpy as np

    count = min(count, dataset.samples)
    return np.sort(np.random.default_rng(seed).choice(dataset.samples, size=count, replace=False))


def constant_inputs(dataset: Dataset) -> list[str]:
    """The names of inputs that have one value everywhere: no range can be measured on them."""
    return [name for name, array in dataset.inputs.items() if array.min() == array.max()]


def _classes(path: Path, labels: Any) -> Any:
    """Labels as numbers of classes (samples,): one-hot ones are looked up, whole floats are taken."""
    import numpy as np

    if labels.dtype.kind not in "fiub":
        raise DataError(
            f"{path}: the labels are no whole numbers ({labels.dtype}, the first is "
            f"{labels.flat[0]!s:.40}).",
            hint="give the numbers of the classes in the model's order, beginning with 0",
        )
    _check_finite(path, "the labels", labels, hint="drop or repair these samples")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.min() < 0 or np.abs(labels.sum(axis=1, dtype="float64") - 1).max() > _ROUNDING:
            raise DataError(
                f"{path}: the labels have shape {_show(labels.shape)} and are not one-hot: numbers to be "
                "predicted, or several classes a sample, which this tool does not score.",
                hint=f"give one class number for each sample, or one-hot rows; {_LEAVE_OUT}",
            )
        labels = labels.argmax(1)
    if labels.ndim > 2 or labels.size != len(labels):
        raise DataError(
            f"{path}: the labels have shape {_show(labels.shape)}.",
            hint=f"give one class number for each sample, or one-hot rows; {_LEAVE_OUT}",
        )
    labels = labels.reshape(-1)
    fractions = labels[labels != np.rint(labels)]
    if len(fractions):
        raise DataError(
            f"{path}: the labels are no whole numbers ({labels.dtype}, as {fractions[0]!s:.40}), so they "
            "are no classes but numbers to be predicted, which this tool does not score.",
            hint=f"{_LEAVE_OUT}; classes are numbers beginning with 0",
        )
    return labels.astype("int64")


def _check_arrays(path: Path, arrays: dict[str, Any], labels: Any | None) -> None:
    if not arrays:
        raise DataError(f"{path} holds no inputs.", hint="np.savez('data.npz', x=x, y=y)")
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if labels is not None:
        lengths["labels"] = len(labels) if labels.ndim else 0
    if len(set(lengths.values())) != 1:
        listed = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise DataError(
            f"{path}: the arrays have different numbers of samples: {listed}.",
            hint="the first dimension of each array counts the same samples",
        )
    if not next(iter(lengths.values())):
        raise DataError(
            f"{path} holds no samples.", hint="np.savez('data.npz', x=x, y=y), x with a row each"
        )
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"{path}: {name} holds {array.dtype}, not numbers.",
                hint="save the inputs under names of their own, as the model takes them, and labels as y",
            )
        _check_finite(
            path,
            name,
            array,
            hint="drop or repair these samples: they would spoil the quantization ranges",
        )


def _check_finite(path: Path, name: str, array: Any, *, hint: str) -> None:
    import numpy as np

    if array.dtype.kind != "f":
        return
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if bad.any():
        first = ", ".join(str(index) for index in np.flatnonzero(bad)[:_SHOWN])
        verb = "have" if name == "the labels" else "has"
        raise DataError(
            f"{path}: {name} {verb} NaN or infinite values in {int(bad.sum())} of {len(array)} "
            f"samples (the first: {first}).",
            hint=hint,
        )


def _fit(dataset: Dataset, array: Any, spec: TensorSpec) -> Any:
    """Check one array against one input and cast it."""
    import numpy as np

    name = spec.name
    expected, actual = spec.shape[1:], array.shape[1:]
    alike = len(expected) == len(actual) and all(
        want in {-1, have} for want, have in zip(expected, actual, strict=True)
    )
    if not alike:
        raise DataError(
            f"{dataset.path}: the samples for input {name!r} have shape {_show(actual)}, the model takes "
            f"{_show(expected)}.",
            hint=f"reshape them to (samples, {', '.join('?' if n < 0 else str(n) for n in expected)})",
        )
    if spec.dtype not in _NUMBERS:
        raise DataError(
            f"The model's input {name!r} takes {spec.dtype}, for which data cannot be given yet.",
            hint="export the model from where its input is numbers",
        )
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f" and array.dtype.kind in "iu" and array.size and int(array.max()) > 1:
        raise DataError(
            f"{dataset.path}: the samples for input {name!r} are {array.dtype} up to {int(array.max())}, "
            f"the model takes {dtype}.",
            hint="--mean 0 --std 255 scales them as in training, --mean 0 --std 1 is for a model that "
            "scales inside; or save them as float32",
        )
    if dtype.kind in "iu" and array.dtype.kind == "f":
        raise DataError(
            f"{dataset.path}: the samples for input {name!r} are {array.dtype}, the model takes {dtype}.",
            hint=f"save them as {dtype}",
        )
    limits = (
        np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype) if dtype.kind == "f" else None
    )
    if limits is not None and (array.min() < limits.min or array.max() > limits.max):
        raise DataError(
            f"{dataset.path}: the samples for input {name!r} reach from {array.min():g} to "
            f"{array.max():g}, which {dtype} cannot hold.",
            hint="repair these samples: they would spoil the quantization ranges",
        )
    return array.astype(dtype, copy=False)


def _show(shape: Sequence[int]) -> str:
    return "×".join("?" if size < 0 else str(size) for size in shape) or "a single number"
