"""What a model's outputs give, whatever the file does to the process that runs it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from optimizer.metadata.model_view import ModelView, view
from optimizer.metadata.trial import output_values
from tests.metadata.models import packed, unpacked

Seen = Callable[[str], ModelView]


def test_outputs_come_in_the_files_order_as_real_numbers(seen: Seen) -> None:
    values = output_values(seen("detector"), runs=2)
    assert values is not None
    assert [len(value) for value in values] == [2, 24, 6, 6]
    assert np.array_equal(values[0], [3, 3])
    scores = output_values(seen("uint8_io"), runs=3)
    assert scores is not None
    assert scores[0].reshape(3, 4).sum(axis=1) == pytest.approx(1, abs=0.02)


def test_the_same_model_gives_the_same(seen: Seen) -> None:
    once, twice = (output_values(seen("detector_unnamed")) for _ in range(2))
    assert once is not None
    assert twice is not None
    assert all(np.array_equal(one, other) for one, other in zip(once, twice, strict=True))


@pytest.mark.parametrize("which", ["free_size", "free_batch", "text", "bert", "audio", "int8_io"])
def test_any_input_is_made_up(which: str, seen: Seen) -> None:
    assert output_values(seen(which)) is not None


def test_a_model_that_ends_its_process_gives_nothing(seen: Seen, made_models: Path) -> None:
    """The file was found by changing bytes: LiteRT ends with SIGSEGV on it."""
    crash = view((made_models / "native_crash.tflite").read_bytes(), origin="m")
    assert output_values(crash) is None
    model = unpacked(seen("float32").content)
    model.operatorCodes[0].builtinCode, model.operatorCodes[0].customCode = 32, b"Unknown"
    assert output_values(view(packed(model), origin="m")) is None
