"""A signature for models that have none: LiteRT's calibration calls a model by one."""

from __future__ import annotations

import collections
from typing import Any

KEY = "serving_default"


def signed(content: bytes) -> bytes:
    """A sound model with a signature, made of its tensors' names if it has none: else as it is."""
    from ai_edge_litert import schema_py_generated as schema

    if schema.Model.GetRootAsModel(content, 0).SignatureDefsLength():
        return content
    model = unpacked(content)
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey = KEY.encode()
    signature.subgraphIndex = 0
    signature.inputs = _maps(schema, graph, graph.inputs)
    signature.outputs = _maps(schema, graph, graph.outputs)
    model.signatureDefs = [signature]
    return packed(model)


def unpacked(content: bytes) -> Any:
    """A sound model as objects that can be changed."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def packed(model: Any) -> bytes:
    """A model of objects as a file."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _maps(schema: Any, graph: Any, indices: Any) -> list[Any]:
    """Tensors by their names; one whose name another has too gets its place behind it."""
    names = [graph.tensors[index].name or b"" for index in indices]
    often = collections.Counter(names)
    maps = []
    for place, (index, name) in enumerate(zip(indices, names, strict=True)):
        entry = schema.TensorMapT()
        entry.name = name if name and often[name] == 1 else name + f":{place}".encode()
        entry.tensorIndex = int(index)
        maps.append(entry)
    return maps
