"""Quantizing a .tflite of any origin: without a signature, with several; with the ranges that data really have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import ConversionError
from optimizer.interpreter import TFLiteModel
from optimizer.quantize_tflite import TFLiteScheme, calibrate, quantize
from optimizer.tflite_reader import read
from optimizer.tflite_signature import signed

STATIC = [scheme for scheme in TFLiteScheme if scheme.needs_calibration]
IMAGES = np.random.default_rng(0).random((40, 8, 8, 2), dtype="float32")


def without_signatures(content: bytes) -> bytes:
    """The same file, as old converters wrote it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def network(tf: Any, *, second_input: str | None = None) -> bytes:
    """A small network; with ``second_input`` it has another signature, which takes that."""
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.Flatten(),
            layers.Dense(3, name="out"),
        ]
    )
    module = tf.Module()
    module.model = model

    def function(name: str, factor: float) -> Any:
        spec = tf.TensorSpec((1, 8, 8, 2), tf.float32, name=name)
        call = tf.function(lambda given: {"scores": model(given * factor)})
        wrapped = tf.function(lambda **named: call(named[name]))
        return wrapped.get_concrete_function(**{name: spec})

    signatures = {"serving_default": function("image", 1.0)}
    if second_input is not None:
        signatures["zoomed"] = function(second_input, 0.5)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        content: bytes = converter.convert()
        return content


def run(content: bytes) -> Any:
    model = TFLiteModel(content, where="test")
    (found,) = model.run({model.input_names[0]: IMAGES}).values()
    return found


@pytest.mark.parametrize("scheme", STATIC)
def test_a_file_without_a_signature_is_quantized_statically(tf: Any, scheme: TFLiteScheme) -> None:
    plain = without_signatures(network(tf))
    (name,) = TFLiteModel(plain, where="x").input_names
    made = quantize(plain, scheme=scheme, where="x", calibration={name: IMAGES})
    assert TFLiteModel(made, where="x").input_names == (name,)
    assert np.abs(run(made) - run(plain)).max() < 0.05


@pytest.mark.parametrize("scheme", STATIC)
def test_every_signature_is_calibrated(tf: Any, scheme: TFLiteScheme) -> None:
    from ai_edge_litert.interpreter import Interpreter

    plain = network(tf, second_input="image")
    (name,) = TFLiteModel(plain, where="x").input_names
    made = quantize(plain, scheme=scheme, where="x", calibration={name: IMAGES, "image": IMAGES})
    before, after = (Interpreter(model_content=item) for item in (plain, made))
    for key in ("serving_default", "zoomed"):
        runners = [item.get_signature_runner(key) for item in (before, after)]
        wanted, found = (runner(image=IMAGES[:1])["scores"] for runner in runners)
        assert np.abs(wanted - found).max() < 0.05


def test_a_signature_without_data_is_named(tf: Any) -> None:
    plain = network(tf, second_input="other")
    (name,) = TFLiteModel(plain, where="x").input_names
    with pytest.raises(ConversionError, match=r"signature 'zoomed'.*nothing for its input 'other'"):
        quantize(plain, scheme=TFLiteScheme.INT8, where="x", calibration={name: IMAGES})
    assert quantize(plain, scheme=TFLiteScheme.DYNAMIC_RANGE, where="x")


def test_ranges_reach_to_what_a_single_sample_reaches(tf: Any) -> None:
    plain = network(tf)
    peaked = IMAGES.copy()
    peaked[20] *= 50
    ranges = calibrate(plain, scheme=TFLiteScheme.INT8, where="x", calibration={"image": peaked})
    (name,) = (item.name for item in read(plain).tensors(0, "Inputs"))
    assert float(np.max(ranges[name]["max"])) == pytest.approx(float(peaked.max()))
    assert float(np.min(ranges[name]["min"])) == pytest.approx(float(peaked.min()))


def test_a_signature_that_is_there_stays(tf: Any) -> None:
    plain = network(tf)
    assert signed(plain) is plain
    again = signed(without_signatures(plain))
    assert [item.key for item in read(again).signature_inputs()] == ["serving_default"]
    assert np.array_equal(run(again), run(plain))


@given(names=st.lists(st.sampled_from([b"", b"a", b"b", None]), min_size=1, max_size=5))
def test_names_of_a_new_signature_are_unique(names: list[bytes | None]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    from optimizer.tflite_signature import _maps

    graph = schema.SubGraphT()
    graph.tensors = []
    for name in names:
        tensor = schema.TensorT()
        tensor.name = name
        graph.tensors.append(tensor)
    made = [entry.name for entry in _maps(schema, graph, range(len(names)))]
    assert len(set(made)) == len(made)
