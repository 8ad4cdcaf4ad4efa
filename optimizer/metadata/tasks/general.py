"""Any other model: its tensors under their names, and what a user says of them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optimizer.metadata.attachments import Labels
from optimizer.metadata.document import Document
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.normalization import (
    check_normalization,
    contradiction,
    infer_normalization,
    of_one_length,
)
from optimizer.metadata.tasks.base import (
    Description,
    Fields,
    check_label_count,
    contents,
    label_entries,
    tensor,
    unit,
)
from optimizer.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class General(Description):
    """A model of no task in particular. An input that looks like an image is said to be one.

    ``labels`` are for the first output, along its last dimension; ``mean`` and ``std`` for all images.

    Raises:
        MetadataError: mean or std cannot be.
    """

    task: ClassVar[Task] = Task.GENERAL
    title: ClassVar[str] = "Model"
    about: ClassVar[str] = "A TensorFlow Lite model."

    labels: Labels | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_normalization(self.mean, self.std)

    def document(self, model: ModelView) -> Document:
        """Every tensor under its name."""
        notes: list[str] = []
        inputs = [self._input(model, item, notes) for item in model.inputs]
        outputs = [tensor(item.key, f"Output {item.position}.") for item in model.outputs]
        files = {}
        if self.labels is not None and outputs:
            last = model.outputs[0].shape[-1:] or (1,)
            check_label_count(self.labels, last[0], origin=model.origin)
            files = self.labels.files()
            outputs[0]["associated_files"] = label_entries(self.labels, "TENSOR_AXIS_LABELS")
        graph = {"input_tensor_metadata": inputs, "output_tensor_metadata": outputs}
        return self._document(graph, files, notes)

    def _input(self, model: ModelView, item: ModelTensor, notes: list[str]) -> Fields:
        about = f"Input {item.position}."
        if len(item.shape) != 4 or item.shape[3] not in {1, 3}:
            return tensor(item.key, about)
        color = "GRAYSCALE" if item.shape[3] == 1 else "RGB"
        mean, std = self.mean, self.std
        if mean is None or std is None:
            found = infer_normalization(model, item) if len(model.inputs) == 1 else None
            if found is not None:
                mean, std = (found.mean,), (found.std,)
                notes.append(f"mean {found.mean:g}, std {found.std:g}: {found.why}.")
        elif len(model.inputs) == 1:
            doubt = contradiction(model, item, mean, std)
            notes += [] if doubt is None else [doubt]
        units = []
        if mean is not None and std is not None:
            mean, std = of_one_length(mean, std, item.shape[3])
            units.append(unit("NormalizationOptions", mean=list(mean), std=list(std)))
        image = contents("ImageProperties", color_space=color)
        return tensor(item.key, about, content=image, units=units)
