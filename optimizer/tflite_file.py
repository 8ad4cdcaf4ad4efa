"""Look into a ``.tflite`` without running it: tensors, operators, sizes, sparsity.

The flatbuffer is read through the schema that ships with LiteRT. A damaged file can say anything, so
every count is held against the file's size, and whatever goes wrong while reading is one ModelError.
"""

from __future__ import annotations

import collections
import hashlib
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from optimizer.artifact import Artifact, TensorSpec, gzip_size, read_manifest
from optimizer.errors import ModelError

IDENTIFIER = b"TFL3"
# What the reading of a damaged flatbuffer is known to raise.
_DAMAGE = (
    struct.error, IndexError, ValueError, TypeError, OverflowError, KeyError, AttributeError,
    MemoryError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TFLiteFile:
    """What a file holds.

    ``operator_versions`` decide which runtimes can load it. ``weights_bytes`` is by type; ``sparsity`` is
    the share of zeros among the values of kernels.
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
    weights_bytes: dict[str, int]
    sparsity: float | None
    has_metadata: bool
    packed_files: tuple[str, ...]

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
    from ai_edge_litert import schema_py_generated as schema

    try:
        model = schema.Model.GetRootAsModel(content, 0)
        reader = _Reader(schema, model, len(content))
        if not reader.count(model.SubgraphsLength()):
            raise ValueError("no graph")
        weights, zeros, values = reader.weights()
        operators, versions, custom = reader.operators()
        return TFLiteFile(
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            gzip_bytes=gzip_size(path),
            description=_text(model.Description()),
            inputs=reader.tensors(0, "Inputs"),
            outputs=reader.tensors(0, "Outputs"),
            signatures=reader.signatures(),
            subgraphs=reader.count(model.SubgraphsLength()),
            operators=operators,
            operator_versions=versions,
            custom_operators=custom,
            weights_bytes=weights,
            sparsity=zeros / values if values else None,
            has_metadata=reader.has_metadata(),
            packed_files=_packed(content),
        )
    except ModelError:
        raise
    except _DAMAGE as error:
        raise ModelError(
            f"{path} is damaged: it begins like a TFLite model and cannot be read to the end "
            f"({type(error).__name__}).",
            hint="copy or convert it again; the file may be cut short",
        ) from error


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
    return Artifact(
        path=path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        gzip_bytes=found.gzip_bytes,
        name=path.name.removesuffix(".tflite"),
        inputs=found.inputs,
        outputs=found.outputs,
    )


def read_bytes(path: Path) -> bytes:
    """Return a file's content if it begins like a TFLite model.

    Raises:
        ModelError: it is missing, a folder, empty, too short, or something else.
    """
    hint = "give a .tflite file; android-bench optimize makes one of a Keras model"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    if not content:
        raise ModelError(f"{path} is empty.", hint=hint)
    if content[4:8] != IDENTIFIER:
        raise ModelError(
            f"{path} is not a TFLite model: it begins with {content[:8]!r}, without the mark TFL3.",
            hint=hint,
        )
    return content


class _Reader:
    """Reads parts of one model, holding every count against the file's size."""

    def __init__(self, schema: Any, model: Any, size: int) -> None:
        self._schema, self._model, self._size = schema, model, size
        self._types = {
            value: name.lower() for name, value in vars(schema.TensorType).items() if name.isupper()
        }
        self._codes = {
            value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()
        }

    def count(self, number: int) -> int:
        """A vector's length, which cannot be more than the file has bytes."""
        if not 0 <= number <= self._size:
            raise ValueError(f"a vector of {number} elements")
        return number

    def each(self, count: int, get: Callable[[int], Any]) -> Iterator[Any]:
        """The elements of a vector."""
        return (get(index) for index in range(self.count(count)))

    def tensors(self, subgraph: int, which: str) -> tuple[TensorSpec, ...]:
        """The inputs or outputs of a subgraph."""
        graph = self._model.Subgraphs(subgraph)
        if graph is None:
            return ()
        indices = self.each(getattr(graph, f"{which}Length")(), getattr(graph, which))
        return tuple(self._spec(graph.Tensors(index)) for index in indices)

    def _spec(self, tensor: Any) -> TensorSpec:
        signed = self.count(tensor.ShapeSignatureLength())
        get, length = (
            (tensor.ShapeSignature, signed) if signed else (tensor.Shape, tensor.ShapeLength())
        )
        quantization = tensor.Quantization()
        scale = zero_point = None
        if quantization is not None and quantization.ScaleLength() == 1:
            scale = float(quantization.Scale(0))
            zero_point = int(quantization.ZeroPoint(0)) if quantization.ZeroPointLength() else 0
        return TensorSpec(
            name=_text(tensor.Name()) or "",
            shape=tuple(int(size) for size in self.each(length, get)),
            dtype=self._types.get(tensor.Type(), f"type {tensor.Type()}"),
            scale=scale,
            zero_point=zero_point,
        )

    def signatures(self) -> tuple[str, ...]:
        """The keys of the signatures."""
        found = self.each(self._model.SignatureDefsLength(), self._model.SignatureDefs)
        return tuple(_text(item.SignatureKey()) or "" for item in found)

    def operators(self) -> tuple[dict[str, int], dict[str, int], tuple[str, ...]]:
        """How often each operator stands in the graphs, its highest version, and the custom ones."""
        names, custom = [], []
        versions: dict[str, int] = {}
        for code in self.each(self._model.OperatorCodesLength(), self._model.OperatorCodes):
            # Files from before 2020 have the code in the old, one-byte field.
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name = self._codes.get(number, f"BUILTIN_{number}")
            if name == "CUSTOM":
                name = _text(code.CustomCode()) or "CUSTOM"
                custom.append(name)
            names.append(name)
            versions[name] = max(versions.get(name, 0), code.Version())
        seen: collections.Counter[str] = collections.Counter()
        for graph in self.each(self._model.SubgraphsLength(), self._model.Subgraphs):
            for operator in self.each(graph.OperatorsLength(), graph.Operators):
                seen[names[operator.OpcodeIndex()]] += 1
        return dict(seen.most_common()), versions, tuple(custom)

    def weights(self) -> tuple[dict[str, int], int, int]:
        """Bytes of constant tensors by type, and the zeros and the number of their values."""
        import numpy as np

        sizes: collections.Counter[str] = collections.Counter()
        zeros = values = 0
        seen = set()
        for graph in self.each(self._model.SubgraphsLength(), self._model.Subgraphs):
            for tensor in self.each(graph.TensorsLength(), graph.Tensors):
                buffer = self._model.Buffers(tensor.Buffer())
                if tensor.Buffer() in seen or buffer is None or not self.count(buffer.DataLength()):
                    continue
                seen.add(tensor.Buffer())
                dtype = self._types.get(tensor.Type(), f"type {tensor.Type()}")
                data = buffer.DataAsNumpy()
                sizes[dtype] += len(data)
                # Only what can be a kernel: biases and shapes are small and never pruned.
                if dtype in {"float32", "float16", "int8"} and tensor.ShapeLength() >= 2:
                    whole = data[: len(data) // np.dtype(dtype).itemsize * np.dtype(dtype).itemsize]
                    array = whole.view(dtype)
                    zeros += int(array.size - np.count_nonzero(array))
                    values += int(array.size)
        return dict(sizes.most_common()), zeros, values

    def has_metadata(self) -> bool:
        """Whether the file carries TFLite metadata."""
        found = self.each(self._model.MetadataLength(), self._model.Metadata)
        return any(_text(item.Name()) == "TFLITE_METADATA" for item in found)


def _packed(content: bytes) -> tuple[str, ...]:
    """The names of the files packed behind the model, as data: nothing is opened by them."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, *_DAMAGE):
        return ()


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
