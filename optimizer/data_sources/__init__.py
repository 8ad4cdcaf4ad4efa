"""Kinds of data beside .npz: idx files, folders of images, and functions of the user's own."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from typing import Any

from optimizer.errors import DataError

LABEL_KEYS = ("y", "labels", "label", "y_test", "y_train", "targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """What a source gives, not checked yet: inputs by name, labels as they stand there, names of classes.

    ``sha256`` is that of what they were read from.
    """

    sha256: str
    inputs: dict[str, Any]
    labels: Any | None = None
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How whole numbers become the model's input: (value - mean) / std, once or for each channel.

    It is for integers only: numbers with a fraction have been scaled before.

    Raises:
        DataError: a value is missing or not finite, or a standard deviation is not above 0.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not (self.mean and self.std and all(map(math.isfinite, self.mean + self.std))):
            shown = [",".join(f"{number:g}" for number in part) for part in (self.mean, self.std)]
            raise DataError(
                f"The scaling by mean {shown[0]} and std {shown[1]} needs finite numbers.",
                hint="give the numbers of the training, as mean 0 and std 255 for pixels from 0 to 1",
            )
        if min(self.std) <= 0:
            raise DataError(
                f"The scaling divides by {min(self.std):g}, and a std must be above 0.",
                hint="give the numbers of the training, as mean 0 and std 255 for pixels from 0 to 1",
            )

    def scaled(self, array: Any, name: str) -> Any:
        """Return integers scaled to float32, channels last; any other array as it is.

        Raises:
            DataError: there is one value per channel, and the array has another number of channels.
        """
        import numpy as np

        if array.dtype.kind not in "iu":
            return array
        channels = array.shape[-1] if array.ndim > 1 else 1
        for values in (self.mean, self.std):
            if len(values) not in {1, channels}:
                raise DataError(
                    f"The scaling has {len(values)} values for one per channel, {name!r} has "
                    f"{channels} channels.",
                    hint="give one value, or one for each channel",
                )
        result = array.astype("float32")
        result -= np.asarray(self.mean, "float32")
        result /= np.asarray(self.std, "float32")
        return result

    def sha256(self, contents: str) -> str:
        """The SHA-256 of data with this scaling, from that of the data: other inputs, other name."""
        return hashlib.sha256(f"{contents} {self.mean} {self.std}".encode()).hexdigest()


def check_memory(place: object, size: int) -> None:
    """Refuse data that would fill the memory, before the system ends the process for it.

    Half of the memory, because joining, casting and picking make copies.

    Raises:
        DataError: ``size`` bytes are more than half of this machine's memory.
    """
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    if size > most:
        raise DataError(
            f"{place} takes {size / 2**30:.1f} GiB as arrays, more than half of this machine's memory.",
            hint="give fewer samples: a few hundred calibrate a model, a few thousand evaluate it",
        )
