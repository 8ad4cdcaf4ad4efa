"""Layers that quantization-aware training left out, brought back to float in the converter's file.

TensorFlow's converter quantizes whatever stands between quantized neighbours, with weights that were
never trained for it. Each such operator is replaced by its twin of the unquantized conversion.
"""

from __future__ import annotations

import collections
from collections.abc import Collection
from typing import Any

from optimizer.tflite_reader import Operator, read
from optimizer.tflite_signature import packed, unpacked

_BORDERS = {"QUANTIZE", "DEQUANTIZE"}


def restore_float(
    quantized: bytes, plain: bytes, layers: Collection[str]
) -> tuple[bytes, tuple[str, ...]]:
    """Return the model with the operators of ``layers`` in float, and the names of these operators.

    ``plain`` is the same model converted without quantization. An operator whose twin is not found there,
    or has weights that were rounded in training, stays as it is.
    """
    graph = list(read(quantized).graph())
    chosen = {
        item.outputs[0]: item
        for item in graph
        if item.kind not in _BORDERS and item.outputs and not set(layers).isdisjoint(item.layers)
    }
    if not chosen:
        return quantized, ()
    surgery = _Surgery(unpacked(quantized), unpacked(plain), read(plain).graph())
    restored = surgery.operate(chosen)
    return (packed(surgery.model), restored) if restored else (quantized, ())


