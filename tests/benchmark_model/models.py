"""Tiny .tflite files, written with the schema that LiteRT ships: no TensorFlow, a millisecond each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...] = (1, 4)
    type: str = "FLOAT32"
    signature: tuple[int, ...] | None = None  # with -1 where a size is open


@dataclass(frozen=True)
class Op:
    code: str  # a builtin's name, or of a custom operator "custom:Name"
    inputs: Sequence[str]
    outputs: Sequence[str]


@dataclass(frozen=True)
class Graph:
    tensors: Sequence[Tensor]
    ops: Sequence[Op]
    inputs: Sequence[str]
    outputs: Sequence[str]
    signatures: Sequence[str] = field(default=())


def build(graph: Graph) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    index = {tensor.name: number for number, tensor in enumerate(graph.tensors)}
    codes = list(dict.fromkeys(op.code for op in graph.ops))
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes = [_code(schema, code) for code in codes]
    subgraph = schema.SubGraphT()
    subgraph.tensors = [_tensor(schema, tensor) for tensor in graph.tensors]
    subgraph.inputs = [index[name] for name in graph.inputs]
    subgraph.outputs = [index[name] for name in graph.outputs]
    subgraph.operators = []
    for op in graph.ops:
        operator = schema.OperatorT()
        operator.opcodeIndex = codes.index(op.code)
        operator.inputs = [index[name] for name in op.inputs]
        operator.outputs = [index[name] for name in op.outputs]
        if op.code == "ADD":
            operator.builtinOptionsType = schema.BuiltinOptions.AddOptions
            operator.builtinOptions = schema.AddOptionsT()
        subgraph.operators.append(operator)
    model.subgraphs = [subgraph]
    model.signatureDefs = [_signature(schema, key, graph, index) for key in graph.signatures]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(schema: Any, code: str) -> Any:
    made = schema.OperatorCodeT()
    made.version = 1
    if code.startswith("custom:"):
        made.builtinCode = schema.BuiltinOperator.CUSTOM
        made.customCode = code.removeprefix("custom:")
    else:
        made.builtinCode = getattr(schema.BuiltinOperator, code)
    made.deprecatedBuiltinCode = min(made.builtinCode, 127)
    return made


def _tensor(schema: Any, tensor: Tensor) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.buffer = tensor.name, list(tensor.shape), 0
    made.type = getattr(schema.TensorType, tensor.type)
    if tensor.signature is not None:
        made.shapeSignature = list(tensor.signature)
    return made


def _signature(schema: Any, key: str, graph: Graph, index: dict[str, int]) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = key, 0
    made.inputs, made.outputs = [], []
    for names, target in ((graph.inputs, made.inputs), (graph.outputs, made.outputs)):
        for name in names:
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, index[name]
            target.append(entry)
    return made


def doubling(type_: str = "FLOAT32", shape: tuple[int, ...] = (1, 4), **more: Any) -> Graph:
    """y = x + x."""
    return Graph(
        tensors=[
            Tensor("serving_default_x:0", shape, type_, **more),
            Tensor("y", shape, type_, **more),
        ],
        ops=[Op("ADD", ["serving_default_x:0", "serving_default_x:0"], ["y"])],
        inputs=["serving_default_x:0"],
        outputs=["y"],
    )


MODELS = {
    "double": doubling(),
    "double_int": doubling("INT32"),
    "dynamic": doubling(signature=(-1, 4)),
    "big": doubling(shape=(1, 250_000)),
    "two": Graph(
        tensors=[
            Tensor("a"),
            Tensor("b"),
            Tensor("s"),
            Tensor("n", type="INT32"),
            Tensor("m", type="INT32"),
        ],
        ops=[Op("ADD", ["a", "b"], ["s"]), Op("ADD", ["n", "n"], ["m"])],
        inputs=["a", "b", "n"],
        outputs=["m", "s"],
    ),
    "no_input": Graph(tensors=[], ops=[], inputs=[], outputs=[]),
    "string": Graph(tensors=[Tensor("t", (1,), "STRING")], ops=[], inputs=["t"], outputs=["t"]),
    "boolean": Graph(
        tensors=[Tensor("p", type="BOOL"), Tensor("q", type="BOOL")],
        ops=[Op("LOGICAL_NOT", ["p"], ["q"])],
        inputs=["p"],
        outputs=["q"],
    ),
    "custom": Graph(
        tensors=[Tensor("x"), Tensor("y")],
        ops=[Op("custom:Cholesky", ["x"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    ),
    "flex": Graph(
        tensors=[Tensor("x"), Tensor("y")],
        ops=[Op("custom:FlexCholesky", ["x"], ["y"])],
        inputs=["x"],
        outputs=["y"],
    ),
    "signatures": Graph(
        tensors=doubling().tensors,
        ops=doubling().ops,
        inputs=doubling().inputs,
        outputs=doubling().outputs,
        signatures=("decode", "prefill"),
    ),
}
