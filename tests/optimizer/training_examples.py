"""A small learning problem and models for it: real digits, real training, in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimizer.objective import Objective, make_objective
from optimizer.techniques import FineTune
from optimizer.training import TrainingSet, fine_tune, predict


def digits(samples: int = 1000) -> TrainingSet:
    """scikit-learn's digits as (samples, 8, 8, 1) from 0 to 1."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images[:samples] / 16).astype("float32")[..., np.newaxis]
    return TrainingSet(inputs={"image": images}, labels=found.target[:samples].astype("int64"))


def small_model(tf: Any, *, seed: int = 0) -> Any:
    """Convolution, normalization, depthwise convolution, residual, two dense layers."""
    tf.keras.utils.set_random_seed(seed)
    layers = tf.keras.layers
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="first")(image)
    x = layers.BatchNormalization(momentum=0.9, name="first_norm")(x)
    x = layers.ReLU(name="first_relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depth")(x)
    y = layers.BatchNormalization(momentum=0.9, name="depth_norm")(y)
    y = layers.ReLU(name="depth_relu")(y)
    y = layers.Conv2D(16, 1, name="point")(y)
    x = layers.Add(name="residual")([x, y])
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(2, name="pool")(x))
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    x = layers.Dense(10, activation="softmax", name="digit")(x)
    return tf.keras.Model(image, x, name="small")


def labels_of(data: TrainingSet, model: Any) -> Objective:
    """The objective of plain training with labels."""
    few = predict(model, data.inputs, np.arange(16))
    return make_objective(few, labels=data.labels, teachers=[], distillation=None)


def trained(tf: Any, data: TrainingSet, *, seed: int = 0, epochs: int = 8) -> Any:
    """A small model that has learned the digits."""
    model = small_model(tf, seed=seed)
    how = FineTune(epochs=epochs, learning_rate=5e-3, batch_size=50, patience=0)
    fine_tune(model, data, labels_of(data, model), how, label="base")
    return model


def accuracy(model: Any, data: TrainingSet) -> float:
    """The share of samples whose class a Keras model names."""
    found = predict(model, data.inputs)[0].argmax(1)
    return float((found == data.labels).mean())
