"""Labels in several languages and score calibration: what is put right, and what is refused."""

import math
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import MetadataError
from optimizer.metadata.attachments import (
    Labels,
    ScoreCalibration,
    labels_from,
    read_attachment,
    read_calibration,
)
from tests.metadata.examples import CALIBRATION, PETS


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Labels.
def test_each_language_has_a_file_of_its_own(tmp_path: Path) -> None:
    made = labels_from(
        {
            None: file(tmp_path, "a", "cat\ndog\n"),
            "de": file(tmp_path, "b", "\ufeffKatze\r\nHund\r\n"),
            "pt-BR": file(tmp_path, "c", "gato\ncão"),
        }
    )
    assert made.file_names() == {
        "labels.txt": None,
        "labels_de.txt": "de",
        "labels_pt-BR.txt": "pt-BR",
    }
    assert made.files() == {
        "labels.txt": b"cat\ndog\n",
        "labels_de.txt": b"Katze\nHund\n",
        "labels_pt-BR.txt": "gato\ncão\n".encode(),
    }


def test_without_a_plain_file_the_first_language_names_the_classes(tmp_path: Path) -> None:
    made = labels_from({"fr": file(tmp_path, "f", "chat\n"), "de": file(tmp_path, "d", "Katze\n")})
    assert made.names == ("chat",)
    assert made.locales == {"fr": ("chat",), "de": ("Katze",)}


@pytest.mark.parametrize("locale", ["", "d", "deutsch_", "../de", "de/at", "de at", "de\n", "1a"])
def test_a_locale_that_is_none_is_refused(locale: str) -> None:
    with pytest.raises(MetadataError, match="is no locale"):
        Labels(names=("a",), locales={locale: ("b",)})


def test_languages_fit_each_other() -> None:
    with pytest.raises(MetadataError, match="There are 2 labels, and 1 for 'de'"):
        Labels(names=("cat", "dog"), locales={"de": ("Katze",)})
    # Two words may be one in another language.
    assert Labels(names=("crane", "crane bird"), locales={"de": ("Kran", "Kran")})


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "There are no labels"),
        (("a", " "), "line 2 of 2 is empty"),
        (("a", "b", "a"), "'a' stands twice, in lines 1 and 3"),
        (("a\nb",), "line break, tab, NUL"),
        (("a\0",), "line break, tab, NUL"),
    ],
)
def test_labels_that_would_shift_are_refused(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(MetadataError, match=says) as caught:
        Labels(names=names)
    assert caught.value.hint


def test_duplicates_can_be_allowed() -> None:
    assert len(Labels(names=("crane", "crane"), allow_duplicates=True)) == 2


# Score calibration.
def test_a_calibration_is_read_as_it_is_meant(tmp_path: Path) -> None:
    text = "1,2,0.5\r\n1.0, 2, 0, 0.1\r\n\r\n0.9,1.5,-.25\r\n"
    made = read_calibration(file(tmp_path, "c", text), labels=4, default_score=0.1)
    assert made == CALIBRATION
    assert made.content == b"1.0,2.0,0.5\n1.0,2.0,0.0,0.1\n\n0.9,1.5,-0.25"


def test_the_file_never_ends_with_a_line_that_is_one_too_many(tmp_path: Path) -> None:
    """The Task Library counts an empty line behind the last newline."""
    for text in ("1,2,3\n\n\n", "1,2,3", "1,2,3\n", "1,2,3\n\n"):
        made = read_calibration(file(tmp_path, "c", text), labels=2)
        assert len(made.lines) in {1, 2}
        assert made.content.count(b"\n") == len(made.lines) - 1
        if "\n" in text:
            made.check(2)  # the last label is left as it is
    with pytest.raises(MetadataError, match="has 1 lines for 2 labels"):
        read_calibration(file(tmp_path, "c", "1,2,3"), labels=2).check(2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("1,2\n", r"line 1 is \[1.0, 2.0\]"),
        ("1,2,3,4,5\n", "line 1 is"),
        ("1,2,3\n-1,2,3\n", "line 2 has a scale below 0"),
        ("1,2,x\n", r"line 1 \('1,2,x'\) is no numbers"),
        ("1;2;3\n", "is no numbers"),
        ("1,2,\n", "is no numbers"),
        ("nan,2,3\n", "line 1 is"),
        ("1,inf,3\n", "line 1 is"),
        ("1,1e39,3\n", "line 1 is"),
        (b"1,2,\xff\n", "is not UTF-8"),
    ],
)
def test_a_calibration_that_is_none_is_refused(
    text: str | bytes, says: str, tmp_path: Path
) -> None:
    with pytest.raises(MetadataError, match=says) as caught:
        read_calibration(file(tmp_path, "c.txt", text), labels=1)
    assert caught.value.hint


def test_other_values_of_a_calibration_are_checked_too() -> None:
    with pytest.raises(MetadataError, match="'SQUARE' is not known") as caught:
        ScoreCalibration(lines=(), transformation="SQUARE")
    assert "INVERSE_LOGISTIC" in str(caught.value.hint)
    for score in (math.nan, math.inf, 1e39):
        with pytest.raises(MetadataError, match="default score is not finite"):
            ScoreCalibration(lines=(), default_score=score)


numbers = st.floats(-1e30, 1e30)
lines = st.one_of(
    st.just(()),
    st.tuples(numbers.map(abs), numbers, numbers),
    st.tuples(numbers.map(abs), numbers, numbers, numbers),
)


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=6).filter(any))
def test_a_calibration_comes_back_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[float, ...]]
) -> None:
    calibration = ScoreCalibration(lines=tuple(made))
    path = file(tmp_path_factory.getbasetemp(), "round_trip.txt", calibration.content)
    assert read_calibration(path, labels=len(made)) == calibration


# Any file.
def test_a_file_that_cannot_be_packed_is_named(tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    for path, says in (
        (tmp_path / "none.txt", "No such file"),
        (tmp_path, "Is a directory"),
        (file(tmp_path, "empty.txt", ""), "is empty"),
        (large, "more than 67,108,864 bytes"),
        (Path("/dev/zero"), "more than 67,108,864 bytes"),
    ):
        with pytest.raises(MetadataError, match=says) as caught:
            read_attachment(path, "readme")
        assert str(path) in str(caught.value)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """As a shell gives one: --file <(command)."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"1,2,3\n" * 4,))
    writer.start()
    assert len(read_calibration(pipe, labels=len(PETS)).lines) == 4
    writer.join()
