"""What differs between the metadata of two files."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.errors import MetadataError, ModelError
from optimizer.metadata import Document, MetadataWorker, read_document, write
from optimizer.metadata.container import put_together
from optimizer.metadata.difference import _changes, _lines, _values, difference
from tests.metadata.archives import with_entry
from tests.metadata.examples import EXAMPLES

Model = Callable[..., Path]
OUTPUT = "subgraph_metadata[0].output_tensor_metadata[0]"


@pytest.fixture
def pair(model: Model, worker: MetadataWorker) -> Callable[..., tuple[Path, Path]]:
    """Two tagged files, the second with metadata that were changed."""

    def make(change: Callable[[Document], Document]) -> tuple[Path, Path]:
        first, second = model("float32", "a.tflite"), model("float32", "b.tflite")
        write(first, EXAMPLES["float32"], worker=worker)
        document = read_document(first, worker=worker)
        assert document is not None
        changed = change(replace(document, fields=deepcopy(document.fields)))
        write(second, changed, worker=worker)
        return first, second

    return make


@pytest.mark.parametrize("which", ["float32", "detector", "bert", "text"])
def test_the_same_has_no_difference(which: str, model: Model, worker: MetadataWorker) -> None:
    first, second = model(which, "a.tflite"), model(which, "b.tflite")
    for path in (first, second):
        write(path, EXAMPLES[which], worker=worker)
    assert difference(first, second, worker=worker) == ()


def test_fields_are_told_by_their_paths(
    pair: Callable[..., tuple[Path, Path]], worker: MetadataWorker
) -> None:
    def change(document: Document) -> Document:
        document.fields["name"] = "Birds"
        document.fields["license"] = "MIT"
        tensor = document.fields["subgraph_metadata"][0]["input_tensor_metadata"][0]
        tensor["process_units"][0]["options"]["mean"] = [0.0]
        return document

    first, second = pair(change)
    found = {
        item.path: (item.first, item.second) for item in difference(first, second, worker=worker)
    }
    old = read_document(first, worker=worker)
    assert old is not None
    assert found.pop("name") == (old.fields.get("name"), "Birds")
    assert found.pop("license") == (None, "MIT")
    where = "subgraph_metadata[0].input_tensor_metadata[0].process_units[0].options.mean"
    assert found.pop(where) == ([127.5], [0.0])
    assert found == {}
    back = {
        item.path: (item.first, item.second) for item in difference(second, first, worker=worker)
    }
    assert back["license"] == ("MIT", None)


def test_files_are_compared_by_line(
    pair: Callable[..., tuple[Path, Path]], worker: MetadataWorker
) -> None:
    first, second = pair(
        lambda document: replace(document, files={"labels.txt": b"cat\ndog\neagle\nfish\n"})
    )
    (found,) = difference(first, second, worker=worker)
    assert (found.path, found.packed) == ("labels.txt", True)
    assert found.lines == ("line 3: 'bird' → 'eagle'",)
    second.write_bytes(with_entry(second.read_bytes(), "more.bin", b"\0\1"))
    more = difference(first, second, worker=worker)[1]
    assert (more.path, more.first, more.lines) == ("more.bin", None, ())
    assert more.second["size_bytes"] == 2


@pytest.mark.parametrize(
    ("one", "other", "lines"),
    [
        (b"a\nb\n", b"a\nb", ["only the first ends with a newline"]),
        (b"a\nb\n", b"a\nb\nc\n", ["line 3, only in the second: 'c'"]),
        (b"a\nb\nc\n", b"b\nc\n", ["line 1, only in the first: 'a'"]),
        (b"a\r\n", b"a\n", ["line 1: 'a\\r' → 'a'"]),
        (b"\xef\xbb\xbfa\n", b"a\n", ["line 1: '\\ufeffa' → 'a'"]),
        (b"\xff", b"a", []),
        (b"a\0", b"a", []),
    ],
)
def test_lines(one: bytes, other: bytes, lines: list[str]) -> None:
    assert list(_lines(one, other)) == lines


def test_long_texts_take_no_time() -> None:
    one = [str(number % 7) for number in range(200_000)]
    assert list(_changes(one, ["x", *one[1:], "y"])) == [
        "line 1: '0' → 'x'",
        "line 200001, only in the second: 'y'",
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values, values)
def test_there_is_a_difference_where_values_differ(one: object, other: object) -> None:
    def plain(value: object) -> str:
        """An entry that is empty or not there is the same in the schema."""
        if isinstance(value, dict):
            return json.dumps(
                {key: plain(item) for key, item in value.items() if item is not None},
                sort_keys=True,
            )
        if isinstance(value, list):
            return json.dumps([plain(item) for item in value])
        return json.dumps(value)

    assert list(_values(one, one, "", "")) == []
    if not any(
        None in (one, other) or "null" in json.dumps(side) or "{}" in json.dumps(side)
        for side in (one, other)
    ):
        assert bool(list(_values(one, other, "", ""))) == (plain(one) != plain(other))


def test_named_entries_are_matched_by_name() -> None:
    one = {"associated_files": [{"name": "a"}, {"name": "b"}]}
    more = {"associated_files": [{"name": "x"}, {"name": "a"}, {"name": "b", "locale": "de"}]}
    assert [item.path for item in _values(one, more, "m", "")] == [
        "m.associated_files[b].locale",
        "m.associated_files[x]",
    ]
    turned = {"associated_files": [{"name": "b"}, {"name": "a"}]}
    (found,) = _values(one, turned, "m", "")
    assert (found.path, found.first) == ("m.associated_files[order]", ["a", "b"])
    twice = {"associated_files": [{"name": "a"}, {"name": "a"}]}
    assert [item.path for item in _values(one, twice, "m", "")] == ["m.associated_files[1].name"]


def test_a_file_without_metadata_has_nothing(model: Model, worker: MetadataWorker) -> None:
    bare, tagged = model("float32", "a.tflite"), model("float32", "b.tflite")
    write(tagged, EXAMPLES["float32"], worker=worker)
    assert difference(bare, bare, worker=worker) == ()
    found = difference(bare, tagged, worker=worker)
    assert all(item.first is None for item in found)
    assert "labels.txt" in {item.path for item in found}


def test_bad_input_is_named(model: Model, worker: MetadataWorker, tmp_path: Path) -> None:
    path = model()
    for bad in (tmp_path, tmp_path / "none.tflite"):
        with pytest.raises(ModelError, match="cannot be read"):
            difference(path, bad, worker=worker)
    write(path, EXAMPLES["float32"], worker=worker)
    cut = model("float32", "cut.tflite")
    cut.write_bytes(path.read_bytes().replace(b"M001", b"M009"))
    with pytest.raises(MetadataError, match="lacks its identifier"):
        difference(path, cut, worker=worker)


def test_the_command(pair: Callable[..., tuple[Path, Path]]) -> None:
    def change(document: Document) -> Document:
        document.fields["name"] = "B\x1b[31m\u202eirds"
        return replace(document, files={"labels.txt": b"cat\ndog\nbird\n\x1bfish\n"})

    first, second = pair(change)
    run = CliRunner()
    same = run.invoke(command_line(), ["metadata", "diff", str(first), str(first)])
    assert (same.exit_code, same.stdout) == (0, "No difference.\n")
    differ = run.invoke(command_line(), ["metadata", "diff", str(first), str(second)])
    assert differ.exit_code == 1
    lines = differ.stdout.splitlines()
    assert lines[:2] == [f"--- {first}", f"+++ {second}"]
    assert lines[2] == "name"
    assert lines[-2:] == ["packed file labels.txt", "    line 4: 'fish' → '\\x1bfish'"]
    assert "\x1b" not in differ.stdout
    assert "\u202e" not in differ.stdout
    told = json.loads(
        run.invoke(command_line(), ["metadata", "diff", str(first), str(second), "--json"]).stdout
    )
    assert told["differ"] is True
    assert [item["path"] for item in told["differences"]] == ["name", "labels.txt"]
    none = json.loads(
        run.invoke(command_line(), ["metadata", "diff", str(first), str(first), "--json"]).stdout
    )
    assert none == {"differ": False, "differences": []}


def test_a_range_with_nothing_in_it_is_none(model: Model, worker: MetadataWorker) -> None:
    made = []
    for stats in ({"stats": {}}, {}, {"stats": {"min": [0.0]}}):
        fields = {"subgraph_metadata": [{"input_tensor_metadata": [{"name": "x", **stats}]}]}
        path = model("float32", f"{len(made)}.tflite")
        metadata = worker.encode(fields, origin=path)
        path.write_bytes(put_together(path.read_bytes(), metadata, {}, origin=path.name))
        made.append(path)
    assert difference(made[0], made[1], worker=worker) == ()
    (found,) = difference(made[1], made[2], worker=worker)
    assert found.path.endswith(".stats")
