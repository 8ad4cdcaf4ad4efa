"""What works on a float .tflite alone: quantizing, comparing layer by layer, searching float layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimizer.errors import ConversionError, ModelError, OptimizerError, RecipeError
from optimizer.interpreter import TFLiteModel
from optimizer.layer_errors import compare_layers, responsible_layers
from optimizer.pipeline import build_artifacts
from optimizer.quantize_tflite import TFLiteScheme, calibrate, quantize
from optimizer.recipe_file import load_recipe, parse_recipe
from optimizer.selective import search_float_layers
from optimizer.tflite_file import inspect, operators_of

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((40, 8, 8, 4), dtype="float32")
SAMPLES = {"image": IMAGES}


def converted(tf: Any, model: Any) -> bytes:
    """The float .tflite, as the pipeline makes it: a signature, a batch of one."""
    function = tf.function(
        lambda image: {"scores": model(image, training=False)},
        input_signature=[tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="image")],
    )
    module = tf.Module()
    module.model = model
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], module
    )
    content: bytes = converter.convert()
    return content


@pytest.fixture(scope="module")
def plain(tf: Any) -> bytes:
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((8, 8, 4), name="image"),
            layers.Conv2D(16, 3, activation="relu", name="first"),
            layers.DepthwiseConv2D(3, name="depth"),
            layers.Conv2D(16, 1, activation="relu", name="point"),
            layers.Flatten(),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(4, activation="softmax", name="out"),
        ]
    )
    return converted(tf, model)


def outputs(content: bytes) -> Any:
    (found,) = TFLiteModel(content, where="test").run(_named(content)).values()
    return found


def _named(content: bytes) -> dict[str, Any]:
    (name,) = TFLiteModel(content, where="test").input_names
    return {name: IMAGES}


@pytest.mark.parametrize("scheme", TFLiteScheme)
def test_every_scheme_runs_and_stays_close(plain: bytes, scheme: TFLiteScheme) -> None:
    made = quantize(plain, scheme=scheme, where="x", calibration=_named(plain))
    assert made == quantize(plain, scheme=scheme, where="x", calibration=_named(plain))
    assert len(made) < len(plain)
    model = TFLiteModel(made, where="x")
    assert {spec.dtype for spec in (*model.inputs, *model.outputs)} == {"float32"}
    wanted, found = outputs(plain), outputs(made)
    assert np.abs(wanted - found).max() < (0.2 if scheme is TFLiteScheme.INT4 else 0.05)


def test_one_calibration_serves_many(plain: bytes) -> None:
    ranges = calibrate(plain, scheme=TFLiteScheme.INT8, where="x", calibration=_named(plain))
    made = quantize(plain, scheme=TFLiteScheme.INT8, where="x", ranges=ranges)
    assert made == quantize(plain, scheme=TFLiteScheme.INT8, where="x", calibration=_named(plain))


def test_layers_and_operators_can_be_chosen(plain: bytes) -> None:
    made = quantize(
        plain,
        scheme=TFLiteScheme.INT8,
        where="x",
        calibration=_named(plain),
        float_layers=["first"],
    )
    assert operators_of(made)["QUANTIZE"] == 1
    only = quantize(
        plain, scheme=TFLiteScheme.WEIGHT_ONLY, where="x", only_operators=["FULLY_CONNECTED"]
    )
    assert operators_of(only)["DEQUANTIZE"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"float_layers": ["nosuch"]}, "fits no operator"),
        ({"float_layers": ["["]}, "no regular expression"),
        ({"only_operators": ["CONV3D"]}, "has no operator 'CONV3D'"),
    ],
)
def test_what_fits_nothing_is_refused(plain: bytes, options: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        quantize(plain, scheme=TFLiteScheme.DYNAMIC_RANGE, where="x", **options)


def test_a_quantized_model_is_not_quantized_again(plain: bytes) -> None:
    made = quantize(plain, scheme=TFLiteScheme.DYNAMIC_RANGE, where="x")
    with pytest.raises(ConversionError, match="quantized already"):
        quantize(made, scheme=TFLiteScheme.DYNAMIC_RANGE, where="x")


def test_static_schemes_need_data(plain: bytes) -> None:
    with pytest.raises(ConversionError, match="needs calibration data"):
        quantize(plain, scheme=TFLiteScheme.INT8, where="x")


def test_a_tflite_of_any_origin_goes_through_the_pipeline(plain: bytes, tmp_path: Path) -> None:
    source = tmp_path / "published.tflite"
    source.write_bytes(plain)
    data = tmp_path / "data.npz"
    np.savez(data, **_named(plain))
    names = ("float32", "dynamic-range", "weight-only", "int4", "int8")
    built = build_artifacts(
        source, [load_recipe(name) for name in names], output=tmp_path / "out", calibration=data
    )
    for artifact in built:
        assert artifact.fidelity is not None
        assert artifact.fidelity.cosine > 0.95
    assert inspect(built[4].path).weights_bytes["int8"] > 0
    for name in ("float16", "prune50"):
        with pytest.raises(OptimizerError, match="\\.tflite"):
            build_artifacts(
                source,
                [load_recipe(name)],
                output=tmp_path / "out",
                calibration=data,
                training=data,
            )


def test_a_model_against_itself_differs_nowhere(plain: bytes) -> None:
    errors = compare_layers(plain, plain, _named(plain), where="x", samples=4)
    assert [item.operator for item in errors][:3] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
    assert all(item.relative_error == 0 and item.cosine == pytest.approx(1) for item in errors)
    assert responsible_layers(errors) == ()


def test_both_quantizers_are_compared(tf: Any, plain: bytes) -> None:
    made = quantize(plain, scheme=TFLiteScheme.INT8, where="x", calibration=_named(plain))
    errors = compare_layers(plain, made, _named(plain), where="x")
    assert len(errors) >= 6
    assert all(0 <= item.relative_error < 0.2 for item in errors)
    assert {"first", "depth", "point"} <= {name for item in errors for name in item.layers}
    assert all(item.dtype == "int8" for item in errors)
    assert all(item.sqnr_db is not None and item.sqnr_db > 10 for item in errors)


def test_models_of_other_graphs_are_not_compared(tf: Any, plain: bytes) -> None:
    layers = tf.keras.layers
    other = tf.keras.Sequential([layers.Input((8, 8, 4), name="image"), layers.MaxPooling2D(2)])
    with pytest.raises(ModelError, match="no operators in common"):
        compare_layers(plain, converted(tf, other), _named(plain), where="x")


@pytest.fixture(scope="module")
def fragile(tf: Any) -> bytes:
    return with_outlier(tf, 3000.0)


def with_outlier(tf: Any, factor: float) -> bytes:
    """A network with one layer that int8 cannot stand: one channel takes the whole range of its output."""
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    image = layers.Input((8, 8, 4), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(image)
    x = layers.Conv2D(8, 1, name="spoilt")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="after")(x)
    model = tf.keras.Model(image, layers.Dense(4, name="out")(layers.Flatten()(x)))
    kernel, bias = model.get_layer("spoilt").get_weights()
    kernel[..., 0] *= factor
    model.get_layer("spoilt").set_weights([kernel, bias])
    kernel, bias = model.get_layer("after").get_weights()
    kernel[:, :, 0, :] = 0.0
    model.get_layer("after").set_weights([kernel, bias])
    return converted(tf, model)


def agreement(wanted: Any) -> Any:
    return lambda content: float((outputs(content).argmax(1) == wanted).mean())


def test_the_search_leaves_in_float_what_int8_spoils(fragile: bytes) -> None:
    wanted = outputs(fragile).argmax(1)
    full = quantize(fragile, scheme=TFLiteScheme.INT8, where="x", calibration=_named(fragile))
    assert agreement(wanted)(full) < 0.9
    errors = compare_layers(fragile, full, _named(fragile), where="x")
    assert any(
        "after" in item.layers or "spoilt" in item.layers for item in responsible_layers(errors)
    )
    told: list[str] = []
    result = search_float_layers(
        fragile,
        scheme=TFLiteScheme.INT8,
        calibration=_named(fragile),
        inputs=_named(fragile),
        score=agreement(wanted),
        float_score=1.0,
        max_drop=0.05,
        where="x",
        step=told.append,
    )
    assert result.score >= 0.95
    assert 1 <= len(result.float_layers) <= 3
    assert any("spoilt" in name or "after" in name for name in result.float_layers)
    assert result.tried <= 16
    assert told
    assert "QUANTIZE" in operators_of(result.content)


@pytest.mark.parametrize("scheme", [TFLiteScheme.DYNAMIC_RANGE, TFLiteScheme.INT4])
def test_the_search_serves_schemes_whose_activations_are_float(
    fragile: bytes, scheme: TFLiteScheme
) -> None:
    wanted = outputs(fragile).argmax(1)
    full = quantize(fragile, scheme=scheme, where="x")
    assert agreement(wanted)(full) < 0.9
    result = search_float_layers(
        fragile,
        scheme=scheme,
        calibration=None,
        inputs=_named(fragile),
        score=agreement(wanted),
        float_score=1.0,
        max_drop=0.1,
        where="x",
    )
    assert result.score >= 0.9
    assert any("after" in name for name in result.float_layers)
    assert len(result.content) < len(fragile)


def test_it_is_told_which_operators_are_quantized(plain: bytes) -> None:
    for scheme in TFLiteScheme:
        made = quantize(
            plain, scheme=scheme, where="x", calibration=_named(plain), float_layers=["first"]
        )
        errors = compare_layers(plain, made, _named(plain), where="x", samples=2)
        told = {item.layers[0]: item.quantized for item in errors if "_" in item.operator}
        assert told["first"] is False
        assert told["point"] is True
        assert told["hidden"] is True


def test_a_model_that_int8_suits_keeps_no_layer_in_float(plain: bytes) -> None:
    wanted = outputs(plain).argmax(1)
    result = search_float_layers(
        plain,
        scheme=TFLiteScheme.INT8,
        calibration=_named(plain),
        inputs=_named(plain),
        score=agreement(wanted),
        float_score=1.0,
        max_drop=0.2,
        where="x",
    )
    assert result.float_layers == ()
    assert result.tried == 1


def test_a_bound_that_cannot_be_kept_gives_the_best(fragile: bytes) -> None:
    result = search_float_layers(
        fragile,
        scheme=TFLiteScheme.INT8,
        calibration=_named(fragile),
        inputs=_named(fragile),
        score=lambda content: 0.1,
        float_score=1.0,
        max_drop=0.0,
        where="x",
        max_evaluations=3,
    )
    assert result.tried == 3
    assert result.score == 0.1


def test_the_search_is_a_recipe(tmp_path: Path, fragile: bytes) -> None:
    source = tmp_path / "fragile.tflite"
    source.write_bytes(fragile)
    data = tmp_path / "data.npz"
    np.savez(data, **_named(fragile), y=outputs(fragile).argmax(1))
    recipe = parse_recipe(
        '[quantization]\nscheme = "int8"\ntool = "ai-edge-quantizer"\n[selective]\nmax_accuracy_drop = 5.0',
        where="r",
        default_name="search",
    )
    (artifact,) = build_artifacts(
        source, [recipe], output=tmp_path / "out", calibration=data, evaluation=data
    )
    assert artifact.float_layers
    assert artifact.fidelity is not None
    assert artifact.fidelity.accuracy is not None
    assert artifact.fidelity.accuracy >= 0.95


def test_a_collapse_names_the_layers(tf: Any, tmp_path: Path) -> None:
    source = tmp_path / "fragile.tflite"
    source.write_bytes(with_outlier(tf, 3e4))
    data = tmp_path / "data.npz"
    np.savez(data, **_named(source.read_bytes()))
    (artifact,) = build_artifacts(
        source, [load_recipe("int8")], output=tmp_path / "out", calibration=data
    )
    told = " ".join(artifact.warnings)
    assert "Collapsed" in told
    assert "The layers responsible" in told
    assert "spoilt" in told or "after" in told
