"""Images: classifiers, detectors, segmenters, embedders."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizer.metadata.worker import native
from optimizer.metadata.worker.proofs import plain
from optimizer.metadata.worker.proofs.images import read_rgb, resize

Pixels = npt.NDArray[np.uint8]
_DEFAULT_SIZE = 64
_CLOSE = 0.02
_TASKS = {
    "image-classifier": "ImageClassifier",
    "object-detector": "ObjectDetector",
    "image-segmenter": "ImageSegmenter",
    "image-embedder": "ImageEmbedder",
}


def prove(
    task: str,
    content: bytes,
    *,
    mean: list[float],
    std: list[float],
    source: str | None,
    seed: int,
    locales: list[str],
    shape: list[int],
    dtype: str,
) -> dict[str, Any]:
    """Run one image, ``source`` or random pixels from ``seed``, through both.

    ``shape`` and ``dtype`` are those of the model's input, whose sizes may be -1. ``results`` are of the
    image as it is; ``task`` and ``plain`` of the image at the model's size.
    """
    vision = native.vision()
    height, width = (size if size > 0 else _DEFAULT_SIZE for size in shape[1:3])
    if source is None:
        random = np.random.default_rng(seed)
        original = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    else:
        try:
            original = read_rgb(vision, source)
        except plain.REFUSALS as error:
            return {"unreadable": str(error)}
    fitted = resize(original, height, width)
    answer: dict[str, Any] = {"fitted_size": [height, width], "refused_locales": {}}
    feed = _normalized(fitted, mean, std, dtype, channels=shape[3])
    outputs = plain.attempt(answer, content, [feed])
    if task == "image-segmenter":
        answer["plain"] = []  # an output the size of an image; it is compared here
    run = _RUNS[task]
    try:
        made = _create(task, content)
        answer["results"] = run(made, vision, original)
        answer["task"] = answer["results"] if fitted is original else run(made, vision, fitted)
        if task == "image-segmenter" and outputs is not None:
            answer["masks"] = _compared(_masks(content, fitted), outputs[0])
    except plain.REFUSALS as error:
        return {**answer, "refused": str(error)}

    def ask(locale: str) -> object:
        return run(_create(task, content, display_names_locale=locale), vision, fitted)

    answer["refused_locales"] = {
        locale: why
        for locale in locales
        if (why := plain.refusal(partial(ask, locale))) is not None
    }
    return answer


def _create(task: str, content: bytes, **processing: Any) -> Any:
    vision, name = native.vision(), _TASKS[task]
    options: dict[str, Any] = {"base_options": native.base_options(content)}
    if processing:
        kind = {
            "image-classifier": "Classification",
            "object-detector": "Detection",
            "image-segmenter": "Segmentation",
        }[task]
        made = getattr(native.processor(), f"{kind}Options")(**processing)
        options[f"{kind.lower()}_options"] = made
    return getattr(vision, name).create_from_options(getattr(vision, f"{name}Options")(**options))


def categories(result: Any) -> list[list[dict[str, Any]]]:
    """The categories of a classification, by head."""
    return [
        [
            {
                "index": int(category.index),
                "label": category.category_name or None,
                "score": float(category.score),
            }
            for category in head.categories
        ]
        for head in result.classifications
    ]


def embeddings(result: Any) -> list[list[float]]:
    """The vectors of an embedding, by head."""
    return [
        np.asarray(item.feature_vector.value, np.float64).ravel().tolist()
        for item in result.embeddings
    ]


def _classify(made: Any, vision: Any, pixels: Pixels) -> list[list[dict[str, Any]]]:
    return categories(made.classify(vision.TensorImage.create_from_array(pixels)))


def _embed(made: Any, vision: Any, pixels: Pixels) -> list[list[float]]:
    return embeddings(made.embed(vision.TensorImage.create_from_array(pixels)))


def _detect(made: Any, vision: Any, pixels: Pixels) -> list[dict[str, Any]]:
    result = made.detect(vision.TensorImage.create_from_array(pixels))
    found = []
    for item in result.detections:
        box = item.bounding_box
        category = item.categories[0]
        found.append(
            {
                "index": int(category.index),
                "label": category.category_name or None,
                "score": float(category.score),
                "box": [box.origin_x, box.origin_y, box.width, box.height],
            }
        )
    return found


def _segment(made: Any, vision: Any, pixels: Pixels) -> list[dict[str, Any]]:
    """The classes of the mask, with their shares of it, the largest first."""
    segmentation = made.segment(vision.TensorImage.create_from_array(pixels)).segmentations[0]
    mask = np.asarray(segmentation.category_mask)
    names = [label.category_name or None for label in segmentation.colored_labels]
    values, counts = np.unique(mask, return_counts=True)
    regions = [
        {
            "index": int(value),
            "label": names[value] if value < len(names) else None,
            "share": float(count / mask.size),
        }
        for value, count in zip(values, counts, strict=True)
    ]
    return sorted(regions, key=lambda region: -float(region["share"]))


_RUNS: dict[str, Callable[[Any, Any, Pixels], Any]] = {
    "image-classifier": _classify,
    "object-detector": _detect,
    "image-segmenter": _segment,
    "image-embedder": _embed,
}


def _masks(content: bytes, pixels: Pixels) -> tuple[plain.Array, plain.Array]:
    """The confidences, height × width × classes, and the category mask."""
    kinds, image = native.processor().OutputType, native.vision().TensorImage
    found = [
        _create("image-segmenter", content, output_type=kind)
        .segment(image.create_from_array(pixels))
        .segmentations[0]
        for kind in (kinds.CONFIDENCE_MASK, kinds.CATEGORY_MASK)
    ]
    confidences = [np.asarray(mask.value, np.float64) for mask in found[0].confidence_masks]
    return np.stack(confidences, axis=-1), np.asarray(found[1].category_mask)


def _compared(masks: tuple[plain.Array, plain.Array], output: plain.Array) -> dict[str, Any]:
    """How far the masks are from the plain output, and the share of pixels with another class."""
    wanted = np.asarray(output, np.float64)[0]
    confidences, classes = masks
    if confidences.shape != wanted.shape:
        return {"shapes": [list(confidences.shape), list(wanted.shape)]}
    # A pixel between two classes may fall to either side.
    chosen = np.take_along_axis(wanted, classes[..., np.newaxis].astype(np.int64), axis=-1)[..., 0]
    best = wanted.max(axis=-1)
    span = float(np.max(np.abs(wanted)))
    return {
        "finite": bool(np.all(np.isfinite(wanted))),
        "span": span,
        "difference": float(np.max(np.abs(confidences - wanted))),
        "other_class": float(np.mean(best - chosen > _CLOSE * max(span, 1.0))),
    }


def _normalized(
    pixels: Pixels, mean: list[float], std: list[float], dtype: str, *, channels: int
) -> plain.Array:
    batch: plain.Array = pixels[np.newaxis]
    if channels == 1:
        batch = batch.mean(axis=-1, keepdims=True)
    if dtype == "float32":
        means, stds = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        return (batch.astype(np.float32) - means) / stds
    return batch.astype(dtype)
