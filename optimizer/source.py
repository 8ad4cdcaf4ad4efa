"""Opening a source model: what it is by its content, its fingerprint, and the Keras model in it.

Models are data, not code: nothing from a model file is executed. Lambda layers and pickles are refused.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from optimizer.artifact import file_sha256
from optimizer.errors import ModelError
from optimizer.file_kind import HDF5, HEAD_BYTES, ZIP, seems
from optimizer.tensorflow_setup import import_tensorflow

_CONVERT_HINT = "give a Keras .keras or .h5 file, a SavedModel folder, or a .tflite"


class Format(str, Enum):
    """What a source model is stored as."""

    KERAS = "keras"
    HDF5 = "h5"
    SAVED_MODEL = "saved-model"
    KERAS3 = "keras3"
    TFLITE = "tflite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source model that was recognised by its content and not yet loaded."""

    path: Path
    format: Format
    sha256: str

    @property
    def name(self) -> str:
        """The model's name: its file's without the ending."""
        return self.path.stem if self.path.is_file() else self.path.name


def identify(path: Path) -> Source:
    """Recognise a model by its content and take its fingerprint, without TensorFlow.

    Raises:
        ModelError: it is missing, empty, truncated or foreign.
    """
    path = path.resolve() if str(path) in {".", ".."} else path
    if path.is_dir():
        return _identify_folder(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        if head.startswith(HDF5):
            return Source(path=path, format=Format.HDF5, sha256=file_sha256(path))
        if head.startswith(ZIP):
            of_three = _archive_version(path) >= 3
            return Source(
                path=path,
                format=Format.KERAS3 if of_three else Format.KERAS,
                sha256=file_sha256(path),
            )
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", hint=_CONVERT_HINT) from error
    if not head:
        raise ModelError(f"{path} is empty.", hint=_CONVERT_HINT)
    kind = seems(head)
    if kind == "a TFLite model":
        return Source(path=path, format=Format.TFLITE, sha256=file_sha256(path))
    raise ModelError(
        f"{path} is not a Keras model" + (f": it seems to be {kind}." if kind else "."),
        hint=_CONVERT_HINT,
    )


def load(source: Source, *, allow_unsafe: bool = False) -> Any:
    """Load the model: a Keras 2 model, or for a SavedModel the loaded object with its signatures.

    Raises:
        ModelError: it is damaged, or has a layer that this toolchain does not know; ``NotCarriedOver``
            for a model of Keras 3 with a layer that Keras 2 lacks.
        MissingExtraError: TensorFlow is not installed.
    """
    tf = import_tensorflow("Optimizing a model")
    try:
        if source.format is Format.SAVED_MODEL:
            return tf.saved_model.load(str(source.path))
        if source.format is Format.KERAS3:
            from optimizer.keras3 import carry_over

            return carry_over(source.path, allow_unsafe=allow_unsafe)
        # Its module needs the types of this one.
        from optimizer import keras_config

        if not allow_unsafe:
            keras_config.check(source, tf)
        return tf.keras.models.load_model(
            str(source.path), compile=False, safe_mode=not allow_unsafe
        )
    except ModelError:
        raise
    except Exception as error:  # Keras raises whatever its layers raise
        raise ModelError(
            f"{source.path} cannot be loaded: {_told(error)}",
            hint="the file may be damaged: save the model again",
        ) from error


def _told(error: Exception) -> str:
    """What went wrong, without the whole configuration of the layer that Keras puts before it."""
    text = str(error).strip("'\" \n")
    told = text.rpartition("Exception encountered: ")[2] or text
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[0][:200] if lines else repr(error)[:200]


def _identify_folder(path: Path) -> Source:
    graph = path / "saved_model.pb"
    if not graph.is_file():
        raise ModelError(
            f"{path} is a folder without a saved_model.pb, so it is no SavedModel.",
            hint=_CONVERT_HINT,
        )
    if not graph.stat().st_size:
        raise ModelError(f"{graph} is empty.", hint="export the model again")
    digest = hashlib.sha256()
    try:
        for file in sorted(item for item in path.rglob("*") if item.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n".encode())
    except OSError as error:
        raise ModelError(
            f"{error.filename} cannot be read: {error.strerror}.", hint="check its permissions"
        ) from error
    return Source(path=path, format=Format.SAVED_MODEL, sha256=digest.hexdigest())


def _archive_version(path: Path) -> int:
    """A .keras file is a ZIP with a config and weights; its metadata names the Keras that wrote it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
    # Besides its own error zipfile raises these for damage, encryption and odd compression.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError) as error:
        raise ModelError(
            f"{path} is cut short or damaged: its ZIP archive cannot be read ({error}).",
            hint="copy or save it again",
        ) from error
    if "config.json" not in names:
        raise ModelError(
            f"{path} is a ZIP archive without a Keras config.json"
            + (
                ": it seems to be a PyTorch file."
                if any("data.pkl" in name for name in names)
                else "."
            ),
            hint=_CONVERT_HINT,
        )
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    major = str(version or "2").partition(".")[0]
    return int(major) if major.isdigit() else 2


def check_keras_version(path: Path, version: Any) -> None:
    """Refuse an ``.h5`` of Keras 3; a file that names no version is taken for one of Keras 2.

    Raises:
        ModelError: it was saved by Keras 3.
    """
    if str(version or "2").partition(".")[0] != "2":
        raise ModelError(
            f"{path} was saved by Keras {version} as HDF5; of Keras 3 this version opens .keras files.",
            hint="in the training script: model.save('model.keras')",
        )
