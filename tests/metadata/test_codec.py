"""Metadata to bytes and back: all that the schema has, and nothing that it has not."""

import base64
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import MetadataError
from optimizer.metadata import Document, MetadataWorker, schema

ORIGIN = Path("m.tflite")
thorough = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
PLAIN = {
    "string": texts,
    "bytes": st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode()),
    "int": st.integers(-(2**31), 2**31 - 1),
    "uint": st.integers(0, 2**32 - 1),
    # As they are stored, and come back.
    "float": st.floats(width=32, allow_nan=False).map(lambda value: float(str(np.float32(value)))),
}
DEFAULTS = {"int": 0, "uint": 0, "float": 0.0}


def kinds(kind: str) -> st.SearchStrategy[Any]:
    if kind.endswith("*"):
        return st.lists(kinds(kind[:-1]), max_size=2)
    if kind in schema.ENUMS:
        return st.sampled_from(schema.ENUMS[kind])
    return tables(kind) if kind in schema.TABLES else PLAIN[kind]


@st.composite
def tables(draw: st.DrawFn, table: str = "ModelMetadata") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, kind in schema.TABLES[table].items():
        if kind == "union" or not draw(st.booleans()):
            continue
        if kind.startswith("union "):
            member = draw(st.sampled_from(schema.UNIONS[kind.removeprefix("union ")][1:]))
            made[f"{key}_type"], made[key] = member, draw(tables(member))
        else:
            made[key] = draw(kinds(kind))
    return made


def settled(value: Any, table: str = "ModelMetadata") -> Any:
    """With what stands for nothing said: scalars that are not set, lists that are empty."""
    made: dict[str, Any] = {}
    for key, kind in schema.TABLES[table].items():
        if kind.startswith("union "):
            if f"{key}_type" in value:
                made[f"{key}_type"] = value[f"{key}_type"]
                made[key] = settled(value.get(key, {}), value[f"{key}_type"])
        elif kind in schema.ENUMS:
            made[key] = value.get(key, schema.ENUMS[kind][0])
        elif kind in DEFAULTS:
            made[key] = value.get(key, DEFAULTS[kind])
        elif kind.endswith("*") and kind[:-1] in schema.TABLES:
            made[key] = [settled(entry, kind[:-1]) for entry in value.get(key, [])]
        elif kind in schema.TABLES and key in value:
            made[key] = settled(value[key], kind)
        elif kind != "union" and key in value:
            made[key] = value[key]
    return {key: entry for key, entry in made.items() if entry not in ([], None)}


@thorough
@given(tables())
def test_what_fits_the_schema_comes_back(worker: MetadataWorker, fields: dict[str, Any]) -> None:
    assert schema.problem(fields) is None
    decoded = worker.decode(worker.encode(fields, origin=ORIGIN), origin=ORIGIN)
    assert decoded.pop("min_parser_version")
    expected = settled(fields)
    expected.pop("min_parser_version", None)
    assert decoded == expected
    assert schema.problem(decoded) is None


def places(value: dict[str, Any], table: str = "ModelMetadata") -> Iterator[tuple[Any, Any, str]]:
    """Everything that stands in metadata: where it stands, under which key, and of which kind."""
    for key, entry in value.items():
        kind = schema.TABLES[table][key]
        if kind.startswith("union "):
            kind = value[f"{key}_type"]
        yield value, key, kind
        inner = kind.removesuffix("*")
        for place, item in enumerate(entry if kind.endswith("*") else [entry]):
            if kind.endswith("*"):
                yield entry, place, inner
            if inner in schema.TABLES:
                yield from places(item, inner)


WRONG: dict[str, list[Any]] = {
    "string": [3, None, ["a"], {}, "with\0NUL", b"bytes"],
    "bytes": [3, None, "no base64!", "abc", b"x"],
    "int": ["3", 3.5, None, True, 2**31, -(2**31) - 1],
    "uint": ["3", 3.0, None, False, 2**32, -1],
    "float": ["3", None, True, [1.0], 1e39],
    "union": ["NONE", "Properties", 1, None, ["FeatureProperties"]],
    "list": [None, "text", 3, {"a": 1}],
    "table": [None, "text", 3, ["a"], {"unknown": 1}],
    "enum": [0, None, "unknown", "LABELS", ["RGB"]],
}


def sort_of(kind: str) -> str:
    if kind.endswith("*"):
        return "list"
    return "enum" if kind in schema.ENUMS else "table" if kind in schema.TABLES else kind


@thorough
@given(tables(), st.data())
def test_whatever_is_wrong_is_found_and_named(fields: dict[str, Any], data: st.DataObject) -> None:
    broken = copy.deepcopy(fields)
    found = list(places(broken))
    if not found:
        return
    holder, key, kind = data.draw(st.sampled_from(found))
    holder[key] = data.draw(st.sampled_from(WRONG[sort_of(kind)]))
    told = schema.problem(broken)
    assert told is not None
    assert (f"[{key}]" if isinstance(key, int) else key) in told
    with pytest.raises(MetadataError, match="m.tflite: "):
        Document(fields=broken).check(origin="m.tflite")


