"""Sounds: classifiers and embedders of a waveform."""

from __future__ import annotations

import math
import wave
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from optimizer.metadata.worker import native
from optimizer.metadata.worker.proofs import plain
from optimizer.metadata.worker.proofs.vision import categories, embeddings

Sound = npt.NDArray[np.float32]
_TASKS = {"audio-classifier": "AudioClassifier", "audio-embedder": "AudioEmbedder"}
# Bytes a sample: their type, silence, and from there to full scale.
_SAMPLES: dict[int, tuple[npt.DTypeLike, float, float]] = {
    1: (np.uint8, 128.0, 128.0),
    2: (np.int16, 0.0, 2.0**15),
    4: (np.int32, 0.0, 2.0**31),
}
_FREE_SECONDS = 1
_HERTZ = 440.0


def prove(
    task: str,
    content: bytes,
    *,
    source: str | None,
    seed: int,
    locales: list[str],
    shape: list[int],
    sample_rate: int,
    channels: int,
) -> dict[str, Any]:
    """Run one sound, ``source`` (a .wav) or a tone in noise from ``seed``, through both.

    A longer sound is cut to what the model takes, a shorter one filled with silence.
    """
    sizes = [size if size > 0 else sample_rate * _FREE_SECONDS for size in shape[1:] or shape]
    total = math.prod(sizes)
    frames = -(-total // channels)
    if source is None:
        sound = _made_up(seed, frames, channels, sample_rate)
    else:
        try:
            sound = _fitted(_read(source, sample_rate, channels), frames)
        except (OSError, EOFError, ValueError, wave.Error) as error:
            return {"unreadable": str(error) or "it is no .wav file"}
    answer: dict[str, Any] = {"refused_locales": {}}
    batch = sound.ravel()[:total].reshape([1, *sizes] if len(shape) > 1 else sizes)
    plain.attempt(answer, content, [batch])
    try:
        answer["task"] = _run(task, content, sound)
    except plain.REFUSALS as error:
        return {**answer, "refused": str(error)}
    if task == "audio-classifier":
        answer["refused_locales"] = {
            locale: why
            for locale in locales
            if (why := plain.refusal(partial(_run, task, content, sound, locale))) is not None
        }
    return answer


def _run(task: str, content: bytes, sound: Sound, locale: str | None = None) -> Any:
    audio, name = native.audio(), _TASKS[task]
    options: dict[str, Any] = {"base_options": native.base_options(content)}
    if locale is not None:
        options["classification_options"] = native.processor().ClassificationOptions(
            display_names_locale=locale
        )
    made = getattr(audio, name).create_from_options(getattr(audio, f"{name}Options")(**options))
    # The size that it requires counts the values of all channels; the buffer wants it as frames.
    size = made.required_input_buffer_size
    heard = audio.TensorAudio(made.required_audio_format, size)
    heard.load_from_array(_fitted(sound, size))
    if task == "audio-classifier":
        return categories(made.classify(heard))
    return embeddings(made.embed(heard))


def _made_up(seed: int, frames: int, channels: int, rate: int) -> Sound:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, channels))
    tone = 0.5 * np.sin(2 * np.pi * _HERTZ * np.arange(frames) / rate)
    sound: Sound = (noise + tone[:, np.newaxis]).astype(np.float32)
    return sound


def _read(path: str, rate: int, channels: int) -> Sound:
    """The sound of a .wav file, frames × channels, from -1 to 1."""
    with wave.open(path) as file:
        if (file.getframerate(), file.getnchannels()) != (rate, channels):
            raise ValueError(
                f"it has {file.getframerate()} Hz and {file.getnchannels()} channels, and the model "
                f"takes {rate} Hz and {channels}"
            )
        if file.getsampwidth() not in _SAMPLES:
            raise ValueError(f"it has samples of {8 * file.getsampwidth()} bits")
        kind, silence, full = _SAMPLES[file.getsampwidth()]
        samples = np.frombuffer(file.readframes(file.getnframes()), kind).astype(np.float64)
    sound: Sound = ((samples - silence) / full).reshape(-1, channels).astype(np.float32)
    return sound


def _fitted(sound: Sound, frames: int) -> Sound:
    missing = max(frames - len(sound), 0)
    return np.pad(sound, ((0, missing), (0, 0)))[:frames]
