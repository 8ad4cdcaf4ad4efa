"""The composite action: its shell steps run here, on a project of their own measured on this computer."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="PyYAML, which comes with pre-commit, reads the action")

from tests.benchmark_model.models import Graph, Op, Tensor, build, doubling
from tests.ci.action_runner import Job, Runner, evaluate, search_path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT = """
[models.twice]
source = "twice.tflite"

[measure]
devices = ["host"]
invocations = 1
num_runs = 1
min_secs = 0.001
max_secs = 0.01
warmup_runs = 1
warmup_secs = 0
memory = 0

[gates]
file_size = "1%"

[baseline]
from = "git:main"
"""
LARGER = Graph(
    tensors=[Tensor("x"), *(Tensor(f"y{number}") for number in range(9))],
    ops=[
        Op("ADD", [name, name], [f"y{number}"])
        for number, name in enumerate(["x", *(f"y{number}" for number in range(8))])
    ],
    inputs=["x"],
    outputs=["y8"],
)


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a project in a folder, committed on main."""
    workspace = tmp_path / "workspace"
    folder = workspace / "ml"
    folder.mkdir(parents=True)
    git(workspace, "init", "--quiet", "--initial-branch", "main")
    (folder / "twice.tflite").write_bytes(build(doubling()))
    (folder / "android-bench.toml").write_text(PROJECT)
    (folder / ".gitignore").write_text(".android-bench\n")
    git(workspace, "add", "--all")
    git(workspace, "commit", "--quiet", "--message", "Begin")
    return folder


def runner(project: Path, *first: Path) -> Runner:
    temp = project.parents[1] / "temp"
    temp.mkdir()
    return Runner(
        action=ROOT, workspace=project.parent, temp=temp, path=search_path(*first, BIN)
    )  # fmt: skip


def run(folder: Path, **inputs: str) -> Job:
    return runner(folder).run(install="false", working_directory="ml", **inputs)


def test_nothing_changed(project: Path) -> None:
    job = run(project)
    assert job.code == 0, [step.output for step in job.steps]
    assert (job.outputs["verdict"], job.outputs["exit-code"]) == ("passed", "0")
    measured = job.named("Build, measure, judge")
    assert measured is not None
    assert measured.summary.startswith("## Passed: 1 gate (measured on a computer, not on a phone)")
    assert "::notice title=android-bench::Passed" in measured.output
    uploaded = job.named("Upload report and results")
    assert uploaded is not None
    folder = Path(uploaded.given["path"])
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "results", "summary.md", "junit.xml",
    }  # fmt: skip
    assert list((folder / "results").rglob("run.json"))
    assert Path(job.outputs["report"]).is_file()
    assert Path(job.outputs["summary"]).read_text() == measured.summary


def test_a_regression_ends_with_3_after_caches_and_results_are_kept(project: Path) -> None:
    (project / "twice.tflite").write_bytes(build(LARGER))
    git(project, "switch", "--quiet", "--create", "change")
    git(project, "commit", "--all", "--quiet", "--message", "Grow")
    job = run(project)
    assert [(step.name, step.code) for step in job.steps if step.code] == [("Verdict", 3)]
    assert job.outputs["verdict"] == "regressed"
    assert job.outputs["failed-gates"] == "file size twice"
    measured = job.named("Build, measure, judge")
    assert measured is not None
    assert "::error title=file size regressed%3A twice::" in measured.output
    names = [step.name for step in job.steps]
    assert names[-3:] == ["Upload report and results", "Save artifacts and binaries", "Verdict"]
    saved = job.named("Save artifacts and binaries")
    assert saved is not None
    assert saved.given["key"] == job.outputs["cache-key"] != ""
    kept = saved.given["path"].splitlines()
    assert {Path(line).name for line in kept} == {"artifacts", "binaries", "costs", "stages"}
    assert all(Path(line).parent.name == "android-bench" for line in kept)


@pytest.mark.parametrize(("choice", "code"), [("fail", 4), ("warn", 0)])
def test_what_cannot_be_told_blocks_unless_it_may_not(
    project: Path, choice: str, code: int
) -> None:
    # Nobody knows the accuracy of a .tflite without data.
    toml = project / "android-bench.toml"
    toml.write_text(toml.read_text().replace('file_size = "1%"', "accuracy = 0.5"))
    job = run(project, on_inconclusive=choice)
    assert job.outputs["verdict"] == "inconclusive"
    assert job.code == code


