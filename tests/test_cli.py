"""The command line without a device: help, output forms, errors and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from android_bench import __version__, schema
from android_bench.cli.app import command_line
from android_bench.results import BenchmarkRun
from tests import examples
from tests.benchmark_model.models import build, doubling

COMMANDS = (
    ["run"], ["report"], ["compare"], ["noise"], ["reparse"], ["inspect"], ["doctor"], ["devices"], ["optimize"], ["demo"],
    ["sweep"], ["recommend"], ["debug-quantization"],
    ["metadata", "write"], ["metadata", "show"], ["metadata", "verify"],
)  # fmt: skip


def tool(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def results(folder: Path, name: str, factor: float, *runs: BenchmarkRun) -> Path:
    means = [value * factor for value in (2920, 2900, 2940, 2910, 2950, 2930)]
    for run in runs or (examples.run(means, session_id=f"of-{name}", run_id=f"run-{name}"),):
        target = folder / name / run.run_id
        target.mkdir(parents=True)
        (target / "run.json").write_text(schema.dumps(run))
    return folder / name


def test_version_and_bare_call() -> None:
    assert tool("--version").stdout.strip() == f"android-bench {__version__}"
    assert "Usage" in tool().output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: Sequence[str]) -> None:
    done = tool(*command, "--help")
    assert done.exit_code == 0
    assert f"Example: android-bench {' '.join(command)}" in done.output.replace("\n ", "")


@pytest.mark.parametrize(
    ("factor", "code", "verdict"),
    [(1.0, 0, "unchanged"), (1.2, 3, "regressed"), (1.05, 4, "inconclusive"), (0.7, 0, "improved")],
)
def test_compare_exits_with_its_verdict(
    tmp_path: Path, factor: float, code: int, verdict: str
) -> None:
    before, after = results(tmp_path, "a", 1.0), results(tmp_path, "b", factor)
    done = tool("compare", before, after, "--max-slowdown", "5%")
    assert done.exit_code == code
    assert done.stdout.startswith(verdict)
    as_json = tool("compare", before, after, "--max-slowdown", "5%", "--json")
    assert as_json.exit_code == code
    assert json.loads(as_json.stdout)[0]["verdict"] == verdict


def test_compare_writes_a_page_when_asked(tmp_path: Path) -> None:
    before, after = results(tmp_path, "a", 1.0), results(tmp_path, "b", 1.2)
    assert tool("compare", before, after, "--report", tmp_path / "page.html").exit_code == 3
    assert "regressed" in (tmp_path / "page.html").read_text().lower()


def test_a_gate_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    where = results(tmp_path, "a", 1.0)
    done = tool("compare", where, where, "--max-slowdown", "fast")
    assert done.exit_code == 2
    assert "--max-slowdown 'fast'" in done.stderr


def test_report_prints_its_path_alone(tmp_path: Path) -> None:
    done = tool("report", results(tmp_path, "a", 1.0), "-o", tmp_path / "sub" / "page.html")
    assert done.exit_code == 0
    assert done.stdout.strip() == str(tmp_path / "sub" / "page.html")


@pytest.mark.parametrize("command", ["report", "compare"])
def test_no_results_is_one_sentence_and_a_hint(tmp_path: Path, command: str) -> None:
    paths = [tmp_path / "none"] * (2 if command == "compare" else 1)
    done = tool(command, *paths)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'none'} does not exist.\nhint:")


def test_inspect_tells_the_same_in_both_forms(tmp_path: Path) -> None:
    model = tmp_path / "m [bold]x.tflite"
    model.write_bytes(build(doubling(shape=(1, 16))))
    text = tool("inspect", model)
    assert text.exit_code == 0
    assert "[bold]" in text.stdout  # a name is never taken for markup
    data: dict[str, Any] = json.loads(tool("inspect", model, "--json").stdout)
    assert data["operators"] == {"ADD": 1}
    assert data["manifest"] is None


def test_doctor_and_devices_speak_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "9")
    names = {item["name"] for item in json.loads(tool("doctor", "--json").stdout)}
    assert {"Python", "adb server", "adb key", "benchmark_model"} <= names
    assert json.loads(tool("devices", "--json").stdout)[-1]["serial"] == "host"


def test_run_refuses_what_cannot_be_meant(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(build(doubling()))
    twin = tmp_path / "other" / "m.tflite"
    twin.parent.mkdir()
    twin.write_bytes(build(doubling(shape=(1, 8))))
    for arguments, message in (
        ([model, "--threads", "0"], "--threads"),
        ([model, twin], "both called 'm'"),
        ([model, model], "named twice"),
        ([model, "--delegate", "external"], "names its library"),
        ([model, "--delegate", "gpu"], "gpu"),
    ):
        done = tool("run", *arguments, "--device", "host", "-o", tmp_path / "out")
        assert done.exit_code == 2, done.output
        assert message in done.stderr
        assert not (tmp_path / "out").exists()


def test_a_run_on_this_computer_is_never_called_a_phone(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(build(doubling(shape=(1, 64))))
    done = tool(
        *("run", model, "-d", "host", "-o", tmp_path / "out", "--invocations", 2),
        *("--min-secs", 0.01, "--warmup-secs", 0.01),
    )
    assert done.exit_code == 0, done.output
    assert "(host)" in done.stdout
    assert "not on a phone" in done.stderr
    page = tmp_path / "page.html"
    assert tool("report", tmp_path / "out", "-o", page).exit_code == 0
    assert "not a phone" in page.read_text()


def test_a_path_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    where = results(tmp_path, "a", 1.0)
    model = tmp_path / "m.tflite"
    model.write_bytes(build(doubling()))
    for arguments in (
        ["report", where, "-o", model / "page.html"],
        ["run", model, "-d", "host", "-o", model / "out"],
    ):
        done = tool(*arguments)
        assert done.exit_code == 1
        assert f"{model}" in done.stderr
        assert "cannot be used: " in done.stderr
        assert "hint:" in done.stderr


@pytest.mark.parametrize("terminal", [True, False])
def test_paths_of_artifacts_are_never_broken(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    from android_bench.terminal import artifacts, console

    monkeypatch.setattr(
        console, "out", Console(width=80, force_terminal=terminal, color_system=None)
    )
    folder = Path("/home/a user/a folder with a long name") / ("deep" * 20)
    one = examples.run(name="m.int8").artifact
    shown = [
        replace(one, name=name, path=folder / f"{name}.tflite", warnings=("Few samples.",))
        for name in ("m.int8", "m.prune80+cluster16-folded+int8-per-tensor")
    ]
    artifacts.print_artifacts(shown)
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.startswith("/")] == [
        str(item.path) for item in shown
    ]
    assert told.err == "m.int8, m.prune80+cluster16-folded+int8-per-tensor: Few samples.\n"
    if not terminal:
        assert any(line.startswith(f"{shown[1].name}  ") for line in told.out.splitlines())


@pytest.mark.parametrize("shape", ["inf,4,3", "2.5,4,3", "nan,1,1", "4,4", "0,4,3", "4,4,3,1"])
def test_an_image_shape_that_is_none_is_a_usage_error(tmp_path: Path, shape: str) -> None:
    done = tool(
        *("optimize", tmp_path / "m.keras", "-r", "int8", "--data", tmp_path),
        *("--image-shape", shape),
    )
    assert done.exit_code == 2, done.output
    assert "give height, width and channels" in done.stderr


def test_every_exit_code_is_documented() -> None:
    from android_bench.cli.app import INTERRUPTED
    from android_bench.errors import ExitCode

    epilog = " ".join(tool("--help").output.split()).split("Exit codes: ")[1]
    table = (Path(__file__).parents[1] / "README.md").read_text()
    for code in (*map(int, ExitCode), INTERRUPTED):
        assert f"{code} " in epilog
        assert f"| {code} | " in table


def test_findings_of_many_runs_are_one_line(tmp_path: Path) -> None:
    from android_bench.analysis.checks import check_runs

    runs = [replace(examples.run(name=name), complete=False) for name in ("a", "b")]
    assert [item.code for item in check_runs(runs)] == ["incomplete", "incomplete"]


def test_optimize_says_what_is_wrong_with_recipe_and_model(tmp_path: Path) -> None:
    done = tool("optimize", tmp_path / "m.keras", "--recipe", "int88", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "Did you mean 'int8'" in done.stderr
    done = tool("optimize", tmp_path / "m.keras", "--recipe", "float32", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "m.keras cannot be read" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_start_leaves_out_options_and_no_command() -> None:
    """Only the command that is wanted is worked out; help and completion know all of them."""
    tool = str(Path(sys.executable).with_name("android-bench"))

    def shown(*words: str, **environment: str) -> str:
        done = subprocess.run(
            [tool, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "80", **environment},
            check=False,
        )
        return done.stdout + done.stderr

    listed = shown("--help")
    for command in command_line().registered_commands:
        assert command.callback is not None
        assert (command.name or command.callback.__name__.replace("_", "-")) in listed
    assert "--precision" in shown("run", "--help")
    assert "--revision" in shown("history", "add", "--help")
    completed = shown(
        _ANDROID_BENCH_COMPLETE="complete_bash",
        COMP_WORDS="android-bench run --prec",
        COMP_CWORD="2",
    )
    assert "--precision" in completed
