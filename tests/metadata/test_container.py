import contextlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import MetadataError, ModelError, OptimizerError
from optimizer.metadata.container import put_together, read_model, take_apart

files = st.dictionaries(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
    st.binary(max_size=99),
    max_size=3,
)


@pytest.fixture(scope="session")
def plain(made_models: Path) -> bytes:
    return (made_models / "float32.tflite").read_bytes()


@given(st.binary(min_size=1, max_size=300), files)
def test_what_is_put_together_is_taken_apart(
    plain: bytes, metadata: bytes, packed: dict[str, bytes]
) -> None:
    tagged = put_together(plain, metadata, packed, origin="m")
    parts = take_apart(tagged, origin="m")
    assert (parts.model, parts.metadata, parts.files) == (plain, metadata, packed)
    assert tagged == put_together(plain, metadata, packed, origin="m")
    assert tagged.index(plain) % 64 == 0


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=20), st.data())
def test_damage_is_an_expected_error_or_none(
    plain: bytes, damage: list[tuple[int, int]], data: st.DataObject
) -> None:
    content = bytearray(put_together(plain, b"metadata", {"labels.txt": b"cat\n"}, origin="m"))
    for at, value in damage:
        content[at % len(content)] = value
    end = data.draw(st.integers(0, len(content)))
    with contextlib.suppress(OptimizerError):
        parts = take_apart(bytes(content[:end]), origin="m")
        put_together(parts.model, b"new", {}, origin="m")


def test_older_metadata_is_put_out_of_use(plain: bytes) -> None:
    once = put_together(plain, b"old", {}, origin="m")
    twice = put_together(once, b"new", {}, origin="m")  # as with a file that another tool tagged
    assert take_apart(twice, origin="m").metadata == b"new"


def test_an_entry_without_a_name_is_no_surprise(plain: bytes) -> None:
    tagged = put_together(plain, b"x", {"f": b"here"}, origin="m")
    entry = tagged.rindex(b"PK\1\2")
    nameless = bytearray(tagged)
    nameless[entry + 28] = 0  # the length of the name
    with contextlib.suppress(MetadataError):
        take_apart(bytes(nameless), origin="m")


def test_a_zip_bomb_is_not_unpacked(plain: bytes) -> None:
    stream = io.BytesIO(plain)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", bytes(100 << 20))
    with pytest.raises(MetadataError, match="unpack to 104,857,600 bytes"):
        take_apart(stream.getvalue(), origin="m")


def test_names_in_the_archive_are_only_names(plain: bytes, tmp_path: Path) -> None:
    name = "../../outside.txt"
    parts = take_apart(put_together(plain, b"x", {name: b"here"}, origin="m"), origin="m")
    assert parts.files == {name: b"here"}
    assert not list(tmp_path.parent.glob("outside*"))


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"TFL3", "lacks the identifier"), (b"PK\3\4" * 100, "lacks")],
)
def test_what_is_no_model_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=says):
        read_model(path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / "missing.tflite")
