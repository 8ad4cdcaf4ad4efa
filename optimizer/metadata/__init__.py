"""TFLite metadata: what makes a model usable in an app without knowing how it was trained.

``tag`` writes a description into a ``.tflite``, proves the file with the Task Library and keeps the
manifest true; ``write``, ``verify`` and ``show`` are its parts. All of it needs the extra
``metadata``, in a worker process (``MetadataWorker``) that can be shared between calls.
"""

from __future__ import annotations

from optimizer.metadata.client import MetadataWorker
from optimizer.metadata.description import ImageClassifierMetadata, Task
from optimizer.metadata.labels import read_labels
from optimizer.metadata.reading import show
from optimizer.metadata.tagging import tag, write
from optimizer.metadata.verification import Category, Verification, verify

__all__ = [
    "Category",
    "ImageClassifierMetadata",
    "MetadataWorker",
    "Task",
    "Verification",
    "read_labels",
    "show",
    "tag",
    "verify",
    "write",
]
