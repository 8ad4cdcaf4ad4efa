"""Make the small models in data/ again, with TensorFlow: python tests/metadata/make_models.py [FOLDER].

Those in data/ are committed, so that the tests need no TensorFlow; one of every kind that metadata are for,
and some that metadata are not for.
"""

# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202 - TensorFlow has no types to speak of
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

CLASSES = 4
RGB, GRAY = (8, 6, 3), (8, 6, 1)
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("data")
RANDOM = np.random.default_rng(7)
MEAN_PIXEL, PIXEL_STD = (123.68, 116.78, 103.94), (58.4, 57.1, 57.4)


def constant(*shape):
    return tf.constant(RANDOM.normal(size=shape).astype("float32"))


def image(shape=RGB, batch=1):
    return tf.TensorSpec((batch, *shape), tf.float32, name="image")


def write(name, converter, *, kind=None, io=(None, None), sample=None):
    """Convert and write: ``kind`` is float16, dynamic or int8; ``sample`` makes calibration data."""
    if kind:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        converter.representative_dataset = lambda: ([sample()] for _ in range(16))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if io[0]:
            converter.inference_input_type = io[0]
        if io[1]:
            converter.inference_output_type = io[1]
    converter.allow_custom_ops = True
    content = converter.convert()
    (FOLDER / f"{name}.tflite").write_bytes(content)
    print(name, len(content), flush=True)


def graph(name, function, *specs, **options):
    """A function whose outputs (a dictionary) give the names in the signature."""
    module = tf.Module()
    module.call = tf.function(function, input_signature=specs)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.call.get_concrete_function())
        write(name, tf.lite.TFLiteConverter.from_saved_model(folder), **options)


def pixels(low, high, shape=RGB):
    """Calibration data in which every value between the limits stands, and both of them."""

    def sample():
        made = np.random.default_rng(0).uniform(low, high, (1, *shape)).astype("float32")
        made.flat[:2] = low, high
        return made

    return sample


# Image classifiers: one model in all its variants, and models that are something else.
def classifier(channels, filters=6, *, softmax=True, outputs=1):
    kernel, head = constant(3, 3, channels, filters), constant(filters, CLASSES)

    def call(image):
        maps = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))
        scores = tf.matmul(tf.reduce_mean(maps, (1, 2)), head)
        result = tf.nn.softmax(scores) if softmax else scores
        return {"scores": result} if outputs == 1 else {"scores": result, "logits": scores}

    return call


def classifiers():
    plain, wide = classifier(3), classifier(3, filters=40)
    u8, i8, unit = tf.uint8, tf.int8, pixels(-1, 1)
    graph("float32", plain, image())
    graph("float16", wide, image(), kind="float16")
    graph("dynamic_range", wide, image(), kind="dynamic")
    graph("int8_float_io", plain, image(), kind="int8", sample=unit)
    graph("uint8_io", plain, image(), kind="int8", io=(u8, u8), sample=unit)
    graph("int8_io", plain, image(), kind="int8", io=(i8, i8), sample=unit)
    graph("uint8_in", plain, image(), kind="int8", io=(u8, tf.float32), sample=unit)
    graph("uint8_narrow", plain, image(), kind="int8", io=(u8, u8), sample=pixels(0.8, 1))
    for name, low, high in (("zero_one", 0, 1), ("raw", 0, 255)):
        graph(f"uint8_{name}", plain, image(), kind="int8", io=(u8, u8), sample=pixels(low, high))
        graph(f"int8_{name}", plain, image(), kind="int8", io=(i8, i8), sample=pixels(low, high))
        graph(f"float_io_{name}", plain, image(), kind="int8", sample=pixels(low, high))
    graph("gray", classifier(1), image(GRAY))
    graph("four_channels", classifier(4), image((8, 6, 4)))
    graph("free_size", plain, image((None, None, 3)))
    graph("free_batch", plain, image(batch=None))
    graph("logits", classifier(3, softmax=False), image())
    graph("two_outputs", classifier(3, outputs=2), image())
    graph("flat", lambda x: {"y": tf.nn.softmax(x)}, tf.TensorSpec((1, CLASSES), tf.float32, "x"))
    graph("scores_1x1", lambda x: {"y": tf.reshape(plain(x)["scores"], (1, 1, 1, 4))}, image())
    graph("scores_1d", lambda x: {"y": tf.reshape(plain(x)["scores"], (4,))}, image())
    graph(
        "channels_first",
        lambda x: plain(tf.transpose(x, (0, 2, 3, 1))),
        image((3, 8, 6)),
    )


