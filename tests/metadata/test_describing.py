"""From what a user says, some of it or all, to what is written: the rest is worked out, or asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from android_bench.cli.app import command_line
from optimizer.artifact import TensorSpec
from optimizer.errors import MetadataError
from optimizer.metadata import Labels, MetadataWorker, read_document
from optimizer.metadata.describing import FLAGS, Said, describe
from optimizer.metadata.model_view import ModelTensor, ModelView
from optimizer.metadata.tasks import DESCRIPTIONS, Task

DATA = Path(__file__).parent / "data"
CLASSIFIER = DATA / "float32.tflite"


def tensor(
    position: int, shape: tuple[int, ...], dtype: str = "float32", **more: Any
) -> ModelTensor:
    spec = TensorSpec(name=f"t{position}", shape=shape, dtype=dtype, **more)
    return ModelTensor(position=position, spec=spec)


def model(inputs: list[ModelTensor], outputs: list[ModelTensor], **more: Any) -> ModelView:
    return ModelView(
        origin="m.tflite", content=b"", inputs=tuple(inputs), outputs=tuple(outputs), **more
    )


IMAGE = model([tensor(0, (1, 8, 8, 3))], [tensor(0, (1, 4))])
LABELS = Labels(names=("a", "b", "c", "d"))


def test_every_field_that_can_be_needed_has_a_flag() -> None:
    from dataclasses import fields

    general = {"name", "description", "author", "license", "version", "files"}
    for kind in DESCRIPTIONS.values():
        assert {item.name for item in fields(kind)} - general <= FLAGS.keys()


def test_the_task_and_why_are_said() -> None:
    description, why = describe(Said(labels=LABELS, mean=(0.0,), std=(1.0,)), IMAGE)
    assert description.task is Task.IMAGE_CLASSIFIER
    assert why is not None
    assert "there are labels" in why


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Said(task=Task.IMAGE_CLASSIFIER), "needs --labels"),
        (Said(labels=LABELS, sample_rate=16000), "--sample-rate means nothing"),
        (Said(task=Task.BERT_CLASSIFIER, labels=LABELS), "needs --vocabulary"),
        (Said(task=Task.TEXT_CLASSIFIER, labels=LABELS, delimiters=" "), "no vocabulary"),
        (Said(task=Task.AUDIO_EMBEDDER), "needs --sample-rate"),
    ],
)
def test_what_is_missing_or_means_nothing_is_named(said: Said, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        describe(said, IMAGE)


def test_a_task_that_cannot_be_told_is_asked_for() -> None:
    odd = model([tensor(0, (2, 3, 5, 7, 11))], [tensor(0, (1,))])
    with pytest.raises(MetadataError, match="cannot be told") as caught:
        describe(Said(), odd)
    assert "--task" in (caught.value.hint or "")


def test_how_the_data_were_scaled_is_how_pixels_go_in() -> None:
    scaled = model(list(IMAGE.inputs), list(IMAGE.outputs), pixels=((127.5,), (127.5,)))
    description, _ = describe(Said(labels=LABELS), scaled)
    document = description.document(scaled)
    (image,) = document.fields["subgraph_metadata"][0]["input_tensor_metadata"]
    assert image["process_units"][0]["options"] == {"mean": [127.5], "std": [127.5]}
    assert any("data were scaled" in note for note in document.notes)


def tool(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(CLASSIFIER.read_bytes())
    count = _classes(path)
    (tmp_path / "labels.txt").write_text("".join(f"class {n}\n" for n in range(count)))
    done = tool(
        "metadata", "write", path, "--labels", tmp_path / "labels.txt", "--mean", 127.5, "--std", 127.5,
        "--author", "Ada",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return path


def _classes(path: Path) -> int:
    from optimizer.tflite_file import inspect

    return inspect(path).outputs[0].shape[-1]


def test_metadata_that_are_there_are_not_overwritten(tagged: Path, tmp_path: Path) -> None:
    before = tagged.read_bytes()
    done = tool("metadata", "write", tagged, "--task", "general")
    assert done.exit_code == 1
    assert "has metadata already" in done.output
    assert "--merge" in done.output
    assert tagged.read_bytes() == before
    both = tool("metadata", "write", tagged, "--merge", "--replace", "--name", "x")
    assert both.exit_code == 2


def test_merging_keeps_what_is_not_given(tagged: Path, tmp_path: Path) -> None:
    count = _classes(tagged)
    (tmp_path / "better.txt").write_text("".join(f"bird {n}\n" for n in range(count)))
    assert tool("metadata", "write", tagged, "--merge", "--name", "Birds").exit_code == 0
    done = tool("metadata", "write", tagged, "--merge", "--labels", tmp_path / "better.txt")
    assert done.exit_code == 0, done.output
    with MetadataWorker() as worker:
        document = read_document(tagged, worker=worker)
    assert document is not None
    assert document.fields["author"] == "Ada"
    assert document.files["labels.txt"].startswith(b"bird 0\n")
    (image,) = document.fields["subgraph_metadata"][0]["input_tensor_metadata"]
    assert image["process_units"][0]["options"] == {"mean": [127.5], "std": [127.5]}


def test_languages_are_packed_under_their_locales(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(CLASSIFIER.read_bytes())
    for name in ("labels", "labels_de"):
        text = "".join(f"{name} {n}\n" for n in range(_classes(path)))
        (tmp_path / f"{name}.txt").write_text(text)
    done = tool(
        "metadata", "write", path, "--labels", tmp_path / "labels.txt",
        "--labels", f"de={tmp_path / 'labels_de.txt'}", "--mean", 0, "--std", 255, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)
    assert told["verified"] is True
    with MetadataWorker() as worker:
        document = read_document(path, worker=worker)
    assert document is not None
    (scores,) = document.fields["subgraph_metadata"][0]["output_tensor_metadata"]
    assert [item.get("locale") for item in scores["associated_files"]] == [None, "de"]
    short = tmp_path / "short.txt"
    short.write_text("eins\n")
    bad = tool(
        "metadata", "write", path, "--replace", "--labels", tmp_path / "labels.txt", "--labels", f"de={short}",
        "--mean", 0, "--std", 255,
    )  # fmt: skip
    assert bad.exit_code == 1
    assert "1 for 'de'" in bad.output


def test_a_model_that_cannot_be_tagged_does_not_keep_the_others(tmp_path: Path) -> None:
    models = []
    for name in ("float32", "int8_io", "uint8_io"):
        models.append(tmp_path / f"{name}.tflite")
        models[-1].write_bytes((DATA / f"{name}.tflite").read_bytes())
    (tmp_path / "labels.txt").write_text("".join(f"{n}\n" for n in range(_classes(models[0]))))
    before = models[1].read_bytes()
    done = tool(
        "metadata", "write", *models, "--labels", tmp_path / "labels.txt", "--mean", 127.5, "--std", 127.5
    )  # fmt: skip
    assert done.exit_code == 1
    assert "int8" in done.output
    assert "--unproven" in done.output
    assert models[1].read_bytes() == before
    for model_ in (models[0], models[2]):
        assert read_document(model_) is not None


def test_a_file_that_says_nothing_of_tensors_is_no_description(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(CLASSIFIER.read_bytes())
    (tmp_path / "m.toml").write_text('name = "Birds"')
    done = tool("metadata", "write", path, "--from", tmp_path / "m.toml")
    assert done.exit_code == 1
    assert "says nothing of the model's inputs" in done.output
    assert path.read_bytes() == CLASSIFIER.read_bytes()


@pytest.mark.parametrize("label", ["a\tb", "\x1b[31mred", "x" * 1001])
def test_labels_that_are_none(label: str) -> None:
    with pytest.raises(MetadataError, match="control character|1,001 characters"):
        Labels(names=(label,))
