"""Where a model comes from, packed into it: recipe, source, tools, how good it is.

A plain associated file, so that parsers of every version read the metadata beside it; the schema's own
custom metadata need one of 1.5.0. ``tflite_file`` reads it back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from optimizer.artifact import Artifact
from optimizer.metadata.document import Document
from optimizer.tflite_file import PROVENANCE

ENTRY = {
    "name": PROVENANCE,
    "description": "Where the model comes from: recipe, source, tools, accuracy.",
    "type": "UNKNOWN",
}


def with_provenance(document: Document, artifact: Artifact | None) -> Document:
    """The document with what the artifact's manifest knows; as it is without one."""
    if artifact is None or artifact.recipe_name is None:
        return document
    content = json.dumps(_told(artifact), indent=1, sort_keys=True) + "\n"
    named = document.fields.get("associated_files", [])
    others = [entry for entry in named if entry.get("name") != PROVENANCE]
    return replace(
        document,
        fields={**document.fields, "associated_files": [*others, ENTRY]},
        files={**document.files, PROVENANCE: content.encode()},
    )


def _told(artifact: Artifact) -> dict[str, Any]:
    fidelity = artifact.fidelity
    told = {
        "source": artifact.source,
        "source_sha256": artifact.source_sha256,
        "recipe": artifact.recipe_name,
        "techniques": artifact.recipe,
        "toolchain": artifact.toolchain,
        "fidelity": None
        if fidelity is None
        else {key: value for key, value in asdict(fidelity).items() if value is not None},
    }
    return {key: value for key, value in told.items() if value is not None}
