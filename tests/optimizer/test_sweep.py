"""Many recipes at once: the front, what it costs to do it again, and the recommendation on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from android_bench import schema
from android_bench.cli.app import command_line
from optimizer.errors import ModelError, OptimizerError
from optimizer.host_cost import measure_on_host
from optimizer.recipe_file import load_recipe, parse_recipe
from optimizer.sweep import AFTER_TRAINING, find_sweep, read_sweep, recipes_for, sweep
from tests import examples

NAMES = ("float32", "float16", "dynamic-range", "weight-only", "int4", "int8")


def tool(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def recipes() -> list[Any]:
    return [load_recipe(name) for name in NAMES]


@pytest.fixture
def swept(models: Path, data: Path, tmp_path: Path) -> Path:
    """The folder of a sweep of the small model."""
    sweep(
        models / "small.keras",
        recipes(),
        output=tmp_path / "out",
        calibration=data / "calibration.npz",
        evaluation=data / "evaluation.npz",
        host_rounds=1,
    )
    return tmp_path / "out"


def test_a_sweep_is_stored_and_read_again(swept: Path) -> None:
    found = read_sweep(find_sweep(swept))
    assert [variant.artifact.recipe_name for variant in found.variants] == list(NAMES)
    assert found.front
    assert set(found.front) <= {variant.artifact.name for variant in found.variants}
    for variant in found.variants:
        assert variant.cost is not None
        assert variant.cost.latency_us > 0
        assert variant.candidate.accuracy is not None
        assert variant.candidate.latency_source == "this computer, one thread"
    smallest = min(found.variants, key=lambda variant: variant.artifact.size_bytes)
    assert smallest.artifact.name in found.front


def test_a_second_sweep_converts_and_measures_nothing(
    swept: Path, models: Path, data: Path
) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from optimizer.recipe_file import load_recipe\nfrom optimizer.sweep import sweep\n"
        "steps = []\n"
        f"sweep(Path(sys.argv[1]) / 'small.keras', [load_recipe(n) for n in {NAMES!r}],\n"
        "    output=Path(sys.argv[3]), calibration=Path(sys.argv[2]) / 'calibration.npz',\n"
        "    evaluation=Path(sys.argv[2]) / 'evaluation.npz', host_rounds=1, step=steps.append)\n"
        "assert all(step.endswith('up to date') for step in steps), steps\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(models), str(data), str(swept)], check=True, timeout=120
    )


def test_a_recipe_that_does_not_fit_is_told_and_the_others_go_on(
    models: Path, data: Path, tmp_path: Path
) -> None:
    odd = parse_recipe(
        "[pruning]\npolicy = 'xnnpack'\nepochs = 1\n", where="odd", default_name="odd"
    )
    found = sweep(
        models / "small.keras",
        [odd, load_recipe("float32")],
        output=tmp_path,
        training=data / "evaluation.npz",
        host_rounds=0,
    )
    assert [variant.artifact.recipe_name for variant in found.variants] == ["float32"]
    ((name, why),) = found.failed
    assert name == "odd"
    assert "XNNPACK" in why
    with pytest.raises(OptimizerError, match="No recipe could be built"):
        sweep(models / "small.keras", [odd], output=tmp_path, training=data / "evaluation.npz")


def test_all_that_apply(models: Path, tmp_path: Path) -> None:
    every = recipes_for(models / "small.keras", training=True, calibration=True)
    assert {"qat", "channels50+int8", "prune80+cluster16+qat"} <= {recipe.name for recipe in every}
    plain = recipes_for(models / "small.keras", training=False, calibration=True)
    assert [recipe.name for recipe in plain] == list(AFTER_TRAINING)
    bare = recipes_for(models / "small.keras", training=False, calibration=False)
    assert all(recipe.calibration is None for recipe in bare)
    tflite = tmp_path / "m.tflite"
    tflite.write_bytes(b"\x1c\0\0\0TFL3")
    found = recipes_for(tflite, training=True, calibration=True)
    assert "float16" not in {recipe.name for recipe in found}


def test_a_changed_artifact_is_not_believed(swept: Path) -> None:
    (swept / "small.int8.tflite").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"small\.int8\.tflite is gone or was changed"):
        read_sweep(find_sweep(swept))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"variants": [{}]}', b"{"])
def test_a_damaged_sweep_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.sweep.json").write_bytes(content)
    with pytest.raises(ModelError, match="no sweep that can be read"):
        read_sweep(find_sweep(tmp_path))


def test_no_sweep_and_several_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no sweep"):
        find_sweep(tmp_path)
    for name in "ab":
        (tmp_path / f"{name}.sweep.json").write_text("{}")
    with pytest.raises(ModelError, match=r"a\.sweep\.json, b\.sweep\.json"):
        find_sweep(tmp_path)


def test_a_model_that_does_not_run_here_is_told(tmp_path: Path) -> None:
    file = tmp_path / "broken.tflite"
    file.write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 40)
    with pytest.raises(OptimizerError, match="could not be measured"):
        measure_on_host([file], rounds=1)


def test_the_commands(models: Path, data: Path, tmp_path: Path) -> None:
    done = tool(
        "sweep", models / "small.keras", "--calibration", data / "calibration.npz",
        "--evaluation", data / "evaluation.npz", "-o", tmp_path, "-r", "float32,int8", "--host-rounds", "1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "● small." in done.stdout
    chosen = tool("recommend", tmp_path, "--max-size", "1MB", "--json")
    assert chosen.exit_code == 0
    answer = json.loads(chosen.stdout)
    assert answer["choice"]["latency_source"] == "this computer, one thread"
    assert len(answer["others"]) == 1
    none = tool("recommend", tmp_path, "--max-size", "1B")
    assert none.exit_code == 1
    assert "nothing to ship" in none.stdout
    assert "1 B" in none.stdout or "0.001 kB" in none.stdout


def test_a_device_goes_before_this_computer(swept: Path, tmp_path: Path) -> None:
    stored = read_sweep(find_sweep(swept))
    results = tmp_path / "results"
    for variant, mean in zip(stored.variants[-2:], (2000.0, 900.0), strict=True):
        run = examples.run([mean, mean + 1, mean + 2, mean + 3, mean + 4, mean + 5])
        run = replace(run, run_id=variant.artifact.name, artifact=variant.artifact)
        target = results / run.run_id
        target.mkdir(parents=True)
        (target / "run.json").write_text(schema.dumps(run))
    done = tool("recommend", swept, "--results", results, "--max-latency", "1ms", "--json")
    answer = json.loads(done.stdout)
    assert answer["choice"]["name"] == "small.int8"
    assert answer["choice"]["latency_source"] not in {None, "this computer, one thread"}
    reasons = {item["name"]: item["why"] for item in answer["others"]}
    assert "2 ms, 1 ms are allowed" in reasons["small.int4"]
    assert "latency is not known" in reasons["small.float32"]


def test_layer_by_layer_on_the_command_line(models: Path, data: Path, tmp_path: Path) -> None:
    plot = tmp_path / "errors.svg"
    done = tool(
        "debug-quantization", models / "small.keras", "-r", "int8", "--data", data / "calibration.npz",
        "--plot", plot, "--samples", "4",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "CONV_2D" in done.stdout
    assert plot.read_text().startswith("<svg")
    neither = tool("debug-quantization", models / "small.keras", "--data", data / "calibration.npz")
    assert neither.exit_code == 2
    floating = tool(
        "debug-quantization",
        models / "small.keras",
        "-r",
        "float16",
        "--data",
        data / "calibration.npz",
    )
    assert floating.exit_code == 1


def test_data_flags(models: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype("uint8")
    np.savez(tmp_path / "bytes.npz", image=images)
    done = tool(
        "optimize",
        models / "small.keras",
        "-r",
        "int8",
        "--calibration",
        tmp_path / "bytes.npz",
        "-o",
        tmp_path,
    )
    assert done.exit_code == 1
    assert "--std 255" in done.output
    scaled = tool(
        "optimize", models / "small.keras", "-r", "int8", "--calibration", tmp_path / "bytes.npz",
        "-o", tmp_path, "--mean", "0", "--std", "255",
    )  # fmt: skip
    assert scaled.exit_code == 0, scaled.output
    for flags in (["--std", "0"], ["--mean", "a"], ["--image-shape", "3,4"]):
        refused = tool(
            "optimize",
            models / "small.keras",
            "-r",
            "int8",
            "--data",
            tmp_path / "bytes.npz",
            *flags,
        )
        assert refused.exit_code in {1, 2}
        assert "Traceback" not in refused.output
