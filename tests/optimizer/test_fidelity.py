from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from optimizer.artifact import Fidelity
from optimizer.errors import ConversionError
from optimizer.fidelity import Reference, compare_outputs, losses, measure_fidelity
from optimizer.interpreter import TFLiteModel

SCORES = np.eye(4, dtype="float32")[[0, 1, 2, 3, 0, 1, 2, 3, 0, 1]]


def test_the_same_outputs_are_the_same() -> None:
    found = compare_outputs(
        {"y": SCORES}, {"y": SCORES}, labels=np.array([0, 1, 2, 3] * 2 + [1, 1])
    )
    assert (found.max_abs_error, found.cosine, found.top1_agreement) == (0.0, 1.0, 1.0)
    assert found.accuracy == found.source_accuracy == 0.9


def test_what_differs_is_measured_over_all_outputs_and_classes_over_the_first() -> None:
    other = SCORES[::-1].copy()
    found = compare_outputs({"y": SCORES, "box": SCORES}, {"box": SCORES + 0.25, "y": other})
    assert found.max_abs_error == 1.0
    assert found.top1_agreement == float((SCORES.argmax(1) == other.argmax(1)).mean())
    assert found.accuracy is None


def test_all_zero_outputs_are_alike_and_infinities_of_the_source_do_not_count() -> None:
    zeros = np.zeros((3, 2, 2), "float32")
    assert compare_outputs({"y": zeros}, {"y": zeros}).cosine == 1.0
    assert compare_outputs({"y": zeros}, {"y": zeros + 1}).cosine == 0.0
    log = np.array([[-np.inf, 1.0]], "float32")
    assert compare_outputs({"y": log}, {"y": log}).max_abs_error == 0.0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, []),
        ({"top1_agreement": 0.3}, ["Collapsed: only 30.0%"]),
        ({"cosine": 0.8}, ["Collapsed: the outputs' cosine"]),
        ({"source_accuracy": 0.9, "accuracy": 0.89}, []),
        (
            {"source_accuracy": 0.9, "accuracy": 0.8},
            ["Accuracy fell by 10.0 points, from 90.0% to 80.0%"],
        ),
        ({"source_accuracy": 0.9, "accuracy": 0.8, "samples": 20}, []),
    ],
)
def test_losses_are_told_when_they_are_more_than_noise(
    values: dict[str, Any], told: list[str]
) -> None:
    base: dict[str, Any] = {"samples": 100, "max_abs_error": 0.1, "cosine": 1.0}
    found = losses(Fidelity(**{**base, **values}))
    assert len(found) == len(told)
    assert all(have.startswith(want) for have, want in zip(found, told, strict=True))


def test_an_artifact_that_gives_nan_is_refused() -> None:
    class Broken:
        def run(self, _: dict[str, Any]) -> dict[str, Any]:
            spoilt = SCORES.copy()
            spoilt[3, 1] = np.nan
            return {"y": spoilt}

    wanted = Reference(inputs={}, outputs={"y": SCORES}, labels=None, origin="x")
    with pytest.raises(ConversionError, match="NaN or infinite values for 1 of 10 samples"):
        measure_fidelity(wanted, cast("TFLiteModel", Broken()), where="m.float16.tflite")


def test_a_single_logit_is_parted_at_zero_as_its_source_tells() -> None:
    labels = np.array([0, 1, 1, 0])
    source = np.array([[-3.0], [0.3], [2.0], [-0.1]], "float32")
    narrow = np.array([[0.2], [0.3], [0.9], [0.1]], "float32")  # all within 0 and 1
    found = compare_outputs({"out": source}, {"out": narrow}, labels=labels)
    assert found.source_accuracy == 1.0
    assert found.accuracy == 0.5
