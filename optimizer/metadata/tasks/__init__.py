"""The tasks that metadata can be written for, one description class each."""

from __future__ import annotations

from optimizer.metadata.tasks.audio import AudioClassifier, AudioEmbedder
from optimizer.metadata.tasks.base import Description
from optimizer.metadata.tasks.detector import ObjectDetector
from optimizer.metadata.tasks.general import General
from optimizer.metadata.tasks.image import (
    ImageClassifier,
    ImageDescription,
    ImageEmbedder,
    ImageSegmenter,
)
from optimizer.metadata.tasks.text import (
    BertClassifier,
    BertQuestionAnswerer,
    TextClassifier,
    TextEmbedder,
)
from optimizer.task import Task

DESCRIPTIONS: dict[Task, type[Description]] = {
    kind.task: kind
    for kind in (
        ImageClassifier,
        ObjectDetector,
        ImageSegmenter,
        ImageEmbedder,
        TextClassifier,
        BertClassifier,
        BertQuestionAnswerer,
        TextEmbedder,
        AudioClassifier,
        AudioEmbedder,
        General,
    )
}

__all__ = [
    "DESCRIPTIONS",
    "AudioClassifier",
    "AudioEmbedder",
    "BertClassifier",
    "BertQuestionAnswerer",
    "Description",
    "General",
    "ImageClassifier",
    "ImageDescription",
    "ImageEmbedder",
    "ImageSegmenter",
    "ObjectDetector",
    "Task",
    "TextClassifier",
    "TextEmbedder",
]
