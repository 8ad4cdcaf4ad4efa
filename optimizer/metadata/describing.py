"""From what a user said, some of it or all, to the description of a model: the rest is worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import (
    Labels,
    ScoreCalibration,
    read_attachment,
    read_calibration,
)
from optimizer.metadata.guess import task_of_model
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tasks import DESCRIPTIONS, Description, Task
from optimizer.metadata.tokenizers import (
    BertTokenizer,
    RegexTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    unix_vocabulary,
)

_BERT = {Task.BERT_CLASSIFIER, Task.BERT_QUESTION_ANSWERER}
# What a user types for a field of a description.
FLAGS = {
    "labels": "--labels labels.txt",
    "mean": "--mean 127.5",
    "std": "--std 127.5",
    "score_calibration": "--score-calibration calibration.txt",
    "tokenizer": "--vocabulary vocab.txt",
    "sample_rate": "--sample-rate 16000",
    "channels": "--channels 1",
    "box_order": "--box-order ymin,xmin,ymax,xmax",
    "outputs": "--output-role ROLE=NAME",
    "inputs": "--input-role ROLE=NAME",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said of a model; ``None`` and what is empty was not said. Files are paths.

    ``tokenizer`` is one that metadata already have: for words of which nothing else was said.
    """

    task: Task | None = None
    general: Mapping[str, str] = field(default_factory=dict)
    labels: Labels | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    score_calibration: Path | None = None
    score_transformation: str = "IDENTITY"
    default_score: float = 0.0
    vocabulary: Path | None = None
    delimiters: str | None = None
    sentencepiece: Path | None = None
    tokenizer: Tokenizer | None = None
    sample_rate: int | None = None
    channels: int | None = None
    box_order: tuple[str, ...] | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def only_general(self) -> bool:
        """Whether nothing was said that is about tensors."""
        return self == Said(general=self.general, files=self.files)


def describe(said: Said, model: ModelView) -> tuple[Description, str | None]:
    """The description of a model, and why it is of its task if that was not said.

    Raises:
        MetadataError: the task cannot be told, something needed was not said, or something was said that
            means nothing for the task.
    """
    task, why = said.task, None
    if task is None:
        found = task_of_model(model, has_labels=said.labels is not None)
        if found is None:
            raise MetadataError(
                f"{model.origin}: what the model is for cannot be told from its inputs "
                f"({'; '.join(map(str, model.inputs))}) and outputs "
                f"({'; '.join(map(str, model.outputs))}).",
                hint=f"--task {', '.join(item.value for item in Task)}",
            )
        task, reason = found
        why = f"task {task.value}: {reason}."
    kind = DESCRIPTIONS[task]
    values = _values(said, task)
    known = {item.name: item for item in fields(kind)}
    extra = next((name for name in values if name not in known), None)
    if extra is not None:
        raise MetadataError(
            f"{FLAGS[extra].split()[0]} means nothing for the task {task.value}.",
            hint="leave it out, or give another --task",
        )
    missing = next(
        (
            name
            for name, item in known.items()
            if name not in values and item.default is MISSING and item.default_factory is MISSING
        ),
        None,
    )
    if missing is not None:
        flag = FLAGS[missing]
        if missing == "tokenizer" and task in _BERT:
            flag += " or --sentencepiece spiece.model"
        raise MetadataError(f"The task {task.value} needs {flag.split()[0]}.", hint=flag)
    return kind(**said.general, files=said.files, **values), why


def _values(said: Said, task: Task) -> dict[str, Any]:
    """What was said, by the names of descriptions' fields."""
    found: dict[str, Any] = {
        "labels": said.labels,
        "mean": said.mean,
        "std": said.std,
        "sample_rate": said.sample_rate,
        "channels": said.channels,
        "box_order": said.box_order,
        "outputs": said.outputs or None,
        "inputs": said.inputs or None,
        "score_calibration": _calibration(said),
        "tokenizer": _tokenizer(said, task),
    }
    return {name: value for name, value in found.items() if value is not None}


def _calibration(said: Said) -> ScoreCalibration | None:
    if said.score_calibration is None:
        if said.score_transformation != "IDENTITY" or said.default_score:
            raise MetadataError(
                "A score transformation or a default score was given, and no score calibration.",
                hint=f"{FLAGS['score_calibration']}, or leave them out",
            )
        return None
    return read_calibration(
        said.score_calibration,
        labels=len(said.labels) if said.labels is not None else 0,
        transformation=said.score_transformation,
        default_score=said.default_score,
    )


def _tokenizer(said: Said, task: Task) -> Tokenizer | None:
    found = _said_tokenizer(said, task) or said.tokenizer
    if said.delimiters is None:
        return found
    if found is None:
        raise MetadataError(
            "Delimiters were given, and no vocabulary.", hint="--vocabulary vocab.txt"
        )
    if not isinstance(found, RegexTokenizer):
        raise MetadataError(
            "Delimiters were given, and word pieces have none of their own.",
            hint="leave --delimiters out: they are for a vocabulary of 'word number' lines",
        )
    return replace(found, pattern=said.delimiters)


def _said_tokenizer(said: Said, task: Task) -> Tokenizer | None:
    """The tokenizer of the files that were said."""
    vocabulary = None
    if said.vocabulary is not None:
        vocabulary = unix_vocabulary(read_attachment(said.vocabulary, "vocabulary"))
    if said.sentencepiece is not None:
        model = read_attachment(said.sentencepiece, "SentencePiece model")
        return SentencePieceTokenizer(model=model, vocabulary=vocabulary)
    if vocabulary is None:
        return None
    words = vocabulary.decode("utf-8", "replace")
    if task in _BERT or (said.delimiters is None and "[CLS]" in words.split("\n")):
        return BertTokenizer(vocabulary=vocabulary)
    return RegexTokenizer(vocabulary=vocabulary)
