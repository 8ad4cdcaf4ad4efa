"""How pixels become an input: what models tell of it, and what is not taken for telling."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from optimizer.errors import MetadataError
from optimizer.metadata.document import normalization
from optimizer.metadata.model_view import ModelView, view
from optimizer.metadata.normalization import infer_normalization
from optimizer.metadata.tasks import General, ImageClassifier, ImageEmbedder
from tests.metadata.examples import PETS
from tests.metadata.models import packed, unpacked

Seen = Callable[[str], ModelView]
RAW, ZERO_ONE, AROUND_ZERO = (0.0, 1.0), (0.0, 255.0), (127.5, 127.5)


def told(model: ModelView) -> tuple[float, float] | None:
    found = infer_normalization(model, model.inputs[0])
    assert found is None or found.why
    return None if found is None else (found.mean, found.std)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("uint8_io", AROUND_ZERO),
        ("uint8_in", AROUND_ZERO),
        ("int8_io", AROUND_ZERO),
        ("int8_float_io", AROUND_ZERO),
        ("uint8_zero_one", ZERO_ONE),
        ("int8_zero_one", ZERO_ONE),
        ("float_io_zero_one", ZERO_ONE),
        ("uint8_raw", RAW),
        ("int8_raw", RAW),
        ("float_io_raw", RAW),
        ("detector_uint8_in", AROUND_ZERO),
        ("segmenter_int8_io", AROUND_ZERO),
    ],
)
def test_a_quantized_input_tells_its_range(
    which: str, expected: tuple[float, float], seen: Seen
) -> None:
    assert told(seen(which)) == expected


@pytest.mark.parametrize("which", ["float32", "float16", "dynamic_range", "gray", "free_size"])
def test_a_float_model_tells_nothing_and_is_asked_for(which: str, seen: Seen) -> None:
    assert told(seen(which)) is None
    with pytest.raises(MetadataError, match="does not tell how pixels become its input") as caught:
        ImageClassifier(labels=PETS).document(seen(which))
    assert "--mean and --std" in str(caught.value.hint)
    assert "mean and std in metadata.toml" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["", "_float16", "_dynamic", "_int8"])
@pytest.mark.parametrize("first", ["rescaled_255", "rescaled_127", "normalized", "caffe"])
def test_a_model_that_rescales_inside_takes_pixels_as_they_are(
    first: str, kind: str, seen: Seen
) -> None:
    """Rescaling alone is multiplied into the first kernel by the converter: no operator is left of it."""
    model = seen(f"first_{first}{kind}")
    assert told(model) == RAW
    document = ImageClassifier(labels=PETS).document(model)
    assert normalization(document.fields) == ([0.0], [1.0])
    assert any("mean 0, std 1: " in note for note in document.notes)


def test_small_filters_that_are_scaled_behind_tell_nothing(seen: Seen) -> None:
    """With batch normalisation behind the activation, filters of any size do: training makes them small."""
    assert told(seen("first_scaled_behind")) is None


@pytest.mark.parametrize("first", ["torch", "resized"])
def test_layers_before_and_behind_do_not_hide_it(first: str, seen: Seen) -> None:
    assert told(seen(f"first_{first}")) == RAW


@pytest.mark.parametrize(
    "first",
    [
        "learned_scale",
        "halved",
        "masked",
        "standardized",
        "squared",
        "times_255",
        "times_255_dynamic",
    ],
)
def test_other_arithmetic_is_not_taken_for_rescaling(first: str, seen: Seen) -> None:
    assert told(seen(f"first_{first}")) is None


def test_a_model_that_makes_pixels_inside_is_told_by_its_quantization(seen: Seen) -> None:
    assert told(seen("first_times_255_int8")) == ZERO_ONE


@pytest.mark.parametrize(
    ("scale", "zero_point", "expected"),
    [
        (
            0.0173,
            114,
            None,
        ),  # about -2 to 2.4: a mean and std of each channel, which one cannot tell
        (0.5, 0, None),
        (1 / 255, 0, ZERO_ONE),
        (0.98 / 255, 0, ZERO_ONE),  # no sample had a white pixel
        (0.7 / 255, 0, None),
        (1.0, 128, (128.0, 1.0)),
        (1 / 255, 128, (127.5, 255.0)),
    ],
)
def test_ranges_that_nobody_trains_on_tell_nothing(
    scale: float, zero_point: int, expected: tuple[float, float] | None, seen: Seen
) -> None:
    model = unpacked(seen("uint8_in").content)
    entry = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    entry.quantization.scale, entry.quantization.zeroPoint = [scale], [zero_point]
    assert told(view(packed(model), origin="m")) == expected


def test_what_is_said_counts_more(seen: Seen) -> None:
    said = ImageEmbedder(mean=(1.0, 2.0, 3.0), std=(4.0,)).document(seen("uint8_zero_one"))
    assert normalization(said.fields) == ([1.0, 2.0, 3.0], [4.0] * 3)
    (note,) = said.notes
    assert "mean 1,2,3, std 4 " in note
    assert "the model tells mean 0, std 255" in note


@pytest.mark.parametrize("which", ["first_rescaled_127", "first_rescaled_127_int8", "int8_raw"])
def test_pixels_that_would_be_scaled_twice_are_noted(which: str, seen: Seen) -> None:
    for described in (ImageEmbedder, General):
        twice = described(mean=(127.5,), std=(127.5,)).document(seen(which))
        assert any("tells mean 0, std 1" in note for note in twice.notes)
        right = described(mean=(0.0,), std=(1.0,)).document(seen(which))
        assert right.notes == ()


def test_how_the_data_were_scaled_is_held_against_the_model_too(seen: Seen) -> None:
    model = replace(seen("first_rescaled_127"), pixels=((127.5,), (127.5,)))
    assert any("tells mean 0, std 1" in note for note in ImageEmbedder().document(model).notes)


@pytest.mark.parametrize(("mean", "std"), [((127.0,), (128.0,)), ((123.7, 116.3, 103.5), (127.5,))])
def test_nearly_the_same_is_not_noted(
    mean: tuple[float, ...], std: tuple[float, ...], seen: Seen
) -> None:
    assert ImageEmbedder(mean=mean, std=std).document(seen("int8_io")).notes == ()


def test_general_models_are_looked_at_too(seen: Seen) -> None:
    document = General().document(seen("uint8_zero_one"))
    assert normalization(document.fields) == ([0.0], [255.0])
    assert document.notes
    assert normalization(General().document(seen("float32")).fields) is None


def test_damage_tells_nothing(seen: Seen) -> None:
    model = unpacked(seen("first_normalized").content)
    for entry in model.subgraphs[0].operators:
        entry.inputs = [entry.inputs[0], 99_999, *entry.inputs[2:]]
    damaged = view(packed(model), origin="m")
    assert told(damaged) is None
