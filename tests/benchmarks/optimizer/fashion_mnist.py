"""The reference: a small CNN on Fashion-MNIST, whose images come in a Debian package."""

from __future__ import annotations

import gzip
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import platformdirs

FOLDER = Path("/usr/share/datasets/fashion-mnist")
PACKAGE = "dataset-fashion-mnist"
EPOCHS = 6
BATCH = 128


def cache() -> Path:
    folder = Path(platformdirs.user_cache_dir("android-bench")) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def data_folder() -> Path:
    """Where the idx files are; installs the package when it is missing and this is root on Debian."""
    if not FOLDER.is_dir():
        if os.geteuid() != 0:
            raise SystemExit(f"apt-get install {PACKAGE} gives the data of this benchmark")
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
            subprocess.run(
                ["apt-get", "download", "-qq", PACKAGE], cwd=folder, check=True, capture_output=True
            )
            (package,) = Path(folder).glob("*.deb")
            subprocess.run(["dpkg", "-x", str(package), "/"], check=True)
    return FOLDER


def arrays() -> tuple[Path, Path]:
    """Training and test data as .npz: images (n, 28, 28, 1) from 0 to 1, and labels y."""
    train, test = cache() / "train.npz", cache() / "test.npz"
    if not (train.is_file() and test.is_file()):
        folder = data_folder()
        for name, target in (("train", train), ("t10k", test)):
            images = _idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
            labels = _idx(folder / f"{name}-labels-idx1-ubyte.gz", 8)
            np.savez(target, image=(images / 255).astype("float32"), y=labels.astype("int64"))
    return train, test


def reference_model() -> Path:
    """Four convolutions with normalization, 240,000 parameters, trained until it is no easy thing to keep up with."""
    path = cache() / "fashion.keras"
    if path.is_file():
        return path
    from optimizer.tensorflow_setup import import_tensorflow

    tf = import_tensorflow("The benchmark")
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((28, 28, 1), name="image")])
    for filters, strides in ((32, 1), (64, 2), (128, 2), (128, 1)):
        model.add(layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10, activation="softmax", name="clothes"))
    with np.load(arrays()[0]) as data:
        images, labels = data["image"], data["y"]
    rate = tf.keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * len(images) // BATCH)
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    model.save(path)
    return path


def _idx(path: Path, header: int) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)
