"""Texts in: classifiers with a word list or BERT's word pieces, BERT's answers to questions, embeddings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import Labels
from optimizer.metadata.document import Document
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.tasks.base import (
    Description,
    Fields,
    check_label_count,
    check_roles,
    not_a,
    only,
    scored,
    tensor,
    tokenizer_unit,
)
from optimizer.metadata.tokenizers import BertTokenizer, RegexTokenizer, SentencePieceTokenizer
from optimizer.task import Task

_BERT_INPUTS = {
    "ids": (r"word_ids|input_ids|(^|[^a-z])ids", "Tokenized ids of the input text."),
    "mask": (r"mask", "Mask with 1 for real tokens and 0 for padding tokens."),
    "segment_ids": (
        r"segment|type",
        "0 for the first sequence, 1 for the second sequence if it exists.",
    ),
}
# Compiled into the Task Library's BertQuestionAnswerer.
QUESTION_TOKENS = 384


def word_input(model: ModelView, what: str, tokenizer: RegexTokenizer | None) -> Fields:
    """The fields of a text input: words by number with a tokenizer, or the text itself.

    Raises:
        MetadataError: the input is neither, or the tokenizer is missing.
    """
    text = only(model, "input", what)
    if text.dtype == "string":
        if tokenizer is not None:
            raise MetadataError(
                f"{model.origin} takes the text itself, and no words by number.",
                hint="leave the vocabulary out",
            )
        return tensor("input_text", "Text to be looked at.")
    if text.dtype != "int32" or len(text.shape) != 2:
        raise not_a(
            model,
            what,
            f"its input is {text}, and a text is 1×words of int32, or a string",
            "convert the model with an int32 input",
        )
    if tokenizer is None:
        raise MetadataError(
            f"{model.origin} takes words by number, and no vocabulary was given.",
            hint="--vocabulary vocab.txt, with lines 'word number'",
        )
    if text.shape[1] > 0 and b"\n<PAD> " not in b"\n" + tokenizer.vocabulary:
        raise MetadataError(
            f"The vocabulary has no <PAD>, and {model.origin} takes {text.shape[1]} words: shorter texts "
            "are filled up with it.",
            hint="add the line '<PAD> N' with the number that the model was trained with, 0 mostly",
        )
    return tensor("input_text", "Text to be looked at.", units=[tokenizer_unit(tokenizer)])


@dataclass(frozen=True, slots=True, kw_only=True)
class BertDescription(Description):
    """A model with BERT's three inputs: ids, mask and segment ids, each 1×tokens of int32.

    They are told apart by their names in the signature; ``inputs`` (role to name) says what those do not.
    """

    tokenizer: BertTokenizer | SentencePieceTokenizer
    inputs: Mapping[str, str] = field(default_factory=dict)

    def bert_inputs(self, model: ModelView, what: str) -> tuple[list[Fields], str]:
        """The fields of the inputs in the model's order, and which is which.

        Raises:
            MetadataError: there are not three, or they cannot be told apart.
        """
        fits = [item for item in model.inputs if item.dtype == "int32" and len(item.shape) == 2]
        if len(model.inputs) != 3 or len(fits) != 3:
            raise not_a(
                model,
                what,
                f"its inputs are {'; '.join(map(str, model.inputs))}, and BERT has three, 1×tokens of "
                "int32: ids, mask, segment_ids",
                "convert the model with these three",
            )
        roles = self._roles(model)
        fields: list[Fields] = [{}] * 3
        for role, item in roles.items():
            fields[item.position] = tensor(role, _BERT_INPUTS[role][1])
        told = ", ".join(f"{role} is {item.key!r}" for role, item in roles.items())
        return fields, f"inputs: {told}."

    def _roles(self, model: ModelView) -> dict[str, ModelTensor]:
        roles: dict[str, ModelTensor] = {}
        check_roles(self.inputs, tuple(_BERT_INPUTS), "input")
        for role, (pattern, _) in _BERT_INPUTS.items():
            said = self.inputs.get(role)
            found = [
                item
                for item in model.inputs
                if item not in roles.values()
                and (
                    said in {item.key, item.spec.name}
                    if said is not None
                    else re.search(pattern, item.key.lower())
                    and not (role == "ids" and re.search(r"mask|segment|type", item.key.lower()))
                )
            ]
            if len(found) != 1:
                names = ", ".join(repr(item.key) for item in model.inputs)
                raise MetadataError(
                    f"{model.origin}: which of its inputs {names} is {role} cannot be told.",
                    hint=f"say it: --input-role {role}=NAME",
                )
            roles[role] = found[0]
        return roles

    def bert_graph(self, model: ModelView, what: str, outputs: list[Fields]) -> tuple[Fields, str]:
        """The main graph's fields, with the tokenizer, and which input is which."""
        inputs, told = self.bert_inputs(model, what)
        return {
            "input_tensor_metadata": inputs,
            "output_tensor_metadata": outputs,
            "input_process_units": [tokenizer_unit(self.tokenizer)],
        }, told


