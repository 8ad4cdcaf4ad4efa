"""Links to raw logs: relative, to what exists, and to nothing outside of the run's own folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_bench import schema
from android_bench.cli.app import command_line
from android_bench.errors import ResultError
from android_bench.evidence import load_with_folders
from android_bench.report.logs import log_files
from android_bench.results import BenchmarkRun
from tests.report import examples


def stored(results: Path, run: BenchmarkRun, name: str | None = None) -> Path:
    folder = results / (name or run.run_id)
    (folder / "logs").mkdir(parents=True)
    (folder / "run.json").write_text(schema.dumps(run), encoding="utf-8")
    for ending in ("stdout", "stderr", "output"):
        (folder / "logs" / f"0001.timing.{ending}").write_text("INFO\n")
    return folder


def test_logs_below_the_page_are_linked(tmp_path: Path) -> None:
    run = examples.make_run()
    folder = stored(tmp_path / "my results", run, "a#b")
    found = log_files([run], {run.run_id: folder}, page=tmp_path / "report.html")
    files = found[run.run_id]["logs/0001.timing"]
    assert [file.ending for file in files] == ["output", "stderr", "stdout"]
    assert files[2].href == "./my%20results/a%23b/logs/0001.timing.stdout"
    # What does not exist is not linked.
    assert "logs/0002.timing" not in found[run.run_id]


def test_logs_beside_the_page_are_linked(tmp_path: Path) -> None:
    run = examples.make_run()
    folder = stored(tmp_path, run)
    found = log_files([run], {run.run_id: folder}, page=folder / "report.html")
    assert found[run.run_id]["logs/0001.timing"][0].href == "./logs/0001.timing.output"


def test_logs_elsewhere_are_only_named(tmp_path: Path) -> None:
    run = examples.make_run()
    folder = stored(tmp_path / "results", run)
    page = tmp_path / "elsewhere" / "report.html"
    assert log_files([run], {run.run_id: folder}, page=page) == {run.run_id: {}}
    assert log_files([run], {}, page=page) == {}


@pytest.mark.parametrize(
    "log", ["../secret", "/etc/passwd", "logs/../../x", "", "javascript:x", "logs/"]
)
def test_a_record_cannot_point_out_of_its_folder(tmp_path: Path, log: str) -> None:
    run = examples.make_run()
    run = replace(run, invocations=(replace(run.invocations[0], log=log),))
    folder = stored(tmp_path / "results", examples.make_run())
    (tmp_path / "results" / "secret.txt").write_text("no")
    assert log_files([run], {run.run_id: folder}, page=tmp_path / "r.html")[run.run_id] == {}


def test_runs_come_with_their_folders(tmp_path: Path) -> None:
    runs = [replace(examples.make_run(name), run_id=name) for name in ("b", "a")]
    folders = {run.run_id: stored(tmp_path, run, f"renamed-{run.run_id}") for run in runs}
    found, where = load_with_folders([tmp_path])
    assert [run.run_id for run in found] == ["a", "b"]
    assert where == folders
    with pytest.raises(ResultError):
        load_with_folders([tmp_path / "missing"])


def test_the_command_links_logs_beside_its_page(tmp_path: Path) -> None:
    run = examples.make_run()
    stored(tmp_path / "results", run)
    page = tmp_path / "report.html"
    done = CliRunner().invoke(
        command_line(), ["report", str(tmp_path / "results"), "-o", str(page)]
    )
    assert done.exit_code == 0, done.output
    assert f'href="./results/{run.run_id}/logs/0001.timing.stdout"' in page.read_text()
