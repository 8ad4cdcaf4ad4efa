from __future__ import annotations

import json
import pickle
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from optimizer.errors import ModelError
from optimizer.source import Format, identify, load
from optimizer.source_model import open_model


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


def test_keras_3_is_told_from_keras_2(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        archive.writestr("config.json", "{}")
    assert identify(file).format is Format.KERAS3


def test_a_tflite_is_a_source_too(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"\x1c\x00\x00\x00TFL3")
    assert identify(file).format is Format.TFLITE


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


def edited(original: Path, target: Path, change: Callable[[Any], None]) -> Path:
    """A copy of a .keras file whose configuration was changed."""
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config["config"]["layers"])
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return target


@pytest.mark.parametrize(
    "function",
    [
        {"module": "antigravity", "class_name": "function", "config": "geohash"},
        {"module": "antigravity", "class_name": "Thing", "config": {}},
    ],
)
def test_no_module_that_a_file_names_is_imported(
    models: Path, tmp_path: Path, function: dict[str, Any]
) -> None:
    """Keras imports the module beside a class name before it looks whether that is a class."""

    def change(layers: Any) -> None:
        layers[1]["config"]["activation"] = function

    file = edited(models / "small.keras", tmp_path / "evil.keras", change)
    with pytest.raises(ModelError, match="asks for antigravity"):
        load(identify(file))
    assert "antigravity" not in sys.modules


def test_code_inside_a_wrapper_of_a_cell_is_refused(models: Path, tmp_path: Path) -> None:
    def change(layers: Any) -> None:
        cell = {
            "class_name": "ResidualWrapper",
            "config": {"residual_fn_type": "lambda", "residual_fn": []},
        }
        layers[1]["config"]["cell"] = cell

    file = edited(models / "small.keras", tmp_path / "evil.keras", change)
    with pytest.raises(ModelError, match="code would be executed"):
        load(identify(file))


def test_keras_3_is_recognised_in_hdf5_too(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "three.h5"
    shutil.copy(models / "small.h5", file)
    with h5py.File(file, "a") as opened:
        opened.attrs["keras_version"] = b"3.8.0"
    with pytest.raises(ModelError, match=r"saved by Keras 3\.8\.0"):
        load(identify(file))


def test_what_was_saved_before_it_was_built_says_so(tf: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.keras.Sequential([tf.keras.layers.Dense(3)]).save(tmp_path / "early.keras")
    with pytest.raises(ModelError, match="before it was built"):
        open_model(identify(tmp_path / "early.keras"))


def test_a_damaged_saved_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"garbage")
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        open_model(identify(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_signature_without_a_shape_or_of_another_name(tf: Any, tmp_path: Path) -> None:
    class Double(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"y": x * 2}

    module = Double()
    for name in ("serving_default", "other"):
        tf.saved_model.save(module, str(tmp_path / name), signatures={name: module.__call__})
    with pytest.raises(ModelError, match="no fixed number of dimensions"):
        open_model(identify(tmp_path / "serving_default"))
    with pytest.raises(ModelError, match=r"no signature 'serving_default' \(it has: other\)"):
        open_model(identify(tmp_path / "other"))
