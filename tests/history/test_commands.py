"""The commands on the history: what they print, what they exit with, and what they say when they cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from android_bench import schema
from android_bench.cli.app import command_line
from android_bench.history import open_history
from android_bench.results import BenchmarkRun
from tests import examples
from tests.history.made import nights, run_on_day, sha
from tests.history.postgres import free_port

COMMANDS = (
    ["history", "add"], ["history", "list"], ["history", "runs"], ["history", "show"],
    ["history", "plot"], ["history", "changes"], ["serve"],
)  # fmt: skip
CI_VARIABLES = ("GITHUB_SHA", "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_SHA")


@pytest.fixture(autouse=True)
def _outside_of_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def tool(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def printed(*arguments: object) -> Any:
    done = tool(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def write(folder: Path, runs: Sequence[BenchmarkRun]) -> Path:
    for run in runs:
        target = folder / run.run_id
        target.mkdir(parents=True)
        (target / "run.json").write_text(schema.dumps(run))
    return folder


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A history with a model that got slower, one that did not, and one whose phone was updated."""
    file = tmp_path / ".android-bench" / "history.sqlite"
    updated = replace(examples.PHONE, fingerprint="acme/one/one:16/BP1A/2:user/release-keys")
    with open_history(str(file)) as history:
        for runs in (
            nights(30, lambda day: 3120 if day >= 20 else 3000),
            nights(30, lambda day: 1200, name="steady"),
            [
                run_on_day(day, 4400 if day >= 15 else 4000, name="updated", **changes)
                for day in range(30)
                for changes in [{"device": updated} if day >= 15 else {}]
            ],
        ):
            for day, run in enumerate(runs):
                history.add([run], revision=sha(day, "a"), branch="main")
    return file


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    done = tool(*command, "--help")
    assert done.exit_code == 0
    assert f"Example: android-bench {' '.join(command)}" in done.output.replace("\n ", "")


def test_add_says_how_many_were_new(tmp_path: Path) -> None:
    results = write(tmp_path / "results", nights(3, lambda day: 3000.0))
    first = tool("history", "add", results, "--revision", "abc", "--branch", "main", "--tag", "v1")
    assert first.exit_code == 0
    assert "3 new runs in" in first.stderr
    assert (tmp_path / ".android-bench" / "history.sqlite").is_file()
    again = printed("history", "add", results, "--branch", "main")
    assert (again["new"], again["updated"], again["known"]) == (0, 0, 3)
    runs = printed("history", "runs", "--tag", "v1")
    assert [(item["revision"], item["branch"], item["tags"]) for item in runs] == [
        ("abc", "main", ["v1"])
    ] * 3
    assert schema.run_from_json(runs[0]["run"], where="test").run_id == runs[0]["run"]["run_id"]
    assert "abc" in tool("history", "runs").stdout


def test_add_takes_the_revision_of_the_ci_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SHA", sha(1))
    monkeypatch.setenv("GITHUB_REF_NAME", "main")
    added = printed("history", "add", write(tmp_path / "results", [run_on_day(0)]))
    assert (added["revision"], added["branch"]) == (sha(1), "main")


def test_list_tells_each_series_with_its_last_change(filled: Path) -> None:
    done = tool("history", "list")
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert "worse +4." in next(line for line in lines if "digits.int8" in line)
    assert "moved +" in next(line for line in lines if "updated" in line)
    assert done.stdout.isascii() or "µ" in done.stdout
    series = printed("history", "list")
    assert [(item["name"], item["runs"], item["regressed"]) for item in series] == [
        ("digits.int8", 30, True),
        ("steady", 30, False),
        ("updated", 30, False),
    ]
    assert [item["name"] for item in printed("history", "list", "--name", "steady")] == ["steady"]


