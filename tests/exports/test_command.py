"""The command export through the command line."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from android_bench import schema
from android_bench.cli.app import command_line
from android_bench.results import BenchmarkRun
from tests import examples
from tests.exports.made import distinct, profiled


def save(folder: Path, *runs: BenchmarkRun) -> Path:
    for number, run in enumerate(runs):
        place = folder / f"run-{number}"
        place.mkdir(parents=True)
        (place / "run.json").write_text(schema.dumps(run))
    return folder


def export(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), ["export", *map(str, arguments)])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return save(tmp_path / "results", *distinct(profiled("a"), examples.run(name="b")))


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("json", "{"), ("csv", "run_id,"), ("markdown", "## "), ("junit", "<?xml"), ("chrome-trace", "{"),
        ("model-explorer", "{"),
    ],
)  # fmt: skip
def test_every_format_to_a_file_and_to_standard_output(
    results: Path, tmp_path: Path, form: str, beginning: str
) -> None:
    done = export(results, "--format", form)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(beginning)
    assert done.stdout.endswith("\n")
    file = tmp_path / "out" / "file"
    done = export(results, "--format", form, "-o", file)
    assert done.exit_code == 0
    assert done.stdout == f"{file}\n"
    assert file.read_text().startswith(beginning)


def test_rows(results: Path, tmp_path: Path) -> None:
    for rows, count in (("runs", 2), ("invocations", 15), ("operators", 4)):
        file = tmp_path / "rows.csv"
        assert export(results, "-f", "csv", "--rows", rows, "-o", file).exit_code == 0
        with file.open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == count


def test_a_comparison(results: Path, tmp_path: Path) -> None:
    old = save(tmp_path / "old", *(replace(run, session_id="o", run_id=run.run_id + "o") for run in distinct(profiled("a"), examples.run(name="b"))))  # fmt: skip
    for form in ("json", "markdown", "junit"):
        done = export(results, "--format", form, "--baseline", old, "--max-slowdown", "5%")
        assert done.exit_code == 0, done.output
        assert "unchanged" in done.stdout


def test_the_metric_that_decides_can_be_chosen(results: Path, tmp_path: Path) -> None:
    slow = examples.run([3480, 3490, 3500, 3510, 3520, 3530])
    new = save(tmp_path / "new", replace(slow, run_id="new", session_id="new"))
    old = save(tmp_path / "old", replace(examples.run(), run_id="old", session_id="old"))
    done = export(new, "-f", "junit", "--baseline", old)
    assert "<failure" in done.stdout
    done = export(new, "-f", "junit", "--baseline", old, "--metric", "file-size")
    assert done.exit_code == 0, done.output
    assert "<failure" not in done.stdout
    assert "regressed digits.int8: latency" in done.stdout
    verdicts = json.loads(export(new, "-f", "json", "--baseline", old).stdout)["comparisons"]
    assert [item["metric"] for item in verdicts if item["decides"]] == ["latency"]
    assert len(verdicts) > 3


def test_results_against_themselves(results: Path) -> None:
    done = export(results, "-f", "json", "--baseline", results)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["comparisons"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "nope"], "is none of json"),
        (["--format", "csv", "--rows", "nope"], "is none of runs"),
        (["--format", "json", "--rows", "operators"], "csv"),
        (["--format", "csv", "--baseline", "RESULTS"], "no place for a comparison"),
        (["--format", "json", "--max-slowdown", "5%"], "there is no baseline"),
        (["--format", "json", "--metric", "init"], "there is no baseline"),
        (["--format", "json", "--noise-floor", "RESULTS"], "there is no baseline"),
        (
            ["--format", "json", "--baseline", "RESULTS", "--max-slowdown", "x"],
            "is not a percentage",
        ),
        ([], "--format"),
    ],
)
def test_what_cannot_be_meant_is_refused(results: Path, arguments: list[str], message: str) -> None:
    done = export(results, *(str(results) if one == "RESULTS" else one for one in arguments))
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


def test_a_folder_takes_node_data_of_every_run(tmp_path: Path) -> None:
    results = save(tmp_path / "results", *distinct(profiled("a"), profiled("b")))
    done = export(results, "-f", "model-explorer")
    assert done.exit_code == 2
    folder = tmp_path / "node-data"
    done = export(results, "-f", "model-explorer", "-o", f"{folder}/")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "b.json"]
    assert export(results, "-f", "model-explorer", "-o", folder).exit_code == 0


def test_no_profile_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    results = save(tmp_path / "results", examples.run())
    file = tmp_path / "data.json"
    done = export(results, "-f", "model-explorer", "-o", file)
    assert done.exit_code == 2
    assert "operator profile" in done.output
    assert not file.exists()


def test_a_failure_leaves_the_old_file(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text("old")
    assert export(results, "-f", "csv", "--baseline", results, "-o", file).exit_code == 2
    assert file.read_text() == "old"


def test_a_place_that_cannot_be_written_is_told(results: Path) -> None:
    done = export(results, "-f", "json", "-o", os.devnull)
    assert done.exit_code == 1
    assert os.devnull in done.output


def test_missing_results_are_told(tmp_path: Path) -> None:
    assert export(tmp_path / "none", "-f", "json").exit_code == 1
