"""Small real models, made once in a session in one process of TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.tensorflow_setup import import_tensorflow


@pytest.fixture(scope="session")
def tf() -> Any:
    return import_tensorflow("The tests")


@pytest.fixture(scope="session")
def models(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one classifier of 8×8×3 as small.keras, small.h5 and saved/."""
    folder = tmp_path_factory.mktemp("models")
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 3), name="image"),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax", name="scores"),
        ]
    )
    model.save(folder / "small.keras")
    model.save(folder / "small.h5")
    model.export(folder / "saved")
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """calibration.npz (image) and evaluation.npz (image, y)."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    images = random.random((64, 8, 8, 3), dtype="float32")
    np.savez(folder / "calibration.npz", image=images)
    np.savez(folder / "evaluation.npz", image=images[:32], y=random.integers(0, 4, 32))
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads what another test or the user built before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"
