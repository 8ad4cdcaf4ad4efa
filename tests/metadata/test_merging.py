"""A model that has metadata already: refused, replaced or merged, and nothing lost without a word."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import MetadataError
from optimizer.metadata import Document, Existing, Labels, MetadataWorker, read_document, write
from optimizer.metadata.attachments import ScoreCalibration
from optimizer.metadata.container import take_apart
from optimizer.metadata.document import normalization, tensor_fields
from optimizer.metadata.merging import merge
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tagging import tagged_bytes
from optimizer.metadata.tasks import BertClassifier, ImageClassifier, TextEmbedder
from tests.metadata.examples import BERT, CALIBRATION, EXAMPLES, MOODS, PETS, SENTENCES, WORD_LIST

Model = Callable[..., Path]
Seen = Callable[[str], ModelView]
OLD = ImageClassifier(
    name="Pets",
    description="Tells pets apart.",
    author="Team",
    license="MIT",
    version="v3",
    files={"readme.md": b"# Pets\n"},
    labels=Labels(names=PETS.names, locales={"de": ("Katze", "Hund", "Vogel", "Fisch")}),
    mean=(127.5,),
    std=(127.5,),
    score_calibration=CALIBRATION,
)


@pytest.fixture
def old(seen: Seen) -> Document:
    """Metadata with texts of people's own, and a file that nothing names."""
    made = OLD.document(seen("float32"))
    (image,), (scores,) = (tensor_fields(made.fields, side) for side in ("input", "output"))
    image["description"] = "A photo of one pet."
    scores["dimension_names"] = ["batch", "pet"]
    graph = made.fields["subgraph_metadata"][0]
    graph["custom_metadata"] = [{"name": "org.example", "data": "AAEC"}]
    return replace(made, files={**made.files, "loose.bin": b"\0\1"})


def test_nothing_new_changes_nothing(old: Document, seen: Seen) -> None:
    for new in (Document(fields={}), old, OLD.document(seen("float32"))):
        merged = merge(old, new)
        assert merged.fields == old.fields
        assert merged.files == old.files
        assert merged.notes == ()


def test_another_name_is_only_another_name(old: Document) -> None:
    merged = merge(old, Document(fields={"name": "Animals"}))
    assert merged.fields == {**old.fields, "name": "Animals"}
    assert merged.files == old.files


def test_what_nobody_said_replaces_nothing(old: Document, seen: Seen) -> None:
    """A description fills in a name, and texts for tensors; what people wrote is worth more."""
    new = ImageClassifier(labels=OLD.labels, mean=OLD.mean, std=OLD.std)
    assert new.document(seen("float32")).fields["name"] == "ImageClassifier"
    assert merge(old, new.document(seen("float32"))).fields == old.fields
    said = replace(new, name="Animals", version="v4").document(seen("float32"))
    merged = merge(old, said).fields
    assert merged == {**old.fields, "name": "Animals", "version": "v4"}
    # But it fills what is empty.
    bare = {key: value for key, value in old.fields.items() if key != "name"}
    assert merge(replace(old, fields=bare), said).fields["name"] == "Animals"


def test_other_labels_take_the_place_of_all_languages_and_that_is_said(
    old: Document, seen: Seen
) -> None:
    labels = Labels(names=tuple("wxyz"), locales={"fr": tuple("stuv")})
    new = ImageClassifier(labels=labels, mean=OLD.mean, std=OLD.std).document(seen("float32"))
    merged = merge(old, new)
    (scores,) = tensor_fields(merged.fields, "output")
    assert [(item["name"], item.get("locale")) for item in scores["associated_files"]] == [
        ("labels.txt", None),
        ("score_calibration.txt", None),
        ("labels_fr.txt", "fr"),
    ]
    assert merged.files["labels.txt"] == b"w\nx\ny\nz\n"
    assert old.files.keys() - merged.files.keys() == {"labels_de.txt"}
    assert merged.notes == ("'labels_de.txt' is no longer packed: what is new took its place.",)
    assert scores["process_units"] == tensor_fields(old.fields, "output")[0]["process_units"]


def test_another_normalisation_brings_another_range(model: Model, worker: MetadataWorker) -> None:
    path = model("float32")
    write(path, OLD, worker=worker)
    write(path, replace(OLD, mean=(0.0,), std=(255.0,)), existing=Existing.MERGE, worker=worker)
    found = read_document(path, worker=worker)
    assert found is not None
    (image,) = tensor_fields(found.fields, "input")
    assert normalization(found.fields) == ([0.0], [255.0])
    assert image["stats"] == {"max": [1.0], "min": [0.0]}
    assert len(image["process_units"]) == 1


def test_calibration_is_replaced_whole(old: Document, seen: Seen) -> None:
    new = ScoreCalibration(lines=((1.0, 1.0, 0.0),) * 4, transformation="LOG", default_score=-1.0)
    document = replace(OLD, score_calibration=new).document(seen("float32"))
    merged = merge(old, document)
    (scores,) = tensor_fields(merged.fields, "output")
    (unit,) = scores["process_units"]
    assert unit["options"] == {"score_transformation": "LOG", "default_score": -1.0}
    assert merged.files["score_calibration.txt"] == new.content


