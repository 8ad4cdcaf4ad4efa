import math
from pathlib import Path

import pytest

from optimizer.errors import MetadataError
from optimizer.metadata import ImageClassifierMetadata


def describe(
    mean: tuple[float, ...] = (0.0,), std: tuple[float, ...] = (1.0,)
) -> ImageClassifierMetadata:
    return ImageClassifierMetadata(labels=("a", "b"), mean=mean, std=std)


@pytest.mark.parametrize(
    ("mean", "std", "says"),
    [
        ((), (1.0,), "mean must be"),
        ((math.nan,), (1.0,), "mean must be"),
        ((0.0,), (math.inf,), "std must be"),
        ((0.0,), (0.0,), "above zero"),
        ((0.0,), (1.0, 1.0, -2.0), "above zero"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    mean: tuple[float, ...], std: tuple[float, ...], says: str
) -> None:
    with pytest.raises(MetadataError, match=says):
        describe(mean, std)


def test_one_value_serves_all_channels() -> None:
    assert describe((1.0,), (2.0,)).normalization(3) == ((1.0,), (2.0,))
    assert describe((1.0,), (2.0, 3.0, 4.0)).normalization(3) == ((1.0,) * 3, (2.0, 3.0, 4.0))
    with pytest.raises(MetadataError, match="std has 2 values, but the model's input has 3"):
        describe((1.0,), (2.0, 3.0)).normalization(3)


def test_labels_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\n")
    made = ImageClassifierMetadata.from_label_file(path, mean=(0.0,), std=(255.0,))
    assert made.labels == ("cat", "dog")
    with pytest.raises(MetadataError, match="needs labels"):
        ImageClassifierMetadata(labels=(), mean=(0.0,), std=(1.0,))
