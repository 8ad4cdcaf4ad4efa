"""Write out what a file carries: its metadata as TOML, and the files packed behind the model."""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import MetadataError
from optimizer.metadata import schema
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import read_model, take_apart
from optimizer.metadata.document import Document
from optimizer.metadata.folder import write_below
from optimizer.metadata.model_view import view
from optimizer.metadata.packed_names import collision, why_unsafe
from optimizer.metadata.reading import document_of
from optimizer.metadata.toml_file import to_toml

DESCRIPTION = "metadata.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """What was written. ``missing`` are files that the metadata name and the model does not carry."""

    folder: Path
    sizes: dict[str, int]
    missing: tuple[str, ...] = ()


def extract(
    model: Path, folder: Path, *, overwrite: bool = False, worker: MetadataWorker | None = None
) -> Extracted:
    """Write ``metadata.toml`` and every packed file into the folder, which is made; all or nothing.

    What is packed comes from who made the model: names that are anything but plain are refused, and so
    is a place that holds a link.

    Raises:
        ModelError: the model is missing, empty, damaged or not a TFLite model.
        MetadataError: it has no metadata, they are damaged, a packed file has a name that leads elsewhere
            or stands twice, a file is there already, or the folder cannot be written.
        MissingExtraError: tflite-support is not installed.
    """
    content = read_model(model)
    parts = take_apart(content, origin=str(model))
    if parts.metadata is None and not parts.files:
        raise no_metadata(model)
    _check_names(content, origin=str(model))
    document = Document(fields={}, files=parts.files)
    if parts.metadata is not None:
        with contextlib.ExitStack() as stack:
            worker = worker or stack.enter_context(MetadataWorker())
            document = document_of(parts, origin=model, worker=worker)
    toml = to_toml(document, view(parts.model, origin=str(model))).encode()
    contents = {DESCRIPTION: toml, **parts.files}
    write_below(folder, contents, overwrite=overwrite)
    named = (str(item.get("name", "")) for item in schema.associated_files(document.fields))
    return Extracted(
        folder=folder,
        sizes={name: len(data) for name, data in contents.items()},
        missing=tuple(dict.fromkeys(name for name in named if name not in parts.files)),
    )


def no_metadata(model: Path) -> MetadataError:
    """The error about a file that has none."""
    return MetadataError(
        f"{model} has no metadata.", hint="android-bench metadata write MODEL writes them"
    )


def _check_names(content: bytes, *, origin: str) -> None:
    """Refuse the whole archive for one name: what is left of a file made to do harm is of no use.

    Raises:
        MetadataError: a name is not plain, or two are the same.
    """
    hint = "do not use this file: it was made to write elsewhere, or is damaged"
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # The original name: zipfile cuts the other one at a zero byte.
        names = [entry.orig_filename for entry in archive.infolist()]
    for name in names:
        why = why_unsafe(name.removesuffix("/"))
        if why is not None:
            raise MetadataError(
                f"{origin} has a packed file {name!r:.80}, whose name is not safe: {why}.",
                hint=hint,
            )
    same = collision([DESCRIPTION, *(name for name in names if not name.endswith("/"))])
    if same is not None and same[0] == DESCRIPTION:
        raise MetadataError(
            f"{origin} has a packed file {same[1]!r:.80}, the name that the description gets.",
            hint="unzip MODEL takes out what is packed as it is",
        )
    if same is not None:
        raise MetadataError(
            f"{origin} has the packed files {same[0]!r:.80} and {same[1]!r:.80}, which are one file on "
            "some systems.",
            hint=hint,
        )
