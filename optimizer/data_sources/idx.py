"""idx files, the format of MNIST and Fashion-MNIST, plain or gzipped (Yann LeCun's page on MNIST)."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

from optimizer.artifact import file_sha256
from optimizer.data_sources import Arrays
from optimizer.errors import DataError

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_GZIP = b"\x1f\x8b"
_SPLITS = {"train": ("train",), "test": ("t10k", "test", "val")}
_MOST_DIMENSIONS = 8


def is_idx(path: Path) -> bool:
    """Whether a file begins as idx files do, gzipped or not."""
    try:
        head = _open(path, 4)
    except (OSError, EOFError, zlib.error):
        return False
    return (
        len(head) == 4
        and head[:2] == b"\0\0"
        and head[2] in _TYPES
        and 1 <= head[3] <= _MOST_DIMENSIONS
    )


def find_images(folder: Path, split: str) -> Path | None:
    """The images of a split in a folder of idx files, ``None`` if there are none."""
    files = sorted(path for path in folder.iterdir() if "idx" in path.name and path.is_file())
    wanted = _SPLITS.get(split, (split,))
    return next(
        (
            path
            for begin in wanted
            for path in files
            if path.name.startswith(begin) and "labels" not in path.name and is_idx(path)
        ),
        None,
    )


def read_idx_data(path: Path) -> Arrays:
    """Images (samples, height, width, 1) of an idx file, and labels of the one beside it.

    Raises:
        DataError: a file is cut short or damaged, or the labels are of another number.
    """
    images = read_idx(path)
    if images.ndim == 3:
        images = images[..., None]
    beside = _labels_of(path)
    labels = read_idx(beside) if beside is not None else None
    digest = file_sha256(path) + (file_sha256(beside) if beside is not None else "")
    return Arrays(inputs={"images": images}, labels=labels, sha256=digest)


def read_idx(path: Path) -> Any:
    """The array of an idx file, in its own type.

    Raises:
        DataError: it is cut short, damaged, or says that it holds more than it does.
    """
    import numpy as np

    try:
        content = _open(path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.", hint="copy it again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{path} is no idx file.", hint="it begins with two zero bytes")
    dtype, dimensions = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * dimensions
    sizes = content[4:start]
    shape = tuple(int(size) for size in np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4"))
    if len(shape) != dimensions or len(content) - start != math.prod(shape) * dtype.itemsize:
        raise DataError(
            f"{path} is cut short or damaged: it says {' × '.join(map(str, shape))} values of "
            f"{dtype.itemsize} bytes, and {max(0, len(content) - start)} bytes follow.",
            hint="copy it again",
        )
    return (
        np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    )


def _open(path: Path, count: int = -1) -> bytes:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    if zipped:
        with gzip.open(path) as file:
            return file.read(count)
    with path.open("rb") as file:
        return file.read(count)


def _labels_of(images: Path) -> Path | None:
    """The labels beside images: images-idx3 has labels-idx1."""
    name = images.name.replace("images", "labels")
    for dimensions in ("idx3", "idx4", "idx2"):
        name = name.replace(dimensions, "idx1")
    beside = images.with_name(name)
    return beside if name != images.name and beside.is_file() else None
