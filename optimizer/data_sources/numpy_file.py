"""The arrays of an ``.npz`` or ``.npy``; nothing in it is executed."""

from __future__ import annotations

from pathlib import Path

from optimizer.artifact import file_sha256
from optimizer.data_sources import Arrays
from optimizer.errors import DataError

_SAVE = "save it with np.savez('data.npz', x=x, y=y)"
_MAGIC = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_numpy(path: Path) -> Arrays:
    """Read a file of numpy's; what it is, is told by how it begins, not by its name.

    Raises:
        DataError: it is missing, something else, damaged, or holds Python objects.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            _check_kind(path, file.read(8))
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            arrays = {"inputs": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist.",
            hint="give an .npz or .npy file, idx files, a folder of images, or file.py:function",
        ) from error
    except Exception as error:  # numpy and zipfile raise many kinds for a damaged file
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise _of_objects(path) from error
        if isinstance(error, OSError) and error.strerror:
            raise DataError(
                f"{path} cannot be read: {error.strerror}.", hint="check its permissions"
            ) from error
        said = (str(error) or repr(error)).splitlines()[0].rstrip(".")
        raise DataError(
            f"{path} cannot be read as .npz or .npy: it is damaged or cut off ({said}).",
            hint="copy it again, or " + _SAVE,
        ) from error
    others = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if others:
        raise DataError(
            f"{path} is a zip file with {', '.join(map(repr, others[:3]))} in it, and no .npz of arrays.",
            hint=_SAVE,
        )
    return Arrays(inputs=arrays, sha256=file_sha256(path))


def _check_kind(path: Path, head: bytes) -> None:
    """Numpy takes all that it does not know for pickled objects; most of it is none."""
    if head.startswith(_PICKLE):
        raise _of_objects(path)
    if not head.startswith(_MAGIC):
        named = ", whatever its name says" if path.suffix in {".npz", ".npy"} else ""
        what = f"it is neither{named}" if head else "it is empty"
        raise DataError(f"{path} cannot be read as .npz or .npy: {what}.", hint=_SAVE)


def _of_objects(path: Path) -> DataError:
    return DataError(
        f"{path} holds Python objects, which would be executed when read.",
        hint="save plain arrays: np.savez('data.npz', x=x.astype('float32'), y=y)",
    )
