"""Recipes that train, through the pipeline: what the final file still has, what is shared, what is refused."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer import stage_store
from optimizer.artifact import Artifact, StageRecord
from optimizer.errors import DataError, OptimizerError, TrainingError
from optimizer.pipeline import build_artifacts
from optimizer.recipe import Recipe
from optimizer.recipe_file import load_recipe, parse_recipe
from optimizer.stage_keys import units
from optimizer.structure import Kernel, kernels_of, undone
from tests.optimizer.training_examples import digits, small_model, trained

QUICK = "[fine_tune]\nepochs = 2\nbatch_size = 50\nlearning_rate = 2e-3\n"


def quick(text: str, name: str) -> Recipe:
    return parse_recipe(text + QUICK, where=name, default_name=name)


PRUNED = "[pruning]\nsparsity = 0.6\n"
CLUSTERED = "[clustering]\nclusters = 8\n"
CHANNELS = "[channel_pruning]\ntarget = 0.4\n"
QAT = "[qat]\n"
INT8 = '[quantization]\nscheme = "int8"\n'


@pytest.fixture(scope="module")
def folder(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits.keras with train.npz and test.npz."""
    folder = tmp_path_factory.mktemp("digits")
    data = digits(700)
    trained(tf, data).save(folder / "digits.keras")
    assert data.labels is not None
    images = data.inputs["image"]
    np.savez(folder / "train.npz", image=images[:600], y=data.labels[:600])
    np.savez(folder / "test.npz", image=images[600:], y=data.labels[600:])
    return folder


def build(folder: Path, output: Path, *recipes: Recipe, **options: Any) -> tuple[Artifact, ...]:
    given: dict[str, Any] = {
        "training": folder / "train.npz",
        "evaluation": folder / "test.npz",
        **options,
    }
    return build_artifacts(
        folder / given.pop("source", "digits.keras"), recipes, output=output, **given
    )


@pytest.mark.parametrize(
    ("text", "sparsity", "clustered"),
    [
        (PRUNED + INT8, 0.55, 0),
        (CLUSTERED + INT8, 0.0, 3),
        (PRUNED + QAT + INT8, 0.55, 0),
        (CLUSTERED + QAT + INT8, 0.0, 3),
        (PRUNED + CLUSTERED + QAT + INT8, 0.55, 3),
        (CHANNELS + PRUNED + CLUSTERED + QAT + INT8, 0.5, 3),
        (PRUNED + "sparse_encoding = true\n", 0.55, 0),
    ],
    ids=["prune", "cluster", "PQAT", "CQAT", "PCQAT", "everything", "sparse"],
)
def test_what_training_made_is_still_in_the_file(
    folder: Path, tmp_path: Path, text: str, sparsity: float, clustered: int
) -> None:
    name = "made"
    (artifact,) = build(folder, tmp_path, quick(text, name))
    kernels = kernels_of(artifact.path.read_bytes())
    assert sum(kernel.distinct <= 8 for kernel in kernels) >= clustered
    assert (artifact.sparsity or 0) >= sparsity
    assert not [told for told in artifact.warnings if told.startswith("Lost")]
    assert artifact.fidelity is not None
    assert artifact.fidelity.accuracy is not None
    assert artifact.fidelity.accuracy > 0.3
    assert artifact.training is not None
    assert "train.npz" in artifact.training
    assert [record.technique for record in artifact.stages] == list(quick(text, name).stages)
    assert all(record.epochs >= 1 and record.score is not None for record in artifact.stages)


def test_sparse_encoding_makes_the_file_smaller(folder: Path, tmp_path: Path) -> None:
    dense, sparse = build(
        folder,
        tmp_path,
        quick("[pruning]\nsparsity = 0.9\n", "dense"),
        quick("[pruning]\nsparsity = 0.9\nsparse_encoding = true\n", "sparse"),
    )
    assert sparse.size_bytes < dense.size_bytes


def test_removed_channels_make_a_smaller_file(folder: Path, tmp_path: Path) -> None:
    (artifact,) = build(
        folder, tmp_path, quick("[channel_pruning]\ntarget = 0.6\nrounds = 2\n" + INT8, "narrow")
    )
    (plain,) = build(folder, tmp_path, load_recipe("int8"))
    assert artifact.size_bytes < plain.size_bytes
    assert [record.technique for record in artifact.stages] == ["channel_pruning"] * 2
    assert any("Multiply-adds from" in told for told in artifact.warnings)