# What the first layers do to pixels.
def first_layers():
    layers = tf.keras.layers

    def bgr_minus_mean(x):
        return x[..., ::-1] - tf.constant(MEAN_PIXEL[::-1])

    variance = [std**2 for std in PIXEL_STD]
    raw = {
        "rescaled_255": [layers.Rescaling(1 / 255)],
        "rescaled_127": [layers.Rescaling(1 / 127.5, offset=-1)],
        "normalized": [layers.Normalization(mean=MEAN_PIXEL, variance=variance)],
        "caffe": [layers.Lambda(bgr_minus_mean)],
        "torch": [
            layers.Rescaling(1 / 255),
            layers.Normalization(mean=(0.485, 0.456, 0.406), variance=(0.0524, 0.0502, 0.0506)),
        ],
        "resized": [layers.Resizing(4, 4), layers.Rescaling(1 / 255)],
    }
    # None of these tells what a pixel is; the last takes 0 to 1 and makes pixels of it inside.
    others = {
        "learned_scale": [layers.Lambda(lambda x: x * tf.constant((0.9, 0.02, 1.3)))],
        "halved": [layers.Lambda(lambda x: x * 0.5)],
        "masked": [layers.Lambda(lambda x: x * tf.constant(0.01, shape=(8, 6, 3)))],
        "standardized": [layers.Normalization(mean=(0.485, 0.456, 0.406), variance=(0.05,) * 3)],
        "squared": [layers.Lambda(lambda x: x * x), layers.Rescaling(1 / 255)],
        "times_255": [layers.Rescaling(255.0), layers.Lambda(bgr_minus_mean)],
    }
    for name, first in {**raw, **others}.items():
        tail = [layers.Conv2D(40, 3), layers.GlobalAveragePooling2D(), layers.Dense(CLASSES)]
        tf.keras.utils.set_random_seed(1)
        net = tf.keras.Sequential([layers.InputLayer(RGB, 1), *first, *tail, layers.Softmax()])
        high = 1 if name in others else 255
        kinds = (
            (None, "float16", "dynamic", "int8")
            if name in {*list(raw)[:4], "times_255"}
            else (None,)
        )
        for kind in kinds:
            converter = tf.lite.TFLiteConverter.from_keras_model(net)
            suffix = f"_{kind}" if kind else ""
            write(f"first_{name}{suffix}", converter, kind=kind, sample=pixels(0, high))


# Object detectors.
POST_PROCESS = "TFLite_Detection_PostProcess"
ANCHORS = 6


def scaled_behind():
    """Small filters, and a batch normalisation behind the activation that makes up for it."""
    kernel, head = 0.002 * constant(3, 3, 3, 6), constant(6, CLASSES)
    scale, offset = 50 + constant(6), constant(6)

    def call(image):
        maps = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME")) * scale + offset
        pooled = tf.reduce_mean(tf.nn.relu(maps), (1, 2))
        return {"scores": tf.nn.softmax(tf.matmul(pooled, head))}

    graph("first_scaled_behind", call, image())


