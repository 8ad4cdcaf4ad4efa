"""The project file: read strictly, with the line and the key in every error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.ci.checked import checked_project
from android_bench.ci.outcome import GateAction, GateName
from android_bench.ci.project import (
    AccuracyGate,
    GrowthGate,
    NodesGate,
    NumericsGate,
    fraction,
    json_schema,
)
from android_bench.ci.project_file import find_project, line_of, read_project
from android_bench.ci.starter import look_around, project_text
from android_bench.errors import UsageError

FULL = """\
name = "Digits"

[models.digits]
source = "digits.keras"
recipes = ["float32", "int8"]
calibration = "calibration.npz"

[measure]
devices = ["host"]
threads = [1, 2]
precision = "1%"

[gates]
latency = "1%"
startup = {max = "10%", action = "warn"}
accuracy = 0.5
numerics = {max_error = 0.01, min_top1 = "99%"}
delegated_nodes = true

[baseline]
from = "results:old"

[history]
record = true
"""


def written(tmp_path: Path, text: str) -> Path:
    for name in ("digits.keras", "calibration.npz"):
        (tmp_path / name).touch()
    (tmp_path / "old").mkdir(exist_ok=True)
    path = tmp_path / "android-bench.toml"
    path.write_text(text)
    return path


def test_a_whole_file_is_read_and_its_short_gates_made_long(tmp_path: Path) -> None:
    project = read_project(written(tmp_path, FULL))
    assert project.name == "Digits"
    assert project.output == tmp_path / ".android-bench"
    assert project.wishes.threads == (1, 2)
    assert project.keys.gates.wanted() == {
        GateName.LATENCY: GrowthGate(max="1%"),
        GateName.STARTUP: GrowthGate(max="10%", action=GateAction.WARN),
        GateName.ACCURACY: AccuracyGate(max_drop=0.5),
        GateName.NUMERICS: NumericsGate(max_error=0.01, min_top1="99%"),
        GateName.DELEGATED_NODES: NodesGate(),
    }
    assert (project.keys.baseline.kind, project.keys.baseline.what) == ("results", "old")
    assert project.keys.history.record
    found = checked_project(project)
    assert found.variants == ("digits.float32", "digits.int8")
    assert found.configurations == ("cpu, 1 thread", "cpu, 2 threads")
    assert json.loads(json.dumps(found.to_json()))["devices"] == ["host"]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("threads", "thread", "line 10: there is no key 'measure.thread'", "'threads'"),
        ("[gates]", "[gate]", "line 13: there is no key 'gate'", "'gates'"),
        ("from =", "form =", "line 21: there is no key 'baseline.form'", "'from'"),
        ("source =", "sauce =", "line 4: there is no key 'models.digits.sauce'", "'source'"),
        (
            'source = "digits.keras"',
            "",
            "line 3: 'models.digits.source' is missing",
            "docs/project",
        ),
        ("threads = [1, 2]", 'threads = "1"', "line 10: measure.threads: Input should be a", None),
        ("threads = [1, 2]", "threads = [0]", "line 10: measure.threads.0: Input should", None),
        (
            'latency = "1%"',
            'latency = "soon"',
            "line 14: gates.latency: 'soon' is not a perc",
            None,
        ),
        ("accuracy = 0.5", "accuracy = -0.5", "line 16: gates.accuracy: Input should", None),
        ("accuracy = 0.5", "accuracy = nan", "line 16: gates.accuracy: Input should", None),
        ('{max_error = 0.01, min_top1 = "99%"}', "-1", "line 17: gates.numerics: Input", None),
        ('{max_error = 0.01, min_top1 = "99%"}', "inf", "line 17: gates.numerics: Input", None),
        ('max = "10%"', 'mex = "10%"', "line 15: there is no key 'gates.startup.mex'", "'max'"),
        ('action = "warn"', 'action = "worn"', "line 15: gates.startup.action: Input shou", None),
        ("accuracy = 0.5", "accuracy = {max_drop = -1}", "line 16: gates.accuracy.max_drop", None),
        (
            '{max_error = 0.01, min_top1 = "99%"}',
            '{action = "warn"}',
            "line 17: gates.numerics: give max_error, min_top1 or both",
            None,
        ),
        ('"results:old"', '"yesterday"', "'yesterday' is none of git:REVISION", None),
        ("[models.digits]", "[models.digits", "is not TOML", None),
        ("devices =", 'models = ["x"]\ndevices =', "line 9: measure.models", None),
        ('precision = "1%"', 'precision = "always"', "precision = 'always' is no share", None),
    ],
)
def test_a_wrong_file_says_line_and_key(
    tmp_path: Path, old: str, new: str, message: str, hint: str | None
) -> None:
    path = written(tmp_path, FULL.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        checked_project(read_project(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert hint is None or hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("digits.keras", "none.keras", "line 4: models.digits.source: "),
        ("calibration.npz", "none.npz", "line 6: models.digits.calibration: "),
        ('recipes = ["float32", "int8"]', "", "is no .tflite, and no recipes"),
        ("results:old", "results:none", "line 21: baseline.from: "),
        ("results:old", "git:main", "is no git repository"),
        ('["float32", "int8"]', '["int8", "int8"]', "two models make a variant called"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_built(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = written(tmp_path, FULL.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        checked_project(read_project(path))
    assert message in str(caught.value)


def test_what_the_gates_bring_along_is_checked_with_the_matrix(tmp_path: Path) -> None:
    """A number of samples says something when the gate feeds random ones."""
    (tmp_path / "m.tflite").touch()
    (tmp_path / "old").mkdir()
    text = (
        '[models.m]\nsource = "m.tflite"\n[measure]\nnumerics_samples = 4\n'
        '[gates]\nnumerics = 0.1\n[baseline]\nfrom = "results:old"\n'
    )
    path = tmp_path / "android-bench.toml"
    path.write_text(text)
    assert checked_project(read_project(path)).variants == ("m",)
    path.write_text(text.replace("numerics = 0.1", 'latency = "1%"'))
    with pytest.raises(UsageError, match="says how many, and not which"):
        checked_project(read_project(path))


@given(st.text())
def test_any_text_is_read_or_refused_in_a_sentence(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.mktemp("project") / "android-bench.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        read_project(path)
    except UsageError as error:
        assert str(path) in str(error)


def test_lines_of_keys_in_every_form_of_table() -> None:
    text = 'a.b = 1\n[c]\n# no\n"d e" = {f = 1}\n[[g]]\nh = 1\n[ i . j ]\nk=1\n'
    assert [
        line_of(text, keys)
        for keys in (["a", "b"], ["c", "d e", "f"], ["g", "0", "h"], ["i", "j", "k"], ["zz"])
    ] == [1, 4, 5, 8, None]


def test_the_nearest_file_above_is_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    with pytest.raises(UsageError, match="There is no android-bench.toml"):
        find_project()
    path = written(tmp_path, FULL)
    assert find_project() == path
    assert find_project(tmp_path) == path


def test_percentages() -> None:
    assert [fraction(text) for text in ("1%", " 2.5 % ")] == [0.01, 0.025]


def test_the_schema_knows_every_table_and_says_what_they_mean() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {
        *("name", "output", "models", "measure", "gates", "baseline", "history"),
    }
    assert "from" in schema["$defs"]["Baseline"]["properties"]
    assert not schema["additionalProperties"]


# init


def test_a_first_file_names_what_is_there_and_is_valid(tmp_path: Path) -> None:
    for name in (
        "net/model.keras",
        "data/test.npz",
        "data/calib.npz",
        ".venv/x.keras",
        "old.tflite",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    seen = look_around(tmp_path)
    assert seen.models == (Path("net/model.keras"),)
    assert seen.data == {
        "evaluation": Path("data/test.npz"),
        "calibration": Path("data/calib.npz"),
    }
    path = tmp_path / "android-bench.toml"
    path.write_text(project_text(seen, devices=["host"]))
    project = read_project(path)
    model = project.keys.models["model"]
    assert model.recipes == ["float32", "dynamic-range", "int8"]
    assert model.evaluation == "data/test.npz"
    assert set(project.keys.gates.wanted()) == set(GateName)


def test_an_empty_folder_gets_a_file_to_fill_in(tmp_path: Path) -> None:
    seen = look_around(tmp_path)
    assert (seen.models, seen.branch) == ((), None)
    path = tmp_path / "android-bench.toml"
    path.write_text(project_text(seen, devices=["host"]))
    assert "name yours" in path.read_text()
    assert list(read_project(path).keys.models) == ["model"]


def test_a_ready_model_with_an_odd_name_is_named_safely(tmp_path: Path) -> None:
    (tmp_path / 'my "best" model.tflite').touch()
    path = tmp_path / "android-bench.toml"
    path.write_text(project_text(look_around(tmp_path), devices=["192.168.1.7:5555"]))
    project = read_project(path)
    (model,) = project.keys.models.values()
    assert (model.source, model.recipes) == ('my "best" model.tflite', [])
    assert project.wishes.devices == ("192.168.1.7:5555",)
