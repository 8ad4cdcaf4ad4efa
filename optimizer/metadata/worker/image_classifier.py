"""Image classifiers: run a file as an app would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizer.metadata.worker import native


def classify(
    path: str,
    *,
    mean: list[float],
    std: list[float],
    image: str | None,
    seed: int,
    default_size: int,
) -> dict[str, Any]:
    """Run one image through the Task Library and through plain LiteRT; return both results.

    ``image`` is a file, or ``None`` for random pixels from ``seed``. The Task Library's refusal
    is a result (``refused``), not an error.
    """
    content = Path(path).read_bytes()
    core, vision = native.task_core(), native.vision()
    options = vision.ImageClassifierOptions(base_options=core.BaseOptions(file_content=content))
    try:
        classifier = vision.ImageClassifier.create_from_options(options)
    except (ValueError, RuntimeError) as error:
        return {"refused": str(error)}
    interpreter = native.interpreter(content)
    entry = interpreter.get_input_details()[0]
    _, height, width, _ = (
        size if size > 0 else default_size for size in map(int, entry["shape_signature"])
    )
    if image is None:
        shape = (height, width, 3)
        original = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    else:
        try:
            original = _rgb(vision.TensorImage.create_from_file(image).buffer)
        except (ValueError, RuntimeError) as error:
            return {"unreadable": str(error)}
    fitted = _resize(original, height, width)
    try:
        shown = _run_task(classifier, vision, original)
        same = shown if fitted is original else _run_task(classifier, vision, fitted)
    except (ValueError, RuntimeError) as error:
        return {"refused": f"it loads, but does not run: {error}"}
    return {
        "results": shown,
        "task": same,
        "plain": _run_plain(interpreter, entry, fitted, mean, std),
        "image_size": [int(size) for size in original.shape[:2]],
    }


def _run_task(classifier: Any, vision: Any, pixels: npt.NDArray[np.uint8]) -> list[dict[str, Any]]:
    result = classifier.classify(vision.TensorImage.create_from_array(pixels))
    return [
        {
            "index": int(category.index),
            "label": category.category_name or None,
            "score": float(category.score),
        }
        for category in result.classifications[0].categories
    ]


def _run_plain(
    interpreter: Any,
    entry: dict[str, Any],
    pixels: npt.NDArray[np.uint8],
    mean: list[float],
    std: list[float],
) -> list[float]:
    """Return the model's scores, as real numbers, for pixels that have the model's size."""
    batch: npt.NDArray[Any] = pixels[np.newaxis]
    if entry["dtype"] is np.float32:
        means, stds = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        batch = (batch.astype(np.float32) - means) / stds
    if tuple(entry["shape"]) != batch.shape:
        interpreter.resize_tensor_input(entry["index"], batch.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], batch.astype(entry["dtype"]))
    interpreter.invoke()
    exit_ = interpreter.get_output_details()[0]
    scores = interpreter.get_tensor(exit_["index"]).astype(np.float32).ravel()
    scale, zero_point = exit_["quantization"]
    if scale and exit_["dtype"] is not np.float32:
        scores = (scores - zero_point) * scale
    return [float(score) for score in scores]


def _rgb(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return H×W×3 pixels from a grey, RGB or RGBA image."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])


def _resize(pixels: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return the image at the model's size, bilinear; the very same array when it fits already."""
    if pixels.shape[:2] == (height, width):
        return pixels
    rows = np.clip((np.arange(height) + 0.5) * pixels.shape[0] / height - 0.5, 0, None)
    columns = np.clip((np.arange(width) + 0.5) * pixels.shape[1] / width - 0.5, 0, None)
    top = np.minimum(rows.astype(int), pixels.shape[0] - 1)
    left = np.minimum(columns.astype(int), pixels.shape[1] - 1)
    bottom = np.minimum(top + 1, pixels.shape[0] - 1)
    right = np.minimum(left + 1, pixels.shape[1] - 1)
    down = (rows - top)[:, np.newaxis, np.newaxis]
    across = (columns - left)[np.newaxis, :, np.newaxis]
    above = pixels[top][:, left] * (1 - across) + pixels[top][:, right] * across
    below = pixels[bottom][:, left] * (1 - across) + pixels[bottom][:, right] * across
    blended = np.rint(above * (1 - down) + below * down).astype(np.uint8)
    # Indexing has left the axes in another order; the Task Library reads the memory as it lies.
    return np.ascontiguousarray(blended)