def detectors():
    boxes = tf.constant([[[0.1, 0.1, 0.5, 0.5], [0.2, 0.3, 0.9, 0.8], [0, 0, 1, 1]]], tf.float32)

    def found(x):
        mean = tf.reduce_mean(x)
        return (
            boxes + 0 * mean,
            tf.constant([[0.0, 1.0, 2.0]]) + 0 * mean,
            tf.nn.sigmoid(tf.reshape(mean, (1, 1)) + tf.constant([[2.0, 1.0, 0.0]])),
            tf.reshape(3.0 + 0 * mean, (1,)),
        )

    def named(*names):
        return lambda x: dict(zip(names, found(x), strict=True))

    roles = named("location", "category", "score", "number_of_detections")
    graph("detector", roles, image())
    graph("detector_unnamed", named("output_1", "output_3", "output_0", "output_2"), image())
    for name, io in (("detector_uint8_in", (tf.uint8, tf.float32)), ("detector_float_io", ())):
        graph(name, roles, image(), kind="int8", io=io or (None, None), sample=pixels(-1, 1))
    graph("detector_three_outputs", lambda x: dict(zip("abc", found(x)[:3], strict=True)), image())
    # Both of one shape give whole numbers: nothing tells them apart.
    graph(
        "detector_ambiguous",
        lambda x: dict(
            zip("abcd", (found(x)[0], found(x)[1], found(x)[1] + 1, found(x)[3]), strict=True)
        ),
        image(),
    )
    attributes = {
        "max_detections": "i: 3",
        "max_classes_per_detection": "i: 1",
        "use_regular_nms": "b: false",
        "nms_score_threshold": "f: 0.0",
        "nms_iou_threshold": "f: 0.6",
        **dict.fromkeys(("y_scale", "x_scale"), "f: 10.0"),
        **dict.fromkeys(("h_scale", "w_scale"), "f: 5.0"),
        "num_classes": "i: 3",
    }
    told = " ".join(
        f'attr {{ key: "{key}" value {{ {value} }} }}' for key, value in attributes.items()
    )

    @tf.function(experimental_implements=f'name: "{POST_PROCESS}" {told}')
    def post_process(boxes, scores, anchors):
        return tf.zeros((1, 3, 4)), tf.zeros((1, 3)), tf.zeros((1, 3)), tf.zeros((1,))

    places = [[0.5, 0.5, 0.2 * i + 0.1, 0.2 * i + 0.1] for i in range(ANCHORS)]
    anchors = tf.constant(places, tf.float32)
    regress, classify = constant(3, ANCHORS * 4), constant(3, ANCHORS * 4)

    def ssd(x):
        features = tf.reduce_mean(x, (1, 2))
        moved = tf.reshape(features @ regress, (1, ANCHORS, 4))
        scores = tf.nn.sigmoid(tf.reshape(features @ classify, (1, ANCHORS, 4)))
        outputs = post_process(moved, scores, anchors)
        return {f"output_{place}": output for place, output in enumerate(outputs)}

    graph("detector_post_process", ssd, image())


# Segmenters and embedders of images.
def other_images():
    kernel, head = constant(1, 1, 3, CLASSES), constant(3, CLASSES)

    def masks(x):
        return {"masks": tf.nn.softmax(tf.nn.conv2d(x, kernel, 1, "SAME"))}

    def vector(x):
        return {"vector": tf.reduce_mean(x, (1, 2)) @ head}

    u8, i8 = (tf.uint8, tf.uint8), (tf.int8, tf.int8)
    for name, call in (("segmenter", masks), ("embedder", vector)):
        graph(name, call, image())
        graph(f"{name}_uint8_io", call, image(), kind="int8", io=u8, sample=pixels(-1, 1))
        graph(f"{name}_int8_io", call, image(), kind="int8", io=i8, sample=pixels(-1, 1))
    one = kernel[..., :1]
    graph("segmenter_one", lambda x: {"m": tf.sigmoid(tf.nn.conv2d(x, one, 1, "SAME"))}, image())
    graph(
        "segmenter_argmax",
        lambda x: {"m": tf.cast(tf.argmax(masks(x)["masks"], -1), tf.float32)},
        image(),
    )
    graph("embedder_1x1", lambda x: {"v": tf.reshape(vector(x)["vector"], (1, 1, 1, 4))}, image())


