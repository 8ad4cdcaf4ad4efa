"""TFLite metadata: what makes a model usable in an app without knowing how it was trained.

A ``Description`` of some task, or a ``Document`` of every field, is written into a ``.tflite`` by ``tag``,
which proves the file with the Task Library and keeps the manifest true. All of it needs the extra
``metadata``, in a worker process (``MetadataWorker``) that can be shared between calls.
"""

from __future__ import annotations

from optimizer.metadata.attachments import (
    Labels,
    ScoreCalibration,
    labels_from,
    read_calibration,
)
from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.document import Document
from optimizer.metadata.labels import read_labels
from optimizer.metadata.reading import read_document, show
from optimizer.metadata.tagging import Existing, Tagged, tag, write
from optimizer.metadata.tasks import DESCRIPTIONS, Description, Task
from optimizer.metadata.tokenizers import BertTokenizer, RegexTokenizer, SentencePieceTokenizer
from optimizer.metadata.verification import Category, Verification, verify

__all__ = [
    "DESCRIPTIONS",
    "BertTokenizer",
    "Category",
    "Description",
    "Document",
    "Existing",
    "Labels",
    "MetadataWorker",
    "RegexTokenizer",
    "ScoreCalibration",
    "SentencePieceTokenizer",
    "Tagged",
    "Task",
    "Verification",
    "labels_from",
    "read_calibration",
    "read_document",
    "read_labels",
    "show",
    "tag",
    "verify",
    "write",
]
