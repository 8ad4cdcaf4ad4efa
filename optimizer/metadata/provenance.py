"""Where a model comes from, packed into it: recipe, source, tools, how good it is.

A plain associated file, so that parsers of every version read the metadata beside it; the schema's own
custom metadata need one of 1.5.0.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from optimizer.artifact import Artifact
from optimizer.metadata.document import Document

FILE_NAME = "android-bench.json"
_ENTRY = {
    "name": FILE_NAME,
    "description": "Where the model comes from: recipe, source, tools, accuracy.",
    "type": "UNKNOWN",
}


def with_provenance(document: Document, artifact: Artifact | None) -> Document:
    """The document with what the artifact's manifest knows; as it is without one."""
    if artifact is None or artifact.recipe_name is None:
        return document
    content = json.dumps(_told(artifact), indent=1, sort_keys=True) + "\n"
    named = document.fields.get("associated_files", [])
    others = [entry for entry in named if entry.get("name") != FILE_NAME]
    return replace(
        document,
        fields={**document.fields, "associated_files": [*others, _ENTRY]},
        files={**document.files, FILE_NAME: content.encode()},
    )


def provenance_of(files: dict[str, bytes]) -> dict[str, Any] | None:
    """What a file says of its origin, ``None`` when it does not, or not so that it can be read."""
    try:
        found = json.loads(files[FILE_NAME])
    except (KeyError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _told(artifact: Artifact) -> dict[str, Any]:
    fidelity = artifact.fidelity
    told = {
        "source": artifact.source,
        "source_sha256": artifact.source_sha256,
        "recipe": artifact.recipe_name,
        "techniques": artifact.recipe,
        "toolchain": artifact.toolchain,
        "accuracy": None if fidelity is None else fidelity.accuracy,
        "source_accuracy": None if fidelity is None else fidelity.source_accuracy,
        "measured_on": None if fidelity is None else fidelity.data_origin,
    }
    return {key: value for key, value in told.items() if value is not None}
