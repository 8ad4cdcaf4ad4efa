"""The proof that a tagged file works: the Task Library loads it and says what LiteRT says.

The Task Library's Python package is the same C++ that reads the metadata inside an app. Its scores
are compared with those of a plain LiteRT run on the same pixels, normalised here: a wrong
normalisation or a file that an app cannot load shows on this machine, not in the app.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.artifact import TensorSpec
from optimizer.errors import DataError
from optimizer.metadata.client import MetadataWorker, ModelTensors
from optimizer.metadata.reading import show
from optimizer.metadata.tasks import Task

_FLOAT_TOLERANCE = 1e-3
# Kernels of two releases may round a quantized layer to neighbouring steps.
_QUANTIZED_TOLERANCE = 0.02
_PIXEL_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One result of a classifier: output index, its label, and the score as the app gets it."""

    index: int
    label: str | None
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the Task Library made of a file.

    ``failure`` is one sentence, ``None`` when the file works; ``hint`` says what to do about it.
    ``max_score_difference`` is the largest difference between the Task Library's scores and plain
    LiteRT's; ``notes`` are things an app developer should know that are no failure.
    """

    task: str
    input_origin: str
    failure: str | None = None
    hint: str | None = None
    results: tuple[Category, ...] = ()
    litert_top1: int | None = None
    max_score_difference: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether an app can use the file as it is described."""
        return self.failure is None


def verify(
    model: Path,
    *,
    task: Task | None = None,
    image: Path | None = None,
    seed: int = 0,
    worker: MetadataWorker | None = None,
) -> Verification:
    """Load a tagged image classifier with the Task Library, run one image, compare with LiteRT.

    ``image`` is a JPEG, PNG or BMP file; without one, random pixels from ``seed`` are used. What
    is wrong with the file's use is in the result, not raised.

    Raises:
        ModelError: the file is missing, empty or not a TFLite model.
        DataError: the image cannot be read.
        MetadataError: the worker died on the file or took too long.
        MissingExtraError: tflite-support is not installed.
    """
    if image is not None and not image.is_file():
        raise DataError(f"The image {image} does not exist.", hint="give a JPEG, PNG or BMP file")
    origin = str(image) if image is not None else f"random pixels, seed {seed}"
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        shown = show(model, worker=worker)
        problem = _problem(shown, model)
        if problem is None and shown is not None:
            mean, std = _normalization(shown)
            tensors = worker.tensors(model)
            problem = _shape_problem(tensors, model)
        if problem is not None:
            return _failed(problem, origin)
        answer = worker.classify_image(model, mean=mean, std=std, image=image, seed=seed)
    if "unreadable" in answer:
        raise DataError(
            f"The image {image} cannot be read: {answer['unreadable']}",
            hint="give a JPEG, PNG or BMP file",
        )
    if "refused" in answer:
        return _failed(_refusal(answer["refused"], tensors, model), origin)
    return _judge(answer, tensors.inputs[0], mean, std, origin, quantized=tensors.quantized)


def _failed(problem: tuple[str, str], origin: str) -> Verification:
    failure, hint = problem
    return Verification(
        task=Task.IMAGE_CLASSIFIER.value, input_origin=origin, failure=failure, hint=hint
    )


def _problem(shown: dict[str, Any] | None, model: Path) -> tuple[str, str] | None:
    """Return why the metadata cannot be used, and what to do; ``None`` when it can."""
    again = (
        f"android-bench metadata write '{model.name}' --task image-classifier "
        "--labels labels.txt --mean 127.5 --std 127.5"
    )
    if shown is None:
        return f"{model.name} has no metadata.", again
    mean, std = _normalization(shown)
    finite = all(map(math.isfinite, [*mean, *std]))
    if not mean or len(mean) != len(std) or 0.0 in std or not finite:
        return (
            f"The normalisation in {model.name} cannot be used: mean {mean}, std {std}.",
            f"{again} --replace",
        )
    return None


def _shape_problem(tensors: ModelTensors, model: Path) -> tuple[str, str] | None:
    """Return why the model is no image classifier, and what to do; ``None`` when it may be one."""
    if len(tensors.inputs) == len(tensors.outputs) == 1 and len(tensors.inputs[0].shape) == 4:
        return None
    return (
        f"{model.name} is not an image classifier: it has {len(tensors.inputs)} inputs and "
        f"{len(tensors.outputs)} outputs, with shapes "
        f"{', '.join(str(list(tensor.shape)) for tensor in tensors.inputs + tensors.outputs)}.",
        "an image classifier has one input, 1×height×width×3, and one output, 1×classes",
    )