def test_changes_name_the_revisions_and_the_cause(filled: Path) -> None:
    text = tool("history", "changes").stdout
    assert f"between {sha(19, 'a')[:12]} and {sha(20, 'a')[:12]}" in text
    assert "no change" in text
    assert "another device or build of its system" in text
    (digits, steady, updated) = printed("history", "changes")
    (change,) = digits["changes"]
    assert (change["before"]["revision"], change["after"]["revision"]) == (
        sha(19, "a"),
        sha(20, "a"),
    )
    assert 1.03 < change["ratio_low"] < change["ratio"] < change["ratio_high"] < 1.05
    assert steady["changes"] == []
    assert updated["changes"][0]["cause"] == "device"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail"], 3),
        (["--fail", "--recent", "10"], 3),
        (["--fail", "--recent", "9"], 0),
        (["--fail", "--name", "steady"], 0),
        (["--fail", "--name", "updated"], 0),
        ([], 0),
        (["--measure", "file-size", "--fail"], 0),
    ],
    ids=str,
)
def test_only_a_regression_fails(filled: Path, arguments: list[str], code: int) -> None:
    assert tool("history", "changes", *arguments).exit_code == code
    assert tool("history", "changes", *arguments, "--json").exit_code == code


def test_show_lists_runs_and_plot_draws_them(filled: Path) -> None:
    key = printed("history", "list", "--name", "digits.int8")[0]["series"]
    (shown,) = printed("history", "show", key[:6])
    assert len(shown["points"]) == 30
    text = tool("history", "show", key, "--last", "12").stdout
    assert text.count("2026-10-") == 12
    assert "worse" in text
    drawn = tool("history", "plot", key, "--width", "80", "--height", "8").stdout.splitlines()
    assert len(drawn) == 10
    assert drawn[0].startswith("Latency of digits.int8")
    assert any("*" in line for line in drawn)
    assert "\x1b" not in "".join(drawn)
    assert printed("history", "plot", key) == printed("history", "show", key)
    every = printed("history", "show", "--name", "steady", "--measure", "all")
    assert [item["measure"] for item in every] == [
        "latency", "init", "first-inference", "peak-memory", "file-size", "gzip-size",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["changes", "--name", "nothing"], 2, "No series fits 'nothing'"),
        (["show", "ffffff"], 2, "There is digits.int8 on Acme One"),
        (["list", "--measure", "speed"], 2, "'speed' is no measure"),
        (["list", "--measure", "accuracy"], 2, "no complete run with accuracy"),
        (["list", "--measure", "accuracy"], 2, "Its runs tell latency, init"),
        (["list", "--db", "elsewhere.sqlite"], 1, "There is no history in elsewhere.sqlite yet"),
        (["list", "--db", "mysql://host/db"], 2, "SQLite and PostgreSQL are"),
        (["add", "nowhere"], 1, "nowhere does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(
    filled: Path, arguments: list[str], code: int, said: str
) -> None:
    done = tool("history", *arguments)
    assert done.exit_code == code
    assert said in done.stderr.replace("\n", " ")
    assert not Path("elsewhere.sqlite").exists()


def test_a_database_that_is_not_there_is_infrastructure() -> None:
    url = f"postgresql://me:s3cret-word@127.0.0.1:{free_port()}/bench"
    for command in (["history", "list"], ["serve"]):
        done = tool(*command, "--db", url)
        assert done.exit_code == 5
        assert "is not available" in done.stderr
        assert "s3cret-word" not in done.output


def test_an_empty_history_says_so(tmp_path: Path) -> None:
    with open_history(str(tmp_path / "empty.sqlite")):
        pass
    done = tool("history", "list", "--db", tmp_path / "empty.sqlite")
    assert done.exit_code == 2
    assert "holds no complete run" in done.stderr


def test_help_loads_no_database() -> None:
    code = (
        "import sys; sys.argv[0] = 'android-bench'\n"
        "from android_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\nLOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    for arguments in (["history", "--help"], ["history", "changes", "--help"], ["serve", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.rsplit("LOADED", 1)[1].split())
        heavy = {"sqlalchemy", "alembic", "numpy", "ruptures", "starlette", "uvicorn", "jinja2"}
        assert not loaded & heavy


def test_names_that_would_command_a_terminal_do_not(tmp_path: Path) -> None:
    name = "evil\x1b[31m\u202e[bold]"
    with open_history(str(tmp_path / "evil.sqlite")) as history:
        history.add(
            nights(3, lambda day: 3000.0, name=name), branch="\x1b]0;x\x07", revision="\x9b"
        )
    for command in ("list", "show", "plot", "changes", "runs"):
        done = tool("history", command, "--db", tmp_path / "evil.sqlite")
        assert done.exit_code == 0, done.output
        assert not set(done.output) & {"\x1b", "\x07", "\x9b", "\u202e"}
        assert "[bold]" in done.output
