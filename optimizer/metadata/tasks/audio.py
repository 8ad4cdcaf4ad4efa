"""Sounds in: classifiers and embedders of a waveform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import Labels, ScoreCalibration
from optimizer.metadata.document import Document
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tasks.base import (
    Description,
    Fields,
    check_label_count,
    contents,
    not_a,
    only,
    scored,
    tensor,
)
from optimizer.metadata.tasks.image import vectors
from optimizer.task import Task

# Beyond what converters of sound do.
_MOST_HZ, _MOST_CHANNELS = 10_000_000, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDescription(Description):
    """A model that takes a waveform of float32, 1×samples or 1×samples×channels, from -1 to 1.

    Raises:
        MetadataError: the sample rate (in hertz) or the channels cannot be.
    """

    sample_rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.sample_rate < _MOST_HZ or not 0 < self.channels < _MOST_CHANNELS:
            raise MetadataError(
                f"A sound has no {self.sample_rate} Hz and {self.channels} channels.",
                hint="--sample-rate 16000 --channels 1, as the model was trained",
            )

    def audio(self, model: ModelView, what: str) -> Fields:
        """The fields of the waveform.

        Raises:
            MetadataError: the input is none.
        """
        sound = only(model, "input", what)
        shape = sound.shape
        fits = len(shape) in {1, 2} or (len(shape) == 3 and shape[2] == self.channels)
        if sound.dtype != "float32" or not fits or (len(shape) > 1 and shape[0] not in {1, -1}):
            raise not_a(
                model,
                what,
                f"its input is {sound}, and a sound is 1×samples or 1×samples×{self.channels} of float32",
                "put the spectrogram into the model: apps feed the waveform; or --task general",
            )
        content = contents("AudioProperties", sample_rate=self.sample_rate, channels=self.channels)
        return tensor("audio_clip", "Sound to be looked at.", content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioClassifier(AudioDescription):
    """Names what is heard: a waveform in, one score a class out."""

    task: ClassVar[Task] = Task.AUDIO_CLASSIFIER
    title: ClassVar[str] = "AudioClassifier"
    about: ClassVar[str] = "Names the sounds in a recording, out of a known set."

    labels: Labels
    score_calibration: ScoreCalibration | None = None

    def document(self, model: ModelView) -> Document:
        """A waveform, scores with labels."""
        what = "an audio classifier"
        sound = self.audio(model, what)
        scores = only(model, "output", what)
        if len(scores.shape) != 2:
            raise not_a(
                model, what, f"its output is {scores}, and scores are 1×classes", "--task general"
            )
        check_label_count(self.labels, scores.shape[1], origin=model.origin)
        probability, files = scored("probability", self.labels, self.score_calibration)
        graph = {"input_tensor_metadata": [sound], "output_tensor_metadata": [probability]}
        return self._document(graph, files)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioEmbedder(AudioDescription):
    """Makes a vector of a sound."""

    task: ClassVar[Task] = Task.AUDIO_EMBEDDER
    title: ClassVar[str] = "AudioEmbedder"
    about: ClassVar[str] = "Makes a feature vector of a sound."

    def document(self, model: ModelView) -> Document:
        """A waveform; each output is a vector."""
        sound = self.audio(model, "an audio embedder")
        graph = {"input_tensor_metadata": [sound], "output_tensor_metadata": vectors(model)}
        return self._document(graph, {})