def _normalization(shown: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Return mean and std as the file has them; 0 and 1 when it has none."""
    for tensor in (shown.get("subgraph_metadata") or [{}])[0].get("input_tensor_metadata", []):
        for unit in tensor.get("process_units", []):
            if unit.get("options_type") == "NormalizationOptions":
                options = unit.get("options", {})
                return options.get("mean", []), options.get("std", [])
    return [0.0], [1.0]


def _refusal(message: str, tensors: ModelTensors, model: Path) -> tuple[str, str]:
    """Return what the Task Library's refusal means, and what to do."""
    entry, scores = tensors.inputs[0], tensors.outputs[0]
    if len(entry.shape) == 4 and entry.shape[-1] != 3:
        return (
            f"Android's ImageClassifier needs an input with 3 channels (RGB); "
            f"{model.name} has {entry.shape[-1]}.",
            "give the model an RGB input (for grey images: repeat the channel three times, "
            "or average it in the first layer)",
        )
    if entry.dtype not in {"float32", "uint8"}:
        return (
            f"Android's ImageClassifier takes float32 or uint8 inputs; "
            f"{model.name} has {entry.dtype}.",
            "build the int8 recipe with float32 or uint8 input and output",
        )
    if scores.dtype not in {"float32", "uint8"}:
        return (
            f"Android's ImageClassifier takes float32 or uint8 outputs; "
            f"{model.name} has {scores.dtype}.",
            "build the int8 recipe with float32 or uint8 input and output",
        )
    sentence = " ".join(message.split()).rstrip(".")
    return (
        f"The Task Library refuses {model.name}: {sentence}.",
        "write the metadata again: android-bench metadata write FILE --replace",
    )


def _judge(
    answer: dict[str, Any],
    entry: TensorSpec,
    mean: list[float],
    std: list[float],
    origin: str,
    *,
    quantized: bool,
) -> Verification:
    """Compare what the Task Library said with what LiteRT said."""
    plain: list[float] = answer["plain"]
    task = {result["index"]: float(result["score"]) for result in answer["task"]}
    results = tuple(Category(**result) for result in answer["results"])
    span = max(1.0, *(abs(score) for score in plain))
    tolerance = (_QUANTIZED_TOLERANCE if quantized else _FLOAT_TOLERANCE) * span
    difference = max((abs(plain[i] - s) for i, s in task.items() if i < len(plain)), default=None)
    top = max(range(len(plain)), key=plain.__getitem__)
    notes = []
    if any(score < 0 for score in plain):
        notes.append(
            "Scores below zero are left out by the Task Library: the model seems to end without "
            "softmax or sigmoid, and an app sees only some of the classes."
        )
    failure = hint = None
    if not all(map(math.isfinite, plain)):
        failure = "The model's scores are not finite numbers."
        hint = "check mean and std, and the model in its own framework"
    elif lost := [i for i, score in enumerate(plain) if score > tolerance and i not in task]:
        failure = f"The Task Library leaves out class {lost[0]}, to which LiteRT gives a score."
        hint = "write the metadata again: android-bench metadata write FILE --replace"
    elif difference is not None and difference > tolerance:
        failure = (
            f"The Task Library and LiteRT disagree: scores differ by up to {difference:.3g}, "
            f"more than {tolerance:.3g}."
        )
        hint = "compare mean and std with the training code"
    elif task:
        first = max(task, key=task.__getitem__)
        if first != top and abs(plain[first] - plain[top]) > 2 * tolerance:
            failure = f"The Task Library's first class is {first}, LiteRT's is {top}."
            hint = "compare mean and std with the training code"
    if failure is None and (gap := _pixel_gap(entry, mean, std)) > _PIXEL_TOLERANCE:
        failure = (
            f"The {entry.dtype} input is quantized with scale {entry.scale:.4g} and zero point "
            f"{entry.zero_point}, so raw pixels reach the model {gap:.0%} of the range away from "
            f"(pixel - mean) / std."
        )
        hint = (
            "apps feed raw pixels to uint8 models: calibrate with data over the whole range, "
            "check mean and std, or build with float32 input"
        )
    return Verification(
        task=Task.IMAGE_CLASSIFIER.value,
        input_origin=origin,
        failure=failure,
        hint=hint,
        results=results,
        litert_top1=top,
        max_score_difference=difference,
        notes=tuple(notes),
    )


def _pixel_gap(entry: TensorSpec, mean: list[float], std: list[float]) -> float:
    """Return how far a raw pixel is, at most, from where the normalisation wants it.

    The unit is the range of normalised pixels. The Task Library does not normalise for uint8
    models: the input's quantization has to do the same, scale = 1 / std and zero point = mean.
    """
    if entry.dtype != "uint8" or entry.scale is None or entry.zero_point is None:
        return 0.0
    return max(
        abs(entry.scale * (pixel - entry.zero_point) - (pixel - m) / s) / (255.0 / s)
        for m, s in zip(mean, std, strict=True)
        for pixel in (0, 255)
    )
