"""Changes to the models in data/ that need no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def unpacked(content: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_outputs(
    content: bytes, order: Sequence[int], names: Mapping[str, str] | None = None
) -> bytes:
    """The same model with its outputs in another order, and under other names in its signature.

    Without ``names`` it has no signature, and its tensors have names that tell nothing.
    """
    model = unpacked(content)
    graph = model.subgraphs[0]
    graph.outputs = [graph.outputs[place] for place in order]
    if names is None:
        model.signatureDefs = []
        for number, tensor in enumerate(graph.tensors):
            tensor.name = f"Identity_{number}".encode()
    else:
        for entry in model.signatureDefs[0].outputs:
            entry.name = names.get(entry.name.decode(), entry.name.decode()).encode()
    return packed(model)
