"""Without a terminal nothing is printed that only a terminal understands, whatever the environment says."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmark_model.models import build, doubling

# Every control character but the line feed and the tab, those of eight bits too.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BOX = re.compile("[\u2500-\u257f\u2580-\u259f\u2800-\u28ff]")
PROJECT = """
[models.twice]
source = "twice.tflite"
[measure]
devices = ["host"]
invocations = 1
num_runs = 1
min_secs = 0.001
max_secs = 0.01
warmup_secs = 0
memory = 0
[gates]
file_size = "1%"
latency = {max = "1%", action = "warn"}
[baseline]
from = "results:baseline"
"""
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "plain": {},
    "CI": {"CI": "true"},
    "GitHub": {"CI": "true", "GITHUB_ACTIONS": "true"},
    "GitLab": {"CI": "true", "GITLAB_CI": "true"},
    "dumb": {"TERM": "dumb"},
    "NO_COLOR": {"NO_COLOR": "1"},
    "colours": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose baseline is there, with a control code in the name of a model."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("twice.tflite", "e\x1b[31mvil.tflite"):
        (folder / name).write_bytes(build(doubling()))
    (folder / "android-bench.toml").write_text(PROJECT)
    done = run(
        folder, "run", "twice.tflite", "--device", "host", "--invocations", "1", "-o", "baseline"
    )
    assert done.returncode == 0, done.stderr
    return folder


def environment(**more: str) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


def command(*words: str) -> list[str]:
    code = "import sys; from android_bench.cli import main; sys.argv[0] = 'android-bench'; main()"
    return [sys.executable, "-c", code, *words]


def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(PYTHONPATH=str(Path(__file__).parents[2]), **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_ci_in_a_pipe(project: Path, name: str) -> None:
    done = run(project, "ci", **ENVIRONMENTS[name])
    assert done.returncode == 0, done.stderr
    assert "passed" in done.stdout
    for text in (done.stdout, done.stderr):
        assert not _CONTROL.search(text)
        assert not _BOX.search(text)
    # Every step is a line that stays, so that a log tells how far it came.
    assert "[1/1] twice" in done.stderr
    assert ("::notice" in done.stdout) == (name == "GitHub")


def test_json_on_standard_output_stays_json_on_github(project: Path) -> None:
    done = run(project, "ci", "--json", CI="true", GITHUB_ACTIONS="true")
    assert json.loads(done.stdout)["verdict"] == "passed"
    assert "::notice title=android-bench::Passed" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ci", "--project", "missing.toml"),
        ("ci", "--nonsense"),
        ("ci", "--help"),
        ("check",),
        ("init",),
        ("run", "e\x1b[31mvil.tflite", "--device", "host", "--invocations", "1", "-o", "evil"),
        ("inspect", "e\x1b[31mvil.tflite"),
        ("report", "baseline", "-o", "page.html"),
        ("doctor",),
    ],
    ids=lambda words: words[0],
)
def test_other_commands_in_a_pipe(project: Path, words: tuple[str, ...]) -> None:
    done = run(project, *words, CI="true", TERM="xterm-256color")
    assert done.stdout or done.stderr
    for text in (done.stdout, done.stderr):
        assert not _CONTROL.search(text)


@pytest.mark.parametrize(
    ("more", "coloured"),
    [({"TERM": "xterm-256color"}, True), ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False)],
    ids=["colours", "NO_COLOR"],
)
def test_a_terminal_has_colours_unless_it_wants_none(
    project: Path, more: dict[str, str], coloured: bool
) -> None:
    """The other side: what is tested above is the pipe, not that colours are never used."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("ci", "--project", "missing.toml"),
        cwd=project,
        env=environment(PYTHONPATH=str(Path(__file__).parents[2]), **more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
        process.wait()
    os.close(ours)
    assert b"missing.toml" in text
    assert bool(re.search(rb"\x1b\[[0-9;]*3[0-9]", text)) is coloured