class _Surgery:
    """The quantized model while operators in it are replaced by those of the plain one."""

    def __init__(self, model: Any, plain: Any, plain_graph: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self.model, self._plain = model, plain
        self._graph, self._plain_graph = model.subgraphs[0], plain.subgraphs[0]
        names: collections.Counter[str] = collections.Counter()
        self._twins: dict[str, Any] = {}
        for operator, item in zip(self._plain_graph.operators, plain_graph, strict=True):
            names[item.name] += item.kind not in _BORDERS
            if item.kind not in _BORDERS:
                self._twins[item.name] = operator
        self._ambiguous = {name for name, count in names.items() if count > 1}
        # Numbers of integer tensors with those of the float tensors that stand for them.
        self._floats: dict[int, int] = {}
        self._only_in_float: set[int] = set()
        self._done: list[Any] = []

    def operate(self, chosen: dict[int, Operator]) -> tuple[str, ...]:
        """Replace the operators with these first outputs; return the names of those that could be."""
        restored = []
        dequantized = {
            int(operator.inputs[0]): int(operator.outputs[0])
            for operator in self._graph.operators
            if self._kind(operator) == self._schema.BuiltinOperator.DEQUANTIZE
        }
        for operator in self._graph.operators:
            item = chosen.get(int(operator.outputs[0])) if len(operator.outputs) else None
            twin = None if item is None else self._twin(operator, item)
            if item is not None and twin is not None:
                self._replace(operator, twin, dequantized)
                restored.append(item.name)
                continue
            if self._kind(operator) == self._schema.BuiltinOperator.DEQUANTIZE and (
                int(operator.inputs[0]) in self._only_in_float
                and self._floats[int(operator.inputs[0])] == int(operator.outputs[0])
            ):
                continue  # its output is what the operator in float writes now
            for index in operator.inputs:
                self._need_integers(int(index))
            self._done.append(operator)
        for index in self._graph.outputs:
            self._need_integers(int(index))
        self._graph.operators = self._done
        return tuple(restored)

    def _twin(self, operator: Any, item: Operator) -> Any:
        """The operator of the plain model that does the same, ``None`` if there is none in float."""
        twin = None if item.name in self._ambiguous else self._twins.get(item.name)
        if twin is None or len(twin.inputs) != len(operator.inputs) or len(operator.outputs) != 1:
            return None
        if not _is_quantized(self._graph, int(operator.outputs[0])):
            return None  # it is in float already
        if _is_quantized(self._plain_graph, int(twin.outputs[0])):
            return None
        for ours, theirs in zip(operator.inputs, twin.inputs, strict=True):
            constant = ours >= 0 and _constant(self.model, self._graph, int(ours))
            if constant and not _constant(self._plain, self._plain_graph, int(theirs)):
                return None
        return twin

    def _replace(self, operator: Any, twin: Any, dequantized: dict[int, int]) -> None:
        """Put the twin where an operator stands: its weights, on the values of our tensors."""
        inputs = []
        for ours, theirs in zip(operator.inputs, twin.inputs, strict=True):
            if ours < 0:
                inputs.append(-1)
            elif _constant(self.model, self._graph, int(ours)):
                inputs.append(self._adopt(int(theirs)))
            else:
                inputs.append(self._in_float(int(ours)))
        output = int(operator.outputs[0])
        to = dequantized.get(output)
        if to is None:
            to = self._add_tensor(self._float_of(output))
        self._floats[output] = to
        self._only_in_float.add(output)
        code = self._plain.operatorCodes[twin.opcodeIndex]
        twin.opcodeIndex = self._code(code.builtinCode, code.version, code.deprecatedBuiltinCode)
        twin.inputs, twin.outputs = inputs, [to]
        self._done.append(twin)

    def _in_float(self, index: int) -> int:
        """A tensor in float; what is stored in integers is brought back before it is used."""
        if not _is_quantized(self._graph, index):
            return index
        if index not in self._floats:
            self._floats[index] = self._add_tensor(self._float_of(index))
            self._border("DEQUANTIZE", index, self._floats[index])
        return self._floats[index]

    def _need_integers(self, index: int) -> None:
        """Quantize what an operator in float wrote, once, for one that takes integers."""
        if index in self._only_in_float:
            self._only_in_float.discard(index)
            self._border("QUANTIZE", self._floats[index], index)

    def _border(self, name: str, source: int, target: int) -> None:
        schema = self._schema
        operator = schema.OperatorT()
        number = getattr(schema.BuiltinOperator, name)
        known = [code.version for code in self.model.operatorCodes if code.builtinCode == number]
        operator.opcodeIndex = self._code(number, max(known, default=2), number)
        operator.inputs, operator.outputs = [source], [target]
        self._done.append(operator)

    def _float_of(self, index: int) -> Any:
        """A float tensor for the values of a quantized one."""
        old = self._graph.tensors[index]
        tensor = self._schema.TensorT()
        tensor.shape, tensor.shapeSignature = old.shape, old.shapeSignature
        tensor.hasRank, tensor.type = old.hasRank, self._schema.TensorType.FLOAT32
        tensor.name = (old.name or b"") + b"_float"
        tensor.buffer = 0
        return tensor

    def _adopt(self, index: int) -> int:
        """Take a constant of the plain model over."""
        tensor = self._plain_graph.tensors[index]
        self.model.buffers.append(self._plain.buffers[tensor.buffer])
        tensor.buffer = len(self.model.buffers) - 1
        return self._add_tensor(tensor)

    def _add_tensor(self, tensor: Any) -> int:
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _code(self, number: int, version: int, deprecated: int) -> int:
        """The place of an operator's code in the model, added if it is new."""
        codes = self.model.operatorCodes
        for place, code in enumerate(codes):
            if (code.builtinCode, code.version) == (number, version):
                return place
        code = self._schema.OperatorCodeT()
        code.builtinCode, code.version, code.deprecatedBuiltinCode = number, version, deprecated
        codes.append(code)
        return len(codes) - 1

    def _kind(self, operator: Any) -> int:
        return int(self.model.operatorCodes[operator.opcodeIndex].builtinCode)


def _is_quantized(graph: Any, index: int) -> bool:
    quantization = graph.tensors[index].quantization
    scales = None if quantization is None else quantization.scale
    return scales is not None and len(scales) > 0


def _constant(model: Any, graph: Any, index: int) -> bool:
    data = model.buffers[graph.tensors[index].buffer].data
    return data is not None and len(data) > 0
