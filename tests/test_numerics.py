"""Inputs as raw tensors, and outputs held against the host's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from android_bench.errors import NumericsError, UsageError
from android_bench.measuring.numerics import NumericsInputs, compare_outputs, reference_name
from optimizer.artifact import Artifact, TensorSpec
from tests import examples

SCORES = TensorSpec(name="scores", shape=(1, 3), dtype="float32")
INT8 = TensorSpec(name="scores", shape=(1, 3), dtype="int8", scale=0.5, zero_point=-1)


def model(*inputs: TensorSpec, **changes: Any) -> Artifact:
    return examples.artifact(inputs=inputs, **changes)


def fed(source: Path | str, artifact: Artifact, folder: Path, number: int = 0) -> list[Any]:
    files = NumericsInputs(str(source), folder).sample(artifact, number)
    return [
        np.frombuffer(item.path.read_bytes(), dtype=spec.dtype).reshape(item.shape)
        for item, spec in zip(files, artifact.inputs, strict=True)
    ]


def floats(values: list[float]) -> bytes:
    return np.asarray(values, dtype=np.float32).tobytes()


# Outputs


def test_equal_outputs_agree_in_everything() -> None:
    found = compare_outputs([SCORES], floats([1, 2, 3]), floats([1, 2, 3]), sample=4)
    assert (found.sample, found.max_abs_error, found.top1_agrees) == (4, 0.0, True)
    assert found.cosine == pytest.approx(1.0)
    assert found.reference == reference_name()


def test_the_largest_error_and_another_class_are_seen() -> None:
    found = compare_outputs([SCORES], floats([1, 2, 2.5]), floats([1, 3, 2]), sample=0)
    assert (found.max_abs_error, found.top1_agrees) == (1.0, False)


def test_quantized_outputs_are_compared_by_their_real_values() -> None:
    left, right = (np.asarray(v, dtype=np.int8).tobytes() for v in ([1, 5, 9], [1, 5, 7]))
    assert compare_outputs([INT8], left, right, sample=0).max_abs_error == 1.0


def test_what_has_no_class_agrees_on_none() -> None:
    boxes = TensorSpec(name="boxes", shape=(1, 3, 4), dtype="float32")
    found = compare_outputs([boxes], floats([0] * 12), floats([0] * 12), sample=0)
    assert (found.top1_agrees, found.cosine) == (None, None)


def test_a_number_on_one_side_only_is_as_far_as_can_be() -> None:
    nan = float("nan")
    assert (
        compare_outputs([SCORES], floats([nan] * 3), floats([nan] * 3), sample=0).max_abs_error == 0
    )
    far = compare_outputs([SCORES], floats([nan, 0, 0]), floats([0, 0, 0]), sample=0)
    assert far.max_abs_error > 1e300


def test_several_outputs_and_one_of_free_size() -> None:
    free = TensorSpec(name="free", shape=(-1, 2), dtype="float32")
    content = floats([1, 2, 3, 4, 5, 6, 7])
    found = compare_outputs([SCORES, free], content, content, sample=0)
    assert found.max_abs_error == 0.0


def test_outputs_with_a_free_batch_are_one_sample() -> None:
    scores = TensorSpec(name="scores", shape=(-1, 3), dtype="float32")
    boxes = TensorSpec(name="boxes", shape=(-1, 2, 4), dtype="float32")
    found = compare_outputs(
        [boxes, scores], floats([0] * 8 + [1, 2, 3]), floats([0] * 8 + [3, 2, 1]), sample=0
    )
    assert (found.max_abs_error, found.top1_agrees) == (2.0, False)


def test_half_a_value_is_no_output() -> None:
    free = TensorSpec(name="free", shape=(-1, 2), dtype="float32")
    with pytest.raises(NumericsError, match="7 bytes"):
        compare_outputs([free], bytes(7), bytes(7), sample=0)


@pytest.mark.parametrize(
    ("specs", "content"),
    [([SCORES], floats([1, 2])), ([SCORES], floats([1, 2, 3, 4])), ([], b""), ([SCORES], b"")],
)
def test_another_size_than_declared_is_no_comparison(
    specs: list[TensorSpec], content: bytes
) -> None:
    with pytest.raises(NumericsError):
        compare_outputs(specs, content, content, sample=0)


def test_outputs_that_are_no_numbers_are_no_comparison() -> None:
    text = TensorSpec(name="text", shape=(1,), dtype="string")
    with pytest.raises(NumericsError, match="holds string"):
        compare_outputs([text], b"abc", b"abc", sample=0)


@given(
    hnp.arrays(np.float32, (1, 3), elements=st.floats(width=32, allow_nan=True)),
    hnp.arrays(np.float32, (1, 3), elements=st.floats(width=32, allow_nan=True)),
)
def test_any_two_outputs_can_be_compared_and_stored(left: Any, right: Any) -> None:
    found = compare_outputs([SCORES], left.tobytes(), right.tobytes(), sample=0)
    assert 0 <= found.max_abs_error < float("inf")
    assert found.cosine is None or -1.001 <= found.cosine <= 1.001


# Inputs


def test_float_samples_go_in_as_they_are(tmp_path: Path) -> None:
    spec = TensorSpec(name="image", shape=(1, 2), dtype="float32")
    np.savez(tmp_path / "x.npz", x=np.asarray([[1, 2], [3, 4]], dtype=np.float64), y=[0, 1])
    (found,) = fed(tmp_path / "x.npz", model(spec), tmp_path, number=1)
    assert found.tolist() == [[3.0, 4.0]]


def test_float_samples_are_quantized_as_the_input_is(tmp_path: Path) -> None:
    spec = TensorSpec(name="image", shape=(1, 3), dtype="int8", scale=0.1, zero_point=-128)
    np.save(tmp_path / "x.npy", np.asarray([[0.0, 1.0, 99.0]], dtype=np.float32))
    (found,) = fed(tmp_path / "x.npy", model(spec), tmp_path)
    assert found.tolist() == [[-128, -118, 127]]


def test_pixels_are_normalised_as_the_models_data_were(tmp_path: Path) -> None:
    spec = TensorSpec(name="image", shape=(1, 2), dtype="float32")
    np.save(tmp_path / "x.npy", np.asarray([[0, 255]], dtype=np.uint8))
    artifact = model(spec, pixels=((127.5,), (127.5,)))
    (found,) = fed(tmp_path / "x.npy", artifact, tmp_path)
    assert found.tolist() == [[-1.0, 1.0]]


def test_several_inputs_are_found_by_name(tmp_path: Path) -> None:
    ids = TensorSpec(name="ids", shape=(1, 2), dtype="int32")
    mask = TensorSpec(name="mask", shape=(1, 2), dtype="int32")
    np.savez(tmp_path / "x.npz", mask=np.ones((1, 2), np.int32), ids=np.zeros((1, 2), np.int32))
    first, second = fed(tmp_path / "x.npz", model(ids, mask), tmp_path)
    assert (first.tolist(), second.tolist()) == ([[0, 0]], [[1, 1]])


def test_samples_decide_a_free_size(tmp_path: Path) -> None:
    spec = TensorSpec(name="ids", shape=(1, -1), dtype="int32")
    np.save(tmp_path / "x.npy", np.zeros((2, 5), dtype=np.int32))
    (found,) = fed(tmp_path / "x.npy", model(spec), tmp_path)
    assert found.shape == (1, 5)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "bool"])
def test_random_samples_differ_from_each_other_and_stay_the_same(
    tmp_path: Path, dtype: str
) -> None:
    spec = TensorSpec(name="x", shape=(1, 64), dtype=dtype, scale=0.1 if "8" in dtype else None)
    (tmp_path / "again").mkdir()
    one, other = (fed("random", model(spec), tmp_path, number)[0] for number in (0, 1))
    assert one.tolist() != other.tolist()
    assert fed("random", model(spec), tmp_path / "again")[0].tolist() == one.tolist()


@pytest.mark.parametrize(
    ("content", "number", "message"),
    [
        ({"x": np.zeros((2, 5), np.float32)}, 0, "no samples for the input 'image' of shape"),
        ({"x": np.zeros((2, 2), np.float32)}, 2, "has 2 samples, 3 are asked for"),
        ({"image": np.zeros((2, 5), np.float32)}, 0, r"have the shape \(5,\)"),
    ],
)
def test_samples_that_do_not_fit_say_what_is_wrong(
    tmp_path: Path, content: dict[str, Any], number: int, message: str
) -> None:
    spec = TensorSpec(name="image", shape=(1, 2), dtype="float32")
    np.savez(tmp_path / "x.npz", **content)
    with pytest.raises(UsageError, match=message) as caught:
        fed(tmp_path / "x.npz", model(spec), tmp_path, number)
    assert caught.value.hint


def test_what_is_no_data_is_refused(tmp_path: Path) -> None:
    spec = TensorSpec(name="image", shape=(1, 2), dtype="float32")
    (tmp_path / "x.npz").write_text("no")
    with pytest.raises(UsageError, match="cannot be read as numpy data"):
        fed(tmp_path / "x.npz", model(spec), tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        fed(tmp_path / "none.npz", model(spec), tmp_path)
    with pytest.raises(UsageError, match="takes string, which"):
        fed("random", model(TensorSpec(name="t", shape=(1,), dtype="string")), tmp_path)
    with pytest.raises(UsageError, match="does not tell its inputs"):
        fed("random", model(), tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as numpy data"),
        (b"PK\x03\x04garbage", "cannot be read as numpy data"),
        ({"image": np.asarray([{}], dtype=object)}, "cannot be read as numpy data"),
        ({"image": np.float32(1)}, "no samples of numbers"),
        ({"image": np.asarray([["a", "b"]])}, "no samples of numbers"),
        ({"image": np.asarray([[1j, 2]])}, "no samples of numbers"),
        ({"image": np.asarray([[np.nan, 1]])}, "not finite"),
    ],
)
def test_files_that_hold_no_samples_are_refused_in_a_sentence(
    tmp_path: Path, content: Any, message: str
) -> None:
    spec = TensorSpec(name="image", shape=(1, 2), dtype="int8", scale=0.1, zero_point=0)
    file = tmp_path / "x.npz"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.savez(file, **content)
    with pytest.raises(UsageError, match=message):
        NumericsInputs(str(file), tmp_path).refuse_unusable(model(spec), 1)
