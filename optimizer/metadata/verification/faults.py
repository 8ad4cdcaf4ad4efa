"""What is wrong with a file although the Task Library may say nothing, or only speaks of tensors."""

from __future__ import annotations

from optimizer.artifact import TensorSpec
from optimizer.metadata.tasks import Task
from optimizer.metadata.verification.results import Problem
from optimizer.metadata.verification.subject import IMAGES, SOUNDS, TEXTS, Subject

AGAIN = "write the metadata again: android-bench metadata write FILE --replace"
BERT_NAMES = ("ids", "mask", "segment_ids")
_FLOAT_IO = "build the int8 recipe with float32 or uint8 input and output"
_LABELLED = {
    Task.IMAGE_CLASSIFIER,
    Task.IMAGE_SEGMENTER,
    Task.TEXT_CLASSIFIER,
    Task.BERT_CLASSIFIER,
    Task.AUDIO_CLASSIFIER,
}


def fault(subject: Subject) -> Problem | None:
    """What is wrong with the file, whatever the Task Library says; ``None`` when nothing is known."""
    found = None
    if subject.task in IMAGES:
        found = _image(subject)
    elif subject.task in SOUNDS:
        found = _sound(subject)
    elif subject.task in TEXTS:
        found = _free_text(subject) or _bert_inputs(subject)
    return found or _output_types(subject) or label_count(subject)


def _free_text(subject: Subject) -> Problem | None:
    first = subject.model.inputs[0]
    if len(subject.model.inputs) > 1 or first.dtype == "string" or first.shape[-1] > 0:
        return None
    return Problem(
        failure=f"{subject.name} takes any number of words, and Android's {subject.api} gives such a "
        "model the first token only.",
        hint="convert the model with a fixed number of words, 1×N; texts are cut or padded to it",
    )


def _bert_inputs(subject: Subject) -> Problem | None:
    names = subject.names("input")
    if len(names) != 3 or sorted(names) == list(BERT_NAMES):
        return None
    return Problem(
        failure=f"The metadata of {subject.name} call the inputs {', '.join(names)}: Android tells BERT's "
        f"inputs apart by the names {', '.join(BERT_NAMES)}.",
        hint=AGAIN,
    )


def label_count(subject: Subject, *, fewer: bool = False) -> Problem | None:
    """Another number of labels than classes; with ``fewer``, only too few of them."""
    if subject.task not in _LABELLED:
        return None
    for output in subject.model.outputs:
        classes = output.shape[-1] if output.shape else 1
        for entry, lines in subject.labels(output.position):
            if classes < 0 or len(lines) == classes or (fewer and len(lines) > classes):
                continue
            one = "s" if len(lines) != 1 else ""
            return Problem(
                failure=f"{entry['name']!r} in {subject.name} has {len(lines)} label{one} for "
                f"{classes} classes.",
                hint="give one label for each output, in the order of the outputs",
            )
    return None


def _image(subject: Subject) -> Problem | None:
    image = subject.model.inputs[0]
    told = subject.normalization()
    if image.shape[-1] != 3:
        return Problem(
            failure=f"Android's {subject.api} needs an input with 3 channels (RGB); "
            f"{subject.name} has {image.shape[-1]}.",
            hint="give the model an RGB input (for grey images: repeat the channel three times, "
            "or average it in the first layer)",
        )
    if image.dtype not in {"float32", "uint8"}:
        return Problem(
            failure=f"Android's {subject.api} takes float32 or uint8 inputs; "
            f"{subject.name} has {image.dtype}.",
            hint=_FLOAT_IO,
        )
    if told is None and image.dtype == "float32":
        return Problem(
            failure=f"The metadata of {subject.name} do not tell how pixels become its input "
            "(NormalizationOptions).",
            hint="give --mean and --std, as the model was trained: android-bench metadata write "
            "FILE --replace",
        )
    return None


def _sound(subject: Subject) -> Problem | None:
    sound, told = subject.model.inputs[0], subject.audio_format()
    if told is None or min(told) <= 0:
        return Problem(
            failure=f"The metadata of {subject.name} do not tell its sample rate and channels.",
            hint="give --sample-rate and --channels: android-bench metadata write FILE --replace",
        )
    if sound.dtype != "float32":
        return Problem(
            failure=f"Android's {subject.api} takes float32 inputs; {subject.name} has "
            f"{sound.dtype}.",
            hint="build the int8 recipe with float32 input and float32 or uint8 output",
        )
    rank = len(sound.shape)
    if rank not in {1, 2, 3} or (rank == 3 and sound.shape[2] != told[1]):
        return Problem(
            failure=f"Android's {subject.api} feeds a waveform of {told[1]} channels; the input of "
            f"{subject.name} is {sound}.",
            hint="put the spectrogram into the model: its input is 1×samples, or "
            "1×samples×channels",
        )
    return None


def _output_types(subject: Subject) -> Problem | None:
    allowed = {"float32", "uint8"}
    if subject.task in TEXTS:
        allowed = {"float32", "uint8", "int8", "float64", "bool"}
    elif subject.task is Task.OBJECT_DETECTOR:
        allowed = {"float32"}
    elif subject.task not in IMAGES | SOUNDS:
        return None
    for output in subject.model.outputs:
        if output.dtype not in allowed:
            wanted = "float32 outputs" if len(allowed) == 1 else "float32 or uint8 outputs"
            return Problem(
                failure=f"Android's {subject.api} takes {wanted}; {subject.name} has "
                f"{output.dtype}.",
                hint=_FLOAT_IO if len(allowed) > 1 else "build it with float32 outputs",
            )
    if subject.task is Task.IMAGE_SEGMENTER and len(subject.model.outputs[0].shape) != 4:
        return Problem(
            failure=f"Android's ImageSegmenter takes 1×height×width×classes; the output of "
            f"{subject.name} is {subject.model.outputs[0]}.",
            hint="leave the argmax out of the model: the library does it",
        )
    return None


def pixel_gap(entry: TensorSpec, mean: list[float], std: list[float]) -> float:
    """Return how far a raw pixel is, at most, from where the normalisation wants it.

    The unit is the range of normalised pixels. The Task Library does not normalise for uint8
    models: the input's quantization has to do the same, scale = 1 / std and zero point = mean.
    """
    if entry.dtype != "uint8" or entry.scale is None or entry.zero_point is None:
        return 0.0
    return max(
        abs(entry.scale * (pixel - entry.zero_point) - (pixel - m) / s) / (255.0 / s)
        for m, s in zip(mean, std, strict=True)
        for pixel in (0, 255)
    )
