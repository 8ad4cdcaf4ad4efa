"""Read what a model says of its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.metadata.worker import native


def tensors(path: str) -> dict[str, Any]:
    """Return name, shape, type and quantization of the model's inputs and outputs."""
    schema = native.model_schema()
    content = Path(path).read_bytes()
    subgraph = schema.Model.GetRootAsModel(content, 0).Subgraphs(0)
    names = _names(schema.TensorType)

    def describe(index: int) -> dict[str, Any]:
        tensor = subgraph.Tensors(index)
        quantization = tensor.Quantization()
        one_scale = quantization is not None and quantization.ScaleLength() == 1
        shape = [int(size) for size in tensor.ShapeAsNumpy()] if tensor.ShapeLength() else []
        # shape has 1 where the size is free; the signature has -1 there.
        if tensor.ShapeSignatureLength() == len(shape) and shape:
            shape = [int(size) for size in tensor.ShapeSignatureAsNumpy()]
        return {
            "name": (tensor.Name() or b"").decode(errors="replace"),
            "shape": shape,
            "dtype": names.get(tensor.Type(), str(tensor.Type())).lower(),
            "scale": float(quantization.Scale(0)) if one_scale else None,
            "zero_point": int(quantization.ZeroPoint(0))
            if one_scale and quantization.ZeroPointLength()
            else None,
        }

    quantized = {schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16}
    return {
        "inputs": [describe(subgraph.Inputs(i)) for i in range(subgraph.InputsLength())],
        "outputs": [describe(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength())],
        "quantized": any(
            subgraph.Tensors(i).Type() in quantized for i in range(subgraph.TensorsLength())
        ),
    }


def _names(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}
