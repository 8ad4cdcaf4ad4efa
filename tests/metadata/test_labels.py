from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import MetadataError
from optimizer.metadata.labels import label_file, parse_labels, read_labels

labels = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=1000).filter(
        lambda text: text == text.strip() and not text.startswith("\ufeff")
    ),
    min_size=1,
    unique=True,
)


@given(labels)
def test_labels_come_back_as_they_went_in(given_labels: list[str]) -> None:
    assert parse_labels(label_file(given_labels)) == tuple(given_labels)


@given(labels, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.integers(0, 3))
def test_editors_habits_change_nothing(
    given_labels: list[str], ending: str, bom: bool, empty_lines: int
) -> None:
    text = ending.join([*given_labels, *[""] * empty_lines])
    content = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    assert parse_labels(content) == tuple(given_labels)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no labels"),
        (b"\n \n", "has no labels"),
        (b"cat\n\ndog\n", "line 2 of 3 is empty"),
        (b"cat\ndog\ncat\n", "'cat' stands twice, in lines 1 and 3"),
        ("cat\nGröße\n".encode("latin1"), "line 2 has the byte 0xf6"),
        ("cat\ndog".encode("utf-16"), "is UTF-16"),
        (b"cat\x00\n", "control character inside"),
    ],
)
def test_what_cannot_be_labels_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(MetadataError, match=says) as caught:
        parse_labels(content)
    assert caught.value.hint


def test_duplicates_can_be_allowed() -> None:
    assert parse_labels(b"crane\ncrane\n", allow_duplicates=True) == ("crane", "crane")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match=r"no labels\.txt"):
        read_labels(tmp_path / "no labels.txt")
    with pytest.raises(MetadataError, match="cannot be read"):
        read_labels(tmp_path)
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as stream:
        stream.truncate(20 << 20)
    with pytest.raises(MetadataError, match="no list of labels"):
        read_labels(huge)
