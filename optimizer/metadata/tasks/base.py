"""What the descriptions of all tasks have in common, and the pieces that documents are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import Labels, ScoreCalibration
from optimizer.metadata.document import Document
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.tokenizers import Tokenizer
from optimizer.task import Task

Fields: TypeAlias = dict[str, Any]
LABELS = "Labels for categories that the model can recognize."


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a user says about a model of some task, apart from how it is stored in the file.

    One description serves every variant of a model: ``document`` reads from the file what depends on it.
    ``files`` are packed with the model and named in its metadata, as a readme would be.
    """

    task: ClassVar[Task]
    title: ClassVar[str]
    about: ClassVar[str]

    name: str | None = None
    description: str | None = None
    author: str | None = None
    license: str | None = None
    version: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    def document(self, model: ModelView) -> Document:
        """The metadata of this model.

        Raises:
            MetadataError: the description does not fit it.
        """
        raise NotImplementedError

    def _document(
        self,
        graph: Fields,
        files: Mapping[str, bytes],
        notes: Sequence[str] = (),
    ) -> Document:
        """A document with the general fields around those of the main graph."""
        told = {
            "name": self.name or self.title,
            "description": self.description or self.about,
            "version": self.version,
            "subgraph_metadata": [graph],
            "author": self.author,
            "license": self.license,
            "associated_files": [{"name": name, "type": "UNKNOWN"} for name in self.files],
        }
        fields = {key: value for key, value in told.items() if value not in (None, [])}
        twice = files.keys() & self.files.keys()
        if twice:
            raise MetadataError(
                f"Two files are called {min(twice)!r}.", hint="give the attached file another name"
            )
        return Document(
            fields=fields,
            files={**files, **self.files},
            task=self.task.value,
            notes=tuple(notes),
            generic=frozenset(
                {"texts"} | {key for key in ("name", "description") if getattr(self, key) is None}
            ),
        )


def tensor(
    name: str,
    description: str,
    *,
    content: Fields | None = None,
    units: Sequence[Fields] = (),
    files: Sequence[Fields] = (),
) -> Fields:
    """The fields of one input or output; numbers without a meaning unless ``content`` says more."""
    fields: Fields = {
        "name": name,
        "description": description,
        "content": content or contents("FeatureProperties"),
        "process_units": list(units),
        "associated_files": list(files),
    }
    return {key: value for key, value in fields.items() if value != []}


def contents(kind: str, **properties: Any) -> Fields:
    """What a tensor holds: ``FeatureProperties``, ``ImageProperties`` …"""
    return {"content_properties_type": kind, "content_properties": properties}


def unit(kind: str, **options: Any) -> Fields:
    """A step before or after the model."""
    return {"options_type": kind, "options": options}


def associated(name: str, kind: str, description: str | None = None, **more: str) -> Fields:
    """The entry of a packed file."""
    fields = {"name": name, "description": description, "type": kind, **more}
    return {key: value for key, value in fields.items() if value is not None}


def label_entries(labels: Labels, kind: str) -> list[Fields]:
    """The entries of label files: the classes' names, then those in other languages."""
    return [
        associated(name, kind, LABELS, **({"locale": locale} if locale else {}))
        for name, locale in labels.file_names().items()
    ]


def scored(
    name: str, labels: Labels, calibration: ScoreCalibration | None
) -> tuple[Fields, dict[str, bytes]]:
    """The fields of scores with one label each, and the files for them."""
    files = labels.files()
    entries = label_entries(labels, "TENSOR_AXIS_LABELS")
    units = []
    if calibration is not None:
        calibration.check(len(labels))
        files[calibration.file_name] = calibration.content
        entries.append(calibration_entry(calibration))
        units.append(calibration_unit(calibration))
    return tensor(name, "Score of each label.", units=units, files=entries), files


def calibration_entry(calibration: ScoreCalibration) -> Fields:
    """The entry of a score calibration's file."""
    return associated(
        calibration.file_name,
        "TENSOR_AXIS_SCORE_CALIBRATION",
        "Contains sigmoid-based score calibration parameters, one line for each label.",
    )


def calibration_unit(calibration: ScoreCalibration) -> Fields:
    """The step that calibrates scores."""
    return unit(
        "ScoreCalibrationOptions",
        score_transformation=calibration.transformation,
        default_score=calibration.default_score,
    )


def tokenizer_unit(tokenizer: Tokenizer) -> Fields:
    """The step that makes numbers of a text."""
    return unit(
        tokenizer.options_type,
        **tokenizer.options(),
        **{
            key: [associated(name, kind, about)]
            for key, (name, kind, about) in tokenizer.file_fields().items()
        },
    )


def only(model: ModelView, side: str, what: str) -> ModelTensor:
    """The single input or output of a model.

    Raises:
        MetadataError: it has another number.
    """
    tensors = model.inputs if side == "input" else model.outputs
    if len(tensors) != 1:
        raise MetadataError(
            f"{model.origin} is not {what}: it has {len(tensors)} {side}s, and {what} has one: "
            f"{'; '.join(map(str, tensors))}.",
            hint="give --task general, or another task, or convert the model with that one only",
        )
    return tensors[0]


def not_a(model: ModelView, what: str, why: str, hint: str) -> MetadataError:
    """The error about a model that is not of the task."""
    return MetadataError(f"{model.origin} is not {what}: {why}.", hint=hint)


def check_label_count(labels: Labels, classes: int, *, origin: str) -> None:
    """Refuse another number of labels than the model has classes.

    Raises:
        MetadataError: the numbers differ.
    """
    if classes < 0 or classes == len(labels):
        return
    background = classes == len(labels) + 1
    raise MetadataError(
        f"{len(labels)} labels were given, but {origin} has {classes} outputs.",
        hint="the model may have a class 'background' at the beginning: add it as the first label"
        if background
        else "give one label for each output, in the order of the outputs",
    )


def check_roles(said: Mapping[str, str], roles: Sequence[str], side: str) -> None:
    """Refuse a role that an input or output of the task cannot have.

    Raises:
        MetadataError: the first of them.
    """
    unknown = next((role for role in said if role not in roles), None)
    if unknown is not None:
        raise MetadataError(
            f"There is no {side} {unknown!r} of this task.",
            hint=f"the roles are {', '.join(roles)}",
        )
