"""How texts become numbers, written anew, to hold the Task Library's own against."""

from __future__ import annotations

import base64
import importlib
import re
from typing import Any

import numpy as np

_SPECIAL = re.compile(r"^(<.*>|\[.*\]|##.*|\W+)$")
# Spaces part words; punctuation and ideographs are words of their own.
_BERT_PARTS = re.compile(
    r"[!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u3011\uff01-\uff0f]"
    r"|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|[^\s!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u3003\u3008-\u3011\uff01-\uff0f"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
_LONGEST_WORD = 200


class Tokenizer:
    """A vocabulary, and how a text is split."""

    usable = True

    def __init__(self, table: dict[str, int]) -> None:
        self.table = table

    def number(self, word: str) -> int:
        """The number of a word that the vocabulary must have; 0 without it."""
        return self.table.get(word, 0)

    def numbers(self, text: str) -> list[int]:
        """The numbers of a text."""
        raise NotImplementedError

    def sequence(self, text: str, length: int) -> list[int]:
        """The whole input of a model that takes words alone."""
        raise NotImplementedError

    def plain_words(self) -> list[str]:
        """Words of the vocabulary that are one token, by their numbers."""
        ordered = sorted(self.table, key=self.table.__getitem__)
        return [
            word
            for word in ordered
            if not _SPECIAL.match(word) and self.numbers(word) == [self.table[word]]
        ]


class RegexWords(Tokenizer):
    """Words between delimiters."""

    def __init__(self, pattern: str, vocabulary: str) -> None:
        rows = [line.split(" ") for line in vocabulary.split("\n") if line]
        super().__init__({row[0]: int(row[1]) for row in rows})
        self._delimiters = re.compile(pattern, re.ASCII)  # as RE2 takes \w

    def numbers(self, text: str) -> list[int]:
        """The numbers of the words, that of ``<UNKNOWN>`` for those that are none."""
        unknown = self.number("<UNKNOWN>")
        return [self.table.get(word, unknown) for word in self._delimiters.split(text) if word]

    def sequence(self, text: str, length: int) -> list[int]:
        """``<START>`` if there is one, the words, then ``<PAD>``."""
        start = [self.table["<START>"]] if "<START>" in self.table else []
        tokens = start + self.numbers(text)
        if length < 0:
            return tokens
        return (tokens + [self.number("<PAD>")] * length)[:length]


class BertWords(Tokenizer):
    """Word pieces: the longest that fits, again and again."""

    def __init__(self, vocabulary: str) -> None:
        lines = vocabulary.removesuffix("\n").split("\n")
        super().__init__({word.rstrip("\r"): number for number, word in enumerate(lines)})

    def numbers(self, text: str) -> list[int]:
        """The numbers of the word pieces."""
        lowered = re.sub("[A-Z]", lambda letter: letter.group().lower(), text)
        return [number for word in _BERT_PARTS.findall(lowered) for number in self._pieces(word)]

    def _pieces(self, word: str) -> list[int]:
        found, begin = [], 0
        while begin < len(word) <= _LONGEST_WORD:
            head = "##" if begin else ""
            end = next(
                (e for e in range(len(word), begin, -1) if head + word[begin:e] in self.table), None
            )
            if end is None:
                return [self.number("[UNK]")]
            found.append(self.table[head + word[begin:end]])
            begin = end
        return found or [self.number("[UNK]")]


class SentencePieces(Tokenizer):
    """SentencePiece's own package, where it is installed."""

    def __init__(self, model: str) -> None:
        super().__init__({})
        try:
            package = importlib.import_module("sentencepiece")
            self._model: Any = package.SentencePieceProcessor(model_proto=base64.b64decode(model))
        except (ImportError, RuntimeError):
            self.usable = False

    def number(self, word: str) -> int:
        """The number of a piece."""
        return int(self._model.piece_to_id(word))

    def numbers(self, text: str) -> list[int]:
        """The numbers of the pieces."""
        return [int(number) for number in self._model.encode(text)]

    def plain_words(self) -> list[str]:
        """Pieces that begin a word."""
        if not self.usable:
            return []
        pieces = [self._model.id_to_piece(i) for i in range(self._model.get_piece_size())]
        return [piece[1:] for piece in pieces if piece.startswith("▁") and len(piece) > 1]


def tokenizer(
    kind: str | None, *, pattern: str, vocabulary: str, sentence_piece: str | None
) -> Tokenizer | None:
    """The tokenizer of a kind; ``None`` for a model that takes the text itself."""
    if kind == "RegexTokenizerOptions":
        return RegexWords(pattern, vocabulary)
    if kind == "BertTokenizerOptions":
        return BertWords(vocabulary)
    return SentencePieces(sentence_piece or "") if kind else None


def made_up_words(words: Tokenizer | None, *, seed: int, count: int, last: bool = True) -> str:
    """A text of the vocabulary's words; with ``last``, that of the largest number is among them.

    The largest number is the one that a model with a smaller table cannot look up.
    """
    known = words.plain_words() if words is not None else []
    if not known:
        return "what is good and what is bad"
    random = np.random.default_rng(seed)
    chosen = [known[int(place)] for place in random.integers(0, len(known), count)]
    return " ".join([*chosen[:-1], known[-1]] if last else chosen)
