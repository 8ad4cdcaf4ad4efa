"""docs/ci.md says what is there: exit codes, the action's inputs and outputs, flags, files that it links to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from android_bench.cli.app import INTERRUPTED
from android_bench.errors import ExitCode

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "ci.md").read_text()


def test_every_exit_code_is_described() -> None:
    table = PAGE.partition("## Exit codes")[2].partition("##")[0]
    described = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert described == {*map(int, ExitCode), INTERRUPTED}


def test_inputs_and_outputs_of_the_action_are_described() -> None:
    yaml = pytest.importorskip(
        "yaml", reason="PyYAML, which comes with pre-commit, reads the action"
    )
    action = yaml.safe_load((DOCS.parent / "action.yml").read_text())
    told = PAGE.partition("## GitHub")[2].partition("## GitLab")[0]
    for name in (*action["inputs"], *action["outputs"]):
        assert f"`{name}`" in told


def test_flags_that_write_are_those_of_the_command() -> None:
    import typer

    from android_bench.cli.app import command_line

    group = typer.main.get_command(command_line())
    flags = {flag for one in group.commands["ci"].params for flag in one.opts}  # type: ignore[attr-defined]
    told = set(
        re.findall(r"`(--[a-z-]+)", PAGE.partition("## What is written")[2].partition("##")[0])
    )
    assert told >= {"--report", "--markdown", "--junit", "--metrics", "--json"}
    assert told <= flags


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE):
        assert (DOCS / target).is_file(), target
    examples = {path.name for path in (DOCS / "ci").iterdir()}
    assert examples == set(re.findall(r"\]\(ci/([^)]+)\)", PAGE))
