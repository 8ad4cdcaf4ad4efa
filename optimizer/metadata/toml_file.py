"""Metadata in one TOML file: by task as one writes it by hand, or every field by the schema's own names.

What ``metadata show`` prints is of the second kind, and reading it gives the same document again.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import MetadataError, MissingExtraError
from optimizer.metadata import schema
from optimizer.metadata.attachments import read_attachment
from optimizer.metadata.describing import Said
from optimizer.metadata.document import Document, without_ranges
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.packed_names import why_unsafe
from optimizer.metadata.provenance import ENTRY
from optimizer.metadata.task_file import GENERAL, KEYS, said_of
from optimizer.tflite_file import PROVENANCE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Files that are packed and that no field names.
LOOSE = "packed_files"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFile:
    """A TOML file of every field. The files that it names stand beside it, or in the model already.

    The origin of a model is not in it: it stays with the model.
    """

    path: Path
    fields: dict[str, Any]
    loose: tuple[str, ...] = ()

    def document(self, packed: Mapping[str, bytes]) -> Document:
        """The document, with files from beside the TOML or else of those ``packed`` in the model.

        Raises:
            MetadataError: a file is in neither place, or its name leads out of the folder.
        """
        fields = self.fields
        names = [entry.get("name", "") for entry in schema.associated_files(fields)]
        names += self.loose
        files = {name: self._content(name, packed) for name in dict.fromkeys(names)}
        notes = [
            f"{name!r} is the one beside {self.path}, not the one in the model."
            for name in files
            if name in packed and files[name] != packed[name]
        ]
        if PROVENANCE in packed and PROVENANCE not in files:
            files[PROVENANCE] = packed[PROVENANCE]
            entries = [*fields.get("associated_files", []), ENTRY]
            fields = {**fields, "associated_files": entries}
        return Document(fields=fields, files=files, notes=tuple(notes))

    def _content(self, name: str, packed: Mapping[str, bytes]) -> bytes:
        beside = self.path.parent / name
        if why_unsafe(name) is None and beside.is_file():
            # What is packed may be empty; a pipe may say that it is.
            return b"" if not beside.stat().st_size else read_attachment(beside, "file")
        if name in packed:
            return packed[name]
        raise MetadataError(
            f"{self.path} names the file {name!r}, which is neither beside it nor in the model.",
            hint="put it there, or take its entry out",
        )


def read_wish(path: Path) -> Said | DocumentFile:
    """Read a TOML file of either kind.

    Raises:
        MetadataError: it cannot be read, is no TOML, or says something that cannot be.
    """
    data = _toml(path)
    by_schema = data.keys() & (schema.TABLES["ModelMetadata"].keys() - set(GENERAL))
    if by_schema or not data.keys() - set(GENERAL) - {LOOSE}:
        loose = data.pop(LOOSE, [])
        if not isinstance(loose, list) or not all(isinstance(name, str) for name in loose):
            raise MetadataError(f"{path}: {LOOSE} must be a list of names.", hint='["a.txt"]')
        told = schema.problem(data)
        if told is not None:
            raise MetadataError(
                f"{path}: {told}.",
                hint="android-bench metadata show prints a file of this kind; one that begins with "
                f"task = has {', '.join(KEYS)}",
            )
        return DocumentFile(path=path, fields=data, loose=tuple(loose))
    return said_of(data, path)


def to_toml(document: Document, model: ModelView) -> str:
    """The document as TOML, without the ranges that the model tells, and without its origin.

    Raises:
        MissingExtraError: tomlkit is not installed.
    """
    try:
        import tomlkit
    except ImportError as error:
        raise MissingExtraError(
            "metadata", needed_for="Printing metadata as TOML", module="tomlkit"
        ) from error
    fields = without_ranges(document.fields, model)
    own = set()
    if fields.get("associated_files", [])[-1:] == [ENTRY]:
        own = {PROVENANCE}
        fields = {**fields, "associated_files": fields["associated_files"][:-1]}
        if not fields["associated_files"]:
            del fields["associated_files"]
    named = {entry.get("name") for entry in schema.associated_files(fields)}
    loose = [name for name in document.files if name not in named | own]
    told = {**({LOOSE: loose} if loose else {}), **fields}
    # Such characters stand only in texts, and there they may be written by their numbers.
    return "".join(map(_seen, tomlkit.dumps(_ordered(told))))


def _seen(character: str) -> str:
    """A character as it may come to a terminal: nothing that it obeys, or that changes what is seen."""
    unseen = unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}
    if not unseen or character in "\n\u200c\u200d":  # joiners are parts of words and of emoji
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _ordered(value: Any) -> Any:
    """Plain values before tables, tables before lists of them: what follows a heading belongs to it."""
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value

    def rank(item: tuple[str, Any]) -> int:
        entry = item[1]
        tables = isinstance(entry, list) and any(isinstance(one, dict) for one in entry)
        return 2 if tables else int(isinstance(entry, dict))

    return {key: _ordered(entry) for key, entry in sorted(value.items(), key=rank)}


def _toml(path: Path) -> dict[str, Any]:
    hint = "docs/metadata.md shows what stands in it; android-bench metadata show prints one"
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)  # a device never ends
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise MetadataError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except UnicodeDecodeError as error:
        raise MetadataError(f"{path} is no text in UTF-8.", hint="save it as UTF-8") from error
    if len(content) > _MOST_BYTES:
        raise MetadataError(f"{path} has more than {_MOST_BYTES:,} bytes.", hint=hint)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise MetadataError(f"{path} is nested too deeply.", hint=hint) from error
    except ValueError as error:
        raise MetadataError(f"{path} is no TOML: {error}.", hint=hint) from error
