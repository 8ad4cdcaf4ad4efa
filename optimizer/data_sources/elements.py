"""Elements of a pipeline, one after the other, to arrays: samples or batches of them.

An element is x, (x, y), or arrays by name, among them the labels. It is a *batch* when

- ``image_shape`` is known and x has four dimensions (three: a sample);
- else, with labels, when the first dimensions of x and y are alike: both unknown in the element_spec of
  a ``tf.data.Dataset``, or equal;
- else, without labels, when the first dimension of x is unknown there.

One-hot labels of as many classes as x is high could be either: they are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from optimizer.data_sources import LABEL_KEYS, Arrays, check_memory
from optimizer.errors import DataError

MOST_SAMPLES = 1_000_000

_Shape = tuple[int | None, ...] | None
_KINDS = (
    "give a tf.data.Dataset, arrays (x, y) or {'name': array, 'y': labels}, or yield samples (x, y)"
)


def collected(text: str, given: Any, image_shape: tuple[int, int, int] | None) -> Arrays:
    """Everything that a function gave, as arrays; read once.

    Raises:
        DataError: it gives nothing, no end, too much, no arrays, or samples of different shapes.
    """
    import numpy as np

    shapes: tuple[_Shape, _Shape] = (None, None)
    if hasattr(given, "element_spec"):
        if int(given.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
            raise DataError(
                f"{text} gives data without end.", hint="leave .repeat() out: every epoch reads all"
            )
        x, y = _pair(text, given.element_spec)
        shapes = (_spec_shape(next(iter(x.values()))), None if y is None else _spec_shape(y))
        inputs, labels = _spooled(text, given.as_numpy_iterator(), shapes, image_shape)
    elif isinstance(given, tuple | dict) or hasattr(given, "__array__"):
        x, y = _pair(text, given)
        inputs = {name: np.asarray(array) for name, array in x.items()}
        labels = None if y is None else np.asarray(y)
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        inputs, labels = _spooled(text, given, shapes, image_shape)
    else:
        raise DataError(f"{text} gives {type(given).__name__}, which is no data.", hint=_KINDS)
    digest = hashlib.sha256()
    for name, array in sorted({**inputs, "": labels}.items()):
        if array is not None:
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes() if array.dtype.kind in "fiub" else b"")
    return Arrays(inputs=inputs, labels=labels, sha256=digest.hexdigest())


def _spooled(
    text: str,
    elements: Iterable[Any],
    shapes: tuple[_Shape, _Shape],
    image_shape: tuple[int, int, int] | None,
) -> tuple[dict[str, Any], Any | None]:
    """All elements behind one another."""
    import numpy as np

    columns: dict[str, list[Any]] = {}
    batched = False
    count = size = 0
    for element in elements:
        x, y = _pair(text, element)
        row = {name: np.asarray(value) for name, value in x.items()}
        if y is not None:
            row[""] = np.asarray(y)
        if not columns:
            batched = _is_batch(text, shapes, row, image_shape)
            columns = {name: [] for name in row}
        if row.keys() != columns.keys():
            raise DataError(f"{text} gives elements with and without some of the arrays.")
        for name, array in row.items():
            columns[name].append(array)
            size += array.nbytes
        first = next(iter(row.values()))
        count += len(first) if batched and first.ndim else 1
        if count > MOST_SAMPLES:
            raise DataError(
                f"{text} gives more than {MOST_SAMPLES:,} samples.",
                hint="take a part: .take(100_000)",
            )
        check_memory(text, size)
    if not count:
        raise DataError(f"{text} gives no samples.", hint="run it by itself first")
    joined = {name: _joined(text, name, parts, batched=batched) for name, parts in columns.items()}
    labels = joined.pop("", None)
    return joined, labels


def _joined(text: str, name: str, parts: list[Any], *, batched: bool) -> Any:
    import numpy as np

    shapes = sorted({part.shape[1:] if batched else part.shape for part in parts})
    if len(shapes) > 1:
        raise DataError(
            f"{text} gives {repr(name) if name else 'labels'} of different shapes, as {shapes[0]} and "
            f"{shapes[1]}.",
            hint="bring all samples to the shape that the model takes",
        )
    return np.concatenate(parts) if batched else np.stack(parts)


def _is_batch(
    text: str,
    shapes: tuple[_Shape, _Shape],
    first: dict[str, Any],
    image_shape: tuple[int, int, int] | None,
) -> bool:
    """Whether elements are batches, by their specification and the first of them."""
    inputs, labels = next(iter(first.values())), first.get("")
    x, y = shapes[0] or inputs.shape, shapes[1]
    if image_shape is not None and len(x) in {3, 4}:
        return len(x) == 4
    if not x:
        return False
    if labels is None:
        return x[0] is None
    y = labels.shape if y is None else y
    if not y:
        return False
    if x[0] is None and y[0] is None:
        return True
    alike = bool(inputs.shape[0] == labels.shape[0])
    # One of them unknown would be no specification of a sample with one-hot labels.
    if alike and None not in {x[0], y[0]} and len(y) == 1 and _is_one_hot(labels):
        raise DataError(
            f"{text}: elements could be samples with one-hot labels, or batches of {len(labels)}.",
            hint="give class numbers as labels, or the shape of an image: --image-shape 224,224,3",
        )
    return alike


def _is_one_hot(row: Any) -> bool:
    return (
        len(row) > 1 and row.dtype.kind in "fiub" and sorted(row)[-2:] == [0, 1] and row.min() == 0
    )


def _pair(text: str, element: Any) -> tuple[dict[str, Any], Any | None]:
    """Inputs by name and labels of an element, of its specification, or of all data."""
    x, y = element, None
    if isinstance(element, tuple | list):
        if not 1 <= len(element) <= 2:
            raise DataError(
                f"{text} gives {len(element)} things together, and (x, y) are two.", hint=_KINDS
            )
        x, y = element if len(element) == 2 else (element[0], None)
    if isinstance(x, tuple):
        raise DataError(
            f"{text} gives several inputs without names.",
            hint="give them by the names of the model's inputs, {'name': array}; and of one split only",
        )
    if not isinstance(x, dict):
        return {"inputs": x}, y
    inputs = {str(name): value for name, value in x.items()}
    if y is None:
        y = next((inputs.pop(key) for key in LABEL_KEYS if key in inputs), None)
    if not inputs:
        raise DataError(f"{text} gives no inputs.", hint=_KINDS)
    return inputs, y


def _spec_shape(spec: Any) -> _Shape:
    return None if spec.shape.rank is None else tuple(spec.shape.as_list())
