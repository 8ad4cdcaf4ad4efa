"""Small real models of every kind, made by ``make_models.py`` and committed; one worker for all tests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optimizer.metadata import Labels, MetadataWorker
from optimizer.metadata.model_view import ModelView, view
from optimizer.metadata.tasks import ImageClassifier

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="session")
def made_models() -> Path:
    return DATA


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Copy one of the models into the test's folder; ``name`` is the copy's name there."""

    def copy(which: str = "float32", name: str | None = None) -> Path:
        target = tmp_path / (name or f"{which}.tflite")
        return Path(shutil.copy(DATA / f"{which}.tflite", target))

    return copy


@pytest.fixture(scope="session")
def seen() -> Callable[[str], ModelView]:
    """The view of one of the models."""
    return lambda which: view((DATA / f"{which}.tflite").read_bytes(), origin=f"{which}.tflite")


@pytest.fixture(scope="session")
def worker() -> Iterator[MetadataWorker]:
    with MetadataWorker() as worker:
        yield worker


@pytest.fixture
def description() -> ImageClassifier:
    return ImageClassifier(
        labels=Labels(names=("cat", "dog", "Größe", "人")),
        mean=(127.5,),
        std=(127.5,),
        name="Pets",
        author="Team",
        license="Apache-2.0",
        version="1.2",
    )
