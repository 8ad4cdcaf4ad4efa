from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.objective import make_objective
from optimizer.techniques import Distillation

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(40, 5)).astype("float32")
LABELS = RANDOM.integers(0, 5, 40)


def softmax(logits: Any, temperature: float = 1.0) -> Any:
    weights = np.exp(logits / temperature)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def loss(objective: Any, output: Any) -> float:
    return float(np.mean(objective.losses[0](objective.targets[0], output)))


@pytest.mark.parametrize("output", [LOGITS, softmax(LOGITS)], ids=["logits", "probabilities"])
def test_labels_give_the_cross_entropy_of_logits_and_probabilities(tf: Any, output: Any) -> None:
    objective = make_objective([output], labels=LABELS, teachers=[], distillation=None)
    expected = -np.log(softmax(LOGITS)[np.arange(40), LABELS]).mean()
    assert loss(objective, output) == pytest.approx(expected, rel=1e-5)
    assert objective.score([output], np.arange(40)) == (LOGITS.argmax(1) == LABELS).mean()


def test_distillation_is_alpha_of_labels_and_the_divergence_at_the_temperature(tf: Any) -> None:
    teacher = RANDOM.normal(size=(40, 5)).astype("float32")
    spec = Distillation(teachers=("t",), temperature=3.0, alpha=0.25)
    objective = make_objective(
        [softmax(LOGITS)], labels=LABELS, teachers=[[softmax(teacher)]], distillation=spec
    )
    hard = -np.log(softmax(LOGITS)[np.arange(40), LABELS]).mean()
    ours, theirs = softmax(LOGITS, 3.0), softmax(teacher, 3.0)
    soft = (theirs * np.log(theirs / ours)).sum(axis=1).mean()
    assert loss(objective, softmax(LOGITS)) == pytest.approx(
        0.25 * hard + 0.75 * 9 * soft, rel=1e-4
    )


def test_several_teachers_are_averaged(tf: Any) -> None:
    one, other = softmax(RANDOM.normal(size=(40, 5))), softmax(RANDOM.normal(size=(40, 5)))
    spec = Distillation(teachers=("a", "b"), temperature=1.0, alpha=0.0)
    objective = make_objective(
        [softmax(LOGITS)], labels=None, teachers=[[one], [other]], distillation=spec
    )
    assert np.allclose(objective.targets[0], (one + other) / 2, atol=1e-6)
    assert loss(objective, (one + other) / 2) == pytest.approx(0.0, abs=1e-5)


def test_without_labels_the_source_is_followed(tf: Any) -> None:
    features = RANDOM.normal(size=(40, 3, 2)).astype("float32")
    objective = make_objective(
        [softmax(LOGITS), features],
        labels=None,
        teachers=[[softmax(LOGITS), features]],
        distillation=None,
    )
    every = np.arange(40)
    exact = objective.score([softmax(LOGITS), features], every)
    assert exact == pytest.approx(0.0, abs=1e-5)
    assert objective.score([softmax(LOGITS), features * 0], every) < -0.5


def test_a_sigmoid_for_each_class_is_no_logit(tf: Any) -> None:
    output = (1 / (1 + np.exp(-LOGITS))).astype("float32")
    plain = make_objective([output], labels=LABELS, teachers=[], distillation=None)
    each = -np.where(np.eye(5)[LABELS] == 1, np.log(output), np.log(1 - output)).sum(axis=1)
    assert loss(plain, output) == pytest.approx(each.mean(), rel=1e-4)
    spec = Distillation(teachers=("t",), temperature=2.0, alpha=0.5)
    taught = make_objective([output], labels=LABELS, teachers=[[output]], distillation=spec)
    assert np.allclose(taught.targets[0][:, 1:], 1 / (1 + np.exp(-LOGITS / 2)), atol=1e-4)
    assert loss(taught, output) == pytest.approx(0.5 * each.mean(), rel=1e-3)
    softmaxed = make_objective(
        [softmax(LOGITS)], labels=LABELS, teachers=[[output]], distillation=spec
    )
    assert np.allclose(softmaxed.targets[0][:, 1:], softmax(LOGITS, 2.0), atol=1e-4)


def test_a_single_logit_is_split_at_zero(tf: Any) -> None:
    output = np.array([[-2.0], [0.3], [0.4], [3.0]], "float32")
    objective = make_objective(
        [output], labels=np.array([0, 1, 1, 1]), teachers=[], distillation=None
    )
    assert objective.score([output], np.arange(4)) == 1.0


def test_a_single_probability_is_two_classes(tf: Any) -> None:
    output = RANDOM.random((40, 1)).astype("float32")
    labels = RANDOM.integers(0, 2, 40)
    spec = Distillation(teachers=("t",), temperature=2.0, alpha=0.5)
    objective = make_objective([output], labels=labels, teachers=[[output]], distillation=spec)
    p = output[:, 0]
    hard = -np.where(labels == 1, np.log(p), np.log(1 - p)).mean()
    assert loss(objective, output) == pytest.approx(0.5 * hard, rel=1e-3)
    assert objective.score([output], np.arange(40)) == ((p > 0.5) == labels).mean()