def test_a_device_that_is_not_there_is_no_regression(project: Path) -> None:
    job = run(project, args="--device 127.0.0.1:9")
    assert job.code == 5, [step.output for step in job.steps]
    assert job.outputs["verdict"] == "infrastructure"
    measured = job.named("Build, measure, judge")
    assert measured is not None
    assert "::error title=Infrastructure failed::" in measured.output
    assert "regressed" not in measured.output


def test_an_error_before_any_verdict_is_the_jobs(project: Path) -> None:
    job = run(project, project="missing.toml")
    assert job.named("Verdict") is not None
    assert job.code in {1, 2}
    assert job.outputs["verdict"] == "error"
    measured = job.named("Build, measure, judge")
    assert measured is not None
    assert measured.summary.startswith("## No verdict: an error came first\n")
    assert "::error title=No verdict%3A an error came first::" in measured.output
    assert "missing.toml" in measured.summary


def shim(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/usr/bin/env bash\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_arguments_are_words_and_never_commands(project: Path, tmp_path: Path) -> None:
    """A program in its place writes down what it was given."""
    seen = tmp_path / "seen"
    shims = tmp_path / "shims"
    shim(shims, "android-bench", f'printf "%s\\n" "$@" > {seen}')
    hostile = "--device 'two words' \"$(touch pwned)\" --baseline 'git:a;touch pwned'"
    job = runner(project, shims).run(
        install="false", working_directory="ml", project="a b.toml", args=hostile
    )
    assert job.code == 0
    words = seen.read_text().splitlines()
    assert words[:3] == ["ci", "--project", "a b.toml"]
    assert words[-5:] == [
        "--device", "two words", "$(touch pwned)", "--baseline", "git:a;touch pwned",
    ]  # fmt: skip
    assert not list(project.parents[1].rglob("pwned"))


def installed(project: Path, tmp_path: Path, **inputs: str) -> tuple[Job, list[str]]:
    """What pip was asked for: a program in python's place writes it down and installs nothing."""
    seen = tmp_path / "seen"
    shims = tmp_path / "shims"
    shim(
        shims,
        "python",
        f'if [ "$1 $2 $3" = "-m pip install" ]; then printf "%s\\n" "${{@:4}}" > {seen}; '
        f'else exec {sys.executable} "$@"; fi',
    )
    job = runner(project, shims).run(command="none", **inputs)
    return job, seen.read_text().splitlines()


def test_the_actions_own_checkout_is_installed_with_the_versions_it_was_tested_with(
    project: Path, tmp_path: Path
) -> None:
    job, words = installed(project, tmp_path, extras="usb,history")
    assert job.code == 0, [step.output for step in job.steps]
    assert words[-1] == f"{ROOT}[usb,history]"
    pins = Path(words[words.index("--constraint") + 1]).read_text().splitlines()
    assert pins
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==\S+( ;.*)?", line) for line in pins)
    assert any(line.startswith("numpy==") for line in pins)


def test_a_version_comes_from_the_index(project: Path, tmp_path: Path) -> None:
    _, words = installed(project, tmp_path, extras="", version="0.1.0")
    assert words[-1] == "android-bench==0.1.0"
    assert "--constraint" not in words


def test_installing_alone_restores_caches_and_measures_nothing(
    project: Path, tmp_path: Path
) -> None:
    job, _ = installed(project, tmp_path)
    assert [step.name for step in job.steps] == [
        "Set up Python",
        "Find the caches",
        "Restore pip's downloads",
        "Restore artifacts and binaries",
        "Install android-bench",
        "Save pip's downloads",
    ]
    assert job.outputs["cache-path"]
    key = job.outputs["cache-key"]
    assert "android-bench.lock" in key
    assert "**/android-bench.toml" in key
    assert "**/*.tflite" in key


def test_what_is_cached_already_is_not_saved_again(project: Path) -> None:
    machine = runner(project)
    machine.outputs["Restore artifacts and binaries"] = {"cache-hit": "true"}
    job = machine.run(install="false", working_directory="ml")
    assert job.named("Save artifacts and binaries") is None
    assert job.outputs["cache-hit"] == "true"


def test_the_stand_in_knows_expressions() -> None:
    context = {"inputs.a": "x", "steps.s.outputs.b-c": "true"}
    assert evaluate("inputs.a == 'x' && steps.s.outputs.b-c != 'false'", context)
    assert evaluate("inputs.none || format('{0}-{1}', inputs.a, 'y')", context) == "x-y"
    assert evaluate("!inputs.none", context)