def test_a_student_learns_from_its_source(folder: Path, tmp_path: Path) -> None:
    text = '[distillation]\nwidth = 0.5\nfeatures = [["first_relu", "first_relu"]]\nepochs = 6\n'
    (artifact,) = build(folder, tmp_path, quick(text + INT8, "student"))
    assert artifact.fidelity is not None
    assert artifact.fidelity.accuracy is not None
    assert artifact.fidelity.accuracy > 0.6
    assert artifact.stages[0].technique == "distillation"


def test_several_teachers_and_a_student_that_is_given(
    tf: Any, folder: Path, tmp_path: Path
) -> None:
    small_model(tf, seed=4).save(tmp_path / "student.keras")
    trained(tf, digits(600), seed=5).save(tmp_path / "teacher.keras")
    (tmp_path / "r.toml").write_text(
        f'[distillation]\nteachers = ["teacher.keras", "{folder}/digits.keras"]\n'
        'student = "student.keras"\nepochs = 6\n' + QAT + INT8 + QUICK
    )
    recipe = load_recipe(str(tmp_path / "r.toml"))
    assert {path.name for path in recipe.files} == {
        "teacher.keras",
        "digits.keras",
        "student.keras",
    }
    (artifact,) = build(folder, tmp_path / "out", recipe)
    assert artifact.fidelity is not None
    assert artifact.fidelity.accuracy is not None
    assert artifact.fidelity.accuracy > 0.6


@pytest.mark.parametrize(("classes", "size"), [(4, 8), (10, 9)], ids=["classes", "image"])
def test_a_teacher_that_does_not_fit_is_refused(
    tf: Any, folder: Path, tmp_path: Path, classes: int, size: int
) -> None:
    layers = tf.keras.layers
    odd = tf.keras.Sequential(
        [layers.Input((size, size, 1)), layers.Flatten(), layers.Dense(classes)]
    )
    odd.save(tmp_path / "odd.keras")
    recipe = quick(f'[distillation]\nteachers = ["{tmp_path}/odd.keras"]\n', "taught")
    with pytest.raises(TrainingError, match="the teacher .*odd.keras has inputs and outputs"):
        build(folder, tmp_path / "out", recipe)


def test_rounds_end_at_the_target_and_not_beyond(folder: Path, tmp_path: Path) -> None:
    (artifact,) = build(
        folder,
        tmp_path,
        quick("[channel_pruning]\ntarget = 0.5\nrounds = 3\ndivisor = 1\n", "narrow"),
    )
    sums = [record.multiply_adds for record in artifact.stages]
    assert sums[0] is not None
    assert sums[-1] is not None
    assert 0.45 <= sums[-1][1] / sums[0][0] <= 0.5


def test_without_labels_the_source_is_followed(folder: Path, tmp_path: Path) -> None:
    with np.load(folder / "train.npz") as data:
        np.savez(tmp_path / "unlabelled.npz", image=data["image"])
    (artifact,) = build(
        folder, tmp_path / "out", quick(PRUNED, "pruned"), training=tmp_path / "unlabelled.npz"
    )
    assert artifact.fidelity is not None
    assert artifact.fidelity.top1_agreement is not None
    assert artifact.fidelity.top1_agreement > 0.5


def test_a_soup_is_a_recipe(tf: Any, folder: Path, tmp_path: Path) -> None:
    trained(tf, digits(600), epochs=1).save(tmp_path / "early.keras")
    recipe = quick(
        f'[averaging]\ncheckpoints = ["{tmp_path}/early.keras"]\nmethod = "greedy"\n', "soup"
    )
    (artifact,) = build(folder, tmp_path / "out", recipe)
    assert any(told.startswith("The mean of") for told in artifact.warnings)


def test_a_stage_is_trained_once_and_serves_every_recipe_built_on_it(
    folder: Path, tmp_path: Path
) -> None:
    steps: list[str] = []
    recipes = [
        quick(PRUNED, "float"),
        quick(PRUNED + INT8, "int8"),
        quick(PRUNED + QAT + INT8, "pqat"),
    ]
    build(folder, tmp_path / "a", *recipes, step=steps.append)
    assert sum(": prune: epoch 1 of" in told for told in steps) == 1
    again: list[str] = []
    build(folder, tmp_path / "b", *recipes, step=again.append)
    assert again == ["float: up to date", "int8: up to date", "pqat: up to date"]
    more: list[str] = []
    build(folder, tmp_path / "c", quick(PRUNED + CLUSTERED, "more"), step=more.append)
    assert "prune: kept from before" in more
    assert not any("prune: epoch" in told for told in more)


