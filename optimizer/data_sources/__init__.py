"""Kinds of data beside .npz: idx files, folders of images, and functions of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How whole numbers become the model's input: (value - mean) / std, once or for each channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def apply(self, array: Any) -> Any:
        """The array in float32, scaled."""
        import numpy as np

        scaled = (array.astype("float32") - np.array(self.mean, "float32")) / np.array(
            self.std, "float32"
        )
        return scaled.astype("float32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """What a source gives: inputs by name, labels as they stand there, names of classes, a fingerprint."""

    inputs: dict[str, Any]
    labels: Any | None
    sha256: str
    class_names: tuple[str, ...] = ()
