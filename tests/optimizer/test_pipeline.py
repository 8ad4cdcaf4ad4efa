from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.artifact import Artifact, read_manifest
from optimizer.errors import ConversionError, DataError, ModelError, OptimizerError
from optimizer.pipeline import build_artifacts
from optimizer.recipe import Recipe
from optimizer.recipe_file import builtin_recipes, load_recipe, parse_recipe
from optimizer.tflite_file import artifact_of, inspect


def build(
    models: Path, data: Path, output: Path, *names: str, **options: Any
) -> tuple[Artifact, ...]:
    given: dict[str, Any] = {
        "calibration": data / "calibration.npz",
        "evaluation": data / "evaluation.npz",
        **options,
    }
    source = given.pop("source", "small.keras")
    return build_artifacts(
        models / source, [load_recipe(name) for name in names], output=output, **given
    )


def one_class(data: Path, folder: Path, label: int = 2) -> Path:
    with np.load(data / "evaluation.npz") as arrays:
        np.savez(folder / "one.npz", image=arrays["image"], y=np.full(32, label))
    return folder / "one.npz"


def test_an_evaluation_on_a_single_class_is_told(models: Path, data: Path, tmp_path: Path) -> None:
    given = one_class(data, tmp_path)
    (built,) = build(models, data, tmp_path / "out", "float16", evaluation=given)
    assert built.fidelity is not None
    assert built.fidelity.top1_agreement is not None
    assert "one.npz: the 32 samples are of class 2, so an accuracy on them" in built.warnings[0]
    (other,) = build(models, data, tmp_path / "out", "float16")
    assert not other.warnings


def test_a_single_class_to_train_on_is_refused_before_anything_is_built(
    models: Path, data: Path, tmp_path: Path
) -> None:
    given = one_class(data, tmp_path)
    with pytest.raises(DataError, match="every label is 2; a single class teaches nothing"):
        build(models, data, tmp_path / "out", "float32", "prune80", training=given)
    assert not (tmp_path / "out").exists()


def test_the_command_warns_of_a_single_class_first(
    models: Path, data: Path, tmp_path: Path
) -> None:
    done = CliRunner().invoke(
        command_line(),
        [
            *(
                "optimize",
                str(models / "small.keras"),
                "-r",
                "float16",
                "-o",
                str(tmp_path / "out"),
            ),
            *("--evaluation", str(one_class(data, tmp_path))),
        ],
    )
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("warning: one.npz: the 32 samples are of class 2")


def test_a_folder_that_may_not_be_written_is_told_first(
    models: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)  # root may write anywhere
    steps: list[str] = []
    with pytest.raises(OptimizerError, match=f"you may not write into {tmp_path}"):
        build(models, data, tmp_path / "out" / "deep", "float32", step=steps.append)
    assert not steps


def test_labels_that_no_output_has_classes_for_are_told_to_be_unused(
    tf: Any, data: Path, tmp_path: Path
) -> None:
    masks = tf.keras.Sequential([tf.keras.layers.Input((8, 8, 3)), tf.keras.layers.Conv2D(2, 3)])
    masks.save(tmp_path / "small.keras")
    (built,) = build(tmp_path, data, tmp_path / "out", "float16")
    assert built.warnings == (
        "evaluation.npz: its labels are not used, for the first output is no scores of classes.",
    )


def test_every_builtin_recipe_builds_what_it_says(models: Path, data: Path, tmp_path: Path) -> None:
    names = [name for name, recipe in builtin_recipes().items() if not recipe.trains]
    built = {item.recipe_name: item for item in build(models, data, tmp_path, *names)}
    assert {path.name for path in tmp_path.glob("*.tflite")} == {
        f"small.{name}.tflite" for name in names
    }
    seen = {name: inspect(item.path) for name, item in built.items() if name}
    assert set(seen["float32"].weights_bytes) <= {"float32", "int32"}
    assert seen["float16"].weights_bytes["float16"] > 0
    assert seen["int8"].weights_bytes["int8"] > 0
    assert seen["int8"].inputs[0].dtype == "float32"  # what the Task Library can load
    assert "QUANTIZE" in seen["int8"].operators
    for artifact in built.values():
        assert read_manifest(artifact.path) == artifact
        assert artifact.fidelity is not None
        assert artifact.fidelity.samples == 32
        assert artifact.fidelity.cosine > 0.99
        assert artifact.fidelity.accuracy is not None
        assert artifact.warnings == () or "samples, the recipe asks for" in artifact.warnings[0]
    float32 = built["float32"].fidelity
    assert float32 is not None
    assert float32.top1_agreement == 1.0
    assert float32.max_abs_error < 1e-5
    assert built["int8"].calibration is not None
    assert "64 of 64 samples, seed 0" in built["int8"].calibration


