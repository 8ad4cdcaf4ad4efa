"""Read what a model says of its tensors and of itself."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.metadata.worker import native

# Fields whose number is one of an enumeration, by class of the schema's object API.
_ENUMS = {
    ("AssociatedFileT", "type"): "AssociatedFileType",
    ("ContentT", "contentPropertiesType"): "ContentProperties",
    ("ImagePropertiesT", "colorSpace"): "ColorSpaceType",
    ("BoundingBoxPropertiesT", "type"): "BoundingBoxType",
    ("BoundingBoxPropertiesT", "coordinateType"): "CoordinateType",
    ("ProcessUnitT", "optionsType"): "ProcessUnitOptions",
    ("ScoreCalibrationOptionsT", "scoreTransformation"): "ScoreTransformationType",
}


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


def decode(metadata: str) -> dict[str, Any]:
    """Return a metadata buffer (base64) as a dictionary with the schema's names.

    ``flatc``'s own JSON rounds floats to six digits; a normalisation must come back as it went in.
    """
    schema = native.metadata_schema()
    content = base64.b64decode(metadata)
    if not schema.ModelMetadata.ModelMetadataBufferHasIdentifier(content, 0):
        raise ValueError("the metadata lacks its identifier 'M001'")
    root = schema.ModelMetadata.GetRootAsModelMetadata(content, 0)
    plain = _plain(schema.ModelMetadataT.InitFromObj(root))
    if not isinstance(plain, dict):
        raise TypeError("the metadata is empty")
    return plain


def _names(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}


def _plain(value: Any) -> Any:
    """Turn the schema's objects into JSON values, leaving out what is not set."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(str(np.float32(value)))  # the shortest text that is the same float32
    if value is None or isinstance(value, str | int | bool):
        return value
    kind = type(value).__name__
    result = {}
    for key, item in vars(value).items():
        plain = _plain(item)
        if plain is None or plain == []:
            continue
        if enumeration := _ENUMS.get((kind, key)):
            plain = _names(getattr(native.metadata_schema(), enumeration)).get(plain, plain)
        result[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()] = plain
    return result
