"""What we write against what tflite-support's own writers make of the same models."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.metadata import Document, Labels, MetadataWorker, read_document
from optimizer.metadata.container import take_apart
from optimizer.metadata.document import tensor_fields, with_ranges
from optimizer.metadata.model_view import ModelView
from optimizer.metadata.tasks import Description
from tests.metadata.examples import CALIBRATION, EXAMPLES, PETS, SENTENCES
from tests.metadata.upstream import MADE_OF

ROOT = Path(__file__).resolve().parents[2]
GERMAN = ("Katze", "Hund", "Vogel", "Fisch")
CALIBRATED = replace(CALIBRATION, transformation="INVERSE_LOGISTIC")
CHANGED: dict[str, Mapping[str, Any]] = {
    "calibrated": {"score_calibration": CALIBRATED},
    "detector_calibrated": {"score_calibration": replace(CALIBRATED, lines=CALIBRATED.lines[1:])},
    "bert_sentences": {"tokenizer": SENTENCES},
    "two_languages": {
        "labels": Labels(names=PETS.names, locales={"de": GERMAN}),
        "name": "Pets",
        "version": "v7",
        "description": "of two",
        "author": "Team",
        "license": "MIT",
    },
}
Seen = Callable[[str], ModelView]


def description_of(name: str) -> Description:
    made: Any = EXAMPLES[MADE_OF[name]]
    return replace(made, **CHANGED.get(name, {}))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory, made_models: Path, seen: Seen) -> Path:
    folder = tmp_path_factory.mktemp("upstream")
    for name, model in MADE_OF.items():
        (folder / name).mkdir()
        for file, content in description_of(name).document(seen(model)).files.items():
            (folder / name / file).write_bytes(content)
    script = Path(__file__).with_name("upstream.py")
    done = subprocess.run(
        [sys.executable, str(script), str(made_models), str(folder)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def comparable(value: Any) -> Any:
    """Without texts for people, and without what stands there for nothing."""
    if isinstance(value, dict):
        return {
            key: comparable(entry)
            for key, entry in value.items()
            if key not in {"description", "min_parser_version"} and (key, entry) != ("stats", {})
        }
    return list(map(comparable, value)) if isinstance(value, list) else value


def ours(name: str, seen: Seen) -> Document:
    model = seen(MADE_OF[name])
    document = description_of(name).document(model)
    return replace(document, fields=with_ranges(document.fields, model))


@pytest.mark.parametrize("name", [name for name in MADE_OF if name not in {"detector", "int8_io"}])
def test_the_same_is_said_as_by_tflite_support(
    name: str, theirs: Path, seen: Seen, worker: MetadataWorker
) -> None:
    found = read_document(theirs / f"{name}.tflite", worker=worker)
    assert found is not None
    made = ours(name, seen)
    assert comparable(made.fields) == comparable(found.fields)
    assert made.files == found.files


def test_int8_scores_and_pixels_have_ranges_too(
    theirs: Path, seen: Seen, worker: MetadataWorker
) -> None:
    """The one thing that is said on purpose and that tflite-support leaves out."""
    found = read_document(theirs / "int8_io.tflite", worker=worker)
    assert found is not None
    made = ours("int8_io", seen)
    for side in ("input", "output"):
        (mine,), (other,) = tensor_fields(made.fields, side), tensor_fields(found.fields, side)
        assert mine.pop("stats") == {"max": [127.0], "min": [-128.0]}
        assert other.pop("stats") == {}
    assert comparable(made.fields) == comparable(found.fields)


def test_a_detectors_outputs_are_named_by_role_where_tflite_support_goes_by_number(
    theirs: Path, seen: Seen, worker: MetadataWorker
) -> None:
    found = read_document(theirs / "detector.tflite", worker=worker)
    assert found is not None
    made = ours("detector", seen)
    mine, other = (tensor_fields(item.fields, "output") for item in (made, found))
    named = [item.key for item in seen("detector").outputs]
    assert [item["name"].replace(" ", "_") for item in mine] == named
    assert [item["name"] for item in other] != [item["name"] for item in mine]
    assert sorted(map(repr, comparable(mine))) == sorted(map(repr, comparable(other)))


def test_the_parser_that_is_needed_is_the_same(
    theirs: Path, worker: MetadataWorker, made_models: Path, tmp_path: Path
) -> None:
    from optimizer.metadata import write

    for name, model in MADE_OF.items():
        found = read_document(theirs / f"{name}.tflite", worker=worker)
        assert found is not None
        output = tmp_path / f"{name}.tflite"
        write(made_models / f"{model}.tflite", description_of(name), output=output, worker=worker)
        written = read_document(output, worker=worker)
        assert written is not None
        assert written.fields["min_parser_version"] == found.fields["min_parser_version"], name


def test_the_model_of_a_file_that_others_tagged_is_whole(theirs: Path) -> None:
    content = (theirs / "float32.tflite").read_bytes()
    parts = take_apart(content, origin="m")
    assert content.startswith(parts.model)
    assert parts.metadata is not None
