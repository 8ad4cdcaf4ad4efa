"""Data from a function of the user's own: ``module:function`` or ``path/to/file.py:function``.

The one place where the user's Python runs, because the user named it. It gives a ``tf.data.Dataset`` or
any iterable of (x, y) or x, or arrays; what it gives is read once and kept in memory, random
augmentation included.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from optimizer.data_sources import Arrays
from optimizer.errors import DataError

MOST_SAMPLES = 1_000_000


def is_entry_point(text: str) -> bool:
    """Whether a text names a function: MODULE:FUNCTION, and is no path of Windows or a file."""
    module, colon, function = text.rpartition(":")
    return bool(colon) and function.isidentifier() and len(module) > 1 and not Path(text).exists()


def read_entry_point(text: str, *, split: str) -> Arrays:
    """Call the function, with the split if it takes an argument, and read what it gives.

    A ``tf.data.Dataset`` gives samples, or batches when ``y`` has one dimension more than a number.

    Raises:
        DataError: the function is missing or fails, or gives no data, other data or no end of them.
    """
    from optimizer.tensorflow_setup import import_tensorflow

    module, _, name = text.rpartition(":")
    import_tensorflow(
        "Reading a tf.data pipeline"
    )  # with Keras 2, before the user's code imports it
    function = _function(text, module, name)
    try:
        given = function(split) if inspect.signature(function).parameters else function()
        inputs, labels = _collect(text, given)
    except DataError:
        raise
    except Exception as error:  # the user's code raises whatever it raises
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            f"{text} failed: {type(error).__name__}: {told[0][:300]}", hint="run it by itself first"
        ) from error
    digest = hashlib.sha256()
    for key, array in sorted({**inputs, "": labels}.items()):
        if array is not None:
            digest.update(f"{key} {array.dtype} {array.shape}".encode())
            digest.update(memoryview(array).cast("B") if array.size else b"")
    return Arrays(inputs=inputs, labels=labels, sha256=digest.hexdigest())


def _function(text: str, module: str, name: str) -> Callable[..., Any]:
    try:
        loaded = _load_file(Path(module)) if module.endswith(".py") else _load_module(module)
    except Exception as error:
        raise DataError(
            f"{module} cannot be imported: {type(error).__name__}: {error}",
            hint="FILE.py:FUNCTION or MODULE:FUNCTION names a function that gives a tf.data.Dataset",
        ) from error
    function = getattr(loaded, name, None)
    if not callable(function):
        raise DataError(f"{module} has no function {name!r}.", hint=f"check the name in {text!r}")
    return function  # type: ignore[no-any-return]


def _load_module(name: str) -> Any:
    """A module by its name, of the folder that the command was given in too."""
    if "" not in sys.path:
        sys.path.insert(0, "")
    return importlib.import_module(name)


def _load_file(path: Path) -> Any:
    """A file as a module that nothing else imports."""
    spec = importlib.util.spec_from_file_location("android_bench_data", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _collect(text: str, given: Any) -> tuple[dict[str, Any], Any]:
    """Everything that was given, as arrays."""
    import numpy as np

    if hasattr(given, "element_spec"):
        if int(given.cardinality().numpy()) == -1:
            raise DataError(
                f"{text} gives data without end.", hint="leave .repeat() out: every epoch reads all"
            )
        batched = _is_batched(given.element_spec)
        return _stack(text, given.as_numpy_iterator(), batched=batched)
    if isinstance(given, dict):
        arrays = {str(key): np.asarray(value) for key, value in given.items()}
        labels = arrays.pop("y", arrays.pop("labels", None))
        return arrays, labels
    if isinstance(given, tuple) and len(given) == 2 and hasattr(given[0], "shape"):
        return {"inputs": np.asarray(given[0])}, np.asarray(given[1])
    return _stack(text, iter(given), batched=False)


def _is_batched(spec: Any) -> bool:
    """Whether the elements of a dataset are batches: labels are one number for each sample."""
    if isinstance(spec, tuple) and len(spec) == 2:
        return bool(spec[1].shape.rank == 1)
    inputs = list(spec.values()) if isinstance(spec, dict) else [spec]
    return all(item.shape.rank and item.shape[0] is None for item in inputs)


def _stack(text: str, elements: Iterator[Any], *, batched: bool) -> tuple[dict[str, Any], Any]:
    """Samples or batches one after the other, as arrays."""
    import numpy as np

    inputs: dict[str, list[Any]] = {}
    labels: list[Any] = []
    count = 0
    for element in itertools.islice(elements, MOST_SAMPLES + 1):
        x, y = element if isinstance(element, tuple) and len(element) == 2 else (element, None)
        for key, value in (x if isinstance(x, dict) else {"inputs": x}).items():
            array = np.asarray(value)
            inputs.setdefault(str(key), []).append(array if batched else array[np.newaxis])
        if y is not None:
            labels.append(np.asarray(y) if batched else np.asarray(y)[np.newaxis])
        count += 1
    if count == 0:
        raise DataError(f"{text} gives no samples.", hint="run it by itself first")
    if count > MOST_SAMPLES:
        raise DataError(
            f"{text} gives more than {MOST_SAMPLES:,} elements.", hint="take a part: .take(100_000)"
        )
    joined = {key: np.concatenate(parts) for key, parts in inputs.items()}
    return joined, np.concatenate(labels) if labels else None
