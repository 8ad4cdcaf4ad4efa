from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.artifact import TensorSpec
from optimizer.data import constant_inputs, fit_to_inputs, pick, read_dataset
from optimizer.errors import DataError

IMAGE = TensorSpec(name="image", shape=(-1, 8, 8, 3), dtype="float32")


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def good(count: int = 4) -> Any:
    return np.random.default_rng(0).random((count, 8, 8, 3), dtype="float32")


def test_arrays_labels_and_origin(tmp_path: Path) -> None:
    found = read_dataset(saved(tmp_path, image=good(), y=[0, 1, 2, 3]))
    assert list(found.inputs) == ["image"]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2, 3]
    assert (
        found.origin(3, seed=7) == f"data.npz (SHA-256 {found.sha256[:12]}, 3 of 4 samples, seed 7)"
    )
    assert fit_to_inputs(found, [IMAGE])["image"].dtype == np.float32


def test_one_hot_labels_become_classes(tmp_path: Path) -> None:
    found = read_dataset(saved(tmp_path, image=good(2), y=np.eye(4)[[3, 1]]))
    assert found.labels is not None
    assert found.labels.tolist() == [3, 1]


def test_a_single_array_fits_whatever_it_is_called(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", good())
    assert len(fit_to_inputs(read_dataset(tmp_path / "data.npy"), [IMAGE])) == 1


def test_the_choice_is_seeded_and_has_no_repeats(tmp_path: Path) -> None:
    found = read_dataset(saved(tmp_path, image=good(20)))
    assert pick(found, 8, 1).tolist() == pick(found, 8, 1).tolist() != pick(found, 8, 2).tolist()
    assert len(set(pick(found, 8, 1).tolist())) == 8
    assert len(pick(found, 99, 1)) == 20


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": good()[:, :4]}, "shape 4×8×3, the model takes 8×8×3"),
        ({"image": good()[..., 0]}, "shape 8×8, the model takes 8×8×3"),
        (
            {"other": good(), "more": good()},
            "no array for the model's input 'image'; it has more, other",
        ),
        (
            {"image": (good() * 255).astype("uint8")},
            "are uint8 up to 2[0-9][0-9], the model takes float32",
        ),
        ({"image": np.full((4, 8, 8, 3), "a")}, "holds <U1, not numbers"),
        ({"image": good(), "y": [1, 2]}, "different numbers of samples: image 4, labels 2"),
        ({"image": good(0)}, "holds no samples"),
        ({"image": good().astype("float64") * 1e300}, "which float32 cannot hold"),
        ({"image": good(), "y": ["a", "b", "c", "d"]}, "labels are no whole numbers"),
        ({"image": good(), "y": [0.5, 1, 1, 1]}, "labels are no whole numbers"),
        ({"image": good(), "y": np.zeros((4, 2, 2))}, "labels have shape 4×2×2"),
        ({"image": good(), "y": [0, 1, np.nan, 1]}, "labels have NaN or .* in 1 of 4 samples"),
        ({"image": good(), "y": [0, 1, np.inf, 1]}, "labels have NaN or infinite values"),
        ({"y": [1]}, "holds no inputs"),
        ({"image": np.array([{}], dtype=object)}, "Python objects"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_a_sentence(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    file = saved(tmp_path, **arrays)
    with pytest.raises(DataError, match=message) as caught:
        fit_to_inputs(read_dataset(file), [IMAGE])
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "targets",
    [
        np.array([0.1, 1.5, 2.0, 0.3]),
        np.array([[0.1], [1.5], [2.0], [0.3]]),
        np.array([[0.1, 7.0], [1.5, 0.2], [2.0, 1.0], [0.3, -1.0]]),
        np.array([[1, 1, 0], [0, 0, 0], [0, 1, 0], [1, 0, 1]]),
        np.zeros((4, 2, 2)),
    ],
    ids=["numbers", "column", "rows", "several classes", "masks"],
)
def test_targets_that_are_no_classes_are_told_to_be_left_out(tmp_path: Path, targets: Any) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(saved(tmp_path, image=good(), y=targets))
    assert "leave y out" in str(caught.value.hint)


def test_shares_of_classes_are_labels(tmp_path: Path) -> None:
    mixed = np.array([[0.7, 0.3], [0.1, 0.9]], "float16")
    found = read_dataset(saved(tmp_path, image=good(2), y=mixed))
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello, I am a text\n" * 20, "it is neither, whatever its name says"),
        (bytes(range(200, 256)) * 20, "it is neither, whatever its name says"),
        (b"", "it is empty"),
        (pickle.dumps({"x": [1]}), "holds Python objects"),
        (b"\x93NUMPY\x01\x00", "is damaged or cut off"),
        (b"PK\x03\x04" + bytes(100), "is damaged or cut off"),
    ],
)
def test_what_is_no_file_of_numpy_is_called_so(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_dataset(tmp_path / "data.npz")


def test_a_zip_file_of_other_things_is_called_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as file:
        file.writestr("notes.txt", "hello")
    with pytest.raises(DataError, match="a zip file with 'notes.txt' in it"):
        read_dataset(tmp_path / "data.npz")


def test_nan_is_counted_and_its_first_samples_named(tmp_path: Path) -> None:
    images = good(10)
    images[3, 0, 0, 0] = np.nan
    images[7, 1, 1, 1] = np.inf
    with pytest.raises(DataError, match=r"in 2 of 10 samples \(the first: 3, 7\)"):
        read_dataset(saved(tmp_path, image=images))


def test_integers_into_an_integer_input(tmp_path: Path) -> None:
    tokens = TensorSpec(name="tokens", shape=(-1, 5), dtype="int32")
    found = read_dataset(saved(tmp_path, tokens=np.ones((3, 5), "int64")))
    assert fit_to_inputs(found, [tokens])["tokens"].dtype == np.int32
    with pytest.raises(DataError, match="are float64, the model takes int32"):
        fit_to_inputs(read_dataset(saved(tmp_path, tokens=np.ones((3, 5)))), [tokens])


def test_values_beyond_an_integer_type_are_refused(tmp_path: Path) -> None:
    tokens = TensorSpec(name="tokens", shape=(-1, 5), dtype="int32")
    file = saved(tmp_path, tokens=np.full((3, 5), 2**40))
    with pytest.raises(DataError, match="which int32 cannot hold"):
        fit_to_inputs(read_dataset(file), [tokens])


def test_an_input_that_takes_no_numbers_is_named(tmp_path: Path) -> None:
    words = TensorSpec(name="words", shape=(-1, 8, 8, 3), dtype="string")
    with pytest.raises(DataError, match="'words' takes string"):
        fit_to_inputs(read_dataset(saved(tmp_path, words=good())), [words])


def test_inputs_without_a_range_are_found(tmp_path: Path) -> None:
    file = saved(tmp_path, a=np.ones((4, 2), "float32"), b=np.eye(4))
    assert constant_inputs(read_dataset(file)) == ["a"]


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_dataset(tmp_path / "nowhere.npz")
    file = saved(tmp_path, image=good())
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read as"):
        read_dataset(file)
    file.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read as"):
        read_dataset(file)
