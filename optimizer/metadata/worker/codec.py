"""Metadata buffers to dictionaries with the schema's names, and back, through the generated classes."""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from optimizer.metadata import schema as layout
from optimizer.metadata.worker import native

_IDENTIFIER = b"M001"
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})*")


def decode(metadata: str) -> dict[str, Any]:
    """Return a metadata buffer (base64) as a dictionary; what is not set is left out.

    ``flatc``'s own JSON rounds floats to six digits; a normalisation must come back as it went in.
    """
    schema = native.metadata_schema()
    content = base64.b64decode(metadata)
    if not schema.ModelMetadata.ModelMetadataBufferHasIdentifier(content, 0):
        raise ValueError("the metadata lacks its identifier 'M001'")
    root = schema.ModelMetadata.GetRootAsModelMetadata(content, 0)
    return _plain(schema.ModelMetadataT.InitFromObj(root), "ModelMetadata")


def encode(fields: dict[str, Any]) -> str:
    """Return the metadata buffer (base64) of a dictionary that fits the schema.

    The parser version is the oldest that reads all of it, unless the dictionary says a later one.
    """
    made = _object(fields, "ModelMetadata")
    made.minParserVersion = None
    needed = native.parser_version(_packed(made))
    made.minParserVersion = max(needed, fields.get("min_parser_version") or "0", key=_version)
    return base64.b64encode(_packed(made)).decode()


def _packed(made: Any) -> bytes:
    builder = importlib.import_module("flatbuffers").Builder(0)
    builder.Finish(made.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _version(text: str) -> tuple[int, ...]:
    """The numbers of a version; of what is none, none: older than any."""
    return tuple(map(int, text.split("."))) if _VERSION.fullmatch(text) else ()


def _plain(made: Any, table: str) -> dict[str, Any]:
    """An object of a generated class as a dictionary."""
    found: dict[str, Any] = {}
    for key, kind in layout.TABLES[table].items():
        value = getattr(made, layout.camel(key))
        if kind == "union":
            continue
        if kind.startswith("union "):
            members = layout.UNIONS[kind.removeprefix("union ")]
            number = getattr(made, layout.camel(f"{key}_type"))
            if 0 < number < len(members):
                found[f"{key}_type"] = members[number]
                found[key] = {} if value is None else _plain(value, members[number])
            continue
        plain = _plain_field(value, kind)
        if plain is not None and plain != []:
            found[key] = plain
    return found


def _plain_field(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind.endswith("*"):
        return [_plain_field(item, kind[:-1]) for item in value]
    if kind in layout.TABLES:
        return _plain(value, kind)
    if kind in layout.ENUMS:
        names = layout.ENUMS[kind]
        return names[value] if 0 <= value < len(names) else int(value)
    return _PLAIN[kind](value)


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda value: base64.b64encode(bytes(bytearray(value))).decode(),
    "string": lambda value: value.decode(errors="replace") if isinstance(value, bytes) else value,
    "float": lambda value: float(str(np.float32(value))),  # the shortest text that is the same
    "int": int,
    "uint": int,
}


def _object(fields: dict[str, Any], table: str) -> Any:
    """A dictionary as an object of its generated class."""
    made = getattr(native.metadata_schema(), f"{table}T")()
    for key, value in fields.items():
        kind = layout.TABLES[table][key]
        if kind.startswith("union "):
            continue
        if kind == "union":
            union = key.removesuffix("_type")
            members = layout.UNIONS[layout.TABLES[table][union].removeprefix("union ")]
            setattr(made, layout.camel(key), members.index(value))
            setattr(made, layout.camel(union), _object(fields.get(union, {}), value))
        else:
            setattr(made, layout.camel(key), _object_field(value, kind))
    return made


def _object_field(value: Any, kind: str) -> Any:
    if kind == "bytes":
        return list(base64.b64decode(value))
    if kind.endswith("*"):
        return [_object_field(item, kind[:-1]) for item in value]
    if kind in layout.TABLES:
        return _object(value, kind)
    if kind in layout.ENUMS:
        return layout.ENUMS[kind].index(value)
    return float(value) if kind == "float" else value
