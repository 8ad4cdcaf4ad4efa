"""The Java class that is generated of a tagged file."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.errors import MetadataError, ModelError
from optimizer.metadata import MetadataWorker, read_document, write
from optimizer.metadata.codegen import _asset_name, generate
from optimizer.metadata.container import put_together, take_apart
from optimizer.metadata.java_source import is_identifier, with_commas
from tests.metadata.examples import EXAMPLES

Model = Callable[..., Path]
NAMES: dict[str, Any] = {"package": "org.example.ml", "class_name": "MyModel"}
JAVA = "src/main/java/org/example/ml/MyModel.java"
# A list of Java's: types and names with one comma between two.
LIST = re.compile(r"(\w+( \w+)?)?(, \w+( \w+)?)*")


@pytest.fixture
def tagged(model: Model, worker: MetadataWorker) -> Callable[..., Path]:
    """A tagged model; its fields may be changed by a function."""

    def make(
        which: str = "float32", change: Callable[[dict[str, Any]], object] | None = None
    ) -> Path:
        path = model(which)
        write(path, EXAMPLES[which], worker=worker)
        if change is not None:
            parts = take_apart(path.read_bytes(), origin="m")
            document = read_document(path, worker=worker)
            assert document is not None
            fields = deepcopy(document.fields)
            change(fields)
            metadata = worker.encode(fields, origin=path)
            path.write_bytes(put_together(parts.model, metadata, parts.files, origin="m"))
        return path

    return make


def test_what_is_written(
    tagged: Callable[..., Path], worker: MetadataWorker, tmp_path: Path
) -> None:
    path = tagged()
    made = generate(path, tmp_path / "app", **NAMES, worker=worker)
    files = {
        item.relative_to(tmp_path / "app").as_posix()
        for item in (tmp_path / "app").rglob("*")
        if item.is_file()
    }
    assert files == set(made.files) == {JAVA, "src/main/assets/float32.tflite", "mymodel.md"}
    assert (tmp_path / "app/src/main/assets/float32.tflite").read_bytes() == path.read_bytes()
    code = (tmp_path / "app" / JAVA).read_text()
    assert "package org.example.ml;" in code
    assert "public class MyModel {" in code
    assert 'MODEL_NAME = "float32.tflite"' in code
    assert "getProbabilityAsCategoryList()" in code
    assert made.class_name == "org.example.ml.MyModel"
    assert made.warnings == ()
    assert "://" not in code + (tmp_path / "app/mymodel.md").read_text()
    assert all(dependency.startswith("org.tensorflow:") for dependency in made.dependencies)


@pytest.mark.parametrize(
    ("which", "inputs", "outputs"),
    [
        ("float32", ["TensorImage image"], 1),
        ("detector", ["TensorImage image"], 4),
        ("detector_post_process", ["TensorImage image"], 4),
        ("segmenter", ["TensorImage image"], 1),
        ("text", ["TensorBuffer inputText"], 1),
        ("bert", ["TensorBuffer ids", "TensorBuffer mask", "TensorBuffer segmentIds"], 1),
        ("bert_answers", ["TensorBuffer ids", "TensorBuffer mask", "TensorBuffer segmentIds"], 2),
        ("audio", ["TensorBuffer audioClip"], 1),
        ("two_outputs", ["TensorImage"], 2),
    ],
)
def test_lists_have_the_commas_that_java_wants(
    *,
    which: str,
    inputs: list[str],
    outputs: int,
    tagged: Callable[..., Path],
    worker: MetadataWorker,
    tmp_path: Path,
) -> None:
    generate(tagged(which), tmp_path / "app", **NAMES, worker=worker)
    code = (tmp_path / "app" / JAVA).read_text()
    note = (tmp_path / "app/mymodel.md").read_text()
    found = re.findall(r"(?:process|preprocessInputs|Outputs)\(((?!\)).*?)\)", code)
    assert len(found) >= 5
    assert all(LIST.fullmatch(text) for text in found), found
    (taken,) = re.findall(r"public Outputs process\((.*)\)", code)
    assert len(taken.split(", ")) == len(inputs)
    assert all(item in taken for item in inputs)
    (called,) = re.findall(r"model\.process\((.*)\)", note)
    assert called.split(", ") == [item.split()[-1] for item in taken.split(", ")]
    (given_,) = re.findall(r"new Outputs\(metadata, (.*)\)", code)
    assert len(given_.split(", ")) == outputs


@given(st.integers(1, 6), st.integers(1, 6))
def test_commas_of_any_number(inputs: int, outputs: int) -> None:
    def wrong(items: list[str]) -> str:
        return items[0] if len(items) == 1 else ", " + ", ".join(items[:-1]) + items[-1]

    taken = [f"in{number}" for number in range(inputs)]
    given_ = [f"out{number}" for number in range(outputs)]
    fields = [f"  private TensorProcessor {name}Preprocessor;" for name in taken]
    tensors = [
        f"      Tensor {name}Tensor = model.get{side}Tensor(0);"
        for side, names in (("Input", taken), ("Output", given_))
        for name in names
    ]

    def code(join: Callable[[list[str]], str]) -> str:
        return "\n".join([
            *fields, *tensors,
            f"  process({join([f'TensorBuffer {name}' for name in taken])})",
            f"  preprocessInputs({join(taken)})",
            f"  Outputs(Metadata metadata, {join([f'TensorProcessor {name}Postprocessor' for name in given_])})",
            f"  new Outputs(metadata, {join([f'{name}Postprocessor' for name in given_])})",
        ])  # fmt: skip

    right = code(", ".join)
    assert with_commas(code(wrong), code(wrong)) == right
    assert with_commas(right, right) == right


@pytest.mark.parametrize(
    "package",
    [
        "",
        ".",
        "org.",
        "org..ml",
        "org.class",
        "1org",
        "org.my model",
        "org/ml",
        "../x",
        "ml;",
        "org.größe",
    ],
)
def test_packages_that_java_has_not(
    package: str, tagged: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(MetadataError, match="is not a Java package"):
        generate(tagged(), tmp_path / "app", package=package, class_name="A")
    assert not (tmp_path / "app").exists()


@pytest.mark.parametrize(
    "name", ["", "my model;", "1A", "int", "null", "_", "../A", "a.b", "Größe"]
)
def test_classes_that_java_has_not(name: str, tagged: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="is not a Java class"):
        generate(tagged(), tmp_path / "app", package="a", class_name=name)
    assert is_identifier("Birds")


@pytest.mark.parametrize(
    "name", ["Model", "Outputs", "Metadata", "Tensor", "String", "List", "Context"]
)
def test_classes_that_the_code_uses_itself(
    name: str, tagged: Callable[..., Path], worker: MetadataWorker, tmp_path: Path
) -> None:
    with pytest.raises(MetadataError, match=f"'{name}' is a class that the generated code uses"):
        generate(tagged(), tmp_path / "app", package="a", class_name=name, worker=worker)
    assert not (tmp_path / "app").exists()


@pytest.mark.parametrize(
    "asset", ["", "../m", "a/b", "a\\b", "/m", ".hidden", 'm".tflite', "x" * 101, "m\n", "größe"]
)
def test_assets_have_no_path(asset: str, tagged: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="The asset name"):
        generate(tagged(), tmp_path / "app", **NAMES, asset=asset)
    assert (_asset_name("birds"), _asset_name("birds.v1.tflite")) == (
        "birds.tflite",
        "birds.v1.tflite",
    )


@pytest.mark.parametrize(
    "text", ["*/ evil(); /*", "\\u002a/ evil", "a\n*/ evil", "**//", "\\\\u002a/"]
)
def test_a_name_cannot_end_its_comment(
    text: str, tagged: Callable[..., Path], worker: MetadataWorker, tmp_path: Path
) -> None:
    def change(fields: dict[str, Any]) -> None:
        fields.update(name=text, version=text, description=text, author=text, license=text)

    path = tagged("float32", change)
    generate(path, tmp_path / "app", **NAMES, worker=worker)
    code = (tmp_path / "app" / JAVA).read_text()
    (comment,) = re.findall(r"^/\*\* Wrapper class of model .*\n", code, re.MULTILINE)
    assert comment.count("*/") == 1
    assert comment.endswith(" */\n")
    assert "\\" not in code
    assert (tmp_path / "app/src/main/assets/float32.tflite").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["class", "metadata", "outputs", "int"])
def test_tensors_whose_names_would_not_compile(
    name: str, tagged: Callable[..., Path], worker: MetadataWorker, tmp_path: Path
) -> None:
    def change(fields: dict[str, Any]) -> None:
        fields["subgraph_metadata"][0]["output_tensor_metadata"][0]["name"] = name

    with pytest.raises(MetadataError, match=f"a tensor is called '{name}'"):
        generate(tagged("float32", change), tmp_path / "app", **NAMES, worker=worker)
    assert not (tmp_path / "app").exists()


def test_what_the_generator_would_die_of_is_refused(
    tagged: Callable[..., Path], model: Model, worker: MetadataWorker, tmp_path: Path
) -> None:
    pid = worker.pid
    app = tmp_path / "app"
    path = tagged("float32", lambda fields: fields.pop("subgraph_metadata"))
    with pytest.raises(MetadataError, match="describe 0 inputs, and the model has 1"):
        generate(path, app, **NAMES, worker=worker)
    path = tagged(
        "two_outputs", lambda fields: fields["subgraph_metadata"][0]["output_tensor_metadata"].pop()
    )
    with pytest.raises(MetadataError, match="describe 1 outputs, and the model has 2"):
        generate(path, app, **NAMES, worker=worker)
    with pytest.raises(MetadataError, match="has no metadata"):
        generate(model("segmenter"), app, **NAMES, worker=worker)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ModelError, match="is damaged"):
        generate(path, app, **NAMES, worker=worker)
    with pytest.raises(ModelError, match="cannot be read"):
        generate(tmp_path, app, **NAMES, asset="m", worker=worker)
    assert not app.exists()
    assert worker.pid == pid or pid is None


def test_what_the_class_cannot_do_is_told(
    tagged: Callable[..., Path], worker: MetadataWorker, tmp_path: Path
) -> None:
    (warning,) = generate(tagged("bert"), tmp_path / "bert", **NAMES, worker=worker).warnings
    assert "cannot run" in warning
    assert "int32" in warning
    assert any(
        "Non-RGB" in item
        for item in generate(tagged("segmenter"), tmp_path / "seg", **NAMES, worker=worker).warnings
    )

    def two_languages(fields: dict[str, Any]) -> None:
        entries = fields["subgraph_metadata"][0]["output_tensor_metadata"][0]["associated_files"]
        entries.append({**entries[0], "locale": "de"})

    (warning,) = generate(
        tagged("float32", two_languages), tmp_path / "two", **NAMES, worker=worker
    ).warnings
    assert warning.startswith("Multiple associated file of type TENSOR_AXIS_LABELS")


def test_files_that_are_there_stay(
    tagged: Callable[..., Path], worker: MetadataWorker, tmp_path: Path
) -> None:
    path, app = tagged(), tmp_path / "app"
    (app / "src/main/java").mkdir(parents=True)
    (app / "build.gradle").write_text("mine")
    (app / "src/main/AndroidManifest.xml").write_text("mine")
    generate(path, app, **NAMES, worker=worker)
    with pytest.raises(MetadataError, match="is there already"):
        generate(path, app, **NAMES, worker=worker)
    generate(path, app, **NAMES, worker=worker, overwrite=True)
    assert (app / "build.gradle").read_text() == "mine"
    assert (app / "src/main/AndroidManifest.xml").read_text() == "mine"


def test_the_command(tagged: Callable[..., Path], tmp_path: Path) -> None:
    run = CliRunner()
    args = [
        "metadata",
        "codegen",
        str(tagged()),
        "-o",
        str(tmp_path / "app"),
        "--package",
        "org.example.ml",
        "--class",
        "Birds",
    ]
    kotlin = run.invoke(command_line(), [*args, "--language", "kotlin"])
    assert kotlin.exit_code == 1
    assert "Kotlin calls the Java class as it is" in kotlin.stderr
    done = run.invoke(command_line(), [*args, "--asset", "birds"])
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "app/src/main/java/org/example/ml/Birds.java") in done.stdout
    assert '    implementation("org.tensorflow:tensorflow-lite-support:0.4.4")' in done.stdout
    assert (tmp_path / "app/src/main/assets/birds.tflite").exists()
    told = json.loads(run.invoke(command_line(), [*args, "--overwrite", "--json"]).stdout)
    assert told["class_name"] == "org.example.ml.Birds"
    assert len(told["files"]) == 3
