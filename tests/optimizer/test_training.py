from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import TrainingError
from optimizer.passes.distillation import feature_forward
from optimizer.techniques import FineTune
from optimizer.training import TrainingSet, epochs_of, fine_tune, held_out, predict, steps_per_epoch
from tests.optimizer.training_examples import accuracy, digits, labels_of, small_model

HOW = FineTune(epochs=4, learning_rate=5e-3, batch_size=50, patience=0)


class PowerCutError(Exception):
    """The power goes off."""


def test_same_seed_same_weights(tf: Any) -> None:
    data = digits(300)
    found = []
    for _ in range(2):
        model = small_model(tf)
        fine_tune(model, data, labels_of(data, model), HOW, label="x")
        found.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_an_interrupted_training_goes_on_where_it_was(tf: Any, tmp_path: Path) -> None:
    data, checkpoint = digits(300), tmp_path / "c" / "training.npz"
    whole = small_model(tf)
    straight = fine_tune(whole, data, labels_of(data, whole), HOW, label="x")

    def interrupt(told: str) -> None:
        if "epoch 2 of" in told:
            # The checkpoint of an epoch is written after it is told: this one is of epoch 1.
            raise PowerCutError

    cut = small_model(tf)
    with pytest.raises(PowerCutError):
        fine_tune(
            cut, data, labels_of(data, cut), HOW, label="x", checkpoint=checkpoint, step=interrupt
        )
    again = small_model(tf, seed=9)
    history = fine_tune(again, data, labels_of(data, again), HOW, label="x", checkpoint=checkpoint)
    assert history.resumed_at == 1
    assert history.epochs == 4
    assert history.scores == pytest.approx(straight.scores, abs=1e-6)
    pairs = zip(again.get_weights(), whole.get_weights(), strict=True)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in pairs)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"not a zip"])
def test_a_damaged_checkpoint_is_no_obstacle(tf: Any, tmp_path: Path, content: bytes) -> None:
    data, checkpoint = digits(100), tmp_path / "training.npz"
    checkpoint.write_bytes(content)
    model = small_model(tf)
    how = FineTune(epochs=1, batch_size=50)
    history = fine_tune(model, data, labels_of(data, model), how, label="x", checkpoint=checkpoint)
    assert history.resumed_at is None


def test_what_is_learned_beside_the_model_is_resumed_too(tf: Any, tmp_path: Path) -> None:
    data, checkpoint = digits(300), tmp_path / "training.npz"
    teacher = small_model(tf, seed=7)

    def train(noise: int, **options: Any) -> Any:
        layers = tf.keras.layers
        student = tf.keras.Sequential(
            [
                layers.Input((8, 8, 1), name="image"),
                layers.Conv2D(4, 3, padding="same", name="narrow"),
                layers.Flatten(),
                layers.Dense(10, activation="softmax"),
            ]
        )
        random = np.random.default_rng(0)
        student.set_weights([random.normal(0, 0.1, item.shape) for item in student.get_weights()])
        tf.keras.utils.set_random_seed(noise)
        forward, more = feature_forward(student, teacher, [("first_relu", "narrow")], 10.0)
        objective = labels_of(data, student)
        options |= {"forward": forward, "more_variables": more}
        fine_tune(student, data, objective, HOW, label="x", **options)
        return student.get_weights()

    def interrupt(line: str) -> None:
        if "epoch 3 of" in line:
            raise PowerCutError

    straight = train(1)
    with pytest.raises(PowerCutError):
        train(2, checkpoint=checkpoint, step=interrupt)
    resumed = train(3, checkpoint=checkpoint)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(straight, resumed, strict=True))


def test_data_sorted_by_class_are_validated_on_every_class() -> None:
    labels = np.arange(80_000) // 8_000
    data = TrainingSet(inputs={"x": np.zeros((80_000, 1), "float32")}, labels=labels)
    for most in (5000, 256):
        chosen = held_out(data, FineTune(), most=most)
        assert len(np.unique(chosen)) == most
        assert np.bincount(labels[chosen]).min() > most / 15
    assert len(held_out(data, FineTune(validation=0.01))) == 800


def test_it_stops_when_it_no_longer_helps(tf: Any) -> None:
    data = digits(300)
    model = small_model(tf)
    how = FineTune(epochs=30, learning_rate=1e-9, batch_size=50, patience=2)
    history = fine_tune(model, data, labels_of(data, model), how, label="x")
    assert history.stopped_early
    assert history.epochs < 30


def test_the_best_epoch_is_kept_and_none_before_a_schedule_ended(tf: Any) -> None:
    data = digits(400)
    model = small_model(tf)
    history = fine_tune(model, data, labels_of(data, model), HOW, label="x", best_from=3)
    assert history.best_epoch == 4
    out = held_out(data, HOW)
    found = predict(model, data.inputs, out)[0].argmax(1)
    assert data.labels is not None
    assert float((found == data.labels[out]).mean()) == pytest.approx(history.scores[3])


def test_divergence_is_told_with_what_to_do(tf: Any) -> None:
    data = digits(100)
    spoilt = TrainingSet(inputs={"image": data.inputs["image"] * np.nan}, labels=data.labels)
    model = small_model(tf)
    with pytest.raises(TrainingError, match="epoch 1") as caught:
        fine_tune(model, spoilt, labels_of(data, model), HOW, label="prune")
    assert "learning_rate" in str(caught.value.hint)


def test_a_frozen_model_cannot_be_trained(tf: Any) -> None:
    data, model = digits(100), small_model(tf)
    model.trainable = False
    with pytest.raises(TrainingError, match="no trainable weights"):
        fine_tune(model, data, labels_of(data, model), HOW, label="x")


@pytest.mark.parametrize(("samples", "epochs"), [(100, 40), (64_000, 4), (5_000, 28)])
def test_epochs_make_enough_steps(samples: int, epochs: int) -> None:
    data = TrainingSet(inputs={"x": np.zeros((samples, 1), "float32")}, labels=None)
    how = FineTune()
    assert epochs_of(data, how) == epochs
    assert epochs == 40 or epochs_of(data, how) * steps_per_epoch(data, how) >= 1000


def test_it_learns(tf: Any) -> None:
    data, model = digits(600), small_model(tf)
    how = FineTune(epochs=15, learning_rate=5e-3, batch_size=50, patience=0)
    fine_tune(model, data, labels_of(data, model), how, label="x")
    assert accuracy(model, data) > 0.9