@pytest.mark.parametrize("source", ["small.h5", "saved"])
def test_every_kind_of_source_gives_the_same_model(
    models: Path, data: Path, tmp_path: Path, source: str
) -> None:
    (artifact,) = build(models, data, tmp_path, "int8", source=source)
    assert artifact.fidelity is not None
    assert artifact.fidelity.cosine > 0.99
    assert artifact.source == source


def test_same_inputs_no_work_even_in_another_folder(
    models: Path, data: Path, tmp_path: Path
) -> None:
    (first,) = build(models, data, tmp_path / "a", "float16")
    stamp = first.path.stat().st_mtime_ns
    code = (
        "import sys; from pathlib import Path\n"
        "from optimizer.pipeline import build_artifacts\n"
        "from optimizer.recipe_file import load_recipe\n"
        "for folder in sys.argv[3:]:\n"
        "    build_artifacts(Path(sys.argv[1]) / 'small.keras', [load_recipe('float16')],\n"
        "        output=Path(folder), calibration=Path(sys.argv[2]) / 'calibration.npz',\n"
        "        evaluation=Path(sys.argv[2]) / 'evaluation.npz')\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    subprocess.run([sys.executable, "-c", code, str(models), str(data), *folders], check=True)
    assert first.path.stat().st_mtime_ns == stamp
    copy = tmp_path / "b" / "small.float16.tflite"
    assert copy.read_bytes() == first.path.read_bytes()
    assert read_manifest(copy) == replace(first, path=copy)


def test_other_data_or_recipe_is_other_work(models: Path, data: Path, tmp_path: Path) -> None:
    (first,) = build(models, data, tmp_path, "int8")
    (second,) = build(models, data, tmp_path, "int8", evaluation=None)
    assert first.build_key != second.build_key
    assert second.fidelity is not None
    assert second.fidelity.samples == 64  # measured on the calibration data instead
    assert second.fidelity.accuracy is None


def test_a_foreign_file_in_the_way_is_kept(models: Path, data: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "small.float32.tflite"
    foreign.write_bytes(b"precious")
    with pytest.raises(ModelError, match="not made by this tool"):
        build(models, data, tmp_path, "float32")
    assert foreign.read_bytes() == b"precious"
    build(models, data, tmp_path, "float32", overwrite=True)
    assert artifact_of(foreign).recipe_name == "float32"


def test_an_own_file_changed_since_is_not_replaced_silently(
    models: Path, data: Path, tmp_path: Path
) -> None:
    (artifact,) = build(models, data, tmp_path, "float32")
    artifact.path.write_bytes(artifact.path.read_bytes() + b"edited")
    with pytest.raises(ModelError, match="changed since"):
        build(models, data, tmp_path, "float32")
    assert artifact_of(artifact.path).recipe_name is None


def test_missing_calibration_is_told_before_tensorflow_is_loaded(
    models: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="needs calibration data") as caught:
        build_artifacts(models / "small.keras", [load_recipe("int8")], output=tmp_path)
    assert "--calibration" in (caught.value.hint or "")
    assert list(tmp_path.glob("*.tflite")) == []


def test_a_recipe_named_twice_is_refused(models: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptimizerError, match="named twice"):
        build(models, data, tmp_path, "float32", "float32")


def test_an_operator_that_tflite_lacks_is_named(tf: Any, data: Path, tmp_path: Path) -> None:
    class Odd(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"y": tf.raw_ops.Betainc(a=x, b=x, x=x)}

    module = Odd()
    tf.saved_model.save(
        module, str(tmp_path / "odd"), signatures={"serving_default": module.__call__}
    )
    with pytest.raises(ConversionError, match="Betainc") as caught:
        build_artifacts(tmp_path / "odd", [load_recipe("float32")], output=tmp_path / "out")
    assert "\n" not in str(caught.value)
    log = Path((caught.value.hint or "").rpartition("converter said: ")[2])
    assert "Betainc" in log.read_text()
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_an_interrupted_build_leaves_nothing(
    models: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("optimizer.fidelity.measure_fidelity", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(models, data, tmp_path / "out", "float32")
    assert not (tmp_path / "out").exists()


def test_collapsed_models_say_so(models: Path, data: Path, tmp_path: Path) -> None:
    """Calibrated on images a thousand times too bright, int8 has no steps left for real ones."""
    bright = tmp_path / "bright.npz"
    np.savez(bright, image=np.load(data / "calibration.npz")["image"] * 1e6)
    (artifact,) = build(models, data, tmp_path, "int8", calibration=bright)
    assert any("Collapsed" in warning for warning in artifact.warnings)


def test_a_recipe_of_ones_own(models: Path, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(
        '[quantization]\nscheme = "int8"\nio_dtype = "int8"\n[calibration]\nsamples = 16\n'
    )
    recipe: Recipe = load_recipe(str(file))
    (artifact,) = build_artifacts(
        models / "small.keras", [recipe], output=tmp_path, calibration=data / "calibration.npz"
    )
    assert artifact.inputs[0].dtype == "int8"
    assert artifact.inputs[0].scale is not None
    assert artifact.fidelity is not None
    assert artifact.fidelity.cosine > 0.99


def test_a_file_from_the_cache_gets_the_names_of_now(
    models: Path, data: Path, tmp_path: Path
) -> None:
    (first,) = build(models, data, tmp_path / "a", "float16")
    same = parse_recipe('[quantization]\nscheme = "float16"', where="x", default_name="half")
    renamed = tmp_path / "renamed.keras"
    renamed.write_bytes((models / "small.keras").read_bytes())
    (second,) = build_artifacts(
        renamed,
        [same],
        output=tmp_path / "b",
        calibration=data / "calibration.npz",
        evaluation=data / "evaluation.npz",
    )
    assert second.sha256 == first.sha256
    assert (second.name, second.recipe_name, second.source) == (
        "renamed.half",
        "half",
        "renamed.keras",
    )
    assert read_manifest(second.path) == second


def test_the_same_build_gives_the_same_bytes(
    models: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = build(models, data, tmp_path / "a", "int8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another-cache"))
    (second,) = build(models, data, tmp_path / "b", "int8")
    assert first.sha256 == second.sha256


def test_an_output_that_cannot_be_written(models: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OptimizerError, match="is a file, and .* should be a folder"):
        build(models, data, tmp_path / "file" / "deeper", "float32")


def test_a_full_disk_leaves_the_old_artifact(
    models: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = build(models, data, tmp_path, "float32")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OptimizerError, match="No space left"):
            build(models, data, tmp_path, "float32", evaluation=None)
    assert sorted(path.name for path in tmp_path.glob("*small*")) == [
        "small.float32.artifact.json",
        "small.float32.tflite",
    ]
    assert read_manifest(first.path) == first


def test_labels_that_are_no_classes_of_the_model(models: Path, data: Path, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.npz"
    images = np.load(data / "calibration.npz")["image"]
    np.savez(labelled, image=images, y=np.arange(64))
    with pytest.raises(DataError, match="labels go from 0 to 63, the model has classes 0 to 3"):
        build(models, data, tmp_path / "out", "float32", evaluation=labelled)


def test_dense_layers_stay_loadable_by_the_task_library(tf: Any, tmp_path: Path) -> None:
    """By default FULLY_CONNECTED keeps the version that tflite-support 0.4.4 knows (below 12)."""
    layers = tf.keras.layers
    dense = tf.keras.Sequential([layers.Input((128,), name="x"), layers.Dense(64)])
    dense.save(tmp_path / "dense.keras")
    plain, per_channel = tmp_path / "plain.toml", tmp_path / "channel.toml"
    plain.write_text('[quantization]\nscheme = "dynamic-range"\n')
    per_channel.write_text('[quantization]\nscheme = "dynamic-range"\nper_channel_dense = true\n')
    versions = []
    for recipe in (plain, per_channel):
        (artifact,) = build_artifacts(
            tmp_path / "dense.keras", [load_recipe(str(recipe))], output=tmp_path / "out"
        )
        versions.append(inspect(artifact.path).operator_versions["FULLY_CONNECTED"])
    assert versions[0] < 12 <= versions[1]