@pytest.mark.parametrize(("first", "second"), [(BERT, SENTENCES), (SENTENCES, BERT)])
def test_a_model_has_one_tokenizer(first: Any, second: Any, seen: Seen) -> None:
    before = BertClassifier(labels=MOODS, tokenizer=first).document(seen("bert"))
    after = BertClassifier(labels=MOODS, tokenizer=second).document(seen("bert"))
    merged = merge(before, after)
    assert merged.fields == after.fields
    assert merged.files == after.files
    lost = [note for note in merged.notes if "no longer packed" in note]
    assert [note.split("'")[1] for note in lost] == list(first.files())


def test_a_file_for_something_else_is_not_overwritten(old: Document) -> None:
    """Labels of another output, for instance, that have the same name."""
    fields: Any = {"associated_files": [{"name": "readme.md"}, {"name": "labels.txt"}]}
    new = Document(fields=fields, files={"readme.md": b"new", "labels.txt": b"no labels"})
    with pytest.raises(MetadataError, match=r"'labels\.txt' for something else") as caught:
        merge(old, new)
    assert "--replace" in str(caught.value.hint)
    fields["associated_files"].pop()
    merged = merge(old, Document(fields=fields, files={"readme.md": b"new"}))
    assert merged.files == {**old.files, "readme.md": b"new"}


def test_outputs_that_the_new_does_not_describe_stay(old: Document) -> None:
    two = {"subgraph_metadata": [{"output_tensor_metadata": [{"name": "a"}, {"name": "b"}]}]}
    one = {"subgraph_metadata": [{"output_tensor_metadata": [{"name": "c"}]}]}
    graph = merge(Document(fields=two), Document(fields=one)).fields["subgraph_metadata"][0]
    assert graph["output_tensor_metadata"] == [{"name": "c"}, {"name": "b"}]
    graph = merge(Document(fields=one), Document(fields=two)).fields["subgraph_metadata"][0]
    assert graph["output_tensor_metadata"] == [{"name": "a"}, {"name": "b"}]


@pytest.mark.parametrize("which", EXAMPLES)
def test_merging_what_is_there_already_writes_the_same_file(
    which: str, made_models: Path, worker: MetadataWorker, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    content = tagged_bytes(made_models / f"{which}.tflite", EXAMPLES[which], worker=worker)[1]
    path.write_bytes(content)
    again = tagged_bytes(path, EXAMPLES[which], existing=Existing.MERGE, worker=worker)[1]
    assert again == content


def test_a_file_with_metadata_is_not_touched_unless_asked(
    model: Model, worker: MetadataWorker
) -> None:
    path = model("text_embedder")
    write(path, TextEmbedder(tokenizer=WORD_LIST), worker=worker)
    before = path.read_bytes()
    with pytest.raises(MetadataError, match="has metadata already and 1 packed files") as caught:
        write(path, TextEmbedder(tokenizer=WORD_LIST, name="Other"), worker=worker)
    assert "--replace" in str(caught.value.hint)
    assert "--merge" in str(caught.value.hint)
    assert path.read_bytes() == before


def with_zip(path: Path, files: dict[str, bytes]) -> None:
    """Pack files behind a model without metadata; without files the archive is empty."""
    stream = io.BytesIO(path.read_bytes())
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    path.write_bytes(stream.getvalue())


def test_an_empty_archive_behind_the_model_is_nothing(model: Model, worker: MetadataWorker) -> None:
    """As some of MediaPipe's models have one."""
    path = model("float32")
    plain = path.read_bytes()
    with_zip(path, {})
    assert len(path.read_bytes()) == len(plain) + 22
    write(path, OLD, worker=worker)
    parts = take_apart(path.read_bytes(), origin="m")
    assert parts.model == plain
    assert parts.files.keys() == {
        "labels.txt",
        "labels_de.txt",
        *("score_calibration.txt", "readme.md"),
    }


def test_files_without_metadata_stay_when_merged_and_go_when_replaced(
    model: Model, worker: MetadataWorker
) -> None:
    path = model("embedder")
    with_zip(path, {"notes.txt": b"by hand"})
    with pytest.raises(MetadataError, match="has metadata already and 1 packed files"):
        write(path, EXAMPLES["embedder"], worker=worker)
    merged = path.with_name("merged.tflite")
    write(path, EXAMPLES["embedder"], output=merged, existing=Existing.MERGE, worker=worker)
    found = read_document(merged, worker=worker)
    assert found is not None
    assert found.files == {"notes.txt": b"by hand"}
    write(path, EXAMPLES["embedder"], existing=Existing.REPLACE, worker=worker)
    found = read_document(path, worker=worker)
    assert found is not None
    assert found.files == {}
