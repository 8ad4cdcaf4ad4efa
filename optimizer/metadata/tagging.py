"""Write metadata into a file, prove it, and keep the manifest true."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as with_changes
from pathlib import Path

from optimizer.artifact import (
    Artifact,
    MetadataSummary,
    TensorSpec,
    gzip_size,
    read_manifest,
    write_manifest,
)
from optimizer.errors import MetadataError
from optimizer.files import write_atomic
from optimizer.metadata.client import MetadataWorker, ModelTensors
from optimizer.metadata.container import put_together, read_model, take_apart
from optimizer.metadata.description import ImageClassifierMetadata
from optimizer.metadata.labels import label_file
from optimizer.metadata.verification import verify

LABEL_FILE = "labels.txt"


def write(
    model: Path,
    description: ImageClassifierMetadata,
    *,
    output: Path | None = None,
    replace: bool = False,
    worker: MetadataWorker | None = None,
) -> MetadataSummary:
    """Write the description into the model, or into ``output``, whole or not at all.

    The model's own bytes are kept as they are, and so are the file's permissions. A link is
    followed: the file it names is written. This does not prove anything and does not touch a
    manifest; ``tag`` does.

    Raises:
        ModelError: the file is missing, empty, damaged or not a TFLite model.
        MetadataError: the description does not fit the model, the file has metadata already and
            ``replace`` is not set, or it cannot be written.
        MissingExtraError: tflite-support is not installed.
    """
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        content = tagged_bytes(model, description, replace=replace, worker=worker)
    _write_file(output or model, content)
    return description.summary()


def tag(
    model: Path,
    description: ImageClassifierMetadata,
    *,
    output: Path | None = None,
    replace: bool = False,
    require_verified: bool = True,
    worker: MetadataWorker | None = None,
) -> Artifact | None:
    """Write the description, prove it with the Task Library, and bring the manifest up to date.

    The proof comes first: when it fails, neither the file nor the manifest has changed. With
    ``require_verified=False`` the file is written all the same and its manifest says that it is
    not verified. Returns the artifact, ``None`` when the model has no manifest beside it.

    Raises:
        ModelError: as ``write``.
        MetadataError: as ``write``, or the Task Library refuses the tagged file.
        MissingExtraError: tflite-support is not installed.
    """
    target = output or model
    artifact = read_manifest(model)
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        content = tagged_bytes(model, description, replace=replace, worker=worker)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="android-bench-")))
        candidate = folder / model.name  # messages are about this name
        candidate.write_bytes(content)
        # Half a second for 10 MB, in which the worker proves the file.
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        gzip_bytes = None if artifact is None else pool.submit(gzip_size, candidate)
        proof = verify(candidate, worker=worker)
        if require_verified and proof.failure is not None:
            raise MetadataError(proof.failure, hint=proof.hint)
        _write_file(target, content)
        if artifact is None or gzip_bytes is None:
            return None
        artifact = with_changes(
            artifact,
            path=target,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            gzip_bytes=gzip_bytes.result(),
            metadata=description.summary(verified=proof.ok),
        )
    write_manifest(artifact)
    return artifact


def tagged_bytes(
    model: Path,
    description: ImageClassifierMetadata,
    *,
    replace: bool = False,
    worker: MetadataWorker,
) -> bytes:
    """Return what the tagged file would contain; the same inputs give the same bytes.

    Raises:
        ModelError: the file is missing, empty, damaged or not a TFLite model.
        MetadataError: the description does not fit, or there is metadata and ``replace`` is not
            set.
    """
    parts = take_apart(read_model(model), origin=str(model))
    if not replace and (parts.metadata is not None or parts.files):
        raise MetadataError(
            f"{model} has metadata already"
            + (f" and {len(parts.files)} packed files." if parts.files else "."),
            hint="give --replace to write it anew; android-bench metadata show prints it",
        )
    channels = check_fit(worker.tensors(model), description, origin=str(model))
    metadata = worker.build_image_classifier(model, description, channels=channels)
    files = {LABEL_FILE: label_file(description.labels)}
    return put_together(parts.model, metadata, files, origin=str(model))


def check_fit(tensors: ModelTensors, description: ImageClassifierMetadata, *, origin: str) -> int:
    """Check that the model is an image classifier that the description fits; return its channels.

    Raises:
        MetadataError: another number of inputs or outputs, another shape, or labels, mean or std
            of another number than the model has.
    """
    if len(tensors.inputs) != 1 or len(tensors.outputs) != 1:
        raise MetadataError(
            f"{origin} is not an image classifier: it has {len(tensors.inputs)} inputs and "
            f"{len(tensors.outputs)} outputs, and a classifier has one of each.",
            hint="export the model with the image as its only input and the scores as its only "
            "output",
        )
    entry, scores = tensors.inputs[0], tensors.outputs[0]
    if len(entry.shape) != 4 or entry.shape[0] not in {1, -1} or entry.shape[3] not in {1, 3}:
        raise MetadataError(
            f"{origin} is not an image classifier: its input is {_shape(entry)}, and an image is "
            "1×height×width×3 (or ×1 for grey).",
            hint="convert the model with a batch of 1 and the channels last",
        )
    classes = scores.shape[-1] if scores.shape else 0
    if len(scores.shape) not in {2, 4} or any(size not in {1, -1} for size in scores.shape[:-1]):
        raise MetadataError(
            f"{origin} is not an image classifier: its output is {_shape(scores)}, and scores "
            "are 1×classes.",
            hint="use the writer of the task that the model is for",
        )
    if classes != len(description.labels):
        one_more = classes == len(description.labels) + 1
        raise MetadataError(
            f"{len(description.labels)} labels were given, but {origin} has {classes} outputs.",
            hint="the model may have a class 'background' at the beginning: add it as the first "
            "label"
            if one_more
            else "give one label for each output, in the order of the outputs",
        )
    description.normalization(entry.shape[3])
    return entry.shape[3]


def _shape(tensor: TensorSpec) -> str:
    return "×".join("?" if size < 0 else str(size) for size in tensor.shape) or "a single number"


def _write_file(path: Path, content: bytes) -> None:
    try:
        write_atomic(path.resolve(), content)
    except OSError as error:
        raise MetadataError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="check the folder's permissions and free space, or give another output",
        ) from error
