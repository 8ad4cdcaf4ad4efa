"""Write several files below a folder, all of them or none, and never through a link in it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from optimizer.errors import MetadataError
from optimizer.files import write_together


def write_below(folder: Path, contents: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write files by their paths below the folder; it is made, and so are the folders of the paths.

    Raises:
        MetadataError: a file is there already and ``overwrite`` is not set, a folder or a link is in its
            place, or it cannot be written; nothing has changed then.
    """
    target = folder.resolve()
    try:
        for name in contents:
            _check_place(folder, name, overwrite=overwrite)
        if target.is_dir():
            _write_into(target, contents)
        else:
            _write_new(target, contents)
    except OSError as error:
        raise MetadataError(
            f"{folder} cannot be written: {error.strerror or error}.",
            hint="check the path, its permissions and free space, or give another folder",
        ) from error


def _check_place(folder: Path, name: str, *, overwrite: bool) -> None:
    path = folder / name
    above = [parent for parent in path.parents if folder in parent.parents]
    link = next((item for item in [*above, path] if item.is_symlink()), None)
    if link is not None:
        raise MetadataError(
            f"{link} is a link, which could lead anywhere.",
            hint="remove it, or give another folder",
        )
    if path.is_dir():
        raise MetadataError(f"{path} is a folder.", hint="remove it, or give another folder")
    if path.exists() and not overwrite:
        raise MetadataError(f"{path} is there already.", hint="--overwrite replaces it")


def _write_into(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write into a folder that is there; folders that were made for nothing are removed again."""
    parents = {parent for name in contents for parent in (folder / name).parents}
    made = [parent for parent in parents if not parent.exists()]
    try:
        write_together({folder / name: content for name, content in contents.items()})
    except BaseException:
        for parent in sorted(made, reverse=True):
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def _write_new(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a folder that is not there yet, beside its place, and move it there."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    top = missing[-1]
    with tempfile.TemporaryDirectory(dir=top.parent, prefix=".android-bench-") as scratch:
        fresh = Path(scratch, "new")
        place = fresh / folder.relative_to(top)
        place.mkdir(parents=True)
        write_together({place / name: content for name, content in contents.items()})
        fresh.rename(top)
