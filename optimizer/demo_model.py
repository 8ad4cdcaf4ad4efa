"""The demo's model: a small convolutional network on real handwritten digits, trained in seconds.

The digits are scikit-learn's (1,797 images of 8 × 8 in 17 greys, from the UCI repository), which come
inside its wheel. They are enlarged to 32 × 32 and made RGB, as Android's image classifiers want three
channels.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.artifact import file_sha256
from optimizer.errors import MissingExtraError
from optimizer.files import write_atomic
from optimizer.tensorflow_setup import import_tensorflow, require_tensorflow

SEED = 0
EPOCHS = 8
_ENLARGED = 4
_GREYS = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFiles:
    """What the demo starts from. An app feeds ``(pixel - mean) / std``, pixels from 0 to 255."""

    model: Path
    calibration: Path
    evaluation: Path
    labels: Path
    mean: float = 0.0
    std: float = 255.0


def make_demo(folder: Path, *, step: Callable[[str], None] = lambda _: None) -> DemoFiles:
    """Train the model unless it is there, and write it with its data and labels into ``folder``.

    Raises:
        MissingExtraError: TensorFlow or scikit-learn is not installed.
    """
    files = DemoFiles(
        model=folder / "digits.keras",
        calibration=folder / "calibration.npz",
        evaluation=folder / "evaluation.npz",
        labels=folder / "labels.txt",
    )
    record = folder / ".digits.json"
    if _is_complete(files, record):
        step("digits.keras is there already")
        return files
    require_tensorflow("The demo")
    if importlib.util.find_spec("sklearn") is None:
        raise MissingExtraError("demo", needed_for="The demo", module="scikit-learn")
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    step("load TensorFlow")
    tf = import_tensorflow("The demo")
    train, test = _digits()
    np.savez_compressed(files.calibration, image=train[0][:512])
    np.savez_compressed(files.evaluation, image=test[0], y=test[1])
    files.labels.write_text("".join(f"{digit}\n" for digit in range(10)))
    step(f"train on {len(train[0])} digits")
    model = _model(tf)
    model.fit(*train, batch_size=32, epochs=EPOCHS, verbose=0)
    # Last, so that a folder with a model in it is complete.
    part = folder / ".part.keras"
    model.save(part)
    part.replace(files.model)
    write_atomic(record, _record(files))
    return files


def _is_complete(files: DemoFiles, record: Path) -> bool:
    """Whether all files are there as this version of the module wrote them."""
    try:
        return record.read_bytes() == _record(files)
    except OSError:
        return False


def _record(files: DemoFiles) -> bytes:
    """What the files were made by, and their hashes."""
    paths = (files.model, files.calibration, files.evaluation, files.labels)
    hashes = {path.name: file_sha256(path) for path in paths}
    made_by = file_sha256(Path(__file__))
    return json.dumps({"made_by": made_by, "files": hashes}, indent=2).encode()


def _digits() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """(images, classes) to train on and to test on; images (n, 32, 32, 3), float32 from 0 to 1."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images / _GREYS).astype("float32")
    images = (
        images.repeat(_ENLARGED, axis=1)
        .repeat(_ENLARGED, axis=2)[..., np.newaxis]
        .repeat(3, axis=3)
    )
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
    )
    return (train_x, train_y), (test_x, test_y)


def _model(tf: Any) -> Any:
    """Three convolutions, batch-normalised, and a classifier: 0.26 million parameters."""
    tf.keras.utils.set_random_seed(SEED)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((32, 32, 3), name="image")])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 5, strides=2, padding="same", use_bias=False))
        # Few steps: averages that follow slowly would still hold their first values at the end.
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(10, activation="softmax", name="digit"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