def test_a_stage_trained_for_int8_is_kept_too(folder: Path, tmp_path: Path) -> None:
    first, second = (
        quick(QAT + INT8, "one"),
        quick(QAT + INT8.replace('"int8"', '"int8"\nio_dtype = "int8"'), "two"),
    )
    build(folder, tmp_path / "a", first)
    steps: list[str] = []
    (artifact,) = build(folder, tmp_path / "a", second, step=steps.append)
    assert "train for int8: kept from before" in steps
    assert artifact.inputs[0].dtype == "int8"
    assert artifact.fidelity is not None
    assert artifact.fidelity.accuracy is not None
    assert artifact.fidelity.accuracy > 0.7


def test_keys_are_equal_as_far_as_recipes_begin_alike() -> None:
    one = units(quick(PRUNED + INT8, "a"), source="s", data="d")
    other = units(quick(PRUNED + CLUSTERED, "b"), source="s", data="d")
    assert one[0].key == other[0].key
    assert units(quick(PRUNED, "c"), source="s", data="other")[0].key != one[0].key
    assert (
        units(quick("[pruning]\nsparsity = 0.7\n", "c"), source="s", data="d")[0].key != one[0].key
    )


def test_two_that_want_the_same_stage_do_not_train_it_at_once(own_cache: Path) -> None:
    inside = []

    def work() -> None:
        with stage_store.locked("k"):
            inside.append(1)
            assert len(inside) == 1
            threading.Event().wait(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not inside


def test_waiting_for_another_process_is_said_and_ends_when_it_dies(
    folder: Path, tmp_path: Path
) -> None:
    recipe = quick(PRUNED, "pruned")
    holds = (
        "import sys, time\n"
        "from optimizer import stage_store\n"
        "with stage_store.locked(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    steps: list[str] = []
    plain = stage_store.locked

    def hold(key: str, waiting: Callable[[], None]) -> Any:
        process = subprocess.Popen(
            [sys.executable, "-c", holds, key], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"

        def told() -> None:
            waiting()
            process.kill()
            process.communicate()

        return plain(key, told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_store, "locked", hold)
        build(folder, tmp_path, recipe, step=steps.append)
    wait = steps.index("prune: wait for another process that trains it")
    assert wait < next(index for index, told in enumerate(steps) if ": prune: epoch 1 of" in told)


def test_what_a_killed_process_left_is_cleared_away(own_cache: Path) -> None:
    store = stage_store.stages_folder()
    for name in (".stage-old", ".stage-new"):
        (store / name).mkdir(parents=True)
    os.utime(store / ".stage-old", (0, 0))
    stage_store.keep("k", StageRecord(technique="pruning"), lambda _: None)
    assert not (store / ".stage-old").exists()
    assert (store / ".stage-new").exists()


@pytest.mark.parametrize(
    "text",
    [
        PRUNED + CLUSTERED + "layers = { hidden = 0 }\n",
        PRUNED + QAT + 'skip = ["hidden"]\n' + INT8,
    ],
    ids=["cluster", "qat"],
)
def test_zeros_stay_in_layers_that_a_later_stage_leaves_alone(
    folder: Path, tmp_path: Path, text: str
) -> None:
    (artifact,) = build(folder, tmp_path, quick(text, "sparse"))
    assert (artifact.sparsity or 0) >= 0.55
    assert not [told for told in artifact.warnings if told.startswith("Lost sparsity")]


def test_a_teacher_with_its_inputs_in_another_order_is_refused(tf: Any, tmp_path: Path) -> None:
    layers = tf.keras.layers
    left, right = layers.Input((4,), name="left"), layers.Input((4,), name="right")
    scores = layers.Dense(3, activation="softmax")(layers.Concatenate()([left, right]))
    tf.keras.Model([left, right], scores).save(tmp_path / "source.keras")
    tf.keras.Model([right, left], scores).save(tmp_path / "teacher.keras")
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "train.npz",
        left=random.random((60, 4), dtype="float32"),
        right=random.random((60, 4), dtype="float32"),
        y=np.arange(60) % 3,
    )
    recipe = quick(f'[distillation]\nteachers = ["{tmp_path}/teacher.keras"]\n', "taught")
    with pytest.raises(TrainingError, match="right, left in another order"):
        build(tmp_path, tmp_path / "out", recipe, source="source.keras", evaluation=None)


def test_a_full_disk_costs_the_cache_and_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stage_store.Path, "rename", full)
    (artifact,) = build(folder, tmp_path, quick(PRUNED, "pruned"))
    assert artifact.path.is_file()
    left = [path for path in stage_store.stages_folder().iterdir() if path.is_dir()]
    assert not left


def test_a_damaged_stage_is_made_again(folder: Path, tmp_path: Path) -> None:
    build(folder, tmp_path / "a", quick(PRUNED, "pruned"))
    (kept,) = stage_store.stages_folder().glob("*/model.keras")
    kept.write_bytes(b"cut short")
    steps: list[str] = []
    build(folder, tmp_path / "b", quick(PRUNED + INT8, "more"), step=steps.append)
    assert any(": prune: epoch 1 of" in told for told in steps)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": np.zeros(600, int)}, DataError, "a single class"),
        ({"labels": np.full(600, 10)}, DataError, "single class|classes 0 to 9"),
        ({"labels": np.arange(600) % 12}, DataError, "labels go from 0 to 11"),
        ({"images": np.full((600, 8, 8, 1), np.nan, "float32")}, DataError, "NaN"),
        ({"images": np.zeros((600, 9, 9, 1), "float32")}, DataError, "shape 9×9×1"),
    ],
    ids=["single class", "one label", "labels out of range", "NaN", "shape"],
)
def test_training_data_that_cannot_be_used(
    folder: Path, tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with np.load(folder / "train.npz") as data:
        images, labels = change.get("images", data["image"]), change.get("labels", data["y"])
    np.savez(tmp_path / "bad.npz", image=images, y=labels)
    with pytest.raises(error, match=message):
        build(folder, tmp_path / "out", quick(PRUNED, "pruned"), training=tmp_path / "bad.npz")
    assert not (tmp_path / "out").exists()


def test_training_needs_data(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="trains, and no training data") as caught:
        build(folder, tmp_path, load_recipe("prune80"), training=None)
    assert "--data" in str(caught.value.hint)


def test_a_saved_model_can_only_be_quantized(tf: Any, folder: Path, tmp_path: Path) -> None:
    tf.keras.models.load_model(folder / "digits.keras").export(tmp_path / "saved")
    with pytest.raises(TrainingError, match="SavedModel, whose layers") as caught:
        build_artifacts(
            tmp_path / "saved",
            [quick(PRUNED, "pruned")],
            output=tmp_path,
            training=folder / "train.npz",
        )
    assert "model.keras" in str(caught.value.hint)


def test_a_model_without_weights_to_train(tf: Any, folder: Path, tmp_path: Path) -> None:
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Softmax()])
    model.save(tmp_path / "empty.keras")
    for text in (PRUNED, CLUSTERED, CHANNELS):
        with pytest.raises(OptimizerError, match="no |labels"):
            build_artifacts(
                tmp_path / "empty.keras",
                [quick(text, "x")],
                output=tmp_path,
                training=folder / "train.npz",
            )


def test_evaluation_is_held_out_of_the_training_data(folder: Path, tmp_path: Path) -> None:
    (artifact,) = build(folder, tmp_path, quick(PRUNED, "pruned"), evaluation=None)
    assert artifact.fidelity is not None
    assert artifact.fidelity.samples == 120
    assert artifact.training is not None
    assert "480" in artifact.training


def test_what_a_tool_undid_is_said() -> None:
    kernels = [
        Kernel(name="a", values=100, zeros=10, distinct=80),
        Kernel(name="b", values=50, zeros=50, distinct=1),
    ]
    stages = [
        StageRecord(technique="pruning", sparsity=0.8),
        StageRecord(technique="clustering", clusters=16, clustered=2),
    ]
    told = " ".join(undone(kernels, 0.4, stages))
    assert "Lost sparsity: pruning left 80.0% zeros, the file has 40.0%" in told
    assert "Lost clusters: 2 kernels had at most 16 values, 1 of the file have" in told
    assert "The kernel b is all zeros" in told
