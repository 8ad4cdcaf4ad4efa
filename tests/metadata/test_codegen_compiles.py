"""What the generator writes is Java: compiled against the signatures of what it uses."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import MetadataError
from optimizer.metadata import MetadataWorker, write
from optimizer.metadata.codegen import generate
from optimizer.metadata.container import put_together
from tests.metadata.android_stubs import STUBS
from tests.metadata.examples import EXAMPLES

DATA = Path(__file__).parent / "data"
IMAGE = {
    "content": {
        "content_properties_type": "ImageProperties",
        "content_properties": {"color_space": "RGB"},
    },
    "process_units": [
        {"options_type": "NormalizationOptions", "options": {"mean": [0.0], "std": [1.0]}}
    ],
}
needs_javac = pytest.mark.skipif(shutil.which("javac") is None, reason="javac is not installed")
# In a comment they end it, or are escapes that the compiler reads even there.
HARMFUL = (
    "*/ class X {} /*",
    r"\u002a\u002f class X {}",
    "a\n*/ class X {} /*",
    r"\uZZ",
    "**//",
    "人",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signatures, compiled."""
    folder = tmp_path_factory.mktemp("stubs")
    sources = []
    for name, code in STUBS.items():
        package, _, short = name.rpartition(".")
        sources.append(folder / package.replace(".", "/") / f"{short}.java")
        sources[-1].parent.mkdir(parents=True, exist_ok=True)
        sources[-1].write_text(f"package {package};\n{code}")
    assert compiled(sources, folder / "out", ()) == ""
    return folder / "out"


def compiled(sources: Sequence[Path], out: Path, path: Sequence[Path]) -> str:
    """What javac says of sources; nothing when they are right."""
    out.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            "javac",
            "-encoding",
            "UTF-8",
            "-d",
            out,
            "-cp",
            os.pathsep.join(map(str, path)) or ".",
            *sources,
        ],
        capture_output=True,
        text=True,
    )
    return done.stderr if done.returncode else ""


def classes(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.java"))


@needs_javac
def test_classes_of_every_task_compile(
    library: Path, worker: MetadataWorker, tmp_path: Path
) -> None:
    for number, (which, description) in enumerate(EXAMPLES.items()):
        model = Path(shutil.copy(DATA / f"{which}.tflite", tmp_path))
        write(model, description, worker=worker)
        generate(
            model,
            tmp_path / which,
            package=f"org.example.p{number}",
            class_name="MyModel",
            worker=worker,
        )
    assert len(classes(tmp_path)) == len(EXAMPLES)
    assert compiled(classes(tmp_path), tmp_path / "out", [library]) == ""


def tagged(which: str, fields: dict[str, Any], folder: Path, worker: MetadataWorker) -> Path:
    """A model with metadata as somebody else could have written them."""
    model = folder / "model.tflite"
    metadata = worker.encode(fields, origin=model)
    content = (DATA / f"{which}.tflite").read_bytes()
    model.write_bytes(put_together(content, metadata, {"l.txt": b"a\n"}, origin="model"))
    return model


@needs_javac
@pytest.mark.parametrize("images", [(), (0,), (0, 1, 2, 3), (1, 3)])
def test_outputs_that_are_images_compile(
    images: Sequence[int], library: Path, worker: MetadataWorker, tmp_path: Path
) -> None:
    outputs = [{"name": f"out {n}", **(IMAGE if n in images else {})} for n in range(4)]
    fields = {
        "subgraph_metadata": [
            {"input_tensor_metadata": [{"name": "in", **IMAGE}], "output_tensor_metadata": outputs}
        ]
    }
    model = tagged("detector", fields, tmp_path, worker)
    generate(model, tmp_path / "app", package="org.example", class_name="MyModel", worker=worker)
    assert compiled(classes(tmp_path), tmp_path / "out", [library]) == ""


@needs_javac
@pytest.mark.parametrize("text", HARMFUL)
def test_no_text_of_a_model_becomes_code(
    text: str, library: Path, worker: MetadataWorker, tmp_path: Path
) -> None:
    labels = {"name": "l.txt", "description": text, "type": "TENSOR_AXIS_LABELS"}
    graph = {
        "name": text,
        "description": text,
        "input_tensor_metadata": [{"name": "image", "description": text, **IMAGE}],
        "output_tensor_metadata": [
            {"name": text, "description": text, "associated_files": [labels]}
        ],
    }
    general = dict.fromkeys(("name", "version", "description", "author", "license"), text)
    model = tagged("float32", {**general, "subgraph_metadata": [graph]}, tmp_path, worker)
    generate(model, tmp_path / "app", package="org.example", class_name="MyModel", worker=worker)
    assert compiled(classes(tmp_path), tmp_path / "out", [library]) == ""
    made = {item.stem for item in (tmp_path / "out").rglob("*.class")}
    assert made == {"MyModel", "MyModel$Outputs", "MyModel$Metadata"}


def test_a_name_that_the_code_makes_of_another_is_refused(
    worker: MetadataWorker, tmp_path: Path
) -> None:
    labels = {"name": "l.txt", "type": "TENSOR_AXIS_LABELS"}
    outputs = [{"name": name} for name in ("a", "a labels", "b", "c")]
    outputs[0]["associated_files"] = [labels]  # type: ignore[assignment]
    fields = {
        "subgraph_metadata": [
            {"input_tensor_metadata": [{"name": "in", **IMAGE}], "output_tensor_metadata": outputs}
        ]
    }
    model = tagged("detector", fields, tmp_path, worker)
    with pytest.raises(MetadataError, match="what the code makes of another one, 'aLabels'"):
        generate(model, tmp_path / "app", package="a.b", class_name="MyModel", worker=worker)


def test_a_free_size_is_told(worker: MetadataWorker, tmp_path: Path) -> None:
    for which, told in (("free_size", True), ("free_batch", False)):
        model = Path(shutil.copy(DATA / f"{which}.tflite", tmp_path))
        write(model, EXAMPLES[which], worker=worker)
        made = generate(model, tmp_path / which, package="a.b", class_name="MyModel", worker=worker)
        assert (
            any("is free, and the class takes it for 1" in item for item in made.warnings) is told
        )
