"""What can go wrong while a model becomes an artifact.

::

    OptimizerError                    every expected error of this package
    ├── ModelError                    the model: missing, empty, truncated, foreign, custom layer
    ├── RecipeError                   the recipe: unknown name or key, value out of range
    ├── DataError                     calibration, evaluation or label data: shape, type, NaN
    ├── TrainingError                 a stage cannot be trained, or diverged
    ├── ConversionError               the converter refused, or its output does not run
    ├── MetadataError                 labels or normalisation do not fit, file unreadable
    └── MissingExtraError             a Python package of an extra is not installed

Each carries a ``hint``: what the user can type or change next.
"""

from __future__ import annotations


class OptimizerError(Exception):
    """An expected error: one sentence of what is wrong and where, and a hint of what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ModelError(OptimizerError):
    """The model file cannot be used: it is missing, empty, truncated, foreign or not supported."""


class RecipeError(OptimizerError):
    """The recipe is unknown or its TOML says something that does not exist or cannot be."""


class DataError(OptimizerError):
    """Calibration, evaluation or label data do not fit the model."""


class TrainingError(OptimizerError):
    """A technique cannot be applied to the model, or the training diverged."""


class ConversionError(OptimizerError):
    """The TFLite converter refused the model, or what it wrote does not run.

    ``log`` is all that the converter said, where it said something.
    """

    def __init__(self, message: str, *, hint: str | None = None, log: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.log = log


class MetadataError(OptimizerError):
    """Metadata cannot be written to, read from or proven on this file."""


class MissingExtraError(OptimizerError):
    """A command needs a Python package that belongs to an extra which is not installed."""

    def __init__(self, extra: str, *, needed_for: str, module: str) -> None:
        super().__init__(
            f"{needed_for} needs the Python package {module!r}, which is not installed.",
            hint=f"pip install 'android-bench[{extra}]'  (on Python 3.10 or 3.11 for the full set)",
        )
        self.extra = extra
