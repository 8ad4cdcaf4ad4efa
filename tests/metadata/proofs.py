"""Tagged files with whatever metadata a test wants in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optimizer.metadata import MetadataWorker
from optimizer.metadata.container import put_together
from optimizer.metadata.model_view import view
from optimizer.metadata.tasks import Description

DATA = Path(__file__).with_name("data")
Change = Callable[[dict[str, Any]], object]


def tagged(
    folder: Path,
    which: str,
    description: Description,
    worker: MetadataWorker,
    *,
    change: Change | None = None,
    files: Mapping[str, bytes | None] | None = None,
) -> Path:
    """A model of data/ with the description's metadata, whose main graph ``change`` may change.

    ``files`` replaces packed files; ``None`` leaves one out.
    """
    content = (DATA / f"{which}.tflite").read_bytes()
    document = description.document(view(content, origin=which))
    fields = copy.deepcopy(document.fields)
    if change is not None:
        change(fields["subgraph_metadata"][0])
    packed = {**document.files, **(files or {})}
    path = folder / f"{which}.tflite"
    metadata = worker.encode(fields, origin=path)
    kept = {name: part for name, part in packed.items() if part is not None}
    path.write_bytes(put_together(content, metadata, kept, origin=which))
    return path
