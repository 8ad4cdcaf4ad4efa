"""Texts: classifiers by words or with BERT, answers to questions, embedders."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.metadata.worker import native
from optimizer.metadata.worker.proofs import plain
from optimizer.metadata.worker.proofs.tokens import Tokenizer, made_up_words, tokenizer
from optimizer.metadata.worker.proofs.vision import categories, embeddings

_TASKS = {
    "nl-classifier": "NLClassifier",
    "bert-nl-classifier": "BertNLClassifier",
    "bert-question-answerer": "BertQuestionAnswerer",
    "text-embedder": "TextEmbedder",
}
_WORDS, _CONTEXT_WORDS = 5, 24
_MOST_OF_QUESTION = 64  # tokens; compiled into the Task Library


def prove(
    task: str,
    content: bytes,
    *,
    text: str | None,
    question: str | None,
    seed: int,
    kind: str | None,
    pattern: str,
    vocabulary: str,
    sentence_piece: str | None,
    roles: list[str],
    length: int,
) -> dict[str, Any]:
    """Run one text, given or made of the vocabulary's words, through both.

    ``text`` is the context of a ``question`` where there is one. ``kind`` names the tokenizer; without
    one the model takes the text itself. ``roles`` are BERT's inputs by position, ``length`` how many
    tokens they hold, -1 as many as there are.
    """
    words = tokenizer(kind, pattern=pattern, vocabulary=vocabulary, sentence_piece=sentence_piece)
    asks = task == "bert-question-answerer"
    if text is None:
        text = made_up_words(words, seed=seed, count=_CONTEXT_WORDS if asks else _WORDS)
    if asks and question is None:
        question = made_up_words(words, seed=seed + 1, count=3, last=False)
    answer: dict[str, Any] = {"refused_locales": {}, "text": text, "question": question}
    feed = _feed(words, text, question, roles=roles, length=length)
    if feed is None:
        answer["untold"] = True
    else:
        plain.attempt(answer, content, feed)
    try:
        module, name = native.text(), _TASKS[task]
        options = getattr(module, f"{name}Options")(base_options=native.base_options(content))
        made = getattr(module, name).create_from_options(options)
        if asks:
            answer["task"] = _answers(made.answer(text, question))
        elif task == "text-embedder":
            answer["task"] = embeddings(made.embed(text))
        else:
            # They stand in the order of the outputs, and all have the index 0.
            answer["task"] = [
                [{**item, "index": place} for place, item in enumerate(head)]
                for head in categories(made.classify(text))
            ]
    except plain.REFUSALS as error:
        answer["refused"] = str(error)
    return answer


def _answers(result: Any) -> list[dict[str, Any]]:
    return [
        {
            "text": item.text,
            "start": int(item.pos.start),
            "end": int(item.pos.end),
            "logit": float(item.pos.logit),
        }
        for item in result.answers
    ]


def _feed(
    words: Tokenizer | None, text: str, question: str | None, *, roles: list[str], length: int
) -> list[plain.Array] | None:
    """The inputs by position; ``None`` when nothing here can make the tokens."""
    if words is None:
        return [np.array([text.encode()])]
    if not words.usable:
        return None
    if not roles:
        return [np.array([words.sequence(text, length)], np.int32)]
    tokens, segments = _bert_tokens(words, text, question, length)
    size = length if length > 0 else len(tokens)
    rows = {"ids": tokens, "mask": [1] * len(tokens), "segment_ids": segments}
    return [np.array([rows[role] + [0] * (size - len(tokens))], np.int32) for role in roles]


def _bert_tokens(
    words: Tokenizer, text: str, question: str | None, length: int
) -> tuple[list[int], list[int]]:
    start, end = words.number("[CLS]"), words.number("[SEP]")
    most = length if length > 0 else 1 << 30
    if question is None:
        tokens = [start, *words.numbers(text)[: most - 2], end]
        return tokens, [0] * len(tokens)
    asked = words.numbers(question)[:_MOST_OF_QUESTION]
    context = words.numbers(text)[: most - len(asked) - 3]
    tokens = [start, *asked, end, *context, end]
    return tokens, [0] * (len(asked) + 2) + [1] * (len(context) + 1)
