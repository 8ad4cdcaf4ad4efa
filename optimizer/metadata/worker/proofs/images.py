"""Images as the Task Library reads them, at a model's size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def read_rgb(vision: Any, path: str) -> Pixels:
    """Return H×W×3 pixels from a file with a grey, RGB or RGBA image."""
    image = vision.TensorImage.create_from_file(path)
    pixels: Pixels = np.array(image.buffer)  # a view of memory that goes with the image
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
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