# One field of each kind, by the way to it.
ONE_OF_EACH: dict[str, tuple[str, str, Any]] = {
    "string": ("ModelMetadata", "name", "x"),
    "bytes": ("CustomMetadata", "data", "AAEC"),
    "int": ("ValueRange", "min", -1),
    "uint": ("ImageSize", "width", 2**32 - 1),
    "float": ("ScoreThresholdingOptions", "global_score_threshold", -0.5),
    "union": ("Content", "content_properties_type", "AudioProperties"),
    "list": ("TensorMetadata", "dimension_names", ["batch"]),
    "table": ("TensorMetadata", "stats", {"max": [1.0]}),
    "enum": ("ImageProperties", "color_space", "RGB"),
}


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_every_wrong_value_of_every_kind_is_refused(kind: str) -> None:
    table, key, right = ONE_OF_EACH[kind]
    assert schema.problem({key: right}, table) is None
    for wrong in WRONG[kind]:
        told = schema.problem({key: wrong}, table, "here")
        assert told is not None, wrong
        assert f"here.{key}" in told


@thorough
@given(tables(), st.data())
def test_a_key_that_is_not_known_is_named_with_those_that_are(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    broken = copy.deepcopy(fields)
    holders = [(broken, "ModelMetadata")] + [
        (item, kind)
        for holder, key, kind in places(broken)
        if kind in schema.TABLES and isinstance(item := holder[key], dict)
    ]
    holder, table = data.draw(st.sampled_from(holders))
    holder["nmae"] = "x"
    told = schema.problem(broken)
    assert told is not None
    assert "nmae is not known" in told
    assert ", ".join(schema.TABLES[table]) in told


def test_the_type_of_what_has_nothing_to_set_is_enough(worker: MetadataWorker) -> None:
    tensor = {"content": {"content_properties_type": "FeatureProperties"}}
    fields = {"subgraph_metadata": [{"input_tensor_metadata": [tensor]}]}
    assert schema.problem(fields) is None
    decoded = worker.decode(worker.encode(fields, origin=ORIGIN), origin=ORIGIN)
    (graph,) = decoded["subgraph_metadata"]
    assert graph["input_tensor_metadata"] == [
        {"content": {"content_properties_type": "FeatureProperties", "content_properties": {}}}
    ]
    tensor["content"]["content_properties_type"] = "FaetureProperties"
    assert "must be one of FeatureProperties" in str(schema.problem(fields))


def test_floats_come_back_as_they_were_typed(worker: MetadataWorker) -> None:
    typed = [0.1, 123.675, 1 / 3, 58.395, 3.4e38, 1e-38, float("inf")]
    stats = {"subgraph_metadata": [{"input_tensor_metadata": [{"stats": {"min": typed}}]}]}
    decoded = worker.decode(worker.encode(stats, origin=ORIGIN), origin=ORIGIN)
    found = decoded["subgraph_metadata"][0]["input_tensor_metadata"][0]["stats"]["min"]
    assert found == [0.1, 123.675, 0.33333334, 58.395, 3.4e38, 1e-38, float("inf")]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        *((None, "1.0.0"), ("1.0.0", "1.0.0"), ("1.10.0", "1.10.0"), ("0.9", "1.0.0")),
        *((no_version, "1.0.0") for no_version in ("x", "9.x", "", "¹", "٩.0.0", "9..0")),
    ],
)
def test_the_parser_version_is_never_too_old(
    said: str | None, written: str, worker: MetadataWorker
) -> None:
    fields = {"name": "Pets", **({} if said is None else {"min_parser_version": said})}
    decoded = worker.decode(worker.encode(fields, origin=ORIGIN), origin=ORIGIN)
    assert decoded["min_parser_version"] == written


@thorough
@given(st.binary(max_size=200), st.sampled_from([b"", b"M001", b"\x10\0\0\0M001"]))
def test_noise_is_an_expected_error_or_none(
    worker: MetadataWorker, noise: bytes, before: bytes
) -> None:
    try:
        decoded = worker.decode(before + noise, origin=ORIGIN)
    except MetadataError as error:
        assert "m.tflite" in str(error)
    else:
        assert isinstance(decoded, dict)


def test_files_that_are_named_must_be_there() -> None:
    fields = {"associated_files": [{"name": "readme.md"}]}
    Document(fields=fields, files={"readme.md": b"x"}).check(origin="m")
    with pytest.raises(MetadataError, match=r"'readme\.md' is named, and not there"):
        Document(fields=fields).check(origin="m")
    for nameless in ({}, {"name": ""}):
        with pytest.raises(MetadataError, match="has no name"):
            Document(fields={"associated_files": [nameless]}).check(origin="m")


@thorough
@given(tables())
def test_every_file_that_is_named_is_found(fields: dict[str, Any]) -> None:
    named = [holder[key] for holder, key, kind in places(fields) if kind == "AssociatedFile"]
    found = list(schema.associated_files(fields))
    assert sorted(map(id, found)) == sorted(map(id, named))
