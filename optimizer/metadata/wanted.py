"""One wish for metadata, and every variant of a model tagged by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from optimizer.artifact import Artifact, read_manifest
from optimizer.errors import MetadataError, ModelError, OptimizerError
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.container import read_model, take_apart
from optimizer.metadata.describing import Said, describe
from optimizer.metadata.document import Document, subgraph
from optimizer.metadata.kept import completed
from optimizer.metadata.model_view import view
from optimizer.metadata.reading import document_of
from optimizer.metadata.tagging import Existing, Tagged, as_written, place_of, tag
from optimizer.metadata.toml_file import DocumentFile, read_wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What metadata should say: by flags (``said``), or by a TOML ``file`` with flags over it."""

    said: Said = field(default_factory=Said)
    file: Path | None = None

    def check(self) -> None:
        """Refuse a file that cannot be used before anything is built for it.

        Raises:
            MetadataError: it cannot be read, or says what cannot be.
        """
        if self.file is not None:
            self._read(self.file)

    def for_model(self, model: Path, *, existing: Existing, worker: MetadataWorker) -> Document:
        """What is to be written into one model.

        Raises:
            ModelError: it is missing or damaged.
            MetadataError: the wish does not fit it.
        """
        parts = take_apart(read_model(model), origin=str(model))
        seen = view(parts.model, origin=str(model), artifact=read_manifest(model))
        old = None
        if existing is Existing.MERGE and parts.metadata is not None:
            old = document_of(parts, origin=model, worker=worker)
        said = self.said
        if self.file is not None:
            wish = self._read(self.file)
            if isinstance(wish, DocumentFile):
                document = wish.document(parts.files)
                if existing is not Existing.MERGE and not subgraph(document.fields):
                    raise MetadataError(
                        f"{self.file} says nothing of the model's inputs and outputs.",
                        hint='begin it with task = "image-classifier" or another task; with --merge it '
                        "changes only what it says",
                    )
                return replace(document, fields={**document.fields, **self.said.general})
            said = wish
        if old is not None and said.only_general:
            return _general(said)
        if old is not None:
            said = completed(said, old, seen)
        description, why = describe(said, seen)
        document = description.document(seen)
        return document if why is None else replace(document, notes=(why, *document.notes))

    def _read(self, file: Path) -> Said | DocumentFile:
        """The file's wish; flags about the model as a whole count more."""
        if not self.said.only_general or self.said.files:
            raise MetadataError(
                f"{file} says what the metadata are, and so do flags.",
                hint="with --from give only --name, --description, --author, --license, --version",
            )
        wish = read_wish(file)
        if isinstance(wish, DocumentFile):
            return wish
        return replace(wish, general={**wish.general, **self.said.general})


def _general(said: Said) -> Document:
    """Only what is about the model as a whole."""
    entries = [{"name": name, "type": "UNKNOWN"} for name in said.files]
    named = {"associated_files": entries} if entries else {}
    return Document(fields={**said.general, **named}, files=dict(said.files))


def tag_all(
    models: Sequence[Path],
    wanted: Wanted,
    *,
    output: Path | None = None,
    existing: Existing | str = Existing.REFUSE,
    require_verified: bool = True,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[list[Tagged], list[OptimizerError]]:
    """Tag models, each proven before it is written; ``output`` is a folder, or a file for one model.

    A model that cannot be tagged is told in the second list, and the others go on.

    Raises:
        MetadataError: two would be written to one file, or the wish cannot be read; then none is.
        MissingExtraError: tflite-support is not installed.
    """
    existing = Existing(existing)
    targets = [_target(model, output, several=len(models) > 1) for model in models]
    _check_targets(models, targets)
    wanted.check()
    tagged: list[Tagged] = []
    failed: list[OptimizerError] = []
    with MetadataWorker() as worker:

        def one(model: Path, target: Path | None) -> None:
            try:
                document = wanted.for_model(model, existing=existing, worker=worker)
                tagged.append(
                    tag(
                        model,
                        document,
                        output=target,
                        existing=existing,
                        require_verified=require_verified,
                        worker=worker,
                    )
                )
            except (MetadataError, ModelError) as error:
                failed.append(error)

        for model, target in zip(models, targets, strict=True):
            step(f"tag and prove {model.name}")
            one(model, target)
    return tagged, failed


def tag_artifact(
    artifact: Artifact, wanted: Wanted, *, worker: MetadataWorker, step: Callable[[str], None]
) -> Artifact:
    """Tag an artifact that was just built, or leave it if it says the same already.

    One that the Task Library refuses is written all the same; its manifest says why.

    Raises:
        MetadataError: the wish does not fit the model.
        MissingExtraError: tflite-support is not installed.
    """
    path = artifact.path
    document = wanted.for_model(path, existing=Existing.REPLACE, worker=worker)
    before = artifact.metadata
    if before is not None:
        model = take_apart(read_model(path), origin=str(path)).model
        now = as_written(document, model, origin=str(path), artifact=artifact)
        if before.digest == now.digest:
            return artifact
    step(f"{artifact.name}: tag and prove")
    tagged = tag(path, document, existing=Existing.REPLACE, require_verified=False, worker=worker)
    return tagged.artifact or artifact


def _target(model: Path, output: Path | None, *, several: bool) -> Path | None:
    """The file to be written; what does not exist and is not called .tflite is a folder to be made."""
    if output is None:
        return None
    if output.is_dir() or (not output.exists() and output.suffix != ".tflite"):
        return output / model.name
    if several:
        raise MetadataError(
            f"{output} is no folder, and several models are to be written.",
            hint="give a folder as --output",
        )
    return output


def _check_targets(models: Sequence[Path], targets: Sequence[Path | None]) -> None:
    """Refuse outputs that cannot be written, before anything is; two models for one file as well."""
    seen: dict[Path, Path] = {}
    for model, target in zip(models, targets, strict=True):
        place = Path(os.path.realpath(model)) if target is None else place_of(target)
        if place in seen:
            raise MetadataError(
                f"{seen[place]} and {model} would both be written to {target or model}.",
                hint="name each model once; models of one name need folders of their own",
            )
        seen[place] = model
