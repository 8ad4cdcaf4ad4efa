"""Importing TensorFlow the one way this project can use it.

The model optimization toolkit drives Keras 2 only, and TensorFlow decides for Keras 2 or 3 while it is
imported; it also talks a lot while it starts. Everything that needs it comes through here.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from optimizer.errors import MissingExtraError, OptimizerError


def require_tensorflow(purpose: str) -> None:
    """Check that TensorFlow and Keras 2 are installed, without importing them.

    Raises:
        MissingExtraError: the extra ``optimize`` is missing.
    """
    for module in ("tensorflow", "tf_keras"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("optimize", needed_for=purpose, module=module)


def import_tensorflow(purpose: str) -> Any:
    """Import TensorFlow with Keras 2 behind ``tf.keras``, and quietly; it takes six seconds.

    Raises:
        MissingExtraError: the extra ``optimize`` is missing.
        OptimizerError: this process imported TensorFlow before, with Keras 3.
    """
    require_tensorflow(purpose)
    if "tensorflow" in sys.modules and os.environ.get("TF_USE_LEGACY_KERAS") != "1":
        raise OptimizerError(
            "TensorFlow was imported before with Keras 3, which the optimization toolkit cannot use.",
            hint="set TF_USE_LEGACY_KERAS=1 before the first import of tensorflow",
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with warnings.catch_warnings(), quiet_stderr():
        warnings.simplefilter("ignore")
        import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    return tf


def import_keras3(purpose: str) -> Any:
    """Import Keras 3, which lives beside Keras 2 in one process once TensorFlow uses the latter.

    Raises:
        MissingExtraError: the extra ``optimize`` is missing.
    """
    import_tensorflow(purpose)
    with warnings.catch_warnings(), quiet_stderr():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("keras")
        except ImportError as error:
            failure = error
    raise MissingExtraError("optimize", needed_for=purpose, module="keras") from failure


def import_toolkit(purpose: str) -> Any:
    """Import TensorFlow's model optimization toolkit, quietly; it asks for TensorFlow's version by a
    module that Python has given up.

    Raises:
        MissingExtraError: the extra ``optimize`` is missing.
    """
    import_tensorflow(purpose)
    if importlib.util.find_spec("tensorflow_model_optimization") is None:
        raise MissingExtraError(
            "optimize", needed_for=purpose, module="tensorflow_model_optimization"
        )
    with warnings.catch_warnings(), quiet_stderr():
        warnings.simplefilter("ignore")
        import tensorflow_model_optimization as tfmot
    return tfmot


@contextlib.contextmanager
def quiet_stderr() -> Iterator[list[str]]:
    """Keep what native code writes to standard error; the list holds it once the block has ended.

    What Python writes there still reaches a terminal, so that a progress display goes on moving.
    """
    kept: list[str] = []
    python = sys.stderr
    python.flush()
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        try:
            if python.isatty():
                sys.stderr = _terminal(saved)
            os.dup2(file.fileno(), 2)
            yield kept
        finally:
            sys.stderr.flush()
            sys.stderr = python
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            kept.append(file.read().decode("utf-8", "replace"))


# Not closed at once: the thread that draws the progress may be about to write to it.
_terminals: list[TextIO] = []


def _terminal(descriptor: int) -> TextIO:
    """Text output to the terminal behind a file descriptor, independent of standard error."""
    while _terminals:
        _terminals.pop().close()
    _terminals.append(os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="replace"))
    return _terminals[0]
