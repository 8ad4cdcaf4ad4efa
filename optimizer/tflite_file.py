"""Look into a ``.tflite`` without running it: tensors, operators, sizes, sparsity.

The flatbuffer is read through the schema that ships with LiteRT. A damaged file can say anything, so
what is read altogether is held against the file's size, and whatever goes wrong is one ModelError.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from optimizer.artifact import Artifact, Fidelity, TensorSpec, gzip_size_of, read_manifest
from optimizer.errors import ModelError
from optimizer.file_kind import HEAD_BYTES, TFLITE, seems
from optimizer.tflite_reader import DAMAGE, read, text

# The packed file in which a model carries its origin.
PROVENANCE = "android-bench.json"
_MOST_PROVENANCE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TFLiteFile:
    """What a file holds.

    ``operators`` counts by name over all subgraphs; ``operator_versions`` decide which runtimes can load
    it. ``weights_bytes`` are those of constant tensors as
    stored, by type; ``sparsity`` is the share of zeros among the values of kernels, whether stored or left
    out by sparse encoding. ``keeps_state``: it has variables that live on from inference to inference.
    ``fused`` are the operators that the converter made of several layers, with these layers' names.
    ``provenance`` is what the file itself says of its origin, packed by ``android-bench metadata write``.
    """

    path: Path
    sha256: str
    size_bytes: int
    gzip_bytes: int
    description: str | None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    signatures: tuple[str, ...]
    subgraphs: int
    operators: dict[str, int]
    operator_versions: dict[str, int]
    custom_operators: tuple[str, ...]
    fused: tuple[tuple[str, tuple[str, ...]], ...]
    weights_bytes: dict[str, int]
    sparsity: float | None
    keeps_state: bool
    has_metadata: bool
    packed_files: tuple[str, ...]
    provenance: dict[str, Any] | None

    @property
    def needs_flex(self) -> bool:
        """Whether TensorFlow operators are in it, which need a build with the Flex delegate."""
        return any(name.startswith("Flex") for name in self.custom_operators)


def inspect(path: Path) -> TFLiteFile:
    """Read what a ``.tflite`` holds.

    Raises:
        ModelError: it is missing, empty, truncated, or no TFLite model.
    """
    content = read_bytes(path)
    try:
        reader = read(content)
        model = reader.model
        if not model.SubgraphsLength():
            raise ValueError("no graph")
        constants = reader.constants()
        operators, versions, custom = reader.operators()
        return TFLiteFile(
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            gzip_bytes=gzip_size_of(content),
            description=text(model.Description()),
            inputs=reader.tensors(0, "Inputs"),
            outputs=reader.tensors(0, "Outputs"),
            signatures=reader.signatures(),
            subgraphs=model.SubgraphsLength(),
            operators=operators,
            operator_versions=versions,
            custom_operators=custom,
            fused=tuple(
                (item.kind, tuple(reversed(item.layers)))
                for item in reader.graph()
                if len(item.layers) > 1
            ),
            weights_bytes=constants.sizes,
            sparsity=constants.sparsity,
            keeps_state=reader.keeps_state(),
            has_metadata=reader.has_metadata(),
            packed_files=_packed(content),
            provenance=provenance_of(content),
        )
    except ModelError:
        raise
    except DAMAGE as error:
        raise ModelError(
            f"{path} is damaged: it begins like a TFLite model and cannot be read to the end.",
            hint="copy or convert it again; the file may be cut short",
        ) from error


def operators_of(content: bytes) -> dict[str, int]:
    """How often each operator stands in a sound model."""
    return read(content).operators()[0]


def keeps_state(content: bytes) -> bool:
    """Whether a sound model has variables that live on from inference to inference."""
    return read(content).keeps_state()


def artifact_of(path: Path) -> Artifact:
    """The artifact of a file: what its manifest says if it has one of this content, else what it holds.

    Raises:
        ModelError: it is missing, empty, truncated, or no TFLite model.
    """
    if path.is_file():
        artifact = read_manifest(path)
        if artifact is not None:
            return artifact
    found = inspect(path)
    told = found.provenance or {}
    return Artifact(
        path=path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        gzip_bytes=found.gzip_bytes,
        name=path.name.removesuffix(".tflite"),
        inputs=found.inputs,
        outputs=found.outputs,
        source=_text(told.get("source")),
        source_sha256=_text(told.get("source_sha256")),
        recipe_name=_text(told.get("recipe")),
        fidelity=_fidelity(told.get("fidelity")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _fidelity(value: object) -> Fidelity | None:
    """Fidelity as a file tells it; a file can tell anything."""
    try:
        return Fidelity(**value) if isinstance(value, dict) else None
    except (TypeError, ValueError):
        return None


def read_bytes(path: Path) -> bytes:
    """Return a file's content if it begins like a TFLite model.

    Raises:
        ModelError: it is missing, a folder, empty, too short, or something else.
    """
    hint = "give a .tflite file; android-bench optimize makes one of a Keras model"
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            content = head + stream.read() if head[4:8] == TFLITE else head
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    if not content:
        raise ModelError(f"{path} is empty.", hint=hint)
    if content[4:8] != TFLITE:
        kind = seems(head)
        raise ModelError(
            f"{path} is not a TFLite model"
            + (f": it seems to be {kind}." if kind else ": it has no mark TFL3."),
            hint=hint,
        )
    return content


def provenance_of(content: bytes) -> dict[str, Any] | None:
    """What a file says of its origin, ``None`` when it does not, or not so that it can be read."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entry = archive.getinfo(PROVENANCE)
            methods = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
            if entry.file_size > _MOST_PROVENANCE_BYTES or entry.compress_type not in methods:
                return None
            with archive.open(entry) as stream:
                # Bounded, which reading to the end is not where the claimed size is a lie.
                found = json.loads(stream.read(_MOST_PROVENANCE_BYTES))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, *DAMAGE):
        return None
    return found if isinstance(found, dict) else None


def _packed(content: bytes) -> tuple[str, ...]:
    """The names of the files packed behind the model, as data: nothing is opened by them."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, *DAMAGE):
        return ()
