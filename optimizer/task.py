"""What a model is for. A module of its own: the command line reads it at start-up."""

from __future__ import annotations

from enum import Enum


class Task(str, Enum):
    """The kinds of model that metadata can be written for."""

    IMAGE_CLASSIFIER = "image-classifier"
    OBJECT_DETECTOR = "object-detector"
    IMAGE_SEGMENTER = "image-segmenter"
    IMAGE_EMBEDDER = "image-embedder"
    TEXT_CLASSIFIER = "nl-classifier"
    BERT_CLASSIFIER = "bert-nl-classifier"
    BERT_QUESTION_ANSWERER = "bert-question-answerer"
    TEXT_EMBEDDER = "text-embedder"
    AUDIO_CLASSIFIER = "audio-classifier"
    AUDIO_EMBEDDER = "audio-embedder"
    GENERAL = "general"
