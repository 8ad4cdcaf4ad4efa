"""Metadata as TOML: what is printed is read again as the same; what is written by hand is checked."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from android_bench.cli.app import command_line
from optimizer.errors import MetadataError
from optimizer.metadata import Document, MetadataWorker
from optimizer.metadata.container import put_together
from optimizer.metadata.describing import Said
from optimizer.metadata.document import with_ranges
from optimizer.metadata.model_view import ModelView, view
from optimizer.metadata.printing import print_form
from optimizer.metadata.provenance import ENTRY
from optimizer.metadata.tasks import Task
from optimizer.metadata.toml_file import LOOSE, DocumentFile, read_wish, to_toml
from optimizer.tflite_file import PROVENANCE
from tests.metadata.test_codec import tables, thorough

DATA = Path(__file__).parent / "data"


def seen(name: str) -> ModelView:
    return view((DATA / f"{name}.tflite").read_bytes(), origin=name)


def read(text: str) -> Said | DocumentFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metadata.toml"
        path.write_text(text, encoding="utf-8")
        return read_wish(path)


@thorough
@given(tables())
def test_every_document_is_printed_and_read_as_the_same(fields: dict[str, Any]) -> None:
    model = seen("float32")
    again = read(to_toml(Document(fields=fields), model))
    assert isinstance(again, DocumentFile)
    # Only ranges that the model tells, or empty ones, are left out: they are worked out again.
    assert without_stats(again.fields) == without_stats(fields)
    told, said = stats(with_ranges(again.fields, model)), stats(fields)
    assert {key: value for key, value in told.items() if value} == {
        key: value for key, value in said.items() if value
    }


def without_stats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_stats(item) for key, item in value.items() if key != "stats"}
    return [without_stats(item) for item in value] if isinstance(value, list) else value


def stats(value: Any, where: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= {where: item} if key == "stats" else stats(item, f"{where}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            found |= stats(item, f"{where}[{place}]")
    return found


def tool(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """A classifier with labels, and a file that nothing in it names."""
    model = tmp_path / "model.tflite"
    model.write_bytes((DATA / "float32.tflite").read_bytes())
    classes = seen("float32").outputs[0].shape[-1]
    (tmp_path / "names.txt").write_text("".join(f"bird {n}\n" for n in range(classes)))
    done = tool(
        "metadata", "write", model, "--labels", tmp_path / "names.txt", "--mean", 127.5, "--std", 127.5,
        "--description", 'Quotes "…", a tab\t,\nand a line.',
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return model


def test_show_edit_write_loses_nothing(tagged: Path, tmp_path: Path) -> None:
    shown = tool("metadata", "show", tagged)
    assert shown.exit_code == 0
    assert "stats" not in shown.stdout
    (tmp_path / "metadata.toml").write_text(shown.stdout, encoding="utf-8")
    before = tagged.read_bytes()
    done = tool("metadata", "write", tagged, "--replace", "--from", tmp_path / "metadata.toml")
    assert done.exit_code == 0, done.output
    assert tagged.read_bytes() == before
    edited = shown.stdout.replace('name = "ImageClassifier"', 'name = "Birds"')
    (tmp_path / "metadata.toml").write_text(edited, encoding="utf-8")
    done = tool("metadata", "write", tagged, "--replace", "--from", tmp_path / "metadata.toml")
    assert done.exit_code == 0, done.output
    assert 'name = "Birds"' in tool("metadata", "show", tagged).stdout


def test_one_file_serves_variants_of_other_types(tagged: Path, tmp_path: Path) -> None:
    (tmp_path / "metadata.toml").write_text(tool("metadata", "show", tagged).stdout)
    (tmp_path / "labels.txt").write_text((tmp_path / "names.txt").read_text())
    variant = tmp_path / "variant.tflite"
    variant.write_bytes((DATA / "uint8_io.tflite").read_bytes())
    done = tool("metadata", "write", variant, "--unproven", "--from", tmp_path / "metadata.toml")
    assert done.exit_code == 0, done.output
    shown = tool("metadata", "show", variant, "--json").stdout
    assert '"max": [255.0]' in " ".join(shown.split()).replace("[ ", "[").replace(" ]", "]")


def test_files_come_from_beside_the_toml_or_from_the_model(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("beside")
    toml = tmp_path / "m.toml"
    toml.write_text(f'{LOOSE} = ["b.txt"]\n[[associated_files]]\nname = "a.txt"\n')
    wish = read_wish(toml)
    assert isinstance(wish, DocumentFile)
    document = wish.document({"a.txt": b"packed", "b.txt": b"packed"})
    assert document.files == {"a.txt": b"beside", "b.txt": b"packed"}
    with pytest.raises(MetadataError, match="names the file 'b.txt'"):
        wish.document({})


def test_packed_files_may_be_empty_or_in_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_bytes(b"")
    wish = DocumentFile(path=tmp_path / "m.toml", fields={}, loose=("sub/a.txt",))
    assert wish.document({}).files == {"sub/a.txt": b""}


def test_a_file_beside_that_is_not_the_packed_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"beside")
    wish = DocumentFile(path=tmp_path / "m.toml", fields={}, loose=("a.txt",))
    assert "'a.txt' is the one beside" in wish.document({"a.txt": b"packed"}).notes[0]
    assert wish.document({"a.txt": b"beside"}).notes == ()


def test_the_origin_stays_with_its_model(tmp_path: Path) -> None:
    origin = Document(fields={"name": "P", "associated_files": [ENTRY]}, files={PROVENANCE: b"{}"})
    model = seen("float32")
    text = to_toml(origin, model)
    assert PROVENANCE not in text
    (tmp_path / PROVENANCE).write_bytes(b"of another model")
    toml = tmp_path / "m.toml"
    toml.write_text(text)
    wish = read_wish(toml)
    assert isinstance(wish, DocumentFile)
    again, other = wish.document(origin.files), wish.document({})
    assert (again.fields, again.files) == (origin.fields, origin.files)
    assert (other.fields, other.files) == ({"name": "P"}, {})


def test_the_origin_is_told_in_comments(tmp_path: Path, worker: MetadataWorker) -> None:
    told = {
        "source": "m.keras\n[[evil]]",
        "source_sha256": "ab" * 32,
        "recipe": "int8",
        "toolchain": {f"package{n}": "1.2.3" for n in range(20)},
        "fidelity": {"accuracy": 0.5, "samples": 3},
    }
    path = tmp_path / "m.tflite"
    metadata = worker.encode({"name": "P", "associated_files": [ENTRY]}, origin=path)
    content = (DATA / "float32.tflite").read_bytes()
    files = {PROVENANCE: json.dumps(told).encode()}
    path.write_bytes(put_together(content, metadata, files, origin="m"))
    text = print_form(path, worker=worker)
    assert text is not None
    for line in ("recipe: int8", f"source_sha256: {'ab' * 32}", "accuracy: 0.5", "samples: 3"):
        assert f"\n# {line}\n" in text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert max(map(len, comments)) <= 84
    again = read(text)
    assert isinstance(again, DocumentFile)
    assert again.fields == {"name": "P", "min_parser_version": "1.0.0"}
    path.write_bytes(put_together(content, metadata, {PROVENANCE: b"[1, {]"}, origin="m"))
    assert 'name = "P"' in str(print_form(path, worker=worker))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_terminal_is_shown_and_told_nothing(name: str) -> None:
    text = to_toml(Document(fields={"name": name}), seen("float32"))
    kinds = {unicodedata.category(letter) for letter in text.replace("\n", "")} - {"Cf"}
    assert not kinds & {"Cc", "Zl", "Zp"}
    assert not set(text) & set("\u202e\u2066\ufeff\u00ad")
    again = read(text)
    assert isinstance(again, DocumentFile)
    assert again.fields == {"name": name}


def test_neither_depth_nor_length_ends_the_tool(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="nested too deeply"):
        read("name = " + "[" * 100_000)
    toml = tmp_path / "m.toml"
    toml.write_bytes(bytes(17 << 20))
    with pytest.raises(MetadataError, match="has more than 16,777,216 bytes"):
        read_wish(toml)


@pytest.mark.parametrize("name", ["../a.txt", "/etc/hostname", "x/../a.txt", "..\\a.txt", ""])
def test_no_file_is_read_from_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    wish = DocumentFile(
        path=folder / "m.toml", fields={"associated_files": [{"name": name, "type": "UNKNOWN"}]}
    )
    with pytest.raises(MetadataError, match="neither beside it nor in the model"):
        wish.document({})


def test_a_file_by_task_is_what_flags_would_say(tmp_path: Path) -> None:
    for name in ("labels.txt", "labels_de.txt"):
        (tmp_path / name).write_text("a\nb\n")
    (tmp_path / "c.txt").write_text("1,2,3\n\n")
    (tmp_path / "README.txt").write_text("read me")
    toml = tmp_path / "m.toml"
    toml.write_text(
        'task = "image-classifier"\nname = "Birds"\nmean = [1, 2.5, 3]\nstd = 2\n'
        'labels = { default = "labels.txt", de = "labels_de.txt" }\nfiles = ["README.txt"]\n'
        'score_calibration = { file = "c.txt", transformation = "LOG", default_score = 0.25 }\n'
    )
    said = read_wish(toml)
    assert isinstance(said, Said)
    assert said.task is Task.IMAGE_CLASSIFIER
    assert said.general == {"name": "Birds"}
    assert (said.mean, said.std) == ((1.0, 2.5, 3.0), (2.0,))
    assert said.labels is not None
    assert said.labels.locales == {"de": ("a", "b")}
    assert said.score_calibration == tmp_path / "c.txt"
    assert (said.score_transformation, said.default_score) == ("LOG", 0.25)
    assert said.files == {"README.txt": b"read me"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('task = "image-classifer"', "task is 'image-classifer', and should be one of"),
        ("labels = 3", "labels is 3"),
        ('labels = "l.txt"\nmeen = 1', "the key 'meen' is not known"),
        ('labels = "nosuch.txt"', "nosuch.txt cannot be read"),
        ('mean = "1"', "mean is '1', and should be a number"),
        ("mean = []", "mean is"),
        ("sample_rate = 16e3", "sample_rate is 16000.0, and should be a whole number"),
        ("channels = true", "channels is True"),
        ('outputs = "score"', "outputs is 'score'"),
        ("score_calibration = { transformation = 'LOG' }", "score_calibration is"),
        ("[[subgraph_metadata]]\nnam = 3", r"subgraph_metadata\[0\].nam is not known"),
        ("[[subgraph_metadata]]\nname = 3", r"subgraph_metadata\[0\].name must be a text"),
        ("associated_files = 3", "associated_files must be a list"),
        ("packed_files = 3", "packed_files must be a list of names"),
        ('files = ["a/x.txt", "b/x.txt"]', "two of the files are called 'x.txt'"),
        ("name = ", "is no TOML"),
        ("name = 'a'\nname = 'b'", "is no TOML"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(MetadataError, match=message) as caught:
        read(text)
    assert "metadata.toml" in str(caught.value) or "nosuch" in str(caught.value)


def test_a_file_and_flags_about_tensors_do_not_go_together(tagged: Path, tmp_path: Path) -> None:
    toml = tmp_path / "m.toml"
    toml.write_text('task = "general"\nname = "of the file"')
    done = tool("metadata", "write", tagged, "--from", toml, "--mean", 1, "--std", 1, "--replace")
    assert done.exit_code == 1
    assert "and so do flags" in done.output
    done = tool("metadata", "write", tagged, "--from", toml, "--name", "of the flag", "--replace")
    assert done.exit_code == 0, done.output
    assert 'name = "of the flag"' in tool("metadata", "show", tagged).stdout


def test_a_model_without_metadata_is_told(tmp_path: Path) -> None:
    done = tool("metadata", "show", DATA / "float32.tflite")
    assert done.exit_code == 1
    assert "has no metadata" in done.output
    assert tool("metadata", "show", DATA / "float32.tflite", "--json").stdout.strip() == "null"
