"""What a file must not be given to the Task Library for: it ends the process of some metadata.

It dies of texts above all, and of detectors; an app dies of them as well.
"""

from __future__ import annotations

from optimizer.errors import MetadataError
from optimizer.metadata.tasks import Task
from optimizer.metadata.tasks.text import QUESTION_TOKENS
from optimizer.metadata.tokenizers import BertTokenizer, RegexTokenizer, SentencePieceTokenizer
from optimizer.metadata.verification.faults import AGAIN, BERT_NAMES, label_count
from optimizer.metadata.verification.results import Problem
from optimizer.metadata.verification.subject import IMAGES, SOUNDS, TEXTS, Subject, is_usable

_ENDS = ("end_logits", "start_logits")


def danger(subject: Subject) -> Problem | None:
    """Why the file must not be given to the Task Library at all; ``None`` when it may."""
    try:
        subject.document.check(origin=subject.name)
    except MetadataError as error:
        return Problem(failure=str(error), hint=error.hint or AGAIN)
    found = _tensor_counts(subject) or _shape(subject)
    if found is None and subject.task in IMAGES:
        found = _normalization(subject)
    if found is None and subject.task in TEXTS | {Task.OBJECT_DETECTOR}:
        found = _unnamed(subject) or _box_order(subject)
    if found is None and subject.task in TEXTS:
        # With fewer labels than classes it reads beyond them.
        found = label_count(subject, fewer=True) or _tokenizer(subject) or _names(subject)
    return found


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


def _normalization(subject: Subject) -> Problem | None:
    told = subject.normalization()
    if told is None or (is_usable(*told) and len(told[0]) in {1, 3}):
        return None
    return Problem(
        failure=f"The normalisation in {subject.name} cannot be used: mean {told[0]}, std {told[1]}.",
        hint="give --mean and --std, one value or three: android-bench metadata write FILE "
        "--replace",
    )


def _unnamed(subject: Subject) -> Problem | None:
    for side in ("input", "output"):
        for place, name in enumerate(subject.names(side)):
            if not name:
                return Problem(
                    failure=f"The metadata of {subject.name} give {side} {place} no name, and Android's "
                    f"{subject.api} ends the app then.",
                    hint=AGAIN,
                )
    return None


def _box_order(subject: Subject) -> Problem | None:
    for item in subject.tensors("output"):
        content = item.get("content") or {}
        order = (content.get("content_properties") or {}).get("index", [])
        if content.get("content_properties_type") == "BoundingBoxProperties" and (
            sorted(order) != [0, 1, 2, 3]
        ):
            return Problem(
                failure=f"The metadata of {subject.name} say that a box's corners stand at {order} of its "
                "four numbers.",
                hint=f"--box-order ymin,xmin,ymax,xmax, as the model has them; {AGAIN}",
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
        wrong = (names, list(BERT_NAMES)) if names != list(BERT_NAMES) else (outputs, list(_ENDS))
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
