"""What is wrong with a file before the Task Library says so, or although it says nothing.

The Task Library ends the process on some metadata of texts and silently gives nonsense on others; its
refusals are about tensors, not about what to do.
"""

from __future__ import annotations

from optimizer.artifact import TensorSpec
from optimizer.errors import MetadataError
from optimizer.metadata.tasks import Task
from optimizer.metadata.tasks.text import QUESTION_TOKENS
from optimizer.metadata.tokenizers import BertTokenizer, RegexTokenizer, SentencePieceTokenizer
from optimizer.metadata.verification.results import Problem
from optimizer.metadata.verification.subject import IMAGES, SOUNDS, TEXTS, Subject, is_usable

AGAIN = "write the metadata again: android-bench metadata write FILE --replace"
_FLOAT_IO = "build the int8 recipe with float32 or uint8 input and output"
_BERT = ("ids", "mask", "segment_ids")
_ENDS = ("end_logits", "start_logits")
_LABELLED = {
    Task.IMAGE_CLASSIFIER,
    Task.IMAGE_SEGMENTER,
    Task.TEXT_CLASSIFIER,
    Task.BERT_CLASSIFIER,
    Task.AUDIO_CLASSIFIER,
}


def danger(subject: Subject) -> Problem | None:
    """Why the file must not be given to the Task Library at all; ``None`` when it may."""
    try:
        subject.document.check(origin=subject.name)
    except MetadataError as error:
        return Problem(failure=str(error), hint=error.hint or AGAIN)
    found = _tensor_counts(subject) or _shape(subject)
    if found is None and subject.task in TEXTS:
        # With fewer labels than classes it reads beyond them.
        found = _label_count(subject, fewer=True) or _tokenizer(subject) or _names(subject)
    return found


def fault(subject: Subject) -> Problem | None:
    """What is wrong with the file, whatever the Task Library says; ``None`` when nothing is known."""
    found = None
    if subject.task in IMAGES:
        found = _image(subject)
    elif subject.task in SOUNDS:
        found = _sound(subject)
    elif subject.task in TEXTS:
        found = _free_text(subject) or _bert_inputs(subject)
    return found or _output_types(subject) or _label_count(subject)


def _tensor_counts(subject: Subject) -> Problem | None:
    for side, tensors in (("input", subject.model.inputs), ("output", subject.model.outputs)):
        described = len(subject.tensors(side))
        optional = described == 0 and subject.task is Task.GENERAL
        if described != len(tensors) and not optional:
            return Problem(
                failure=f"{subject.name} has {len(tensors)} {side}s, and metadata for {described}.",
                hint=AGAIN,
            )
    return None


def _shape(subject: Subject) -> Problem | None:
    """The number and rank of tensors, without which there is nothing to run."""
    inputs, outputs = subject.model.inputs, subject.model.outputs
    shapes = [item.shape for item in inputs]
    kind = subject.task.value.replace("-", " ")
    what = f"{subject.name} is not {'an' if kind[0] in 'aio' else 'a'} {kind}"
    shown = ", ".join(str(list(tensor.shape)) for tensor in inputs + outputs)
    has = f"it has {len(inputs)} inputs and {len(outputs)} outputs, with shapes {shown}."
    if subject.task in IMAGES and (len(shapes) != 1 or len(shapes[0]) != 4):
        wanted = "one input, 1×height×width×3"
    elif subject.task in SOUNDS and len(shapes) != 1:
        wanted = "one input, 1×samples of float32"
    elif subject.task is Task.OBJECT_DETECTOR and len(outputs) != 4:
        wanted = "four outputs: 1×N×4 boxes, 1×N categories, 1×N scores, and their number"
    elif subject.task is Task.BERT_QUESTION_ANSWERER and (len(inputs), len(outputs)) != (3, 2):
        wanted = "three inputs, ids, mask and segment_ids, and two outputs"
    elif subject.task is Task.BERT_CLASSIFIER and len(inputs) != 3:
        wanted = "three inputs, 1×tokens of int32: ids, mask and segment_ids"
    elif subject.task in TEXTS and len(inputs) not in {1, 3}:
        wanted = "one input, or BERT's three"
    else:
        return None
    return Problem(
        failure=f"{what}: {has}",
        hint=f"such a model has {wanted}; give the task that it is for: --task",
    )


