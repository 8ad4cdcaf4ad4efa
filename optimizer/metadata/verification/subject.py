"""The file under proof, taken apart: what checks, proofs and verdicts look at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.metadata.document import (
    Document,
    label_files,
    normalization,
    process_units,
    subgraph,
    tensor_fields,
)
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tasks import Task

API_NAMES = {
    Task.IMAGE_CLASSIFIER: "ImageClassifier",
    Task.OBJECT_DETECTOR: "ObjectDetector",
    Task.IMAGE_SEGMENTER: "ImageSegmenter",
    Task.IMAGE_EMBEDDER: "ImageEmbedder",
    Task.TEXT_CLASSIFIER: "NLClassifier",
    Task.BERT_CLASSIFIER: "BertNLClassifier",
    Task.BERT_QUESTION_ANSWERER: "BertQuestionAnswerer",
    Task.TEXT_EMBEDDER: "TextEmbedder",
    Task.AUDIO_CLASSIFIER: "AudioClassifier",
    Task.AUDIO_EMBEDDER: "AudioEmbedder",
}
IMAGES = {
    Task.IMAGE_CLASSIFIER,
    Task.OBJECT_DETECTOR,
    Task.IMAGE_SEGMENTER,
    Task.IMAGE_EMBEDDER,
}
SOUNDS = {Task.AUDIO_CLASSIFIER, Task.AUDIO_EMBEDDER}
TEXTS = {
    Task.TEXT_CLASSIFIER,
    Task.BERT_CLASSIFIER,
    Task.BERT_QUESTION_ANSWERER,
    Task.TEXT_EMBEDDER,
}
_TOKENIZERS = ("RegexTokenizerOptions", "BertTokenizerOptions", "SentencePieceTokenizerOptions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A tokenizer of the metadata: its kind, and the files it names as far as they are packed."""

    kind: str
    pattern: str
    vocabulary: bytes | None
    sentence_piece: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model file with its metadata and the task it is proven for."""

    path: Path
    model: ModelView
    document: Document
    task: Task

    @property
    def name(self) -> str:
        """The file's name in messages."""
        return self.path.name

    @property
    def api(self) -> str:
        """The name that the Task Library has for the task."""
        return API_NAMES.get(self.task, "task")

    def tensors(self, side: str) -> list[dict[str, Any]]:
        """The metadata of each tensor of a side."""
        return tensor_fields(self.document.fields, side)

    def names(self, side: str) -> list[str]:
        """The names that the metadata give to the tensors of a side."""
        return [str(item.get("name") or "") for item in self.tensors(side)]

    def normalization(self) -> tuple[list[float], list[float]] | None:
        """Mean and std as the file has them."""
        return normalization(self.document.fields)

    def usable_normalization(self) -> tuple[list[float], list[float]]:
        """Mean and std for a plain run; 0 and 1 when the file has none that can be used."""
        mean, std = self.normalization() or ([0.0], [1.0])
        return (mean, std) if is_usable(mean, std) else ([0.0], [1.0])

    def labels(self, place: int) -> list[tuple[dict[str, Any], list[str]]]:
        """The label files of an output, with their lines."""
        outputs = self.tensors("output")
        if place >= len(outputs):
            return []
        return [
            (entry, _lines(self.document.files.get(entry.get("name", ""), b"")))
            for entry in label_files(outputs[place])
        ]

    def locales(self) -> list[str]:
        """Every locale that there are labels for."""
        found = (
            entry.get("locale")
            for output in self.tensors("output")
            for entry in label_files(output)
        )
        return list(dict.fromkeys(locale for locale in found if locale))

    def tokenizer(self) -> Tokens | None:
        """The first tokenizer: of the graph, or of its first input."""
        units = list(subgraph(self.document.fields).get("input_process_units", []))
        for item in self.tensors("input"):
            units += item.get("process_units", [])
        for unit in units:
            if unit.get("options_type") in _TOKENIZERS:
                options = unit.get("options", {})
                return Tokens(
                    kind=unit["options_type"],
                    pattern=options.get("delim_regex_pattern") or "",
                    vocabulary=self._file(options.get("vocab_file")),
                    sentence_piece=self._file(options.get("sentence_piece_model")),
                )
        return None

    def _file(self, entries: list[dict[str, Any]] | None) -> bytes | None:
        return self.document.files.get((entries or [{}])[0].get("name", ""))

    def audio_format(self) -> tuple[int, int] | None:
        """Sample rate and channels of the sound that goes in."""
        for item in self.tensors("input"):
            content = item.get("content") or {}
            if content.get("content_properties_type") == "AudioProperties":
                properties = content.get("content_properties", {})
                return properties.get("sample_rate", 0), properties.get("channels", 0)
        return None

    def calibration(self, place: int) -> tuple[dict[str, Any], bytes] | None:
        """The options and the file of an output's score calibration."""
        outputs = self.tensors("output")
        if place >= len(outputs):
            return None
        options = next(process_units(outputs[place], "ScoreCalibrationOptions"), None)
        for entry in outputs[place].get("associated_files", []):
            if options is not None and entry.get("type") == "TENSOR_AXIS_SCORE_CALIBRATION":
                return options, self.document.files.get(entry.get("name", ""), b"")
        return None


def is_usable(mean: list[float], std: list[float]) -> bool:
    """Whether pixels can be normalized with them."""
    finite = all(map(math.isfinite, [*mean, *std]))
    return bool(mean) and len(mean) == len(std) and 0.0 not in std and finite


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace")
    return text.removesuffix("\n").split("\n") if text else []
