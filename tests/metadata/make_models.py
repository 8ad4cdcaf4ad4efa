"""Make small real models with TensorFlow, in a process of their own: make_models.py FOLDER."""

# ruff: noqa: ANN001, ANN003, ANN201, ANN204 - TensorFlow has no types to speak of
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf

CLASSES = 4


class Classifier(tf.Module):
    def __init__(self, channels, *, softmax=True, outputs=1):
        super().__init__()
        rng = np.random.default_rng(7)
        self.filters = tf.Variable(rng.normal(0, 1, (3, 3, channels, 6)).astype("float32"))
        self.head = tf.Variable(rng.normal(0, 1, (6, CLASSES)).astype("float32"))
        self.softmax, self.outputs = softmax, outputs

    def __call__(self, image):
        maps = tf.nn.relu(tf.nn.conv2d(image, self.filters, 1, "SAME"))
        scores = tf.matmul(tf.reduce_mean(maps, (1, 2)), self.head)
        result = tf.nn.softmax(scores) if self.softmax else scores
        return result if self.outputs == 1 else (result, scores)


def convert(shape, *, io=None, low=-1.0, quantize=False, free=False, **options):
    module = Classifier(shape[-1], **options)
    signature = [1, None, None, shape[-1]] if free else [1, *shape]
    function = tf.function(module.__call__).get_concrete_function(
        tf.TensorSpec(signature, tf.float32)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if quantize:
        rng = np.random.default_rng(0)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [rng.uniform(low, 1, (1, *shape)).astype("float32")] for _ in range(20)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if io:
            converter.inference_input_type = converter.inference_output_type = io
    return converter.convert()


def flat():
    function = tf.function(tf.nn.softmax).get_concrete_function(
        tf.TensorSpec([1, CLASSES], tf.float32)
    )
    return tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()


RGB, GRAY = (8, 6, 3), (8, 6, 1)
folder = Path(sys.argv[1])
for name, model in {
    "float32": convert(RGB),
    "int8_float_io": convert(RGB, quantize=True),
    "uint8_io": convert(RGB, quantize=True, io=tf.uint8),
    "int8_io": convert(RGB, quantize=True, io=tf.int8),
    "uint8_narrow": convert(RGB, quantize=True, io=tf.uint8, low=0.8),
    "gray": convert(GRAY),
    "four_channels": convert((8, 6, 4)),
    "free_size": convert(RGB, free=True),
    "logits": convert(RGB, softmax=False),
    "two_outputs": convert(RGB, outputs=2),
    "flat": flat(),
}.items():
    (folder / f"{name}.tflite").write_bytes(model)
