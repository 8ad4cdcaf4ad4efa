"""Write files whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step; on any failure the old file is left as it was.

    The permissions of an existing file are kept; a new file gets the usual ones (umask).
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Replace several files, in order, once all of them are on the disk.

    A full disk or an interruption while they are written leaves every old file as it was.

    Raises:
        OSError: a place cannot be written, or holds a folder, a device or a pipe: they are not replaced.
    """
    for path in contents:
        if path.exists() and not path.is_file():
            raise OSError(errno.EEXIST, "it is no file", str(path))
    staged: list[tuple[str, Path]] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(
                dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part"
            )
            staged.append((temporary, path))
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        for temporary, path in staged:
            os.replace(temporary, path)
    except BaseException:
        for temporary, _ in staged:
            Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    value = os.umask(0)
    os.umask(value)
    return value
