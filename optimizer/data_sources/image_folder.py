"""Folders of images: one subfolder for each class, or images alone; decoded by Pillow."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from optimizer.data_sources import Arrays, check_memory
from optimizer.errors import DataError

_SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "validation"),
    "test": ("test", "val", "validation"),
}
_SPLIT_NAMES = {name for names in _SPLITS.values() for name in names}
_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
# Only these decoders see the content, whatever its name: others of Pillow's start programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_GREY = {"1", "L", "LA", "I;16", "I;16B", "I"}
# What desktops leave in folders.
_LITTER = {"thumbs.db", "desktop.ini"}
_THREADS = 8


def read_image_folder(
    folder: Path, *, split: str, image_shape: tuple[int, int, int] | None
) -> Arrays:
    """Read ``FOLDER/CLASS/*.png`` or ``FOLDER/*.png``; in ``FOLDER/train`` and so on if it is split.

    Images become uint8 (samples, height, width, channels): turned as their EXIF says, with alpha
    dropped where ``image_shape`` has no place for it, resized whole (bilinear, antialiased) without
    keeping the aspect. Classes are numbered over all splits, so that a class that one split lacks
    does not shift the others.

    Raises:
        DataError: there are no images, a single class, a file that is no image or is damaged, or
            images of different sizes and no ``image_shape``.
    """
    try:
        place, names = _place(folder, split)
        files, labels = _files(place, names)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error
    if not files:
        raise DataError(
            f"{place} holds no images.",
            hint="give FOLDER/CLASS/*.png (or .jpg, .jpeg, .webp, .bmp), or images alone",
        )
    if names and len(set(labels)) < 2:
        raise DataError(
            f"{place} holds a single class, {names[labels[0]]!r}, which teaches nothing.",
            hint="give the folder above the folders of classes, or images without a folder of a class",
        )
    images, digest = _decoded(place, files, image_shape)
    return Arrays(
        sha256=digest, inputs={"images": images}, labels=labels or None, class_names=tuple(names)
    )


def _place(folder: Path, split: str) -> tuple[Path, list[str]]:
    """The folder of the split, and the names of the classes in order; none in a flat folder."""
    inside = {item.name for item in _items(folder) if item.is_dir()}
    if not inside or not inside <= _SPLIT_NAMES:
        return folder, _ordered(inside)
    name = next((name for name in _SPLITS.get(split, (split,)) if name in inside), None)
    if name is None:
        raise DataError(
            f"{folder} has the splits {', '.join(sorted(inside))} and no {split}.",
            hint=f"give one of them as the data: {folder / min(inside)}",
        )
    classes = {
        each: {item.name for item in _items(folder / each) if item.is_dir()} for each in inside
    }
    return folder / name, _ordered(set().union(*classes.values()) if classes[name] else set())


def _files(place: Path, names: list[str]) -> tuple[list[Path], Any]:
    """The images in order, and the number of the class of each."""
    items = _items(place)
    if not names:
        return [_image(item) for item in items], []
    loose = next((item for item in items if not item.is_dir()), None)
    if loose is not None:
        raise DataError(
            f"{loose} lies beside the folders of classes and belongs to none.",
            hint="move it into the folder of its class, or away",
        )
    found = [
        (_image(item), number)
        for number, name in enumerate(names)
        if (place / name).is_dir()
        for item in _items(place / name)
    ]
    return [file for file, _ in found], [number for _, number in found]


def _image(item: Path) -> Path:
    if item.is_dir() or item.suffix.lower() not in _SUFFIXES:
        raise DataError(
            f"{item} is no image that can be read.",
            hint=f"images end in {', '.join(sorted(_SUFFIXES))}; move other files away",
        )
    return item


def _items(folder: Path) -> list[Path]:
    """What a folder holds, in order, without hidden files."""
    kept = [
        item
        for item in folder.iterdir()
        if not item.name.startswith(".") and item.name.lower() not in _LITTER
    ]
    return sorted(kept, key=lambda item: item.name)


def _ordered(names: set[str]) -> list[str]:
    """Names of classes in order; 10 comes after 9 where all of them are numbers."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _decoded(
    place: Path, files: list[Path], image_shape: tuple[int, int, int] | None
) -> tuple[Any, str]:
    """All images as one array, and the digest of names, contents and shape."""
    import numpy as np

    with (
        _strict_pillow(),
        ThreadPoolExecutor(max_workers=min(_THREADS, os.cpu_count() or 1)) as pool,
    ):
        shape = image_shape or _common_shape(files, list(pool.map(_probed, files)))
        if shape[2] not in _MODES:
            raise DataError(
                f"Images cannot be read with {shape[2]} channels.", hint="give 1, 3 or 4 channels"
            )
        check_memory(place, len(files) * shape[0] * shape[1] * shape[2])
        images = np.empty((len(files), *shape), "uint8")

        def put(index: int) -> bytes:
            content = _content(files[index])
            images[index] = _pixels(files[index], content, shape)
            return hashlib.sha256(content).digest()

        digest = hashlib.sha256(repr(shape).encode())
        for file, content in zip(files, pool.map(put, range(len(files))), strict=True):
            name = file.relative_to(place).as_posix().encode("utf-8", "surrogateescape")
            digest.update(hashlib.sha256(name).digest() + content)
    return images, digest.hexdigest()


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Make Pillow's warning of a decompression bomb an error; its remarks on EXIF are no concern."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _common_shape(files: list[Path], probed: list[tuple[int, int, bool]]) -> tuple[int, int, int]:
    """The size that all images have; one channel when all of them are grey, else three."""
    height, width, _ = probed[0]
    for file, (other_height, other_width, _) in zip(files, probed, strict=True):
        if (other_height, other_width) != (height, width):
            raise DataError(
                f"The images have several sizes (height×width): {files[0]} is {height}×{width}, {file} "
                f"is {other_height}×{other_width}.",
                hint="say what the model takes: --image-shape 224,224,3",
            )
    return height, width, 1 if all(grey for _, _, grey in probed) else 3


def _probed(file: Path) -> tuple[int, int, bool]:
    """Height, width and whether it is grey, from the header."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file, formats=_FORMATS) as image:
            grey = image.mode in _GREY
            turned = ImageOps.exif_transpose(image)
            return turned.height, turned.width, grey
    except Exception as error:  # Pillow raises many kinds for a damaged file
        raise _unreadable(file, error) from error


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error


def _pixels(file: Path, content: bytes, shape: tuple[int, int, int]) -> Any:
    """Decode one image to height, width and channels."""
    import numpy as np
    from PIL import Image, ImageOps

    height, width, channels = shape
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):
                # Pillow would cut 16 bits off at 255 instead of dividing them.
                image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
            if image.mode == "P":
                image = image.convert("RGBA")  # a transparent palette goes no other way
            image = image.convert(_MODES[channels])
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(shape)
    except Exception as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> DataError:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return DataError(
            f"{file} has more pixels than an image should have: it could be a decompression bomb.",
            hint="scale it down, or move it away",
        )
    if isinstance(error, UnidentifiedImageError):
        return DataError(
            f"{file} cannot be read as an image: its content is not PNG, JPEG, WebP or BMP."
        )
    cause = (str(error) or repr(error)).splitlines()[0].rstrip(".")
    return DataError(
        f"{file} cannot be read as an image: {cause}.", hint="replace it or move it away"
    )
