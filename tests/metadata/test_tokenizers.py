"""How a text becomes numbers: what would end an app, or never return, is refused before it is written."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import MetadataError
from optimizer.metadata.tokenizers import (
    BertTokenizer,
    RegexTokenizer,
    SentencePieceTokenizer,
    unix_vocabulary,
)
from tests.metadata.examples import PIECES, SENTENCES, WORDS, sentence_pieces


@pytest.mark.parametrize(
    ("vocabulary", "says"),
    [
        (b"<UNKNOWN> 0\nword\n", r"line 2 \('word'\) is no word and its number"),
        (b"<UNKNOWN> 0\nword\t1\n", "line 2"),
        (b"<UNKNOWN> 0\nword  1\n", "line 2"),
        (b"<UNKNOWN> 0\ntwo words 1\n", "line 2"),
        (b"<UNKNOWN> 0\n\nword 1\n", "line 2"),
        (b"<UNKNOWN> 0\nword -1\n", "line 2"),
        (b"<UNKNOWN> 0\nword 99999999999\n", "line 2"),
        ("<UNKNOWN> 0\nword ٣\n".encode(), "line 2"),
        (b"word 0\n", "has no <UNKNOWN>"),
        (b"<unknown> 0\n", "has no <UNKNOWN>"),
        (b"", "line 1"),
        ("<UNKNOWN> 0\ngröße 1\n".encode("latin1"), "is not UTF-8"),
        ("<UNKNOWN> 0\nword 1\n".encode("utf-16"), "is not UTF-8"),
        (b"\xef\xbb\xbf<UNKNOWN> 0\n", "byte-order mark"),
        (b"<UNKNOWN> 0\r\nword 1\r\n", "as Windows has them"),
    ],
)
def test_a_word_list_that_would_end_the_app_is_refused(vocabulary: bytes, says: str) -> None:
    with pytest.raises(MetadataError, match=says) as caught:
        RegexTokenizer(vocabulary=vocabulary)
    assert caught.value.hint


@pytest.mark.parametrize(
    "vocabulary",
    [WORDS, WORDS.removesuffix(b"\n"), "<UNKNOWN> 0\ngröße 1\n人 2\na\xa0b 3".encode()],
)
def test_a_word_list_that_works_is_taken_as_it_is(vocabulary: bytes) -> None:
    assert RegexTokenizer(vocabulary=vocabulary).files() == {"vocab.txt": vocabulary}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "fit an empty text"),
        ("x*", "fit an empty text"),
        (r"\b", "fit an empty text"),
        ("$", "fit an empty text"),
        ("(?:)", "fit an empty text"),
        ("a|", "fit an empty text"),
        ("([", "are no regular expression"),
        ("*", "are no regular expression"),
        ("(?=a)", "RE2 cannot"),
        ("(?!a)b", "RE2 cannot"),
        ("(?<=a)b", "RE2 cannot"),
        (r"(a)\1", "RE2 cannot"),
        ("(?>a)", "RE2 cannot"),
        ("a++", "RE2 cannot"),
        (r"(?P<x>a)(?P=x)", "RE2 cannot"),
        (r"\Z", "RE2 cannot"),
    ],
)
def test_delimiters_that_never_return_or_split_nothing_are_refused(pattern: str, says: str) -> None:
    with pytest.raises(MetadataError, match=says) as caught:
        RegexTokenizer(vocabulary=WORDS, pattern=pattern)
    assert "--delimiters" in str(caught.value.hint)


@pytest.mark.parametrize(
    "pattern",
    [r"[^\w\']+", " ", r"\s+", "(?i)[,.]| ", r"\pZ+", r"[[:space:]]+", r"\x{3000}", "(?P<x>a)"],
)
def test_what_re2_has_is_taken(pattern: str) -> None:
    assert RegexTokenizer(vocabulary=WORDS, pattern=pattern).options() == {
        "delim_regex_pattern": pattern
    }


@pytest.mark.parametrize(
    ("vocabulary", "says"),
    [
        (b"", r"has no \[CLS\], \[SEP\], \[UNK\]"),
        (WORDS, r"has no \[CLS\]"),
        (PIECES.replace(b"[SEP]\n", b""), r"has no \[SEP\]"),
        (PIECES.lower(), r"has no \[CLS\]"),
        (PIECES.replace(b"\n", b"\r\n"), "as Windows has them"),
        (b"\xef\xbb\xbf" + PIECES, "byte-order mark"),
        (PIECES + b"\xff\n", "is not UTF-8"),
    ],
)
def test_word_pieces_that_lack_something_are_refused(vocabulary: bytes, says: str) -> None:
    with pytest.raises(MetadataError, match=says):
        BertTokenizer(vocabulary=vocabulary)


def test_marks_of_editors_are_taken_out_where_a_file_is_read() -> None:
    for text in (PIECES, WORDS):
        marked = b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")
        assert unix_vocabulary(marked) == text == unix_vocabulary(text)


@pytest.mark.parametrize(
    "model",
    [
        b"",
        b"\n",
        b"no model",
        PIECES,
        b"\x0a<unk>",
        sentence_pieces("a", "b", unknown=None),
        SENTENCES.model[:-3],
        SENTENCES.model + b"\xff",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
)
def test_a_sentencepiece_model_that_would_end_the_app_is_refused(model: bytes) -> None:
    with pytest.raises(MetadataError, match="The SentencePiece model is none, or not whole"):
        SentencePieceTokenizer(model=model)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_model_or_refused(noise: bytes) -> None:
    for model in (noise, SENTENCES.model + noise, noise + SENTENCES.model):
        with contextlib.suppress(MetadataError):
            SentencePieceTokenizer(model=model)


def test_a_sentencepiece_model_is_packed_with_its_vocabulary() -> None:
    made = SentencePieceTokenizer(model=sentence_pieces("a", unknown="⁇"), vocabulary=PIECES)
    assert made.files() == {"sentencepiece.model": made.model, "vocab.txt": PIECES}
    assert list(made.file_fields()) == ["sentence_piece_model", "vocab_file"]
    assert list(SENTENCES.file_fields()) == ["sentence_piece_model"]
