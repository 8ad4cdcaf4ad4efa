"""Real models, made once a session by TensorFlow in another process; one worker for all tests."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from optimizer.metadata import ImageClassifierMetadata, MetadataWorker

MAKER = Path(__file__).with_name("make_models.py")


@pytest.fixture(scope="session")
def made_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base  # xdist: once for all workers
    folder = shared / "metadata-models"
    with FileLock(shared / "metadata-models.lock"):
        if not folder.is_dir():
            folder.mkdir()
            made = subprocess.run(
                [sys.executable, str(MAKER), str(folder)],
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                shutil.rmtree(folder)
                pytest.fail(f"models could not be made: {made.stderr[-2000:]}")
    return folder


@pytest.fixture
def model(made_models: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy one of the models into the test's folder; ``name`` is the copy's name there."""

    def copy(which: str = "float32", name: str | None = None) -> Path:
        target = tmp_path / (name or f"{which}.tflite")
        return Path(shutil.copy(made_models / f"{which}.tflite", target))

    return copy


@pytest.fixture(scope="session")
def worker() -> Iterator[MetadataWorker]:
    with MetadataWorker() as worker:
        yield worker


@pytest.fixture
def description() -> ImageClassifierMetadata:
    return ImageClassifierMetadata(
        labels=("cat", "dog", "Größe", "人"),
        mean=(127.5,),
        std=(127.5,),
        name="Pets",
        author="Team",
        license="Apache-2.0",
        version="1.2",
    )
