"""The metadata schema of TFLite (1.5.0) as data: what tables there are, and what may stand in each field.

A metadata buffer is handled as a dictionary with the schema's own names, as Google's tools print it.
Used on both sides of the worker, so it imports nothing. Source: ``metadata_schema.fbs`` of
tflite-support 0.4.4.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator
from typing import Any

ENUMS: dict[str, tuple[str, ...]] = {
    "AssociatedFileType": (
        "UNKNOWN", "DESCRIPTIONS", "TENSOR_AXIS_LABELS", "TENSOR_VALUE_LABELS",
        "TENSOR_AXIS_SCORE_CALIBRATION", "VOCABULARY", "SCANN_INDEX_FILE",
    ),
    "BoundingBoxType": ("UNKNOWN", "BOUNDARIES", "UPPER_LEFT", "CENTER"),
    "ColorSpaceType": ("UNKNOWN", "RGB", "GRAYSCALE"),
    "CoordinateType": ("RATIO", "PIXEL"),
    "ScoreTransformationType": ("IDENTITY", "LOG", "INVERSE_LOGISTIC"),
}  # fmt: skip
# A union's members by their numbers; 0 is none.
UNIONS: dict[str, tuple[str, ...]] = {
    "ContentProperties": (
        "NONE", "FeatureProperties", "ImageProperties", "BoundingBoxProperties", "AudioProperties",
    ),
    "ProcessUnitOptions": (
        "NONE", "NormalizationOptions", "ScoreCalibrationOptions", "ScoreThresholdingOptions",
        "BertTokenizerOptions", "SentencePieceTokenizerOptions", "RegexTokenizerOptions",
    ),
}  # fmt: skip
# Fields by table. A star is a list; a capital names an enumeration or a table; "union X" goes by the
# field before it, which has the same name with _type behind it.
TABLES: dict[str, dict[str, str]] = {
    "ModelMetadata": {
        "name": "string", "description": "string", "version": "string",
        "subgraph_metadata": "SubGraphMetadata*", "author": "string", "license": "string",
        "associated_files": "AssociatedFile*", "min_parser_version": "string",
    },
    "SubGraphMetadata": {
        "name": "string", "description": "string", "input_tensor_metadata": "TensorMetadata*",
        "output_tensor_metadata": "TensorMetadata*", "associated_files": "AssociatedFile*",
        "input_process_units": "ProcessUnit*", "output_process_units": "ProcessUnit*",
        "input_tensor_groups": "TensorGroup*", "output_tensor_groups": "TensorGroup*",
        "custom_metadata": "CustomMetadata*",
    },
    "TensorMetadata": {
        "name": "string", "description": "string", "dimension_names": "string*", "content": "Content",
        "process_units": "ProcessUnit*", "stats": "Stats", "associated_files": "AssociatedFile*",
    },
    "Content": {
        "content_properties_type": "union", "content_properties": "union ContentProperties",
        "range": "ValueRange",
    },
    "ProcessUnit": {"options_type": "union", "options": "union ProcessUnitOptions"},
    "Stats": {"max": "float*", "min": "float*"},
    "ValueRange": {"min": "int", "max": "int"},
    "TensorGroup": {"name": "string", "tensor_names": "string*"},
    "CustomMetadata": {"name": "string", "data": "bytes"},
    "AssociatedFile": {
        "name": "string", "description": "string", "type": "AssociatedFileType", "locale": "string",
        "version": "string",
    },
    "FeatureProperties": {},
    "ImageProperties": {"color_space": "ColorSpaceType", "default_size": "ImageSize"},
    "ImageSize": {"width": "uint", "height": "uint"},
    "BoundingBoxProperties": {
        "index": "uint*", "type": "BoundingBoxType", "coordinate_type": "CoordinateType",
    },
    "AudioProperties": {"sample_rate": "uint", "channels": "uint"},
    "NormalizationOptions": {"mean": "float*", "std": "float*"},
    "ScoreCalibrationOptions": {
        "score_transformation": "ScoreTransformationType", "default_score": "float",
    },
    "ScoreThresholdingOptions": {"global_score_threshold": "float"},
    "BertTokenizerOptions": {"vocab_file": "AssociatedFile*"},
    "SentencePieceTokenizerOptions": {
        "sentence_piece_model": "AssociatedFile*", "vocab_file": "AssociatedFile*",
    },
    "RegexTokenizerOptions": {"delim_regex_pattern": "string", "vocab_file": "AssociatedFile*"},
}  # fmt: skip
_MOST_INT, _MOST_FLOAT = 2**31, 3.4028235e38


def problem(value: object, table: str = "ModelMetadata", where: str = "") -> str | None:
    """A sentence's beginning about the first thing that does not fit the schema, ``None`` if all does.

    ``where`` is the path of keys so far: ``subgraph_metadata[0].name must be a text, not 3``.
    """
    if not isinstance(value, dict):
        return f"{where or 'the whole'} must be a table, not {value!r:.60}"
    fields = TABLES[table]
    for key, entry in value.items():
        path = f"{where}.{key}" if where else str(key)
        kind = fields.get(key)
        if kind is None:
            return f"{path} is not known; {table} has {', '.join(fields) or 'no keys'}"
        if kind == "union":
            if key.removesuffix("_type") in value:
                continue  # looked at with the field that it tells the type of
            # Without it, the type alone says that there is one with nothing set.
            members = UNIONS[fields[key.removesuffix("_type")].removeprefix("union ")][1:]
            if entry in members:
                continue
            return f"{path} must be one of {', '.join(members)}, not {entry!r:.60}"
        if kind.startswith("union "):
            told = value.get(f"{key}_type")
            members = UNIONS[kind.removeprefix("union ")][1:]
            if told not in members:
                return f"{path}_type must be one of {', '.join(members)}, not {told!r:.60}"
            found = problem(entry, told, path)
        else:
            found = _field_problem(entry, kind, path)
        if found is not None:
            return found
    return None


def _field_problem(value: object, kind: str, path: str) -> str | None:
    if kind.endswith("*"):
        if not isinstance(value, list | tuple):
            return f"{path} must be a list, not {value!r:.60}"
        checked = (
            _field_problem(item, kind[:-1], f"{path}[{place}]") for place, item in enumerate(value)
        )
        return next((found for found in checked if found is not None), None)
    if kind in TABLES:
        return problem(value, kind, path)
    if kind in ENUMS:
        if value in ENUMS[kind]:
            return None
        return f"{path} must be one of {', '.join(ENUMS[kind])}, not {value!r:.60}"
    wanted = {
        "string": ("a text", isinstance(value, str) and "\0" not in value),
        "bytes": ("a text in base64", _is_base64(value)),
        "int": ("a whole number", _is_int(value, -_MOST_INT, _MOST_INT)),
        "uint": ("a whole number from 0", _is_int(value, 0, 2 * _MOST_INT)),
        "float": ("a number", _is_float(value)),
    }
    what, fits = wanted[kind]
    return None if fits else f"{path} must be {what}, not {value!r:.60}"


def _is_base64(value: object) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


def _is_int(value: object, least: int, end: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < end


def _is_float(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return not math.isfinite(value) or abs(value) <= _MOST_FLOAT


def associated_files(value: object, table: str = "ModelMetadata") -> Iterator[dict[str, Any]]:
    """Every associated file that metadata name, wherever it stands; of what fits the schema."""
    if not isinstance(value, dict):
        return
    for key, entry in value.items():
        kind = TABLES[table].get(key, "")
        if kind.startswith("union "):
            kind = str(value.get(f"{key}_type"))
        kind = kind.removesuffix("*")
        if kind not in TABLES:
            continue
        for item in entry if isinstance(entry, list | tuple) else [entry]:
            if kind == "AssociatedFile":
                yield item
            else:
                yield from associated_files(item, kind)


def camel(key: str) -> str:
    """The name of a field in the generated classes: ``content_properties_type`` in camel case."""
    head, *rest = key.split("_")
    return head + "".join(part.capitalize() for part in rest)
