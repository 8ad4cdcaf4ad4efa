"""Images in: classifier, segmenter, embedder. What they share, the image, serves detectors too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import Labels, ScoreCalibration
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
    not_a,
    only,
    scored,
    tensor,
    unit,
)
from optimizer.task import Task

_ANY_TASK = "use the task that the model is for: --task, or --task general"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDescription(Description):
    """A model that takes an image.

    An app feeds ``(pixel - mean) / std`` with pixels from 0 to 255. ``mean`` and ``std`` have one
    value, or one for each channel. A model that was trained on pixels from 0 to 1 has mean 0 and
    std 255; one trained on -1 to 1 has 127.5 and 127.5. Without them they are worked out where the model
    tells: by layers that rescale, or by its input's quantization.

    Raises:
        MetadataError: mean or std cannot be.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        check_normalization(self.mean, self.std)

    def normalization(
        self, model: ModelView, image: ModelTensor
    ) -> tuple[tuple[float, ...], tuple[float, ...], list[str]]:
        """Mean and std at the same length, and a sentence if they were worked out.

        Raises:
            MetadataError: the model does not tell them, or they have another number of values.
        """
        notes = []
        mean, std = self.mean, self.std
        if (mean is None or std is None) and model.pixels is not None:
            mean, std = model.pixels
            told = [",".join(f"{value:g}" for value in part) for part in model.pixels]
            notes.append(f"mean {told[0]}, std {told[1]}: its data were scaled so.")
            doubt = contradiction(model, image, mean, std)
            notes += [] if doubt is None else [doubt]
            return *of_one_length(mean, std, image.shape[3]), notes
        if mean is None or std is None:
            found = infer_normalization(model, image)
            if found is None:
                raise MetadataError(
                    f"{model.origin} does not tell how pixels become its input.",
                    hint="give --mean and --std (mean and std in metadata.toml): an app feeds "
                    "(pixel - mean) / std; 0 and 255 for inputs from 0 to 1, 127.5 and 127.5 for -1 to 1, "
                    "0 and 1 for raw pixels",
                )
            mean, std = (found.mean,), (found.std,)
            notes.append(f"mean {found.mean:g}, std {found.std:g}: {found.why}.")
        else:
            doubt = contradiction(model, image, mean, std)
            notes += [] if doubt is None else [doubt]
        return *of_one_length(mean, std, image.shape[3]), notes

    def image(self, model: ModelView, *, what: str, about: str) -> tuple[Fields, list[str]]:
        """The fields of the image, and what was worked out.

        Raises:
            MetadataError: the model's input is no image, or its normalisation is not known.
        """
        image = only(model, "input", what)
        shape = image.shape
        if len(shape) != 4 or shape[0] not in {1, -1} or shape[3] not in {1, 3}:
            raise not_a(
                model,
                what,
                f"its input is {image}, and an image is 1×height×width×3 (or ×1 for grey)",
                "convert the model with a batch of 1 and the channels last",
            )
        mean, std, notes = self.normalization(model, image)
        color = "GRAYSCALE" if shape[3] == 1 else "RGB"
        return (
            tensor(
                "image",
                about,
                content=contents("ImageProperties", color_space=color),
                units=[unit("NormalizationOptions", mean=list(mean), std=list(std))],
            ),
            notes,
        )


def scores_of(model: ModelView, what: str, labels: Labels) -> ModelTensor:
    """The single output, with one score for each label.

    Raises:
        MetadataError: it has another shape or number.
    """
    scores = only(model, "output", what)
    shape = scores.shape
    if len(shape) not in {2, 4} or any(size not in {1, -1} for size in shape[:-1]):
        raise not_a(model, what, f"its output is {scores}, and scores are 1×classes", _ANY_TASK)
    check_label_count(labels, shape[-1], origin=model.origin)
    return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageClassifier(ImageDescription):
    """Names what is in an image: an image in, one score a class out."""

    task: ClassVar[Task] = Task.IMAGE_CLASSIFIER
    title: ClassVar[str] = "ImageClassifier"
    about: ClassVar[str] = "Names the most prominent object in an image, out of a known set."

    labels: Labels
    score_calibration: ScoreCalibration | None = None

    def document(self, model: ModelView) -> Document:
        """One normalized image, scores with labels."""
        image, notes = self.image(
            model, what="an image classifier", about="Image to be classified."
        )
        scores_of(model, "an image classifier", self.labels)
        probability, files = scored("probability", self.labels, self.score_calibration)
        graph = {"input_tensor_metadata": [image], "output_tensor_metadata": [probability]}
        return self._document(graph, files, notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSegmenter(ImageDescription):
    """Says for each pixel what it belongs to: 1×height×width×classes out."""

    task: ClassVar[Task] = Task.IMAGE_SEGMENTER
    title: ClassVar[str] = "ImageSegmenter"
    about: ClassVar[str] = "Divides an image into regions of known classes."

    labels: Labels

    def document(self, model: ModelView) -> Document:
        """One normalized image, masks with labels."""
        what = "an image segmenter"
        image, notes = self.image(model, what=what, about="Image to be segmented.")
        masks = only(model, "output", what)
        if len(masks.shape) != 4:
            raise not_a(
                model,
                what,
                f"its output is {masks}, and masks are 1×height×width×classes",
                _ANY_TASK,
            )
        check_label_count(self.labels, masks.shape[3], origin=model.origin)
        fields = tensor(
            "segmentation_masks",
            "Masks over the target objects.",
            content={
                **contents("ImageProperties", color_space="GRAYSCALE"),
                "range": {"min": 1, "max": 2},  # the dimensions that are an image's
            },
            files=label_entries(self.labels, "TENSOR_AXIS_LABELS"),
        )
        graph = {"input_tensor_metadata": [image], "output_tensor_metadata": [fields]}
        return self._document(graph, self.labels.files(), notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEmbedder(ImageDescription):
    """Makes a vector of an image, for comparing images."""

    task: ClassVar[Task] = Task.IMAGE_EMBEDDER
    title: ClassVar[str] = "ImageEmbedder"
    about: ClassVar[str] = "Makes a feature vector of an image."

    def document(self, model: ModelView) -> Document:
        """One normalized image; each output is a vector."""
        what = "an image embedder"
        image, notes = self.image(model, what=what, about="Image to be embedded.")
        for output in model.outputs:
            flat = len(output.shape) in {2, 4} and all(n in {1, -1} for n in output.shape[:-1])
            if not flat:
                raise not_a(model, what, f"its output {output} is no vector, 1×features", _ANY_TASK)
        graph = {"input_tensor_metadata": [image], "output_tensor_metadata": vectors(model)}
        return self._document(graph, {}, notes)


def vectors(model: ModelView) -> list[Fields]:
    """The fields of outputs that are feature vectors."""
    several = len(model.outputs) > 1
    return [
        tensor(f"feature_{place}" if several else "feature", "Feature vector.")
        for place in range(len(model.outputs))
    ]