# Texts: words by number, texts themselves, BERT's three inputs.
def texts():
    table, head = constant(20, 3), constant(3, 2)

    def words(length, dtype=tf.int32):
        return tf.TensorSpec((1, length), dtype, name="words")

    def scores(words):
        return {"scores": tf.nn.softmax(tf.reduce_mean(tf.gather(table, words), 1) @ head)}

    def sample():
        return np.arange(8, dtype="int32")[None]

    graph("text", scores, words(8))
    graph("text_free", scores, words(None))
    graph("text_int64", scores, words(8, tf.int64))
    for name, dtype in (("uint8", tf.uint8), ("int8", tf.int8)):
        graph(f"text_{name}_out", scores, words(8), kind="int8", io=(None, dtype), sample=sample)
    graph(
        "text_string",
        lambda text: {
            "scores": tf.nn.softmax(
                tf.reshape(tf.cast(tf.stack((tf.size(text), 2)), tf.float32), (1, 2))
            )
        },
        tf.TensorSpec((1,), tf.string, name="text"),
    )
    graph(
        "text_embedder",
        lambda words: {"vector": tf.reduce_mean(tf.gather(table, words), 1)},
        words(8),
    )

    def tokens(length, names=("input_word_ids", "input_mask", "input_type_ids")):
        return [tf.TensorSpec((1, length), tf.int32, name=name) for name in names]

    def embedded(ids, mask, segments):
        row = tf.gather(table, ids) + 0.1 * tf.cast(segments, tf.float32)[..., None]
        return row * tf.cast(mask, tf.float32)[..., None]

    def bert(input_word_ids, input_mask, input_type_ids):
        summed = tf.reduce_sum(embedded(input_word_ids, input_mask, input_type_ids), 1)
        return {"scores": tf.nn.softmax(summed @ head)}

    def answers(input_word_ids, input_mask, input_type_ids):
        rows = embedded(input_word_ids, input_mask, input_type_ids)
        # Far below zero outside the context, so that an answer lies inside it.
        off = (tf.cast(input_type_ids, tf.float32) - 1.0) * 100.0
        place = tf.range(tf.shape(rows)[1]) / 1000
        place = tf.cast(place, tf.float32)[None]
        return {
            "end_logits": tf.reduce_sum(rows * table[1], -1) + off + place,
            "start_logits": tf.reduce_sum(rows * table[2], -1) + off - place,
        }

    graph("bert", bert, *tokens(16))
    graph("bert_free", bert, *tokens(None))
    graph("bert_unnamed", lambda a, b, c: bert(a, b, c), *tokens(16, ("a", "b", "c")))  # noqa: PLW0108 - the names
    graph("bert_answers", answers, *tokens(384))
    graph("bert_answers_short", answers, *tokens(16))
    graph(
        "bert_embedder",
        lambda ids, mask, segment_ids: {"v": tf.reduce_sum(embedded(ids, mask, segment_ids), 1)},
        *tokens(16, ("ids", "mask", "segment_ids")),
    )


# Sounds.
def sounds():
    head = constant(16, 3)

    def vector(sound):
        return tf.reshape(tf.reduce_mean(tf.reshape(sound, (-1, 100)), 1), (1, 16)) @ head

    def scores(sound):
        return {"scores": tf.nn.softmax(vector(sound))}

    def sound(*shape):
        return tf.TensorSpec(shape, tf.float32, name="sound")

    def sample():
        return np.random.default_rng(0).uniform(-1, 1, (1, 1600)).astype("float32")

    graph("audio", scores, sound(1, 1600))
    graph("audio_1d", scores, sound(1600))
    graph("audio_stereo", lambda sound: scores(tf.reduce_mean(sound, -1)), sound(1, 1600, 2))
    graph("audio_embedder", lambda sound: {"vector": vector(sound)}, sound(1, 1600))
    i8 = (tf.int8, tf.int8)
    graph("audio_int8_io", scores, sound(1, 1600), kind="int8", io=i8, sample=sample)
    graph(
        "audio_spectrogram",
        lambda sound: {"scores": tf.nn.softmax(tf.reduce_mean(sound, (1, 2)) @ head[:1])},
        sound(1, 16, 10, 1),
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    classifiers()
    first_layers()
    scaled_behind()
    detectors()
    other_images()
    texts()
    sounds()
