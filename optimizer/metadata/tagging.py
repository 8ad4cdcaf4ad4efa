"""Write metadata into a file, prove it, and keep the manifest true."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import replace as with_changes
from enum import Enum
from pathlib import Path

from optimizer.artifact import (
    Artifact,
    MetadataSummary,
    gzip_size,
    read_manifest,
    write_manifest,
)
from optimizer.errors import MetadataError
from optimizer.files import write_atomic
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import TaggedModel, put_together, read_model, take_apart
from optimizer.metadata.document import (
    Document,
    label_files,
    normalization,
    tensor_fields,
    with_ranges,
)
from optimizer.metadata.front import IDENTIFIER
from optimizer.metadata.guess import task_of_document
from optimizer.metadata.merging import merge
from optimizer.metadata.model_view import view
from optimizer.metadata.provenance import with_provenance
from optimizer.metadata.reading import document_of
from optimizer.metadata.tasks import Description
from optimizer.metadata.verification import Verification, verify


class Existing(str, Enum):
    """What becomes of metadata that a file has already."""

    REFUSE = "refuse"
    REPLACE = "replace"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """What was written: the file, its metadata in short, the proof, the manifest if there is one.

    ``notes`` are sentences about what was worked out rather than said.
    """

    path: Path
    document: Document
    summary: MetadataSummary
    proof: Verification | None = None
    artifact: Artifact | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was worked out rather than said."""
        return self.document.notes


def write(
    model: Path,
    description: Description | Document,
    *,
    output: Path | None = None,
    existing: Existing = Existing.REFUSE,
    worker: MetadataWorker | None = None,
) -> MetadataSummary:
    """Write the description into the model, or into ``output``, whole or not at all.

    The model's own bytes are kept as they are, and so are the file's permissions. A link is
    followed: the file it names is written. This does not prove anything and does not touch a
    manifest; ``tag`` does.

    Raises:
        ModelError: the file is missing, empty, damaged or not a TFLite model.
        MetadataError: the description does not fit the model, the file has metadata already and
            ``existing`` says to refuse, or it cannot be written.
        MissingExtraError: tflite-support is not installed.
    """
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        document, content = tagged_bytes(
            model, description, existing=existing, artifact=read_manifest(model), worker=worker
        )
    _write_file(output or model, content)
    return summary_of(document)


def tag(
    model: Path,
    description: Description | Document,
    *,
    output: Path | None = None,
    existing: Existing = Existing.REFUSE,
    require_verified: bool = True,
    worker: MetadataWorker | None = None,
) -> Tagged:
    """Write the description, prove it with the Task Library, and bring the manifest up to date.

    The proof comes first: when it fails, neither the file nor the manifest has changed. With
    ``require_verified=False`` the file is written all the same and its manifest says that it is
    not verified.

    Raises:
        ModelError: as ``write``.
        MetadataError: as ``write``, or the Task Library refuses the tagged file.
        MissingExtraError: tflite-support is not installed.
    """
    target = output or model
    artifact = read_manifest(model)
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        document, content = tagged_bytes(
            model, description, existing=existing, artifact=artifact, worker=worker
        )
        task = task_of_document(document)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="android-bench-")))
        candidate = folder / model.name  # messages are about this name
        candidate.write_bytes(content)
        # Half a second for 10 MB, in which the worker proves the file.
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        gzip_bytes = None if artifact is None else pool.submit(gzip_size, candidate)
        proof = verify(candidate, task=task, worker=worker)
        if require_verified and proof.failure is not None:
            hint = f"{proof.hint or 'build it so that apps take it'}; --unproven writes it all the same"
            raise MetadataError(proof.failure, hint=hint)
        _write_file(target, content)
        summary = summary_of(document, proof=proof)
        if artifact is not None and gzip_bytes is not None:
            artifact = with_changes(
                artifact,
                path=target,
                sha256=hashlib.sha256(content).hexdigest(),
                size_bytes=len(content),
                gzip_bytes=gzip_bytes.result(),
                metadata=summary,
            )
    if artifact is not None:
        write_manifest(artifact)
    return Tagged(path=target, document=document, summary=summary, proof=proof, artifact=artifact)


