"""What a user says about a model, apart from how it is stored in the file.

One description serves every variant of a model: what depends on the file (the type and the
quantization of its tensors) is read from the file when the metadata is written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from optimizer.artifact import MetadataSummary
from optimizer.errors import MetadataError
from optimizer.metadata.labels import check_labels, read_labels


class Task(str, Enum):
    """The kinds of model that metadata can be written for."""

    IMAGE_CLASSIFIER = "image-classifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageClassifierMetadata:
    """An image classifier: what its outputs mean and how pixels become its input.

    An app feeds ``(pixel - mean) / std`` with pixels from 0 to 255. ``mean`` and ``std`` have one
    value, or one for each channel. A model that was trained on pixels from 0 to 1 has mean 0 and
    std 255; one trained on -1 to 1 has 127.5 and 127.5.

    Raises:
        MetadataError: a label is empty or stands twice, or mean or std cannot be.
    """

    labels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    name: str = "ImageClassifier"
    description: str = "Names the most prominent object in an image, out of a known set."
    author: str | None = None
    license: str | None = None
    version: str | None = None
    allow_duplicate_labels: bool = False

    def __post_init__(self) -> None:
        if not self.labels:
            raise MetadataError("An image classifier needs labels.", hint="give --labels FILE")
        check_labels(self.labels, origin="the labels", allow_duplicates=self.allow_duplicate_labels)
        for word, values in (("mean", self.mean), ("std", self.std)):
            if not values or not all(map(math.isfinite, values)):
                raise MetadataError(
                    f"{word} must be one finite number, or one for each channel; "
                    f"it is {list(values)}.",
                    hint="(pixel - mean) / std, pixels from 0 to 255: for inputs from -1 to 1 "
                    "give --mean 127.5 --std 127.5",
                )
        if any(value <= 0 for value in self.std):
            raise MetadataError(
                f"std must be above zero, for pixels are divided by it; it is {list(self.std)}.",
                hint="for inputs from 0 to 255 give --mean 0 --std 1",
            )

    @classmethod
    def from_label_file(
        cls,
        labels: Path,
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        name: str = "ImageClassifier",
        description: str = "Names the most prominent object in an image, out of a known set.",
        author: str | None = None,
        license: str | None = None,  # noqa: A002 - the word of the format
        version: str | None = None,
        allow_duplicate_labels: bool = False,
    ) -> ImageClassifierMetadata:
        """Build a description with the labels of a text file, one a line.

        Raises:
            MetadataError: the labels cannot be used, or mean or std cannot be.
        """
        return cls(
            labels=read_labels(labels, allow_duplicates=allow_duplicate_labels),
            mean=mean,
            std=std,
            name=name,
            description=description,
            author=author,
            license=license,
            version=version,
            allow_duplicate_labels=allow_duplicate_labels,
        )

    @property
    def task(self) -> Task:
        """The kind of model this describes."""
        return Task.IMAGE_CLASSIFIER

    def normalization(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and std at the same length: 1 where both have one value, else ``channels``.

        Raises:
            MetadataError: mean or std has neither one value nor one for each channel.
        """
        for word, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {1, channels}:
                raise MetadataError(
                    f"{word} has {len(values)} values, but the model's input has {channels} "
                    f"channel{'s' if channels != 1 else ''}.",
                    hint=f"give one value, or {channels}",
                )
        if len(self.mean) == len(self.std):
            return self.mean, self.std
        return (
            self.mean * (channels if len(self.mean) == 1 else 1),
            self.std * (channels if len(self.std) == 1 else 1),
        )

    def summary(self, *, verified: bool = False) -> MetadataSummary:
        """Return what a manifest and a report say of this metadata."""
        return MetadataSummary(
            task=self.task.value,
            name=self.name,
            labels=len(self.labels),
            mean=self.mean,
            std=self.std,
            verified=verified,
        )
