"""Take metadata and packed files out of a model again."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.artifact import Artifact, gzip_size_of, manifest_bytes, read_manifest
from optimizer.errors import MetadataError, ModelError
from optimizer.files import write_together
from optimizer.metadata.container import read_model, take_apart
from optimizer.metadata.extraction import no_metadata
from optimizer.metadata.front import without_metadata
from optimizer.metadata.model_view import view


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripped:
    """The file that was written, its size now and before, and the packed files that are gone.

    ``erased``: another tool had put the metadata inside the model, where zeros stand now.
    """

    path: Path
    size_bytes: int
    size_before_bytes: int
    files: tuple[str, ...]
    erased: bool
    artifact: Artifact | None = None


def strip(model: Path, *, output: Path | None = None) -> Stripped:
    """Write the model without metadata and packed files, into ``output`` or in its own place.

    A file tagged by this tool becomes the bytes that were tagged. In others the metadata lie inside the
    model: they are overwritten with zeros where they are, for the model is never packed again. The
    manifest is brought up to date; a link is followed.

    Raises:
        ModelError: the model is missing, empty, damaged or not a TFLite model.
        MetadataError: it has no metadata, the packed files are damaged, or it cannot be written.
    """
    content = read_model(model)
    bare, files, erased = _bare(content, origin=str(model))
    if bare == content:
        raise no_metadata(model)
    target = model if output is None else output / model.name if output.is_dir() else output
    artifact = read_manifest(model)
    contents = {target.resolve(): bare}
    if artifact is not None:
        artifact = replace(
            artifact,
            path=target,
            sha256=hashlib.sha256(bare).hexdigest(),
            size_bytes=len(bare),
            gzip_bytes=gzip_size_of(bare),
            metadata=None,
        )
        contents[artifact.manifest_path] = manifest_bytes(artifact)
    try:
        write_together(contents)
    except OSError as error:
        raise MetadataError(
            f"{target} cannot be written: {error.strerror or error}.",
            hint="check the folder's permissions and free space, or give another output",
        ) from error
    return Stripped(
        path=target,
        size_bytes=len(bare),
        size_before_bytes=len(content),
        files=files,
        erased=erased,
        artifact=artifact,
    )


def _bare(content: bytes, *, origin: str) -> tuple[bytes, tuple[str, ...], bool]:
    """The model alone, the names of the files that are gone, and whether metadata were erased inside."""
    files: list[str] = []
    before, erased = content, False
    while True:
        parts = take_apart(before, origin=origin)
        files += parts.files
        bare = _erased(parts.model, origin)
        erased = erased or bare != parts.model
        if bare == before:
            return bare, tuple(files), erased
        before = bare  # a file that was tagged twice, by two tools


def _erased(model: bytes, origin: str) -> bytes:
    """The model without metadata inside; whatever else it says is the same.

    Raises:
        ModelError: it is damaged, or so strange that the model would be another without them.
    """
    before = view(model, origin=origin)
    try:
        bare = without_metadata(model)
    except (struct.error, IndexError) as error:
        raise ModelError(
            f"{origin} is damaged: {error}.", hint="build or copy the file again"
        ) from error
    if replace(view(bare, origin=origin), content=model) != before:
        raise ModelError(
            f"{origin} keeps its metadata where the model's own parts lie.",
            hint="build the file again",
        )
    return bare