def tagged_bytes(
    model: Path,
    description: Description | Document,
    *,
    existing: Existing = Existing.REFUSE,
    artifact: Artifact | None = None,
    worker: MetadataWorker,
) -> tuple[Document, bytes]:
    """Return what is written and the tagged file; the same inputs give the same bytes.

    Raises:
        ModelError: the file is missing, empty, damaged or not a TFLite model.
        MetadataError: the description does not fit, or there are metadata and ``existing`` says to
            refuse.
    """
    parts = take_apart(read_model(model), origin=str(model))
    _check_existing(model, parts, existing)
    if isinstance(description, Description):
        description = description.document(view(parts.model, origin=str(model), artifact=artifact))
    document = description
    if existing is Existing.MERGE:
        packed_only = Document(fields={}, files=parts.files)
        told = parts.metadata is not None
        old = document_of(parts, origin=model, worker=worker) if told else packed_only
        document = merge(old, document)
    document = as_written(document, parts.model, origin=str(model), artifact=artifact)
    metadata = worker.encode(document.fields, origin=model)
    return document, put_together(parts.model, metadata, document.files, origin=str(model))


def as_written(
    document: Document, model: bytes, *, origin: str, artifact: Artifact | None
) -> Document:
    """The document with what the model and its manifest say, checked: as it is written.

    Raises:
        ModelError: the model is damaged.
        MetadataError: a field is not of the schema, or a file that is named is not there.
    """
    document = with_provenance(document, artifact)
    seen = view(model, origin=origin)
    document = with_changes(document, fields=with_ranges(document.fields, seen))
    document.check(origin=origin)
    return document


def _check_existing(model: Path, parts: TaggedModel, existing: Existing) -> None:
    if existing is Existing.REFUSE and (parts.metadata is not None or parts.files):
        raise MetadataError(
            f"{model} has metadata already"
            + (f" and {len(parts.files)} packed files." if parts.files else "."),
            hint="--replace writes it anew, --merge keeps what is not given; "
            "android-bench metadata show prints it",
        )


def summary_of(document: Document, *, proof: Verification | None = None) -> MetadataSummary:
    """What a manifest and a report say of metadata."""
    fields = document.fields
    scaled = normalization(fields)
    labels = None
    for output in tensor_fields(fields, "output"):
        for entry in label_files(output):
            content = document.files.get(entry["name"], b"")
            labels = labels or len(content.decode("utf-8", "replace").rstrip("\n").split("\n"))
    return MetadataSummary(
        task=task_of_document(document).value,
        name=fields.get("name"),
        labels=labels,
        mean=tuple(scaled[0]) if scaled else (),
        std=tuple(scaled[1]) if scaled else (),
        verified=proof is not None and proof.ok,
        failure=None if proof is None else proof.failure,
        digest=document.digest,
        notes=document.notes,
    )


def place_of(path: Path) -> Path:
    """The file that is to be written, behind links: a model, or one that does not exist yet.

    Raises:
        MetadataError: it is a device, a pipe, a folder or another kind of file, or links go round.
    """
    hint = "give another output"
    try:
        place = path.resolve()
        if not place.exists():
            return place
        if not place.is_file():
            raise MetadataError(f"{path} is no plain file.", hint=hint)
        with place.open("rb") as stream:
            begins = stream.read(8)
    except (OSError, RuntimeError) as error:  # links that go round
        raise MetadataError(f"{path} cannot be written: {error}.", hint=hint) from error
    if begins and begins[4:] != IDENTIFIER:
        raise MetadataError(f"{path} is no model and would be overwritten.", hint=hint)
    return place


def _write_file(path: Path, content: bytes) -> None:
    place = place_of(path)
    try:
        write_atomic(place, content)
    except OSError as error:
        raise MetadataError(
            f"{path} cannot be written: {error.strerror or error}.",
            hint="check the folder's permissions and free space, or give another output",
        ) from error
