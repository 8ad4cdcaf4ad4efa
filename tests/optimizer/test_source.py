from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ModelError
from optimizer.source import Format, identify, load


@pytest.mark.parametrize(
    ("name", "expected"),
    [("small.keras", Format.KERAS), ("small.h5", Format.HDF5), ("saved", Format.SAVED_MODEL)],
)
def test_models_are_recognised_by_content_and_load(
    models: Path, name: str, expected: Format
) -> None:
    source = identify(models / name)
    assert source.format is expected
    assert source.name in {"small", "saved"}
    assert load(source) is not None


def test_the_ending_says_nothing_and_the_fingerprint_is_of_the_content(
    models: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "model.bin"
    shutil.copy(models / "small.h5", renamed)
    assert identify(renamed).format is Format.HDF5
    assert identify(renamed).sha256 == identify(models / "small.h5").sha256
    moved = tmp_path / "moved"
    shutil.copytree(models / "saved", moved)
    assert identify(moved).sha256 == identify(models / "saved").sha256
    (moved / "assets").mkdir(exist_ok=True)
    (moved / "assets" / "extra").write_text("x")
    assert identify(moved).sha256 != identify(models / "saved").sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n0000", "seems to be a PNG image"),
        (pickle.dumps([1]), "seems to be a pickle"),
        (b"\x08\x07\x12\x07pytorch:", "seems to be an ONNX"),
        (b"\x1c\x00\x00\x00TFL3", "is a .tflite already"),
        (b"hello, this is text", "is not a Keras model."),
        (b"PK\x03\x04" + b"\0" * 40, "cut short or damaged"),
    ],
)
def test_foreign_files_are_named_for_what_they_seem(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        identify(file)
    assert str(file) in str(caught.value)
    assert caught.value.hint


def test_missing_files_and_plain_folders(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        identify(tmp_path / "nowhere.keras")
    with pytest.raises(ModelError, match=r"without a saved_model\.pb"):
        identify(tmp_path)


def test_archives_of_other_tools(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(ModelError, match="PyTorch"):
        identify(file)


def test_keras_3_is_refused_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        archive.writestr("config.json", "{}")
    with pytest.raises(ModelError, match=r"saved by Keras 3\.8\.0") as caught:
        identify(file)
    assert "model.export" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
def test_truncated_files_are_one_sentence(models: Path, tmp_path: Path, name: str) -> None:
    whole = (models / name).read_bytes()
    file = tmp_path / name
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError) as caught:
        load(identify(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_custom_layer_is_named(tf: Any, tmp_path: Path) -> None:
    class Doubler(tf.keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    model = tf.keras.Sequential([tf.keras.layers.Input((4,)), Doubler()])
    for name in ("custom.keras", "custom.h5"):
        model.save(tmp_path / name)
        with pytest.raises(ModelError, match="custom layer, Doubler"):
            load(identify(tmp_path / name))


def test_a_lambda_is_not_executed(tf: Any, tmp_path: Path) -> None:
    model = tf.keras.Sequential(
        [tf.keras.layers.Input((4,)), tf.keras.layers.Lambda(lambda x: x * 2)]
    )
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="Lambda layer"):
        load(identify(tmp_path / "lambda.keras"))


def test_a_lambda_in_hdf5_is_not_executed_either(
    tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras 2 checks only its own format; of an .h5 it would run the bytecode."""
    marker = tmp_path / "executed"

    def code(x: Any) -> Any:
        import os
        import pathlib

        if "TEST_MARKER" in os.environ:
            pathlib.Path(os.environ["TEST_MARKER"]).touch()
        return x

    model = tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Lambda(code)])
    model.save(tmp_path / "lambda.h5")
    monkeypatch.setenv("TEST_MARKER", str(marker))
    with pytest.raises(ModelError, match="Lambda layer"):
        load(identify(tmp_path / "lambda.h5"))
    assert not marker.exists()


def test_weights_alone_are_no_model(tf: Any, models: Path, tmp_path: Path) -> None:
    model = tf.keras.models.load_model(models / "small.keras")
    model.save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(ModelError, match="weights without an architecture"):
        load(identify(tmp_path / "only.weights.h5"))
