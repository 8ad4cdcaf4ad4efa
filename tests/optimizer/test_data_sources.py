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

from optimizer.coverage import calibration_coverage
from optimizer.data import Dataset, read_dataset
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
    file.write_bytes(gzip.compress(content, mtime=0) if zipped else content)
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
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images), mtime=0))
        labels = random.integers(0, 3, count).astype("u1")
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels), mtime=0))
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


def test_a_class_that_a_split_lacks_does_not_shift_the_others(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cat"):
        picture(tmp_path / "train" / name / "a.png", (4, 4), 0)
    for name in ("bee", "cat"):
        picture(tmp_path / "test" / name / "a.png", (4, 4), 0)
    found = read_dataset(tmp_path, split="test")
    assert found.class_names == ("ant", "bee", "cat")
    assert found.labels is not None
    assert found.labels.tolist() == [1, 2]
    with pytest.raises(DataError, match="splits test, train and no val"):
        read_dataset(tmp_path, split="val")


def test_nothing_in_a_folder_is_passed_over_in_silence(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        picture(tmp_path / name / "a.png", (4, 4), 0)
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert read_dataset(tmp_path).samples == 2
    picture(tmp_path / "loose.png", (4, 4), 0)
    with pytest.raises(DataError, match="loose.png lies beside the folders of classes"):
        read_dataset(tmp_path)
    (tmp_path / "loose.png").unlink()
    (tmp_path / "bee" / "b.gif").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match="b.gif is no image that can be read"):
        read_dataset(tmp_path)


def test_only_plain_image_formats_are_decoded_whatever_the_name(tmp_path: Path) -> None:
    """Pillow would start Ghostscript for this one."""
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EOF\n")
    with pytest.raises(DataError, match="a.png cannot be read as an image: its content is not PNG"):
        read_dataset(tmp_path)


def test_truncated_and_giant_images_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "a.jpg", (64, 64), (9, 9, 9))
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:-8])
    with pytest.raises(DataError, match="a.jpg cannot be read as an image: .*[Tt]runcated"):
        read_dataset(tmp_path)
    (tmp_path / "a.jpg").write_bytes(content)
    for limit in (3000, 1000):  # Pillow warns up to twice its limit, and raises beyond
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match="a.jpg has more pixels .* decompression bomb"):
            read_dataset(tmp_path)


def test_modes_become_the_channels_that_are_asked_for(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((4, 4), 40_000, "uint16"))
    deep.save(tmp_path / "a.png")
    assert read_dataset(tmp_path).inputs["images"].tolist() == [[[[40_000 >> 8]] * 4] * 4]
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "b.png", transparency=b"\x00\x80")
    found = read_dataset(tmp_path, image_shape=(4, 4, 4)).inputs["images"]
    assert found[1, 0, 0].tolist() == [10, 20, 30, 128]
    assert read_dataset(tmp_path).inputs["images"][1, 0, 0].tolist() == [10, 20, 30]


def test_images_are_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert read_dataset(tmp_path).inputs["images"].shape == (1, 6, 4, 3)


def test_the_digest_is_of_names_contents_shape_and_scaling(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (4, 4), 0)
    found = {
        read_dataset(tmp_path).sha256,
        read_dataset(tmp_path, image_shape=(2, 2, 3)).sha256,
        read_dataset(tmp_path, scaling=Scaling(std=(255.0,))).sha256,
    }
    assert read_dataset(tmp_path).sha256 in found
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    assert len(found | {read_dataset(tmp_path).sha256}) == 4


