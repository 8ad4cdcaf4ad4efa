from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from optimizer.data import read_dataset
from optimizer.data_sources import Scaling
from optimizer.data_sources.idx import read_idx
from optimizer.errors import DataError

FASHION = Path("/usr/share/datasets/fashion-mnist")
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array: Any) -> bytes:
    code = CODES[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(name) for name in CODES]),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    st.booleans(),
)
def test_idx_round_trip(tmp_path_factory: pytest.TempPathFactory, array: Any, zipped: bool) -> None:
    file = tmp_path_factory.mktemp("idx") / "data-idx-ubyte"
    content = idx(array)
    file.write_bytes(gzip.compress(content) if zipped else content)
    found = read_idx(file)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


@given(st.binary(max_size=64))
def test_no_bytes_make_idx_fail_otherwise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("idx") / "data"
    file.write_bytes(b"\0\0\x08\x03" + content)
    try:
        read_idx(file)
    except DataError:
        pass


def make_idx_folder(folder: Path) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, count in (("train", 12), ("t10k", 5)):
        images = random.integers(0, 256, (count, 4, 3)).astype("u1")
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        labels = random.integers(0, 3, count).astype("u1")
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return folder


def test_a_folder_of_idx_files_has_splits(tmp_path: Path) -> None:
    folder = make_idx_folder(tmp_path / "digits")
    train, test = read_dataset(folder), read_dataset(folder, split="test")
    assert train.inputs["images"].shape == (12, 4, 3, 1)
    assert test.samples == 5
    assert train.labels is not None
    assert train.sha256 != test.sha256
    one = read_dataset(folder / "t10k-images-idx3-ubyte.gz", scaling=Scaling(std=(255.0,)))
    assert one.inputs["images"].dtype == "float32"
    assert one.inputs["images"].max() <= 1
    assert one.sha256 != test.sha256


def test_a_header_that_promises_too_much_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "images-idx3-ubyte"
    file.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 2**31) + b"x" * 10)
    with pytest.raises(DataError, match="cut short or damaged"):
        read_dataset(file)


def test_labels_of_another_number_are_refused(tmp_path: Path) -> None:
    folder = make_idx_folder(tmp_path / "digits")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(3, "u1"))))
    with pytest.raises(DataError, match="different numbers of samples"):
        read_dataset(folder)


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_itself() -> None:
    data = read_dataset(FASHION, split="test", scaling=Scaling(std=(255.0,)))
    assert data.inputs["images"].shape == (10_000, 28, 28, 1)
    assert data.labels is not None
    assert np.bincount(data.labels).tolist() == [1000] * 10


def picture(path: Path, size: tuple[int, int], colour: Any, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def test_folders_are_classes_in_order(tmp_path: Path) -> None:
    for name in ("10", "2", "9"):
        for number in range(2):
            picture(tmp_path / "train" / name / f"{number}.png", (6, 4), (int(name), 0, 0))
    picture(tmp_path / "test" / "2" / "a.png", (6, 4), (2, 0, 0))
    picture(tmp_path / "test" / "9" / "a.png", (6, 4), (9, 0, 0))
    data = read_dataset(tmp_path)
    assert data.class_names == ("2", "9", "10")
    assert data.labels is not None
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.inputs["images"].shape == (6, 4, 6, 3)
    assert data.inputs["images"][:, 0, 0, 0].tolist() == [2, 2, 9, 9, 10, 10]
    assert read_dataset(tmp_path, split="test").samples == 2


def test_images_are_brought_to_one_size_and_to_the_channels(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "a.png", (6, 4), (255, 255, 255))
    picture(tmp_path / "cat" / "b.jpg", (9, 9), 128, mode="L")
    picture(tmp_path / "dog" / "c.webp", (3, 3), (1, 2, 3, 0), mode="RGBA")
    with pytest.raises(DataError, match="several sizes") as caught:
        read_dataset(tmp_path)
    assert "--image-shape" in str(caught.value.hint)
    grey = read_dataset(
        tmp_path, image_shape=(8, 8, 1), scaling=Scaling(mean=(127.5,), std=(127.5,))
    )
    assert grey.inputs["images"].shape == (3, 8, 8, 1)
    assert -1 <= grey.inputs["images"].min() <= grey.inputs["images"].max() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: None, "holds no images"),
        (lambda f: picture(f / "only" / "a.png", (2, 2), 0), "single class, 'only'"),
        (
            lambda f: (
                picture(f / "a" / "a.png", (2, 2), 0),
                (f / "b").mkdir(),
                (f / "b" / "x.png").write_bytes(b"no"),
            ),
            "x.png cannot be read as an image",
        ),
    ],
    ids=["empty", "one class", "no image"],
)
def test_folders_that_cannot_be_are_named(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        read_dataset(tmp_path)


CODE = """
import tensorflow as tf
import numpy as np
X = np.arange(24, dtype="float32").reshape(6, 2, 2)
Y = np.array([0, 1, 2, 0, 1, 2])
def samples(split):
    n = 6 if split == "train" else 2
    return tf.data.Dataset.from_tensor_slices((X[:n], Y[:n]))
def batches():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
def named():
    return tf.data.Dataset.from_tensor_slices(({"a": X, "b": X + 1}, Y)).batch(4)
def endless():
    return samples("train").repeat()
def arrays():
    return {"a": X, "y": Y}
def pairs():
    return ((x, y) for x, y in zip(X, Y))
def nothing():
    return []
def broken():
    raise KeyError("no such bucket")
"""


@pytest.fixture
def code(tmp_path: Path, tf: Any) -> str:
    (tmp_path / "mydata.py").write_text(CODE)
    return str(tmp_path / "mydata.py")


@pytest.mark.parametrize("name", ["samples", "batches", "pairs", "arrays", "named"])
def test_a_function_of_ones_own(code: str, name: str) -> None:
    data = read_dataset(f"{code}:{name}")
    assert data.samples == 6
    assert next(iter(data.inputs.values())).shape == (6, 2, 2)
    assert data.labels is not None
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert data.sha256 == read_dataset(f"{code}:{name}").sha256


def test_the_split_is_handed_on(code: str) -> None:
    assert read_dataset(f"{code}:samples", split="test").samples == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("endless", "without end"),
        ("nothing", "gives no samples"),
        ("broken", "KeyError: 'no such bucket'"),
        ("nosuch", "has no function 'nosuch'"),
    ],
)
def test_functions_that_fail_are_told_in_a_sentence(code: str, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_dataset(f"{code}:{name}")


def test_a_module_that_is_not_there(tf: Any) -> None:
    with pytest.raises(DataError, match="cannot be imported"):
        read_dataset("no_such_module:function")