def _tokenizer(subject: Subject) -> Problem | None:
    first, tokens = subject.model.inputs[0], subject.tokenizer()
    if first.dtype == "string" and subject.task is Task.TEXT_CLASSIFIER:
        return None
    if first.dtype != "int32":
        return Problem(
            failure=f"Android's {subject.api} takes words by number, of int32; {subject.name} has "
            f"{first.dtype}.",
            hint="convert the model with an int32 input, or a string",
        )
    if tokens is None:
        return Problem(
            failure=f"The metadata of {subject.name} have no tokenizer, and its input is numbers.",
            hint="--vocabulary vocab.txt, with which the model was trained, and --replace",
        )
    words = tokens.kind == "RegexTokenizerOptions"
    if words != (len(subject.model.inputs) == 1):
        return Problem(
            failure=f"The tokenizer of {subject.name} is for "
            f"{'one input' if words else 'three inputs'}, and it has "
            f"{len(subject.model.inputs)}.",
            hint="a word list for one input, BERT's vocabulary or SentencePiece for three",
        )
    try:
        if words:
            RegexTokenizer(vocabulary=tokens.vocabulary or b"", pattern=tokens.pattern)
        elif tokens.kind == "BertTokenizerOptions":
            BertTokenizer(vocabulary=tokens.vocabulary or b"")
        else:
            SentencePieceTokenizer(model=tokens.sentence_piece or b"")
    except MetadataError as error:
        return Problem(failure=f"{subject.name}: {error}", hint=error.hint or AGAIN)
    return None


def _free_text(subject: Subject) -> Problem | None:
    first = subject.model.inputs[0]
    if len(subject.model.inputs) > 1 or first.dtype == "string" or first.shape[-1] > 0:
        return None
    return Problem(
        failure=f"{subject.name} takes any number of words, and Android's {subject.api} gives such a "
        "model the first token only.",
        hint="convert the model with a fixed number of words, 1×N; texts are cut or padded to it",
    )


def _names(subject: Subject) -> Problem | None:
    """Names that the Task Library looks tensors up by, and dies without."""
    names, outputs = sorted(subject.names("input")), sorted(subject.names("output"))
    if subject.task is Task.BERT_CLASSIFIER and outputs != ["probability"]:
        return Problem(
            failure=f"The metadata call the output of {subject.name} {outputs[0]!r}, and Android's "
            "BertNLClassifier ends the app when it is not 'probability'.",
            hint=AGAIN,
        )
    if subject.task is Task.BERT_QUESTION_ANSWERER:
        wrong = (names, list(_BERT)) if names != list(_BERT) else (outputs, list(_ENDS))
        if wrong[0] != wrong[1]:
            return Problem(
                failure=f"The metadata of {subject.name} have the names {', '.join(wrong[0])}, and "
                f"Android's BertQuestionAnswerer ends the app when they are not "
                f"{', '.join(wrong[1])}.",
                hint=AGAIN,
            )
        tokens = subject.model.inputs[0].shape[-1]
        if tokens not in {QUESTION_TOKENS, -1}:
            return Problem(
                failure=f"{subject.name} takes {tokens} tokens, and Android's BertQuestionAnswerer "
                f"always gives {QUESTION_TOKENS}.",
                hint=f"convert the model with 1×{QUESTION_TOKENS} inputs",
            )
    return None


def _bert_inputs(subject: Subject) -> Problem | None:
    names = subject.names("input")
    if len(names) != 3 or sorted(names) == list(_BERT):
        return None
    return Problem(
        failure=f"The metadata of {subject.name} call the inputs {', '.join(names)}: Android tells BERT's "
        f"inputs apart by the names {', '.join(_BERT)}.",
        hint=AGAIN,
    )


def _label_count(subject: Subject, *, fewer: bool = False) -> Problem | None:
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
    if told is not None and (not is_usable(*told) or len(told[0]) not in {1, 3}):
        return Problem(
            failure=f"The normalisation in {subject.name} cannot be used: mean {told[0]}, "
            f"std {told[1]}.",
            hint="give --mean and --std, one value or three: android-bench metadata write FILE "
            "--replace",
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
