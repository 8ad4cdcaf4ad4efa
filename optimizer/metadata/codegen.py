"""A Java class for Android that runs a tagged model: tflite-support's generator, made safe to use.

The generator checks no names, dies on damaged files, copies the model's name into the code as it is, and
writes code that does not compile for models of several inputs or outputs. All of that is seen to here.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.errors import MetadataError
from optimizer.metadata import schema
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import TaggedModel, put_together, read_model, take_apart
from optimizer.metadata.document import Document, tensor_fields
from optimizer.metadata.extraction import no_metadata
from optimizer.metadata.folder import write_below
from optimizer.metadata.java_source import class_problem, is_identifier, tensor_problem, with_commas
from optimizer.metadata.model_view import ModelView, view
from optimizer.metadata.reading import document_of

DEPENDENCIES = (
    "org.tensorflow:tensorflow-lite:2.16.1",
    "org.tensorflow:tensorflow-lite-support:0.4.4",
    "org.tensorflow:tensorflow-lite-metadata:0.4.4",
)
_ASSET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# What TensorBuffer and CastOp of the support library 0.4.4 take.
_TYPES = {"float32", "uint8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The files, the class's full name, the Gradle dependencies, and what the class cannot do."""

    folder: Path
    files: tuple[str, ...]
    class_name: str
    dependencies: tuple[str, ...] = DEPENDENCIES
    warnings: tuple[str, ...] = ()


def generate(
    model: Path,
    folder: Path,
    *,
    package: str,
    class_name: str,
    asset: str | None = None,
    overwrite: bool = False,
    worker: MetadataWorker | None = None,
) -> Generated:
    """Write the class, the model as an asset and a usage note below the folder of an Android module.

    ``asset`` is the model's name there; its own by default. All files are written or none.

    Raises:
        ModelError: the model is missing, empty, damaged or not a TFLite model.
        MetadataError: a name is none of Java's, the metadata are missing or do not fit the model, the
            generator fails, a file is there already, or the folder cannot be written.
        MissingExtraError: tflite-support is not installed.
    """
    _check_names(package, class_name)
    asset = _asset_name(asset if asset is not None else model.name)
    content = read_model(model)
    parts = take_apart(content, origin=str(model))
    if parts.metadata is None:
        raise no_metadata(model)
    seen = view(parts.model, origin=str(model))
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(MetadataWorker())
        document = document_of(parts, origin=model, worker=worker)
        _check_tensors(document, seen)
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="android-bench-")))
        copy = place / model.name  # messages are about this name
        copy.write_bytes(_harmless(parts, document, model, worker))
        made = worker.generate_code(copy, package=package, class_name=class_name, asset=asset)
    java = f"src/main/java/{package.replace('.', '/')}/{class_name}.java"
    texts = _checked(made, java, f"{class_name.lower()}.md", class_name, model)
    contents = {f"src/main/assets/{asset}": content, **texts}
    write_below(folder, contents, overwrite=overwrite)
    return Generated(
        folder=folder,
        files=tuple(contents),
        class_name=f"{package}.{class_name}",
        warnings=(*map(_warning, made["messages"]), *_type_warnings(seen), *_size_warnings(seen)),
    )


def _check_names(package: str, class_name: str) -> None:
    for part in package.split("."):
        if not is_identifier(part):
            raise MetadataError(
                f"{package!r} is not a Java package: {part!r} is no name, or a word of the language.",
                hint="--package org.example.ml",
            )
    if not is_identifier(class_name):
        raise MetadataError(
            f"{class_name!r} is not a Java class: it is no name, or a word of the language.",
            hint="--class MyModel",
        )


def _asset_name(asset: str) -> str:
    if _ASSET.fullmatch(asset) is None:
        raise MetadataError(
            f"The asset name {asset!r} has more in it than letters, digits, '_', '-' and '.'.",
            hint="--asset model.tflite; it stands in src/main/assets",
        )
    # Gradle leaves files of this ending uncompressed, so that they can be mapped.
    return asset if asset.endswith(".tflite") else f"{asset}.tflite"


def _check_tensors(document: Document, model: ModelView) -> None:
    """Refuse what the generator dies of, or would make half a class of."""
    for side, tensors in (("input", model.inputs), ("output", model.outputs)):
        told = len(tensor_fields(document.fields, side))
        if told != len(tensors):
            raise MetadataError(
                f"The metadata of {model.origin} describe {told} {side}s, and the model has "
                f"{len(tensors)}.",
                hint="write them anew: android-bench metadata write MODEL --replace",
            )


def _harmless(parts: TaggedModel, document: Document, model: Path, worker: MetadataWorker) -> bytes:
    """The model with texts that can stand in a comment of Java: they cannot end it or be an escape."""
    fields = dict(document.fields)
    for key in ("name", "version"):
        if key in fields:
            text = str(fields[key]).replace("*/", "* /").replace("\\", "/")
            fields[key] = "".join(letter if letter.isprintable() else " " for letter in text)
    return put_together(
        parts.model, worker.encode(fields, origin=model), parts.files, origin=str(model)
    )


def _checked(
    made: Mapping[str, Any], java: str, note: str, class_name: str, model: Path
) -> dict[str, bytes]:
    """The class and the note, right; the generator's build.gradle is of 2019 and an app has a manifest."""
    files: dict[str, str] = made["files"]
    if java not in files or note not in files:
        said = " ".join(made["messages"]) or "it does not say why."
        raise MetadataError(
            f"The generator makes no class of {model}: {said}",
            hint="android-bench metadata verify says what is wrong with a model",
        )
    code = files[java]
    problem = class_problem(code, class_name)
    if problem is not None:
        raise MetadataError(f"{class_name!r} {problem}.", hint="give another --class")
    problem = tensor_problem(code)
    if problem is not None:
        raise MetadataError(
            f"In the metadata of {model}, {problem}.",
            hint="name it otherwise: android-bench metadata show MODEL > metadata.toml, change the "
            "name, and android-bench metadata write MODEL --replace --from metadata.toml",
        )
    return {name: with_commas(files[name], code).encode() for name in (java, note)}


def _warning(message: str) -> str:
    """A message of the generator, with the schema's name of a type instead of its number."""
    kinds = schema.ENUMS["AssociatedFileType"]
    return re.sub(
        r"of type (\d)\b",
        lambda found: f"of type {dict(enumerate(kinds)).get(int(found[1]), found[1])}",
        re.sub(r"^\[\w+\] ", "", message),
    )


def _type_warnings(model: ModelView) -> list[str]:
    return [
        f"The class compiles and cannot run: the support library takes float32 and uint8 only, and the "
        f"{side} {tensor} is neither. The Task Library or the Interpreter run such models."
        for side, tensors in (("input", model.inputs), ("output", model.outputs))
        for tensor in tensors
        if tensor.dtype not in _TYPES
    ][:1]


def _size_warnings(model: ModelView) -> list[str]:
    """The class asks the model for its sizes, and it says 1 for those that are free."""
    return [
        f"The size of the input {tensor} is free, and the class takes it for 1: build the model with a "
        "fixed size."
        for tensor in model.inputs
        if any(size < 0 for size in tensor.shape[1:])
    ][:1]
