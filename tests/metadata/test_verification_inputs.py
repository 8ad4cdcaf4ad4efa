"""Inputs of a proof: given ones, their kinds, and how texts become numbers."""

import re
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import DataError
from optimizer.metadata import BertTokenizer, MetadataWorker, verify
from optimizer.metadata.tasks import BertClassifier
from optimizer.metadata.worker.proofs.tokens import BertWords, RegexWords
from tests.metadata.examples import EXAMPLES, MOODS, PIECES, SENTENCES
from tests.metadata.proofs import tagged

TEXTS = (
    "The cats sat, on the cat.",
    "  spaces\tand\nlines ",
    "Größe cat, naïve É",
    "猫 cat猫",
    "",
    "zzz",
    "the cat " * 40,
    "a.b.c cat—dog «cat» cat’s",
    "x" * 300,
    "[SEP] cat [MASK]",
)


def png(path: Path, pixels: np.ndarray) -> Path:
    """A PNG of grey, RGB or RGBA pixels."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def wav(path: Path, *, rate: int = 16000, channels: int = 1, width: int = 2) -> Path:
    random = np.random.default_rng(0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(random.bytes(1000 * channels * width))
    return path


@pytest.mark.parametrize("shape", [(8, 6, 3), (50, 30, 3), (4, 4, 4), (10, 10)], ids=str)
@pytest.mark.parametrize("which", ["float32", "detector", "segmenter", "embedder", "free_size"])
def test_images_of_any_size_and_kind(
    which: str, shape: tuple[int, ...], tmp_path: Path, worker: MetadataWorker
) -> None:
    image = png(tmp_path / "i.png", np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    path = tagged(tmp_path, which, EXAMPLES[which], worker)
    told = verify(path, input=image, worker=worker)
    assert told.failure is None
    assert told.input_origin == str(image)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("which", ["text", "bert", "bert_free", "bert_embedder", "text_string"])
def test_texts_become_the_same_numbers(
    which: str, text: str, tmp_path: Path, worker: MetadataWorker
) -> None:
    told = verify(tagged(tmp_path, which, EXAMPLES[which], worker), text=text, worker=worker)
    assert told.failure is None, told.failure


def test_a_question_is_answered_from_the_text(tmp_path: Path, worker: MetadataWorker) -> None:
    path = tagged(tmp_path, "bert_answers", EXAMPLES["bert_answers"], worker)
    told = verify(path, text="The cat sat. The cats", question="the cat?", worker=worker)
    assert told.failure is None
    assert told.input_origin == "the text 'The cat sat. The cats', and the question 'the cat?'"


def test_texts_and_sounds_are_read_from_files(tmp_path: Path, worker: MetadataWorker) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\ufeffgood\r\nbad", encoding="utf-8")
    told = verify(tagged(tmp_path, "text", EXAMPLES["text"], worker), input=words, worker=worker)
    assert (told.failure, told.input_origin) == (None, str(words))
    path = tagged(tmp_path, "audio", EXAMPLES["audio"], worker)
    for width in (1, 2, 4):
        told = verify(path, input=wav(tmp_path / "s.wav", width=width), worker=worker)
        assert told.failure is None
    stereo = tagged(tmp_path, "audio_stereo", EXAMPLES["audio_stereo"], worker)
    sound = wav(tmp_path / "s.wav", rate=44100, channels=2)
    assert verify(stereo, input=sound, worker=worker).ok


def test_inputs_of_another_kind_are_refused(tmp_path: Path, worker: MetadataWorker) -> None:
    image = tagged(tmp_path, "float32", EXAMPLES["float32"], worker)
    sound = tagged(tmp_path, "audio", EXAMPLES["audio"], worker)
    text = tagged(tmp_path, "text", EXAMPLES["text"], worker)
    none = tagged(tmp_path, "two_outputs", EXAMPLES["two_outputs"], worker)
    broken = tmp_path / "broken"
    broken.write_bytes(b"\xff\xfe nothing")
    for path, given, message in (
        (image, {"input": tmp_path / "no.png"}, "no.png does not exist"),
        (image, {"input": broken}, "cannot be read"),
        (image, {"text": "a"}, "A text is no input of task image-classifier"),
        (sound, {"input": broken}, "cannot be used"),
        (sound, {"input": wav(tmp_path / "s.wav", rate=8000)}, "8000 Hz .* takes 16000 Hz"),
        (text, {"input": broken}, "no text in UTF-8"),
        (text, {"question": "a"}, "answers no question"),
        (text, {"input": broken, "text": "a"}, "A file and a text"),
        (none, {"input": broken}, "no kind of file"),
    ):
        with pytest.raises(DataError, match=message) as raised:
            verify(path, worker=worker, **given)  # type: ignore[arg-type]
        assert raised.value.hint


def test_generated_inputs_come_from_the_seed(tmp_path: Path, worker: MetadataWorker) -> None:
    for which in ("float32", "text", "audio"):
        path = tagged(tmp_path, which, EXAMPLES[which], worker)
        first, again = (verify(path, seed=3, worker=worker) for _ in range(2))
        assert first == again
        assert "seed 3" in first.input_origin
        assert first.results != verify(path, seed=4, worker=worker).results or which == "text"


def test_word_pieces_are_the_longest_that_fit() -> None:
    words = BertWords("[UNK]\nthe\ncat\n##s\n##sat\n,\n")
    assert words.numbers("Cats, the catsat cat#") == [2, 3, 5, 1, 2, 4, 2, 0]
    assert words.plain_words() == ["the", "cat"]


def test_a_word_list_begins_cuts_and_fills() -> None:
    words = RegexWords(r"[^\w']+", "<PAD> 0\n<START> 1\n<UNKNOWN> 2\ngood 3\n")
    assert words.sequence("good, Good", 6) == [1, 3, 2, 0, 0, 0]
    assert words.sequence("good " * 9, 4) == [1, 3, 3, 3]
    assert words.sequence("good", -1) == [1, 3]


def test_sentence_pieces_are_compared_where_their_package_is(
    tmp_path: Path, worker: MetadataWorker
) -> None:
    description = BertClassifier(labels=MOODS, tokenizer=SENTENCES)
    told = verify(tagged(tmp_path, "bert", description, worker), text="the", worker=worker)
    assert told.failure is None
    assert told.max_score_difference is not None or re.search("sentencepiece", told.notes[0])


def test_windows_line_ends_of_word_pieces(tmp_path: Path, worker: MetadataWorker) -> None:
    """They load, and no word is found: a wrong vocabulary is refused before that."""
    crlf = PIECES.replace(b"\n", b"\r\n")
    path = tagged(
        tmp_path,
        "bert",
        BertClassifier(labels=MOODS, tokenizer=BertTokenizer(vocabulary=PIECES)),
        worker,
        files={"vocab.txt": crlf},
    )
    told = verify(path, worker=worker)
    assert told.failure is not None
    assert "Windows" in told.failure