def class_scores(model: ModelView, what: str, labels: Labels) -> None:
    """Check the single output: one score for each label.

    Raises:
        MetadataError: it has another shape or number.
    """
    scores = only(model, "output", what)
    if len(scores.shape) != 2 or scores.shape[0] not in {1, -1}:
        raise not_a(
            model, what, f"its output is {scores}, and scores are 1×classes", "--task general"
        )
    check_label_count(labels, scores.shape[1], origin=model.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextClassifier(Description):
    """Puts a text into classes: words by number, or the text itself, in; one score a class out."""

    task: ClassVar[Task] = Task.TEXT_CLASSIFIER
    title: ClassVar[str] = "NLClassifier"
    about: ClassVar[str] = "Puts a text into one of a known set of categories."

    labels: Labels
    tokenizer: RegexTokenizer | None = None

    def document(self, model: ModelView) -> Document:
        """A text with its tokenizer, scores with labels."""
        what = "a text classifier"
        text = word_input(model, what, self.tokenizer)
        class_scores(model, what, self.labels)
        probability, files = scored("probability", self.labels, None)
        graph = {"input_tensor_metadata": [text], "output_tensor_metadata": [probability]}
        packed = {} if self.tokenizer is None else self.tokenizer.files()
        return self._document(graph, {**packed, **files})


@dataclass(frozen=True, slots=True, kw_only=True)
class BertClassifier(BertDescription):
    """Puts a text into classes with BERT: three inputs, one score a class out."""

    task: ClassVar[Task] = Task.BERT_CLASSIFIER
    title: ClassVar[str] = "BertNLClassifier"
    about: ClassVar[str] = "Puts a text into one of a known set of categories, with BERT."

    labels: Labels

    def document(self, model: ModelView) -> Document:
        """BERT's inputs, scores with labels."""
        what = "a BERT text classifier"
        class_scores(model, what, self.labels)
        # The Task Library ends the process when the output has another name.
        probability, files = scored("probability", self.labels, None)
        graph, told = self.bert_graph(model, what, [probability])
        return self._document(graph, {**self.tokenizer.files(), **files}, [told])


@dataclass(frozen=True, slots=True, kw_only=True)
class BertQuestionAnswerer(BertDescription):
    """Answers a question by a passage of a text: logits of where it begins and ends out."""

    task: ClassVar[Task] = Task.BERT_QUESTION_ANSWERER
    title: ClassVar[str] = "BertQuestionAnswerer"
    about: ClassVar[str] = "Answers a question by a passage of the text that is given with it."

    outputs: Mapping[str, str] = field(default_factory=dict)

    def document(self, model: ModelView) -> Document:
        """BERT's inputs, the logits of beginning and end."""
        what = "a BERT question answerer"
        outputs = model.outputs
        if len(outputs) != 2 or any(len(item.shape) != 2 for item in outputs):
            raise not_a(
                model,
                what,
                f"its outputs are {'; '.join(map(str, outputs))}, and it has two, 1×tokens: the logits of "
                "where an answer begins and ends",
                "convert the model with these two",
            )
        roles = self._ends(model)
        fields: list[Fields] = [{}, {}]
        for role, item in roles.items():
            # The Task Library ends the process when they have other names.
            fields[item.position] = tensor(
                f"{role}_logits", f"Logits of each token as the {role} of the answer."
            )
        graph, told = self.bert_graph(model, what, fields)
        said = ", ".join(f"{role} is {item.key!r}" for role, item in roles.items())
        notes = [told, f"outputs: {said}."]
        tokens = model.inputs[0].shape[1]
        if tokens not in {QUESTION_TOKENS, -1}:
            notes.append(
                f"it takes {tokens} tokens, and Android's BertQuestionAnswerer always gives "
                f"{QUESTION_TOKENS}."
            )
        return self._document(graph, self.tokenizer.files(), notes)

    def _ends(self, model: ModelView) -> dict[str, ModelTensor]:
        check_roles(self.outputs, ("start", "end"), "output")
        names = " and ".join(repr(item.key) for item in model.outputs)
        for role, name in self.outputs.items():
            if not any(name in {item.key, item.spec.name} for item in model.outputs):
                raise MetadataError(
                    f"{model.origin} has no output {name!r} that can be the {role}.",
                    hint=f"they are {names}",
                )
        found = {
            role: [
                item
                for item in model.outputs
                if (
                    self.outputs[role] in {item.key, item.spec.name}
                    if role in self.outputs
                    else re.search(role, item.key.lower())
                )
            ]
            for role in ("start", "end")
        }
        for role, other in (("start", "end"), ("end", "start")):
            if len(found[role]) == 1 and found[other] != found[role]:
                first = found[role][0]
                rest = model.outputs[1] if first is model.outputs[0] else model.outputs[0]
                return {role: first, other: rest}
        raise MetadataError(
            f"{model.origin}: which of its outputs {names} tells where an answer starts cannot be told.",
            hint="say it: --output-role start=NAME",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEmbedder(Description):
    """Makes a vector of a text, by words or with BERT."""

    task: ClassVar[Task] = Task.TEXT_EMBEDDER
    title: ClassVar[str] = "TextEmbedder"
    about: ClassVar[str] = "Makes a feature vector of a text."

    tokenizer: RegexTokenizer | BertTokenizer | SentencePieceTokenizer
    inputs: Mapping[str, str] = field(default_factory=dict)

    def document(self, model: ModelView) -> Document:
        """A text with its tokenizer, a vector."""
        what = "a text embedder"
        vector = only(model, "output", what)
        if len(vector.shape) != 2:
            raise not_a(
                model, what, f"its output is {vector}, and a vector is 1×features", "--task general"
            )
        feature = [tensor("feature", "Feature vector.")]
        if isinstance(self.tokenizer, RegexTokenizer):
            text = word_input(model, what, self.tokenizer)
            graph: Fields = {"input_tensor_metadata": [text], "output_tensor_metadata": feature}
            return self._document(graph, self.tokenizer.files())
        bert = BertDescription(tokenizer=self.tokenizer, inputs=self.inputs)
        graph, told = bert.bert_graph(model, what, feature)
        return self._document(graph, self.tokenizer.files(), [told])