def test_scalings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="divides by 0"):
        Scaling(std=(0.0,))
    with pytest.raises(DataError, match="finite"):
        Scaling(mean=(float("nan"),))
    np.savez(tmp_path / "d.npz", image=np.ones((2, 4, 4, 1), "uint8"), y=[0, 1])
    with pytest.raises(DataError, match="3 values for one per channel, 'image' has 1 channels"):
        read_dataset(tmp_path / "d.npz", scaling=Scaling(mean=(1.0, 2.0, 3.0)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no idx file: it begins with nothing"),
        (b"\1\0\x08\3", "is no idx file: it begins with 01 00 08 03"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x", "is no idx file"),
        (b"\0\0\x08\3\0\0", "ends within its header"),
        (b"\0\0\x08\2" + struct.pack(">2I", 2**32 - 1, 0), "samples without values"),
        (
            b"\0\0\x08\2" + struct.pack(">2I", 2, 2) + b"12345",
            "2×2 values take 4 bytes, it has more",
        ),
        (b"\0\0\x08\1" + struct.pack(">I", 2) + b"12", "holds single numbers, as labels are"),
        (
            gzip.compress(b"\0\0\x08\2" + struct.pack(">2I", 2**20, 2**20), mtime=0),
            "cut short or damaged",
        ),
        (gzip.compress(idx(np.ones((9, 9), "u1")), mtime=0)[:-9], "cannot be read"),
    ],
)
def test_idx_files_that_are_damaged(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    for place in (tmp_path, tmp_path / "train-images-idx3-ubyte"):
        with pytest.raises(DataError, match=message):
            read_dataset(place)


def test_labels_may_be_missing_or_packed_beside_unpacked_images(tmp_path: Path) -> None:
    file = tmp_path / "train-images.idx3-ubyte"
    file.write_bytes(idx(np.ones((2, 3, 3), "u1")))
    assert read_dataset(file).labels is None
    (tmp_path / "train-labels.idx1-ubyte.gz").write_bytes(
        gzip.compress(idx(np.array([3, 1], "u1")))
    )
    labels = read_dataset(tmp_path).labels
    assert labels is not None
    assert labels.tolist() == [3, 1]
    with pytest.raises(DataError, match="no idx files of images for the split 'test'"):
        read_dataset(tmp_path, split="test")


MORE_CODE = """
import numpy as np
X = np.arange(96, dtype="float32").reshape(6, 4, 4, 1)
Y = np.arange(6) % 3
def pipeline(labels):
    import tensorflow as tf
    return tf.data.Dataset.from_tensor_slices((X, labels))
def one_hot():
    return pipeline(np.eye(3)[Y])
def one_hot_batches():
    return pipeline(np.eye(3)[Y]).batch(4).prefetch(1)
def whole_batches():
    return pipeline(np.eye(3)[Y]).batch(3, drop_remainder=True)
def unclear():
    return pipeline(np.eye(4)[Y])
def by_name():
    import tensorflow as tf
    return tf.data.Dataset.from_tensor_slices({"image": X, "label": Y}).batch(4)
def named_pair():
    return {"a": X}, Y
def lists():
    return X.tolist(), Y.tolist()
def with_default(batch=3):
    return pipeline(Y).batch(batch)
def transposed():
    return X.T.copy().T, Y
def batches():
    return iter([(X[:4], Y[:4]), (X[4:], Y[4:])])
def imports_beside():
    import beside
    return beside.X, Y
def ragged():
    return iter([(X[0], 0), (X[0, :2], 1)])
def splits():
    return (X, Y), (X, Y)
def needy(a, b):
    return X, Y
def leaves():
    raise SystemExit(3)
def number():
    return 3
def spoilt():
    return X * np.nan, Y
def words():
    return np.array(["a", "b"])
"""


@pytest.fixture
def more_code(tmp_path: Path, tf: Any) -> str:
    (tmp_path / "more.py").write_text(MORE_CODE)
    (tmp_path / "beside.py").write_text("import numpy as np\nX = np.ones((6, 4, 4, 1))\n")
    return str(tmp_path / "more.py")


@pytest.mark.parametrize(
    "name",
    [
        "one_hot",
        "one_hot_batches",
        "whole_batches",
        "by_name",
        "named_pair",
        "lists",
        "with_default",
        "transposed",
        "batches",
        "imports_beside",
    ],
)
def test_samples_and_batches_are_told_apart(more_code: str, name: str) -> None:
    found = read_dataset(f"{more_code}:{name}", split="test")
    assert [array.shape for array in found.inputs.values()] == [(6, 4, 4, 1)]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_what_could_be_either_is_asked_for(more_code: str) -> None:
    with pytest.raises(DataError, match="one-hot labels, or batches of 4"):
        read_dataset(f"{more_code}:unclear")
    assert read_dataset(f"{more_code}:unclear", image_shape=(4, 4, 1)).samples == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ragged", "of different shapes"),
        ("splits", "several inputs without names"),
        ("needy", "must be given a, b"),
        ("leaves", "failed: SystemExit: 3"),
        ("number", "gives int, which is no data"),
        ("spoilt", "NaN or infinite values in 6 of 6"),
        ("words", "holds <U1, not numbers"),
        ("X", "has no function 'X'"),
    ],
)
def test_functions_that_give_no_data(more_code: str, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_dataset(f"{more_code}:{name}")


def test_python_files_without_a_function_broken_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "data.py"
    with pytest.raises(DataError, match="data.py does not exist"):
        read_dataset(f"{file}:load")
    file.write_text("def load(:\n")
    with pytest.raises(DataError, match="which function gives the data is not said"):
        read_dataset(file)
    with pytest.raises(DataError, match="cannot be imported: SyntaxError"):
        read_dataset(f"{file}:load")


def dataset(name: str, **inputs: Any) -> Dataset:
    return Dataset(path=Path(name), sha256="0" * 64, inputs=inputs)


def test_calibration_that_covers_less_than_the_evaluation_is_told() -> None:
    full = np.linspace(0, 1, 3_000_000, dtype="float32").reshape(100, -1)
    evaluation = dataset("evaluation.npz", image=full)
    assert calibration_coverage(dataset("calibration.npz", image=full * 0.4), evaluation) == [
        "calibration.npz covers 'image' from 0 to 0.4, the evaluation data reach from 0 to 1: int8 "
        "cuts off what lies outside."
    ]
    assert calibration_coverage(dataset("c.npz", other=full * 0.97), evaluation) == []
    assert calibration_coverage(dataset("c.npz", image=full, more=full), evaluation) == []
    # Few values lie outside, yet half of the range does.
    tailed = np.where(full > 0.97, full * 10, full * 0.1)
    assert (
        len(calibration_coverage(dataset("c.npz", x=full * 0.1), dataset("e.npz", x=tailed))) == 1
    )
    outlier = np.append(full[0] * 0.01, 1e6)
    assert calibration_coverage(dataset("c.npz", x=full[0]), dataset("e.npz", x=outlier)) == []
