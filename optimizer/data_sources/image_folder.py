"""Folders of images: a folder for each class, or images alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from optimizer.artifact import file_sha256
from optimizer.data_sources import Arrays
from optimizer.errors import DataError, MissingExtraError

_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_SPLITS = {"train": ("train", "training"), "test": ("test", "val", "validation")}
_MODES = {1: "L", 3: "RGB"}

Shape = tuple[int, int, int]


def read_image_folder(folder: Path, *, split: str, shape: Shape | None) -> Arrays:
    """Images (samples, height, width, channels) in bytes, and the classes of their folders.

    Classes are numbered by name, or by number when all names are whole numbers. Images are brought to
    ``shape`` by bilinear resampling; without one all must be of one size.

    Raises:
        DataError: there are no images, a single class, files that are no images, or several sizes.
    """
    for name in _SPLITS.get(split, (split,)):
        if (folder / name).is_dir():
            folder = folder / name
            break
    classes = _sorted([item for item in folder.iterdir() if item.is_dir() and _images(item)])
    alone = _images(folder)
    if not classes and not alone:
        raise DataError(
            f"{folder} holds no images.",
            hint=f"a folder for each class with {', '.join(sorted(_IMAGES))} in it",
        )
    if len(classes) == 1 and not alone:
        raise DataError(
            f"{folder} holds a single class, {classes[0].name!r}.",
            hint="a folder for each class that the model tells apart",
        )
    groups = [_images(item) for item in classes] if classes else [alone]
    files = [file for group in groups for file in group]
    labels = [number for number, group in enumerate(groups) for _ in group] if classes else None
    digest = hashlib.sha256(repr(shape).encode())
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file_sha256(file)}\n".encode())
    return Arrays(
        inputs={"images": _decode(files, shape)},
        labels=labels,
        sha256=digest.hexdigest(),
        class_names=tuple(item.name for item in classes),
    )


def _images(folder: Path) -> list[Path]:
    return sorted(
        item for item in folder.iterdir() if item.suffix.lower() in _IMAGES and item.is_file()
    )


def _sorted(folders: Sequence[Path]) -> list[Path]:
    """By number if all names are numbers: 10 comes after 9 then."""
    if all(item.name.isdecimal() for item in folders):
        return sorted(folders, key=lambda item: int(item.name))
    return sorted(folders, key=lambda item: item.name)


def _decode(files: Sequence[Path], shape: Shape | None) -> Any:
    import numpy as np

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        arrays = list(pool.map(lambda file: _one(file, shape), files))
    sizes = {
        array.shape: file for array, file in zip(reversed(arrays), reversed(files), strict=True)
    }
    if len(sizes) > 1:
        (first, one), (second, other), *_ = sizes.items()
        raise DataError(
            f"The images have several sizes: {one} is {_show(first)}, {other} is {_show(second)}.",
            hint="--image-shape 224,224,3 brings all to one",
        )
    return np.stack(arrays)


def _one(file: Path, shape: Shape | None) -> Any:
    """An image as bytes (height, width, channels), turned as its camera was held."""
    import numpy as np

    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError("optimize", needed_for="Reading images", module="PIL") from error
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            grey = image.mode in {"1", "L", "LA", "I", "I;16", "F"}
            channels = shape[2] if shape else (1 if grey else 3)
            image = image.convert(_MODES.get(channels, "RGB"))
            if shape is not None:
                image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
            array = np.asarray(image, dtype="uint8")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{file} cannot be read as an image: {error}.", hint="remove or replace it"
        ) from error
    return array[..., None] if array.ndim == 2 else array


def _show(shape: Sequence[int]) -> str:
    return "×".join(str(size) for size in shape)
