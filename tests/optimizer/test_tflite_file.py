from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import ModelError
from optimizer.pipeline import build_artifacts
from optimizer.recipe import load_recipe
from optimizer.tflite_file import artifact_of, inspect


@pytest.fixture(scope="module")
def tflite(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tflite")
    (artifact,) = build_artifacts(models / "small.keras", [load_recipe("float32")], output=folder)
    return artifact.path


def test_what_a_file_holds(tflite: Path) -> None:
    found = inspect(tflite)
    assert found.size_bytes == tflite.stat().st_size > found.gzip_bytes
    assert [item.shape for item in found.inputs] == [(-1, 8, 8, 3)]
    assert [item.shape for item in found.outputs] == [(-1, 4)]
    assert found.operators["CONV_2D"] == 1
    assert found.signatures == ("serving_default",)
    assert found.sparsity is not None
    assert found.sparsity < 0.1
    assert not found.has_metadata
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
    start = time.process_time()
    try:
        inspect(file)
    except ModelError as error:
        assert "\n" not in str(error)
    assert time.process_time() - start < 20  # a bound on work, not a speed
