from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import ModelError
from optimizer.pipeline import build_artifacts
from optimizer.recipe_file import load_recipe
from optimizer.tflite_file import artifact_of, inspect


@pytest.fixture(scope="module")
def tflite(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tflite")
    (artifact,) = build_artifacts(models / "small.keras", [load_recipe("float32")], output=folder)
    return artifact.path


def test_what_a_file_holds(tflite: Path) -> None:
    found = inspect(tflite)
    assert found.size_bytes == tflite.stat().st_size > found.gzip_bytes
    assert [item.shape for item in found.inputs] == [(1, 8, 8, 3)]  # one sample at a time
    assert [item.shape for item in found.outputs] == [(1, 4)]
    assert found.operators["CONV_2D"] == 1
    assert found.signatures == ("serving_default",)
    assert found.sparsity is not None
    assert found.sparsity < 0.1
    assert not found.has_metadata
    assert not found.keeps_state
    assert not found.needs_flex


def test_an_artifact_without_a_manifest_is_what_the_file_says(tflite: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bare.tflite"
    copy.write_bytes(tflite.read_bytes())
    artifact = artifact_of(copy)
    assert artifact.name == "bare"
    assert artifact.recipe_name is None
    assert artifact.sha256 == artifact_of(tflite).sha256


def test_a_damaged_manifest_is_an_error_not_a_guess(tflite: Path, tmp_path: Path) -> None:
    copy = tmp_path / "m.tflite"
    copy.write_bytes(tflite.read_bytes())
    (tmp_path / "m.artifact.json").write_text('{"sha256": 3}')
    with pytest.raises(ModelError, match="not a manifest"):
        artifact_of(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"not a model at all", "is not a TFLite model"),
        (b"\0\0\0\0TFL3", "is damaged"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        inspect(file)
    with pytest.raises(ModelError, match="cannot be read"):
        inspect(tmp_path / "nowhere.tflite")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damage_is_told_or_harmless_and_never_hangs(
    tflite: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(tflite.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 5))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.tflite"
    file.write_bytes(content)
    try:
        inspect(file)
    except ModelError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_vectors_that_claim_more_than_the_file_holds_are_not_read(tmp_path: Path) -> None:
    """A vector of a hundred million subgraphs, all of them the same few bytes."""
    builder = flatbuffers.Builder(0)
    schema.SubGraphStart(builder)
    graph = schema.SubGraphEnd(builder)
    builder.StartVector(4, 3, 4)
    for _ in range(3):
        builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    sound = bytes(builder.Output())
    file = tmp_path / "m.tflite"
    file.write_bytes(sound)
    assert inspect(file).subgraphs == 3
    at = sound.index((3).to_bytes(4, "little"))
    file.write_bytes(sound[:at] + (10**8).to_bytes(4, "little") + sound[at + 4 :])
    with pytest.raises(ModelError, match="is damaged"):
        inspect(file)


def test_zeros_count_whether_stored_or_left_out(tmp_path: Path) -> None:
    """Sparse encoding stores the values that are not zero, and the tensor keeps its full shape."""

    def model(values: bytes, *, sparse: bool) -> bytes:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = (
            b"w",
            [2, 4],
            schema.TensorType.INT8,
            1,
        )
        tensor.sparsity = schema.SparsityParametersT() if sparse else None
        graph, buffer, whole = schema.SubGraphT(), schema.BufferT(), schema.ModelT()
        graph.tensors = [tensor]
        buffer.data = np.frombuffer(values, "uint8")
        whole.subgraphs, whole.buffers = [graph], [schema.BufferT(), buffer]
        builder = flatbuffers.Builder(0)
        builder.Finish(whole.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    file = tmp_path / "m.tflite"
    file.write_bytes(model(bytes([1, 2, 0, 0, 0, 0, 0, 0]), sparse=False))
    assert inspect(file).sparsity == 0.75
    file.write_bytes(model(bytes([1, 2]), sparse=True))
    assert inspect(file).sparsity == 0.75


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04" + b"0" * 20, "a ZIP archive, as .keras"),
        (b"\x89HDF\r\n\x1a\n" + b"0" * 20, "an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, kind: str) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=kind):
        inspect(file)
