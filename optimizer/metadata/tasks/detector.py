"""Object detectors with the four outputs of SSD: locations, categories, scores, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import Labels, ScoreCalibration
from optimizer.metadata.document import Document
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.tasks.base import (
    Fields,
    calibration_entry,
    calibration_unit,
    check_roles,
    contents,
    label_entries,
    not_a,
    tensor,
)
from optimizer.metadata.tasks.image import ImageDescription
from optimizer.metadata.trial import output_values
from optimizer.task import Task

WHAT = "an object detector"
# The names by which the Task Library tells the outputs apart, wherever they stand.
NAMES = {
    "location": "location",
    "category": "category",
    "score": "score",
    "count": "number of detections",
}
_ABOUT = {
    "location": "The locations of the detected boxes.",
    "category": "The categories of the detected boxes.",
    "score": "The scores of the detected boxes.",
    "count": "The number of detected boxes.",
}
_HINTS = {
    "location": r"box|location|coord",
    "category": r"class(?!ifier)|categor|label",
    "score": r"score|prob|conf",
    "count": r"num|count",
}
_COORDINATES = ("xmin", "ymin", "xmax", "ymax")  # left, top, right, bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDetector(ImageDescription):
    """Finds objects: an image in, four outputs (1×N×4 boxes, 1×N categories, 1×N scores, their number).

    Outputs are told apart by the signature, their shapes and what they give, not by their place;
    ``outputs`` (role to name) says what those do not. ``box_order`` is where a box's corners stand in its
    four numbers, which are shares of the image's height and width.

    Raises:
        MetadataError: a role or a corner is not known.
    """

    task: ClassVar[Task] = Task.OBJECT_DETECTOR
    title: ClassVar[str] = "ObjectDetector"
    about: ClassVar[str] = "Finds objects of a known set in an image, and says where they are."

    labels: Labels
    score_calibration: ScoreCalibration | None = None
    box_order: tuple[str, ...] = ("ymin", "xmin", "ymax", "xmax")
    outputs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ImageDescription.__post_init__(self)
        if sorted(self.box_order) != sorted(_COORDINATES):
            raise MetadataError(
                f"The order of a box {','.join(self.box_order)!r} is not known.",
                hint="--box-order ymin,xmin,ymax,xmax, the same four in the model's order",
            )
        check_roles(self.outputs, tuple(NAMES), "output")

    def document(self, model: ModelView) -> Document:
        """One normalized image, four outputs in whatever order the model has them."""
        image, notes = self.image(model, what=WHAT, about="Image to look for objects in.")
        roles, how = output_roles(model, self.outputs)
        notes.append(
            "outputs: "
            + ", ".join(f"{role} is {output.key!r}" for role, output in roles.items())
            + f" ({how})."
        )
        files = self.labels.files()
        units: list[Fields] = []
        score_files: list[Fields] = []
        if self.score_calibration is not None:
            self.score_calibration.check(len(self.labels))
            files[self.score_calibration.file_name] = self.score_calibration.content
            score_files.append(calibration_entry(self.score_calibration))
            units.append(calibration_unit(self.score_calibration))
        index = [self.box_order.index(corner) for corner in _COORDINATES]
        boxes = contents(
            "BoundingBoxProperties", index=index, type="BOUNDARIES", coordinate_type="RATIO"
        )
        each = {"range": {"min": 2, "max": 2}}  # the dimension that counts the boxes
        fields = {
            "location": tensor("location", _ABOUT["location"], content={**boxes, **each}),
            "category": tensor(
                "category",
                _ABOUT["category"],
                content={**contents("FeatureProperties"), **each},
                files=label_entries(self.labels, "TENSOR_VALUE_LABELS"),
            ),
            "score": tensor(
                "score",
                _ABOUT["score"],
                content={**contents("FeatureProperties"), **each},
                units=units,
                files=score_files,
            ),
            "count": tensor(NAMES["count"], _ABOUT["count"]),
        }
        in_order = sorted(roles, key=lambda role: roles[role].position)
        graph = {
            "input_tensor_metadata": [image],
            "output_tensor_metadata": [fields[role] for role in in_order],
            "output_tensor_groups": [
                {
                    "name": "detection_result",
                    "tensor_names": [NAMES[role] for role in ("location", "category", "score")],
                }
            ],
        }
        return self._document(graph, files, notes)


def output_roles(model: ModelView, said: Mapping[str, str]) -> tuple[dict[str, ModelTensor], str]:
    """Which output has which role, and how that was found.

    Raises:
        MetadataError: the outputs are no detector's, or two cannot be told apart.
    """
    outputs = model.outputs
    if len(outputs) != 4:
        raise not_a(
            model,
            WHAT,
            f"it has {len(outputs)} outputs, and a detector has four: boxes, categories, scores, number",
            "add the post-processing (TFLite_Detection_PostProcess) to the model, or --task general",
        )
    boxes = [item for item in outputs if len(item.shape) == 3 and item.shape[2] == 4]
    flat = [item for item in outputs if len(item.shape) == 2 and item.shape[1] != 1]
    counts = [item for item in outputs if item not in boxes and item not in flat]
    if (len(boxes), len(flat), len(counts)) != (1, 2, 1):
        # With one box at most, 1×1 may be any of three.
        flat = [item for item in outputs if len(item.shape) == 2]
        counts = [item for item in outputs if item not in boxes and item not in flat]
    if (len(boxes), len(flat), len(counts)) != (1, 2, 1):
        raise not_a(
            model,
            WHAT,
            f"its outputs are {'; '.join(map(str, outputs))}, and a detector has 1×N×4, 1×N, 1×N and 1",
            "give --task general, or convert the model with its post-processing",
        )
    may = {"location": boxes, "category": flat, "score": flat, "count": counts}
    _check_said(model, may, said)
    pair, how = _categories_and_scores(model, flat, said)
    return {"location": boxes[0], **pair, "count": counts[0]}, how


def _categories_and_scores(
    model: ModelView, flat: list[ModelTensor], said: Mapping[str, str]
) -> tuple[dict[str, ModelTensor], str]:
    """The two outputs of one shape: by what the user says, their names, or what they give."""
    for role, other in (("category", "score"), ("score", "category")):
        if role in said:
            chosen = next((i for i in flat if said[role] in {i.key, i.spec.name}), None)
            if chosen is not None:
                rest = flat[1] if chosen is flat[0] else flat[0]
                return {role: chosen, other: rest}, "as said"
    if any(item.kind == "TFLite_Detection_PostProcess" for item in model.operators):
        made = next(i for i in model.operators if i.kind == "TFLite_Detection_PostProcess")
        order = _positions(model, made.outputs)
        ordered = sorted(flat, key=lambda item: order.get(item.position, 0))
        return {"category": ordered[0], "score": ordered[1]}, "by TFLite_Detection_PostProcess"
    named = {
        role: [item for item in flat if re.search(_HINTS[role], item.key.lower())]
        for role in ("category", "score")
    }
    for role, other in (("category", "score"), ("score", "category")):
        if len(named[role]) == 1 and named[other] != named[role]:
            first = named[role][0]
            return {role: first, other: next(i for i in flat if i is not first)}, "by their names"
    return _by_values(model, flat), "by what they give"


def _check_said(
    model: ModelView, may: Mapping[str, list[ModelTensor]], said: Mapping[str, str]
) -> None:
    """Refuse what a user says of outputs that their shapes, or the rest of what is said, contradict."""
    taken: list[ModelTensor] = []
    for role, name in said.items():
        free = [item for item in may[role] if item not in taken]
        chosen = next((item for item in free if name in {item.key, item.spec.name}), None)
        if chosen is None:
            names = " or ".join(repr(item.key) for item in free) or "none that is left"
            raise MetadataError(
                f"{model.origin} has no output {name!r} that can be the {role}.",
                hint=f"by their shapes it may be {names}",
            )
        taken.append(chosen)


def _positions(model: ModelView, tensors: tuple[int, ...]) -> dict[int, int]:
    """The model's outputs by position with their place among an operator's outputs."""
    from optimizer.tflite_reader import read

    graph = read(model.content).model.Subgraphs(0)
    places = {index: place for place, index in enumerate(tensors)}
    return {
        position: places[graph.Outputs(position)]
        for position in range(graph.OutputsLength())
        if graph.Outputs(position) in places
    }


def _by_values(model: ModelView, flat: list[ModelTensor]) -> dict[str, ModelTensor]:
    """Categories are whole numbers from 0; scores lie between 0 and 1 and are not all whole."""
    import numpy as np

    values = output_values(model)
    if values is not None:
        whole = {
            item.position: bool(np.all(values[item.position] == np.rint(values[item.position])))
            for item in flat
        }
        within = {
            item.position: bool(np.all((values[item.position] >= 0) & (values[item.position] <= 1)))
            for item in flat
        }
        for score, category in ((flat[0], flat[1]), (flat[1], flat[0])):
            if within[score.position] and not whole[score.position] and whole[category.position]:
                return {"category": category, "score": score}
    names = " and ".join(repr(item.key) for item in flat)
    raise MetadataError(
        f"{model.origin}: which of {names} holds the categories cannot be told.",
        hint=f"say it: --output-role category={flat[0].key} or score={flat[0].key}",
    )
