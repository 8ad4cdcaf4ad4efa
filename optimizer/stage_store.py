"""Models in the middle of the road, kept by the key of all that they were made of.

A stage is trained once and serves every recipe that begins with it. Two processes that want the same one
do not train it twice: the second waits for the first.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from optimizer.artifact import StageRecord
from optimizer.build_cache import cache_folder

MOST_KEPT_BYTES = 2 << 30
_LONGEST_WRITE_S = 24 * 3600


def stages_folder() -> Path:
    """Where models of stages are kept."""
    return cache_folder().with_name("stages")


@contextlib.contextmanager
def locked(key: str, waiting: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Hold the stage for this process; gives the file that its training's state is kept in.

    ``waiting`` is told once when another process holds it. The system lets go what a dead process held.
    """
    from filelock import FileLock, Timeout

    folder = stages_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
    except OSError:  # no cache, no sharing: the stage is trained here
        yield folder / f"{key}.training.npz"
        return
    try:
        yield folder / f"{key}.training.npz"
    finally:
        lock.release()


def kept(key: str) -> tuple[Path, StageRecord] | None:
    """The folder and the record of a stage that was finished before."""
    folder = stages_folder() / key
    try:
        plain = json.loads((folder / "stage.json").read_bytes())
        tuples = {key: tuple(item) for key, item in plain.items() if isinstance(item, list)}
        return folder, StageRecord(**{**plain, **tuples})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def keep(key: str, record: StageRecord, write: Callable[[Path], None]) -> Path | None:
    """Keep a stage whole or not at all; a cache that cannot be written costs time, nothing else."""
    folder = stages_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".stage-", dir=folder))
    except OSError:
        return None
    try:
        write(made)
        (made / "stage.json").write_text(json.dumps(asdict(record)))
        shutil.rmtree(folder / key, ignore_errors=True)
        made.rename(folder / key)
    except Exception:  # noqa: BLE001 (TensorFlow and HDF5 have errors of their own for a full disk)
        shutil.rmtree(made, ignore_errors=True)
        return None
    with contextlib.suppress(OSError):  # another process may be at it
        (folder / f"{key}.training.npz").unlink(missing_ok=True)
        _make_room(folder)
    return folder / key


def _make_room(folder: Path) -> None:
    """Drop the oldest stages, finished or interrupted, while all are larger than the cache may be.

    What a killed process left half-written goes when nobody can be writing it any more.
    """
    entries = []
    for path in folder.iterdir():
        if path.name.startswith(".stage-"):
            if time.time() - path.stat().st_mtime > _LONGEST_WRITE_S:
                shutil.rmtree(path, ignore_errors=True)
        elif path.suffix != ".lock":
            files = path.rglob("*") if path.is_dir() else [path]
            size = sum(file.stat().st_size for file in files if file.is_file())
            entries.append((path.stat().st_mtime_ns, size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries)[:-1]:
        if total <= MOST_KEPT_BYTES:
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        total -= size
