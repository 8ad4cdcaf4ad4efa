"""Data from a function of the user's own: ``module:function`` or ``path/to/file.py:function``.

The one place where the user's Python runs, because the user named it.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from optimizer.data_sources import Arrays
from optimizer.data_sources.elements import collected
from optimizer.errors import DataError, OptimizerError

_ENTRY_POINT = re.compile(r"(?P<module>.+\.py|[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)")
_TENSORFLOW = {"tensorflow", "tensorflow_datasets", "tf_keras", "keras"}


def is_entry_point(text: str) -> bool:
    """Whether a text names a function: ``module:function`` or ``file.py:function``."""
    return _ENTRY_POINT.fullmatch(text) is not None


def without_function(path: Path) -> DataError:
    """What to say to a Python file that is given without its function."""
    return DataError(
        f"{path} is a Python file, and which function gives the data is not said.",
        hint=f"{path}:FUNCTION, which gives a tf.data.Dataset or arrays (x, y)",
    )


def read_entry_point(
    text: str, *, split: str, image_shape: tuple[int, int, int] | None = None
) -> Arrays:
    """Call the function and read once what it gives: with random augmentation, as it came out.

    It is called with ``split`` if it has a parameter of that name, or one that must be given. What it
    may give: a ``tf.data.Dataset``; (x, y), where x is an array or arrays by name; arrays by name; an
    iterable of samples or batches. ``optimizer.data_sources.elements`` says what is taken for a batch.

    Raises:
        DataError: the function is missing or fails, or gives no data, other data or no end of them.
        MissingExtraError: its file imports TensorFlow, which is not installed.
        OptimizerError: it needs TensorFlow, which was imported with Keras 3.
    """
    matched = _ENTRY_POINT.fullmatch(text)
    if matched is None:
        raise DataError(f"{text} names no function.", hint="FILE.py:FUNCTION or MODULE:FUNCTION")
    module, name = matched["module"], matched["name"]
    file = Path(module) if module.endswith(".py") else None
    if file is not None and not file.is_file():
        raise DataError(f"{file} does not exist.", hint="FILE.py:FUNCTION names a function in it")
    with _searched(file.parent if file is not None else Path()):
        try:
            _prepare_tensorflow(file or _origin(module))
            loaded = _load_file(file) if file is not None else importlib.import_module(module)
        except OptimizerError:
            raise
        except (Exception, SystemExit) as error:
            raise DataError(
                f"{module} cannot be imported: {_cause(error)}.",
                hint="FILE.py:FUNCTION or MODULE:FUNCTION names a function that gives the data",
            ) from error
        function = getattr(loaded, name, None)
        if not callable(function):
            raise DataError(
                f"{module} has no function {name!r}.", hint=f"check the name in {text!r}"
            )
        try:
            return collected(text, _call(text, function, split), image_shape)
        except OptimizerError:
            raise
        except (Exception, SystemExit) as error:  # the user's code raises whatever it raises
            raise DataError(f"{text} failed: {_cause(error)}.", hint="run it by itself") from error


def _call(text: str, function: Callable[..., Any], split: str) -> Any:
    parameters = inspect.signature(function).parameters.values()
    needed = [
        each
        for each in parameters
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    if any(each.name == "split" and each.kind != each.POSITIONAL_ONLY for each in parameters):
        if len(needed) <= 1 and all(each.name == "split" for each in needed):
            return function(split=split)
    elif not needed:
        return function()
    elif len(needed) == 1 and needed[0].kind != needed[0].KEYWORD_ONLY:
        return function(split)
    raise DataError(
        f"{text} must be given {', '.join(each.name for each in needed)}, and only the split can be.",
        hint="give the other parameters defaults",
    )


@contextlib.contextmanager
def _searched(folder: Path) -> Iterator[None]:
    """Let imports find what lies in a folder, as they do when Python runs a file of it."""
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _load_file(path: Path) -> Any:
    """A file as a module that nothing else imports."""
    name = f"android_bench_data_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _origin(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _prepare_tensorflow(file: Path | None) -> None:
    """Import TensorFlow the way of this project before the user's code does it another way."""
    from optimizer.tensorflow_setup import import_tensorflow

    if file is not None and file.suffix == ".py" and _imports_tensorflow(file):
        import_tensorflow("Reading data with a function")
    elif "tensorflow" not in sys.modules:
        # The file may import another that imports TensorFlow, which decides for its Keras then.
        os.environ["TF_USE_LEGACY_KERAS"] = "1"


def _imports_tensorflow(file: Path) -> bool:
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        if any(each.partition(".")[0] in _TENSORFLOW for each in names):
            return True
    return False


def _cause(error: BaseException) -> str:
    """An exception in one line, without the graph nodes that TensorFlow puts in front."""
    told = re.sub(r"\{\{.*?\}\}\s*", "", str(error)).strip().splitlines()
    return f"{type(error).__name__}: {told[0][:300].rstrip('.')}" if told else type(error).__name__
