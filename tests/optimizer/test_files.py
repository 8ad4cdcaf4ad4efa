"""Files are replaced whole, and only files are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.files import write_atomic, write_together


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    other = tmp_path / "other"
    with pytest.raises(OSError, match="it is no file"):
        write_together({other: b"1", place: b"2"})
    assert not place.is_file()
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"old")
    place.chmod(0o640)
    write_atomic(place, b"new")
    assert place.read_bytes() == b"new"
    assert place.stat().st_mode & 0o777 == 0o640
