"""Reading the flatbuffer of a ``.tflite`` through the schema that ships with LiteRT.

Nothing here trusts what it reads: a damaged file raises one of ``DAMAGE``, and never reads without end.
"""

from __future__ import annotations

import collections
import math
import re
import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.artifact import TensorSpec

# The types that kernels are stored in, and whose values can be counted.
_KERNELS = {"float32", "float16", "int8"}
# What the reading of a damaged flatbuffer is known to raise.
DAMAGE = (
    struct.error, IndexError, ValueError, TypeError, OverflowError, KeyError, AttributeError,
    MemoryError, RecursionError,
)  # fmt: skip


def read(content: bytes) -> Reader:
    """Return a reader of a file that begins like a TFLite model."""
    from ai_edge_litert import schema_py_generated as schema

    return Reader(schema, schema.Model.GetRootAsModel(content, 0), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Constant tensors: bytes as stored by type, and the zeros among kernels' values."""

    sizes: dict[str, int]
    zeros: int
    values: int

    @property
    def sparsity(self) -> float | None:
        """The share of zeros among kernels' values, ``None`` without kernels."""
        return self.zeros / self.values if self.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator: its kind, the name of its first output, its tensors' numbers in the graph."""

    kind: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the source that the converter made it of, the last one first.

        The converter joins the names of what it fused: ``net/relu/Relu;net/norm/...;net/conv/Conv2D``.
        """
        paths = (re.sub(r"/ReadVariableOp\w*$", "", part) for part in self.name.split(";"))
        parts = (path.split("/") for path in paths if path)
        return tuple(dict.fromkeys(part[-2] if len(part) > 1 else part[0] for part in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A way to call the model: the names of its inputs, each with the name of its tensor."""

    key: str
    inputs: dict[str, str]


class Reader:
    """Reads parts of one model.

    Every element of a vector takes up at least four bytes of the file. A damaged file can claim more by
    letting vectors overlap; reading stops when more was read than a sound file of this size can hold.
    """

    def __init__(self, schema: Any, model: Any, content: bytes) -> None:
        self.model, self._content = model, content
        # Each vector is read by up to three of the methods below.
        self._left = 3 * len(content) // 4 + 10_000
        self._types = {
            value: name.lower() for name, value in vars(schema.TensorType).items() if name.isupper()
        }
        self._codes = {
            value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()
        }

    def each(self, count: int, get: Callable[[int], Any]) -> Iterator[Any]:
        """The elements of a vector."""
        self._left -= count
        if count < 0 or self._left < 0:
            raise ValueError("vectors with more elements than the file has bytes")
        return (get(index) for index in range(count))

    def tensors(self, subgraph: int, which: str) -> tuple[TensorSpec, ...]:
        """The inputs or outputs of a subgraph."""
        graph = self.model.Subgraphs(subgraph)
        if graph is None:
            return ()
        indices = self.each(getattr(graph, f"{which}Length")(), getattr(graph, which))
        return tuple(self.spec(graph.Tensors(index)) for index in indices)

    def spec(self, tensor: Any) -> TensorSpec:
        """Name, shape, type and quantization of a tensor."""
        signed = tensor.ShapeSignatureLength()
        get, length = (
            (tensor.ShapeSignature, signed) if signed else (tensor.Shape, tensor.ShapeLength())
        )
        quantization = tensor.Quantization()
        scale = zero_point = None
        if quantization is not None and quantization.ScaleLength() == 1:
            scale = float(quantization.Scale(0))
            zero_point = int(quantization.ZeroPoint(0)) if quantization.ZeroPointLength() else 0
        return TensorSpec(
            name=text(tensor.Name()) or "",
            shape=tuple(int(size) for size in self.each(length, get)),
            dtype=self._types.get(tensor.Type(), f"type {tensor.Type()}"),
            scale=scale,
            zero_point=zero_point,
        )

    def signatures(self) -> tuple[str, ...]:
        """The keys of the signatures."""
        found = self.each(self.model.SignatureDefsLength(), self.model.SignatureDefs)
        return tuple(text(item.SignatureKey()) or "" for item in found)

    def signature_inputs(self) -> tuple[Signature, ...]:
        """The signatures with the inputs of each."""
        found = []
        for item in self.each(self.model.SignatureDefsLength(), self.model.SignatureDefs):
            graph = self.model.Subgraphs(item.SubgraphIndex())
            inputs = {
                text(entry.Name()) or "": text(graph.Tensors(entry.TensorIndex()).Name()) or ""
                for entry in self.each(item.InputsLength(), item.Inputs)
            }
            found.append(Signature(key=text(item.SignatureKey()) or "", inputs=inputs))
        return tuple(found)

    def signature_tensors(self) -> dict[tuple[str, str], str]:
        """Names in the main graph's signature, if it has one, by ("Inputs" or "Outputs", tensor's name)."""
        graph = self.model.Subgraphs(0)
        found: dict[tuple[str, str], str] = {}
        for item in self.each(self.model.SignatureDefsLength(), self.model.SignatureDefs):
            if item.SubgraphIndex() != 0:
                continue
            for which in ("Inputs", "Outputs"):
                entries = self.each(getattr(item, f"{which}Length")(), getattr(item, which))
                for entry in entries:
                    tensor = text(graph.Tensors(entry.TensorIndex()).Name()) or ""
                    found.setdefault((which, tensor), text(entry.Name()) or "")
        return found

    def has_types(self, types: Collection[str]) -> bool:
        """Whether any tensor stores its values in one of these types."""
        return any(self._types.get(tensor.Type()) in types for tensor in self._tensors())

    def operators(self) -> tuple[dict[str, int], dict[str, int], tuple[str, ...]]:
        """How often each operator stands in the graphs, its highest version, and the custom ones."""
        names = self._operator_names()
        custom = [name for name, own in names if own]
        versions: dict[str, int] = {}
        codes = self.each(self.model.OperatorCodesLength(), self.model.OperatorCodes)
        for (name, _), code in zip(names, codes, strict=True):
            versions[name] = max(versions.get(name, 0), code.Version())
        seen: collections.Counter[str] = collections.Counter()
        for graph in self.each(self.model.SubgraphsLength(), self.model.Subgraphs):
            for operator in self.each(graph.OperatorsLength(), graph.Operators):
                seen[names[operator.OpcodeIndex()][0]] += 1
        return dict(seen.most_common()), versions, tuple(custom)

    def graph(self) -> Iterator[Operator]:
        """The operators of the main graph, in the order they run."""
        names = self._operator_names()
        graph = self.model.Subgraphs(0)
        for operator in self.each(graph.OperatorsLength(), graph.Operators):
            inputs = self.each(operator.InputsLength(), operator.Inputs)
            outputs = tuple(self.each(operator.OutputsLength(), operator.Outputs))
            yield Operator(
                kind=names[operator.OpcodeIndex()][0],
                name=(text(graph.Tensors(outputs[0]).Name()) or "") if outputs else "",
                inputs=tuple(index for index in inputs if index >= 0),
                outputs=outputs,
            )

    def _operator_names(self) -> list[tuple[str, bool]]:
        """The operators that the file uses by name, and whether each is a custom one."""
        names = []
        for code in self.each(self.model.OperatorCodesLength(), self.model.OperatorCodes):
            # Files from before 2020 have the code in the old, one-byte field.
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name = self._codes.get(number, f"BUILTIN_{number}")
            custom = name == "CUSTOM"
            names.append(((text(code.CustomCode()) or name) if custom else name, custom))
        return names

    def keeps_state(self) -> bool:
        """Whether a tensor is a variable, as the state of an LSTM is."""
        return any(tensor.IsVariable() for tensor in self._tensors())

    def constants(self) -> Constants:
        """What the constant tensors take up, each buffer once."""
        sizes: collections.Counter[str] = collections.Counter()
        zeros = values = 0
        seen = set()
        for tensor in self._tensors():
            number = tensor.Buffer()
            if number in seen:
                continue
            seen.add(number)
            data = self._data(number)
            if data is None:
                continue
            dtype = self._types.get(tensor.Type(), f"type {tensor.Type()}")
            sizes[dtype] += len(data)
            # Only what can be a kernel: biases and shapes are small and never pruned.
            if dtype in _KERNELS and tensor.ShapeLength() >= 2:
                stored, total = self._count_values(tensor, data, dtype)
                zeros += total - stored
                values += total
        return Constants(sizes=dict(sizes.most_common()), zeros=zeros, values=values)

    def kernels(self) -> Iterator[tuple[bytes | None, Any, int, int]]:
        """Constant weights stored dense: name, values in their shape, number of scales, their axis."""
        import numpy as np

        seen = set()
        for tensor in self._tensors():
            dtype = self._types.get(tensor.Type(), "")
            data = None if tensor.Buffer() in seen else self._data(tensor.Buffer())
            if (
                data is None
                or dtype not in _KERNELS
                or tensor.ShapeLength() < 2
                or tensor.Sparsity()
            ):
                continue
            seen.add(tensor.Buffer())
            quantization = tensor.Quantization()
            scales = quantization.ScaleLength() if quantization is not None else 0
            axis = quantization.QuantizedDimension() if scales > 1 else 0
            shape = [int(size) for size in self.each(tensor.ShapeLength(), tensor.Shape)]
            values = np.frombuffer(bytes(data), dtype)
            if values.size == math.prod(shape):
                yield tensor.Name(), values.reshape(shape), scales, axis

    def _count_values(self, tensor: Any, data: Any, dtype: str) -> tuple[int, int]:
        """The values that are not zero, and all: sparse encoding leaves zeros out of the buffer."""
        import numpy as np

        size = np.dtype(dtype).itemsize
        array = data[: len(data) // size * size].view(dtype)
        stored, total = int(np.count_nonzero(array)), int(array.size)
        if tensor.Sparsity() is not None:
            total = math.prod(max(0, n) for n in self.each(tensor.ShapeLength(), tensor.Shape))
        return stored, max(stored, total)

    def _data(self, number: int) -> Any:
        """The bytes of a buffer; files above 2 GB have them behind the flatbuffer, at an offset."""
        import numpy as np

        if not 0 <= number < self.model.BuffersLength():
            raise ValueError(f"buffer {number}")
        buffer = self.model.Buffers(number)
        if buffer is None:
            return None
        if buffer.DataLength():
            return buffer.DataAsNumpy()
        start, size = buffer.Offset(), buffer.Size()
        if start <= 1 or size == 0:  # 0 and 1 stand for none
            return None
        if start + size > len(self._content):
            raise ValueError(f"buffer {number} ends beyond the file")
        return np.frombuffer(self._content, np.uint8, size, start)

    def _tensors(self) -> Iterator[Any]:
        """The tensors of all subgraphs."""
        for graph in self.each(self.model.SubgraphsLength(), self.model.Subgraphs):
            yield from self.each(graph.TensorsLength(), graph.Tensors)

    def has_metadata(self) -> bool:
        """Whether the file carries TFLite metadata."""
        found = self.each(self.model.MetadataLength(), self.model.Metadata)
        return any(text(item.Name()) == "TFLITE_METADATA" for item in found)


def text(value: bytes | None) -> str | None:
    """A flatbuffer's string; bytes that are no UTF-8 are shown as such."""
    return None if value is None else value.decode("utf-8", "replace")
