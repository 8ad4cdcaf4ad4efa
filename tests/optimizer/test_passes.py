"""The techniques on a small real model, each by what it leaves in the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import TrainingError
from optimizer.passes import averaging, clustering, distillation, pruning, qat
from optimizer.passes.folding import fold_normalizations
from optimizer.passes.inline import inline
from optimizer.passes.prepared import Prepared, copy_of
from optimizer.techniques import (
    Averaging,
    Centroids,
    Clustering,
    FineTune,
    Policy,
    Pruning,
    QuantizationAwareTraining,
    Schedule,
    Structure,
)
from optimizer.training import TrainingSet, fine_tune, predict, steps_per_epoch
from tests.optimizer.training_examples import accuracy, digits, labels_of, small_model, trained

HOW = FineTune(epochs=3, learning_rate=2e-3, batch_size=50, patience=0)


@pytest.fixture(scope="module")
def data() -> TrainingSet:
    return digits(600)


@pytest.fixture(scope="module")
def model(tf: Any, data: TrainingSet) -> Any:
    return trained(tf, data)


def run(prepared: Prepared, model: Any, data: TrainingSet) -> Any:
    fine_tune(
        prepared.model,
        data,
        labels_of(data, model),
        HOW,
        label="x",
        callbacks=prepared.callbacks,
        best_from=prepared.best_from,
    )
    return prepared.finish()


def prune(model: Any, data: TrainingSet, **spec: Any) -> Any:
    prepared = pruning.prepare(
        model, Pruning(**spec), steps_per_epoch=steps_per_epoch(data, HOW), epochs=3
    )
    return run(prepared, model, data), prepared


def kernels(model: Any) -> dict[str, Any]:
    return {
        layer.name: layer.get_weights()[0]
        for layer in model.layers
        if layer.weights and layer.get_weights()[0].ndim >= 2
    }


def zeros(kernel: Any) -> float:
    return float((kernel == 0).mean())


@pytest.mark.parametrize("schedule", Schedule)
def test_pruning_leaves_the_zeros_it_was_asked_for(
    model: Any, data: TrainingSet, schedule: Schedule
) -> None:
    before = model.get_weights()
    pruned, _ = prune(
        model, data, sparsity=0.7, schedule=schedule, layers={"dig*": 0.0, "hid*": 0.4}
    )
    found = {name: zeros(kernel) for name, kernel in kernels(pruned).items()}
    assert found["first"] == pytest.approx(0.7, abs=0.02)
    assert found["point"] == pytest.approx(0.7, abs=0.02)
    assert found["hidden"] == pytest.approx(0.4, abs=0.02)
    assert found["digit"] == 0
    assert found["depth"] == 0
    # Stripped: an ordinary model with the same layers, and the source is as it was.
    assert [type(layer) for layer in pruned.layers] == [type(layer) for layer in model.layers]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert accuracy(pruned, data) > 0.5


def test_two_of_four_neighbours_are_zero(model: Any, data: TrainingSet) -> None:
    pruned, prepared = prune(model, data, sparsity=0.5, structure=Structure.TWO_OF_FOUR)
    kernel = kernels(pruned)["point"]  # (1, 1, in, out): four neighbours along the inputs
    groups = np.moveaxis(kernel, 2, -1).reshape(-1, 4)
    assert ((groups == 0).sum(axis=1) >= 2).all()
    assert "first (2:4 needs a multiple of 4 inputs)" in prepared.notes[0]


def test_blocks_of_convolutions_too(model: Any, data: TrainingSet) -> None:
    pruned, _ = prune(
        model,
        data,
        sparsity=0.5,
        structure=Structure.BLOCK,
        block_size=(1, 4),
        layers={"digit": 0.0},
    )
    for name in ("first", "point", "hidden"):
        kernel = kernels(pruned)[name]
        blocks = (kernel == 0).reshape(-1, 4)
        assert (blocks.all(axis=1) | ~blocks.any(axis=1)).mean() > 0.99
        assert zeros(kernel) == pytest.approx(0.5, abs=0.05)


def test_blocks_that_the_border_cuts_off_begin_where_the_others_do(tf: Any) -> None:
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((4,)), layers.Dense(10)])
    kernel = np.full((4, 10), 0.1, "float32")
    kernel[0, 7] = 9.0
    model.set_weights([kernel, np.zeros(10)])
    spec = Pruning(sparsity=11 / 12, schedule=Schedule.CONSTANT, structure=Structure.BLOCK)
    prepared = pruning.prepare(model, spec, steps_per_epoch=1, epochs=1)
    for callback in prepared.callbacks:
        callback.set_model(prepared.model)
        callback.on_train_begin()
    prepared.model(np.zeros((1, 4), "float32"), training=True)
    for callback in prepared.callbacks:
        callback.on_epoch_end(0)
    found = prepared.finish().get_weights()[0]
    assert [tuple(place) for place in np.argwhere(found)] == [(0, 4), (0, 5), (0, 6), (0, 7)]


def test_the_xnnpack_policy_says_what_it_wants(model: Any, data: TrainingSet) -> None:
    with pytest.raises(TrainingError, match="XNNPACK has no sparse kernels") as caught:
        prune(model, data, sparsity=0.5, policy=Policy.XNNPACK)
    assert "policy = 'all'" in str(caught.value.hint)


def test_the_xnnpack_policy_prunes_pointwise_convolutions(tf: Any) -> None:
    layers = tf.keras.layers
    image = layers.Input((16, 16, 3), name="image")
    x = layers.ZeroPadding2D(1)(image)
    x = layers.Conv2D(8, 3, strides=2, padding="valid", name="stem")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depth")(x)
    x = layers.Conv2D(16, 1, name="point")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Flatten()(layers.Conv2D(4, 1, name="scores")(x))
    random = np.random.default_rng(0)
    data = TrainingSet(
        inputs={"image": random.random((100, 16, 16, 3), dtype="float32")},
        labels=random.integers(0, 4, 100),
    )
    model = tf.keras.Model(image, x)
    pruned, _ = prune(model, data, sparsity=0.5, policy=Policy.XNNPACK)
    found = {name: zeros(kernel) for name, kernel in kernels(pruned).items()}
    assert found["point"] == pytest.approx(0.5, abs=0.02)
    assert found["stem"] == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda m: pruning.prepare(
                m, Pruning(layers={"nosuch*": 0.5}), steps_per_epoch=1, epochs=1
            ),
            "nosuch",
        ),
        (
            lambda m: clustering.prepare(m, Clustering(layers={"nosuch": 4}), keep_zeros=False),
            "nosuch",
        ),
        (
            lambda m: qat.prepare(
                m,
                QuantizationAwareTraining(skip=("nosuch",)),
                keep_zeros=False,
                keep_clusters=False,
                per_channel=True,
            ),
            "nosuch",
        ),
    ],
    ids=["pruning", "clustering", "qat"],
)
def test_a_pattern_that_fits_no_layer_is_refused(model: Any, make: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message) as caught:
        make(model)
    assert "first_norm" in str(caught.value.hint)


@pytest.mark.parametrize("centroids", Centroids)
def test_clustering_leaves_few_values(model: Any, data: TrainingSet, centroids: Centroids) -> None:
    spec = Clustering(clusters=8, centroids=centroids, layers={"digit": 0, "hidden": 4})
    shared = run(clustering.prepare(model, spec, keep_zeros=False), model, data)
    found = {name: len(np.unique(kernel)) for name, kernel in kernels(shared).items()}
    assert found["first"] <= 8
    assert found["point"] <= 8
    assert found["hidden"] <= 4
    assert found["digit"] > 100
    assert accuracy(shared, data) > 0.5


def test_clustering_a_pruned_model_keeps_its_zeros(model: Any, data: TrainingSet) -> None:
    pruned, _ = prune(model, data, sparsity=0.6)
    shared = run(clustering.prepare(pruned, Clustering(clusters=8), keep_zeros=True), model, data)
    for name, kernel in kernels(shared).items():
        if name != "depth":
            assert zeros(kernel) >= zeros(kernels(pruned)[name]) - 0.01
            assert len(np.unique(kernel)) <= 8


@pytest.mark.parametrize("centroids", Centroids)
def test_a_kernel_that_is_nearly_empty_is_clustered_too(tf: Any, centroids: Centroids) -> None:
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((8,)), layers.Dense(16)])
    kernel = np.zeros((8, 16), "float32")
    kernel.flat[:9] = [0.5, 0.4, 0.3, 0.2, 0.1, -0.1, -0.2, -0.3, -0.4]
    model.set_weights([kernel, np.zeros(16)])
    spec = Clustering(clusters=16, centroids=centroids)
    found = clustering.prepare(model, spec, keep_zeros=True).finish().get_weights()[0]
    assert np.array_equal(found == 0, kernel == 0)
    assert np.abs(found - kernel).max() < 0.1


def test_a_frozen_layer_is_not_clustered_and_that_is_said(tf: Any) -> None:
    layers = tf.keras.layers
    base = tf.keras.Sequential([layers.Input((8,)), layers.Dense(16, name="frozen")])
    base.trainable = False
    model = tf.keras.Sequential([layers.Input((8,)), base, layers.Dense(16, name="free")])
    prepared = clustering.prepare(model, Clustering(clusters=4), keep_zeros=False)
    found = prepared.finish().get_weights()
    assert np.array_equal(found[0], model.get_weights()[0])
    assert len(np.unique(found[2])) == 4
    assert prepared.notes == ("Not clustered: frozen (it is frozen).",)


def test_two_clusters_are_too_few_beside_zeros(model: Any) -> None:
    with pytest.raises(TrainingError, match="2 clusters") as caught:
        clustering.prepare(model, Clustering(clusters=2), keep_zeros=True)
    assert "3 or more" in str(caught.value.hint)


def test_a_kernel_whose_output_is_the_models_too_is_not_folded(tf: Any) -> None:
    layers = tf.keras.layers
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(image)
    model = tf.keras.Model(image, [x, layers.BatchNormalization()(x)])
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.2, 1.0, weight.shape) for weight in model.get_weights()])
    images = random.random((3, 8, 8, 3), dtype="float32")
    pairs = zip(
        model.predict(images, verbose=0),
        fold_normalizations(model).predict(images, verbose=0),
        strict=True,
    )
    assert all(np.abs(a - b).max() < 1e-4 for a, b in pairs)


def test_folding_changes_nothing_but_the_layers(tf: Any, model: Any, data: TrainingSet) -> None:
    folded = fold_normalizations(model)
    kinds = [type(layer).__name__ for layer in folded.layers]
    assert "BatchNormalization" not in kinds
    assert [layer.name for layer in folded.layers] == [layer.name for layer in model.layers]
    wanted, found = predict(model, data.inputs)[0], predict(folded, data.inputs)[0]
    assert np.abs(wanted - found).max() < 1e-4


def test_a_sequential_model_that_was_loaded_is_folded_too(tf: Any, tmp_path: Path) -> None:
    layers = tf.keras.layers
    made = tf.keras.Sequential([layers.Input((8, 8, 1), name="image")])
    for filters in (4, 8):
        made.add(layers.Conv2D(filters, 3, use_bias=False))
        made.add(layers.BatchNormalization())
        made.add(layers.ReLU())
    made.add(layers.DepthwiseConv2D(3))
    made.add(layers.BatchNormalization(scale=False))
    made.save(tmp_path / "m.keras")
    loaded = tf.keras.models.load_model(tmp_path / "m.keras", compile=False)
    random = np.random.default_rng(0)
    loaded.set_weights([random.uniform(0.2, 1.0, weight.shape) for weight in loaded.get_weights()])
    loaded.predict(np.zeros((1, 8, 8, 1)), verbose=0)
    folded = fold_normalizations(loaded)
    assert "BatchNormalization" not in [type(layer).__name__ for layer in folded.layers]
    image = random.random((3, 8, 8, 1), dtype="float32")
    wanted, found = loaded.predict(image, verbose=0), folded.predict(image, verbose=0)
    assert np.abs(wanted - found).max() < 1e-4 * np.abs(wanted).max()


def test_folded_values_are_shared_in_the_whole_kernel_of_the_file(
    model: Any, data: TrainingSet
) -> None:
    spec = Clustering(clusters=8, fold_normalization=True)
    shared = run(clustering.prepare(model, spec, keep_zeros=False), model, data)
    assert len(np.unique(kernels(shared)["first"])) <= 8
    assert accuracy(shared, data) > 0.5


def train_for_int8(
    model: Any, data: TrainingSet, spec: QuantizationAwareTraining | None = None
) -> Any:
    prepared = qat.prepare(
        model,
        spec or QuantizationAwareTraining(),
        keep_zeros=False,
        keep_clusters=False,
        per_channel=True,
    )
    return run(prepared, model, data), prepared


def test_qat_says_before_training_what_stays_in_float(tf: Any, data: TrainingSet) -> None:
    layers = tf.keras.layers
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, activation="relu", name="early")(image)
    x = layers.BatchNormalization(name="late_norm")(x)
    x = layers.Conv2D(8, 3, name="good")(x)
    x = layers.BatchNormalization(name="good_norm")(x)
    x = layers.PReLU(name="odd")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(10, activation="softmax", name="digit")(x)
    model = tf.keras.Model(image, x)
    trained_model, prepared = train_for_int8(model, data)
    (note,) = prepared.notes
    assert "late_norm (early has its activation relu before the normalization)" in note
    assert "odd (tfmot cannot train PReLU)" in note
    assert "good_norm" not in note
    assert any("quant_good" in layer.name for layer in trained_model.layers)


def test_qat_of_chosen_layers(model: Any, data: TrainingSet) -> None:
    spec = QuantizationAwareTraining(layers=("hid*", "digit"))
    trained_model, _ = train_for_int8(model, data, spec)
    names = {layer.name for layer in trained_model.layers}
    assert {"quant_hidden", "quant_digit", "first", "point"} <= names
    assert accuracy(trained_model, data) > 0.7


def test_models_in_models_are_made_one(tf: Any, data: TrainingSet) -> None:
    layers = tf.keras.layers
    inside = layers.Input((8, 8, 4))
    inner = tf.keras.Model(
        inside,
        layers.Add(name="sum")([inside, layers.Conv2D(4, 3, padding="same", name="in")(inside)]),
    )
    chain = tf.keras.Sequential(
        [layers.Input((8, 8, 4)), layers.ReLU(name="r"), layers.Conv2D(4, 1, name="c")]
    )
    image = layers.Input((8, 8, 1), name="image")
    x = chain(inner(layers.Conv2D(4, 3, padding="same", name="out")(image)))
    x = layers.Dense(10, activation="softmax", name="digit")(layers.GlobalAveragePooling2D()(x))
    model = tf.keras.Model(image, x)
    flat = inline(model)
    assert not any(isinstance(layer, tf.keras.Model) for layer in flat.layers)
    assert {"in", "sum", "r", "c"} <= {layer.name for layer in flat.layers}
    assert flat.input_names == ["image"]
    wanted, found = predict(model, data.inputs)[0], predict(flat, data.inputs)[0]
    assert np.abs(wanted - found).max() < 1e-6
    trained_model, _ = train_for_int8(model, data)
    assert any(layer.name == "quant_in" for layer in trained_model.layers)


def test_a_soup_takes_in_what_helps(tf: Any, model: Any, data: TrainingSet) -> None:
    spoilt = copy_of(model)
    spoilt.set_weights([weight * 0 for weight in model.get_weights()])
    sibling = copy_of(model)
    checkpoints = [(Path("spoilt.keras"), spoilt), (Path("sibling.keras"), sibling)]

    def score(candidate: Any) -> float:
        return accuracy(candidate, data)

    soup, notes = averaging.average(model, checkpoints, method=Averaging.GREEDY, score=score)
    assert accuracy(soup, data) >= accuracy(model, data)
    assert "left out: spoilt.keras" in notes[0]
    uniform, _ = averaging.average(model, checkpoints[1:], method=Averaging.UNIFORM, score=None)
    assert np.allclose(uniform.get_weights()[0], model.get_weights()[0])


def test_a_soup_of_other_architectures_is_refused(tf: Any, model: Any) -> None:
    layers = tf.keras.layers
    other = tf.keras.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)])
    with pytest.raises(TrainingError, match="other weights") as caught:
        averaging.average(model, [(Path("b.keras"), other)], method=Averaging.UNIFORM, score=None)
    assert "distil" in str(caught.value.hint)


def test_features_of_other_widths_are_mapped_and_other_places_refused(
    tf: Any, model: Any, data: TrainingSet
) -> None:
    student = small_model(tf, seed=3)
    layers = tf.keras.layers
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="narrow")(image)
    x = layers.Dense(10, activation="softmax", name="digit")(layers.GlobalAveragePooling2D()(x))
    narrow = tf.keras.Model(image, x)
    forward, more = distillation.feature_forward(narrow, model, [("first_relu", "narrow")], 0.5)
    assert len(more) == 1
    outputs, loss = forward([tf.constant(data.inputs["image"][:8])])
    assert outputs[0].shape == (8, 10)
    assert 0 < float(loss) < 50
    same, none = distillation.feature_forward(model, model, [("hidden", "hidden")], 1.0)
    assert not none
    assert float(same([tf.constant(data.inputs["image"][:8])])[1]) < 5
    with pytest.raises(TrainingError, match="gives"):
        distillation.feature_forward(student, model, [("first", "hidden")], 1.0)
    with pytest.raises(TrainingError, match="no layer 'nosuch'"):
        distillation.feature_forward(student, model, [("first", "nosuch")], 1.0)
