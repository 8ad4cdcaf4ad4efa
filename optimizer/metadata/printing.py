"""The metadata of a file as the text that people read and edit."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import read_model, take_apart
from optimizer.metadata.model_view import view
from optimizer.metadata.reading import document_of
from optimizer.metadata.toml_file import to_toml
from optimizer.tflite_file import provenance_of

_MOST_LETTERS = 200  # of a line on the origin


def print_form(model: Path, *, worker: MetadataWorker | None = None) -> str | None:
    """The metadata of a file as TOML, with what is packed and where it comes from as comments.

    Returns ``None`` when there are none.

    Raises:
        ModelError: the file is missing, empty, damaged or not a TFLite model.
        MetadataError: the metadata or the packed files are damaged.
        MissingExtraError: tflite-support or tomlkit is not installed.
    """
    content = read_model(model)
    parts = take_apart(content, origin=str(model))
    if parts.metadata is None:
        return None
    if worker is None:
        with MetadataWorker() as own:
            document = document_of(parts, origin=model, worker=own)
    else:
        document = document_of(parts, origin=model, worker=worker)
    seen = view(parts.model, origin=str(model))
    lines = [f"Metadata of {model.name}. Edit, and: android-bench metadata write MODEL --from FILE"]
    lines += [f"packed: {name}, {len(data):,} bytes" for name, data in document.files.items()]
    lines += _origin(provenance_of(content) or {})
    comments = "".join(f"# {_one_line(line)}\n" for line in lines)
    return f"{comments}\n{to_toml(document, seen)}"


def _origin(told: dict[str, Any]) -> list[str]:
    """What a model says of where it comes from: anybody may have written that."""
    lines = [f"{key}: {told[key]}" for key in ("source", "source_sha256", "recipe") if key in told]
    fidelity = told.get("fidelity")
    if isinstance(fidelity, dict):
        lines += [
            f"{key}: {fidelity[key]}"
            for key in ("accuracy", "samples", "data_origin")
            if key in fidelity
        ]
    toolchain = told.get("toolchain")
    if isinstance(toolchain, dict):
        built = ", ".join(f"{name} {version}" for name, version in toolchain.items())
        lines += textwrap.wrap(f"toolchain: {built}", width=78, subsequent_indent="  ")
    return [line if len(line) <= _MOST_LETTERS else f"{line[:_MOST_LETTERS]}…" for line in lines]


def _one_line(text: str) -> str:
    """A comment ends with its line: names of others' files may hold anything."""
    return "".join(character if character.isprintable() else "�" for character in text)
