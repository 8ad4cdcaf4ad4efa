"""The manifest beside each ``.tflite``: what the file is, where it came from, how good it is.

``NAME.tflite`` has ``NAME.artifact.json`` beside it. The types are plain frozen dataclasses; reading
and writing goes through pydantic, which names the key that is wrong. No TensorFlow here: the
benchmarking side reads manifests too.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optimizer.errors import ModelError

MANIFEST_VERSION = 1
MANIFEST_SUFFIX = ".artifact.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output of a model.

    ``shape`` has -1 where the size is free; ``scale`` and ``zero_point`` are those of a per-tensor
    quantized tensor, where real = scale × (stored - zero_point).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How far the artifact's outputs are from the source model's, on the same inputs.

    ``max_abs_error`` is in units of the output; ``cosine`` is the mean cosine similarity over
    samples; the fractions are between 0 and 1. ``accuracy`` and ``source_accuracy`` need labels.
    """

    samples: int
    max_abs_error: float
    cosine: float
    top1_agreement: float | None = None
    accuracy: float | None = None
    source_accuracy: float | None = None
    data_origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSummary:
    """What TFLite metadata the file carries, as far as a report needs it.

    ``failure`` says why it is not verified, where that was tried. ``digest`` is that of all metadata,
    ``notes`` are sentences about what was worked out rather than said.
    """

    task: str
    name: str | None = None
    labels: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    verified: bool = False
    failure: str | None = None
    digest: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """What one training technique did: epochs trained, the best of them, and its score there.

    ``score`` is the accuracy on held-out training data, or without labels minus the loss. ``sparsity`` is
    the share of zeros that it left among kernels' values; ``clustered`` kernels had at most ``clusters``
    different values. ``left_in_float`` are layers that were not trained for int8. ``multiply_adds`` are
    those of one inference before and after channels were removed.
    """

    technique: str
    epochs: int = 0
    best_epoch: int = 0
    score: float | None = None
    sparsity: float | None = None
    clusters: int | None = None
    clustered: int | None = None
    left_in_float: tuple[str, ...] = ()
    multiply_adds: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A ``.tflite`` file with what is known of it. Hashes are lower-case hex SHA-256.

    ``recipe`` is the recipe's canonical dictionary and ``recipe_name`` its name; both are ``None``
    for a file of unknown origin. ``training`` says where training data came from. ``sparsity`` is the
    share of zeros among kernels' values, ``float_layers`` those left in float by a search or ``[qat]``.
    ``pixels`` are mean and standard deviation by which pixels of the data became its input, if they did.
    ``rescales_inside`` is whether its source's first layers bring pixels to their range, ``None`` unknown.
    ``toolchain`` maps package names to versions. ``build_key`` is the digest of everything that the file
    was made of; it stays when metadata is written into the file.
    """

    path: Path
    sha256: str
    size_bytes: int
    gzip_bytes: int
    name: str
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    source: str | None = None
    source_sha256: str | None = None
    recipe_name: str | None = None
    recipe: dict[str, Any] | None = None
    calibration: str | None = None
    training: str | None = None
    stages: tuple[StageRecord, ...] = ()
    sparsity: float | None = None
    float_layers: tuple[str, ...] = ()
    pixels: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    rescales_inside: bool | None = None
    toolchain: dict[str, str] = field(default_factory=dict)
    fidelity: Fidelity | None = None
    metadata: MetadataSummary | None = None
    warnings: tuple[str, ...] = ()
    build_key: str | None = None
    manifest_version: int = MANIFEST_VERSION

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or self.size_bytes <= 0 or self.gzip_bytes <= 0:
            raise ValueError(f"artifact {self.name!r}: sha256, size and gzip size must be given")

    @property
    def manifest_path(self) -> Path:
        """The manifest's place: beside the file, with the suffix exchanged."""
        return manifest_path(self.path)


def manifest_path(model: Path) -> Path:
    """Return where the manifest of ``model`` belongs."""
    return model.with_name(model.name.removesuffix(".tflite") + MANIFEST_SUFFIX)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, read in blocks."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def gzip_size(path: Path) -> int:
    """Return the size in bytes of the file after ``gzip -9``: what a download of it costs."""
    return gzip_size_of(path.read_bytes())


def gzip_size_of(content: bytes) -> int:
    """Return the size in bytes of a content after ``gzip -9``."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))


def write_manifest(artifact: Artifact) -> Path:
    """Write the manifest beside the file, whole or not at all; return its path."""
    from optimizer.files import write_atomic

    write_atomic(artifact.manifest_path, manifest_bytes(artifact))
    return artifact.manifest_path


def manifest_bytes(artifact: Artifact) -> bytes:
    """Return what the manifest of an artifact contains."""
    from pydantic import TypeAdapter

    data = TypeAdapter(Artifact).dump_python(artifact, mode="json")
    data["path"] = artifact.path.name  # the manifest moves with its file
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def read_manifest(model: Path) -> Artifact | None:
    """Read the manifest of ``model``; ``None`` when there is none or it is of another content.

    A manifest describes one content: when the ``.tflite`` was replaced since (another SHA-256), what
    the manifest says no longer holds and it is not believed.

    Raises:
        ModelError: the manifest is there and cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    path = manifest_path(model)
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes())
        artifact = TypeAdapter(Artifact).validate_python(data)
    except (ValueError, ValidationError) as error:
        raise ModelError(
            f"{path} is not a manifest this version can read: {error}",
            hint=f"delete {path.name} to use the model without it, or build it again",
        ) from error
    if artifact.sha256 != file_sha256(model):
        return None
    return replace(artifact, path=model)
