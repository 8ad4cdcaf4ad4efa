"""idx files, in which MNIST and its relatives come: a header of sizes, then numbers, big-endian."""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO, Any, cast

from optimizer.artifact import file_sha256
from optimizer.data_sources import Arrays, check_memory
from optimizer.errors import DataError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r"idx\d|ubyte", re.IGNORECASE)
_SPLITS = {"train": ("train",), "test": ("t10k", "test", "val"), "val": ("val", "validation")}
_GZIP = b"\x1f\x8b"
_MOST_DIMENSIONS = 8
# Deflate cannot make more of a byte; a header that claims more of its file lies.
_MOST_INFLATION = 1032
_BLOCK = 1 << 20
_HINT = "download it again, or unpack it with gunzip to see whether it is whole"


def is_idx(path: Path) -> bool:
    """Whether a file is idx by its first bytes, or means to be by its name."""
    if not path.is_file() or path.suffix in {".npz", ".npy"}:
        return False
    if _NAME.search(path.name):
        return True
    try:
        with _opened(path) as stream:
            return _is_magic(stream.read(4))
    except (OSError, EOFError, zlib.error):
        return False


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder holds an idx file."""
    try:
        return any(is_idx(file) for file in folder.iterdir())
    except OSError:
        return False


def read_idx_folder(folder: Path, split: str) -> Arrays:
    """Read the images of a split, and their labels, as MNIST lays them out.

    Raises:
        DataError: there are no images of the split, or several, or a file is damaged.
    """
    starts = "|".join(_SPLITS.get(split, (re.escape(split),)))
    named = re.compile(rf"(^|[-_.])({starts})[-_.]", re.IGNORECASE)
    files = [file for file in sorted(folder.iterdir()) if is_idx(file)]
    images = [file for file in files if named.search(file.name) and "label" not in file.name]
    # A file and its packed self are one; the unpacked one reads faster.
    images = [file for file in images if file.with_suffix("") not in images or file.suffix != ".gz"]
    if len(images) != 1:
        found = ", ".join(file.name for file in images or files)
        raise DataError(
            f"{folder} has {'several' if images else 'no'} idx files of images for the split "
            f"{split!r}; there are {found}.",
            hint=f"name the file: {(images or files)[0]}",
        )
    return read_idx_data(images[0])


def read_idx_data(path: Path) -> Arrays:
    """Read an idx file, packed or not, and the labels beside it where there are any.

    Images (samples, height, width) become (samples, height, width, 1), as models take them.

    Raises:
        DataError: the file or its labels are no idx, truncated or longer than their header says.
    """
    array = read_idx(path)
    if array.ndim < 2:
        raise DataError(
            f"{path} holds single numbers, as labels are, and no images.",
            hint="give the file of the images; the labels beside it are found",
        )
    if array.ndim == 3:
        array = array[..., None]
    labels = _labels_beside(path)
    digest = hashlib.sha256(file_sha256(path).encode())
    if labels is not None:
        digest.update(file_sha256(labels).encode())
    return Arrays(
        sha256=digest.hexdigest(),
        inputs={"images": array},
        labels=None if labels is None else read_idx(labels),
    )


def _labels_beside(path: Path) -> Path | None:
    """Where the labels of a file of images are: the same name with labels and idx1, packed or not."""
    plain = path.name.removesuffix(".gz")
    name = re.sub(r"idx\d", "idx1", plain.replace("images", "labels"))
    if name == plain:
        return None
    # Beside a packed file the packed labels are those that belong to it.
    names = (f"{name}.gz", name) if path.suffix == ".gz" else (name, f"{name}.gz")
    return next((path.with_name(each) for each in names if path.with_name(each).is_file()), None)


def read_idx(path: Path) -> Any:
    """The array of an idx file, in its own type; no more is allocated than there is.

    Raises:
        DataError: it is no idx, cut short, or says that it holds more than it does.
    """
    import numpy as np

    try:
        with _opened(path) as stream:
            magic = stream.read(4)
            if not _is_magic(magic):
                raise DataError(
                    f"{path} is no idx file: it begins with {magic.hex(' ') or 'nothing'}.",
                    hint="an idx file begins with 00 00, its type (08 for uint8), its dimensions",
                )
            header = stream.read(4 * magic[3])
            if len(header) != 4 * magic[3]:
                raise DataError(
                    f"{path} is cut short or damaged: it ends within its header.", hint=_HINT
                )
            shape = struct.unpack(f">{magic[3]}I", header)
            dtype = np.dtype(_TYPES[magic[2]])
            size = math.prod(shape) * dtype.itemsize
            shown = "×".join(map(str, shape))
            if 0 in shape[1:]:
                raise DataError(f"{path} holds samples without values: its shape is {shown}.")
            _check_claim(path, size, shown)
            content = _at_most(stream, size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read: {(str(error) or repr(error)).splitlines()[0]}", hint=_HINT
        ) from error
    if len(content) != size:
        less = len(content) < size
        raise DataError(
            f"{path} is cut short or damaged: {shown} values take "
            f"{size} bytes, it has {len(content) if less else 'more'}.",
            hint=_HINT,
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _check_claim(path: Path, size: int, shown: str) -> None:
    """Hold the size that a header claims against the file, before anything is allocated for it."""
    actual = path.stat().st_size
    most = actual * _MOST_INFLATION if _is_gzip(path) else actual
    if size > most:
        raise DataError(
            f"{path} is cut short or damaged: {shown} values take {size} bytes, the file "
            f"has {actual}.",
            hint=_HINT,
        )
    check_memory(path, size)


def _at_most(stream: IO[bytes], size: int) -> bytearray:
    """Read up to ``size`` bytes block by block: one large read would allocate all of them first."""
    content = bytearray()
    while len(content) < size and (block := stream.read(min(_BLOCK, size - len(content)))):
        content += block
    return content


def _is_magic(magic: bytes) -> bool:
    return (
        len(magic) == 4
        and magic[:2] == b"\0\0"
        and magic[2] in _TYPES
        and 1 <= magic[3] <= _MOST_DIMENSIONS
    )


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if _is_gzip(path) else path.open("rb")
