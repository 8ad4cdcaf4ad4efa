"""What was built before: the key of a build, the file that is there, the file in the user's cache.

The key is the digest of everything that decides what comes out. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from dataclasses import replace
from pathlib import Path

from optimizer.artifact import Artifact, manifest_bytes, manifest_path, read_manifest
from optimizer.datasets import DataSets
from optimizer.errors import ModelError, OptimizerError
from optimizer.files import write_atomic, write_together
from optimizer.recipe import Recipe
from optimizer.source import Source, identify

# Raised when the same inputs come to give other files or manifests, so that old builds are not believed.
BUILD_VERSION = 7
MOST_CACHED_BYTES = 2 << 30
# Their versions decide what comes out; they are part of the key and of the manifest.
TOOLCHAIN = (
    "tensorflow", "tf-keras", "keras", "tensorflow-model-optimization", "ai-edge-quantizer",
    "ai-edge-litert", "numpy",
)  # fmt: skip


def toolchain() -> dict[str, str]:
    """The versions of the tools that are installed."""
    installed = {item.name: item.version for name in TOOLCHAIN for item in _distributions(name)}
    return {name: installed[name] for name in TOOLCHAIN if name in installed}


def build_key(source: Source, recipe: Recipe, data: DataSets) -> str:
    """The digest of everything that decides what a build gives."""
    compared = data.compared_on
    calibration = data.calibration if recipe.calibration is not None else None
    training = data.training if recipe.stages else None
    parts = {
        "build": BUILD_VERSION,
        "source": source.sha256,
        "recipe": recipe.digest,
        "files": [identify(path).sha256 for path in recipe.files],
        "training": training.sha256 if training else None,
        "calibration": calibration.sha256 if calibration else None,
        "evaluation": compared.sha256 if compared else None,
        "toolchain": toolchain(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def cache_folder() -> Path:
    """Where finished artifacts are kept by their key."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("android-bench")) / "artifacts"


def existing(target: Path, key: str, *, overwrite: bool) -> Artifact | None:
    """The artifact that is there already, if it was made of the same things.

    Metadata written since do not count: the manifest keeps the key.

    Raises:
        ModelError: a file without a manifest, or changed since: not this tool's to replace.
    """
    if not target.exists():
        return None
    artifact = None
    try:
        artifact = read_manifest(target)
    except ModelError:
        if not overwrite:
            raise
    if artifact is not None and artifact.build_key == key:
        return artifact
    if not overwrite and (artifact is None or artifact.build_key is None):
        raise ModelError(
            f"{target} exists and was not made by this tool, or was changed since.",
            hint="--overwrite replaces it; --output names another folder",
        )
    return None


def from_cache(target: Path, key: str, *, source: Source, recipe: Recipe) -> Artifact | None:
    """Copy a finished artifact of this key, if the cache has a sound one.

    The content may have been built under other names: the manifest gets those of now.
    """
    kept = cache_folder() / key / "model.tflite"
    try:
        artifact = read_manifest(kept) if kept.is_file() else None
        if artifact is None or artifact.build_key != key:
            return None
        content = kept.read_bytes()
    except (ModelError, OSError):
        return None
    artifact = replace(
        artifact,
        path=target,
        name=target.name.removesuffix(".tflite"),
        source=source.path.name,
        recipe_name=recipe.name,
        recipe=recipe.to_dict(),
    )
    write_artifact(artifact, content)
    return artifact


def to_cache(artifact: Artifact, content: bytes) -> None:
    """Keep a finished artifact; a cache that cannot be written costs time, nothing else."""
    folder = cache_folder() / str(artifact.build_key)
    model = folder / "model.tflite"
    try:
        write_together({model: content, manifest_path(model): manifest_bytes(artifact)})
        _make_room(folder.parent)
    except OSError:
        return


def _make_room(folder: Path) -> None:
    """Drop the oldest artifacts while all together are larger than the cache may be; keep the newest."""
    kept = [
        (path.stat().st_mtime_ns, path.stat().st_size, path) for path in folder.glob("*/*.tflite")
    ]
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept)[:-1]:
        if total <= MOST_CACHED_BYTES:
            return
        shutil.rmtree(path.parent, ignore_errors=True)
        total -= size


def keep_log(key: str, log: str) -> Path | None:
    """Keep what the converter said about a build that failed; return where."""
    path = cache_folder().with_name("logs") / f"conversion-{key[:12]}.log"
    try:
        write_atomic(path, log.encode("utf-8", "replace"))
    except OSError:
        return None
    return path


def write_artifact(artifact: Artifact, content: bytes) -> None:
    """Write the file and its manifest, both or neither.

    Raises:
        OptimizerError: the folder cannot be written, or the disk is full.
    """
    try:
        write_together({artifact.path: content, artifact.manifest_path: manifest_bytes(artifact)})
    except OSError as error:
        raise OptimizerError(
            f"{artifact.path} cannot be written: {error.strerror or error}.",
            hint="check the folder's permissions and free space, or give another --output",
        ) from error


def _distributions(name: str) -> list[importlib.metadata.Distribution]:
    return list(importlib.metadata.distributions(name=name))[:1]
