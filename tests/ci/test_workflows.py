"""The action and the examples that people copy: they parse, their shell is sound, and what they name exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which comes with pre-commit, reads the examples")

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
EXAMPLES = ROOT / "docs" / "ci"
WORKFLOWS = sorted(EXAMPLES.glob("github-*.yml"))
GITLAB = EXAMPLES / "gitlab-ci.yml"
SHELL = EXAMPLES / "ci.sh"
OURS = "OWNER/android-bench@"
# The inputs of its action.yml that the examples use; not ours to know more of.
EMULATOR_RUNNER = {
    "api-level", "target", "arch", "force-avd-creation", "emulator-options", "script",
}  # fmt: skip


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def steps(file: Path) -> list[dict[str, Any]]:
    found = read(file)
    if file == ACTION:
        return list(found["runs"]["steps"])
    return [step for job in found["jobs"].values() for step in job["steps"]]


def scripts() -> Iterator[tuple[str, str]]:
    """Every piece of shell, with where it is from."""
    for file in (ACTION, *WORKFLOWS):
        for number, step in enumerate(steps(file)):
            for text in (step.get("run"), step.get("with", {}).get("script")):
                if text:
                    yield f"{file.name}-{number}", text
    for key in ("before_script", "script"):
        for number, text in enumerate(read(GITLAB)["android-bench"][key]):
            yield f"{GITLAB.name}-{key}-{number}", text
    yield SHELL.name, SHELL.read_text()


SCRIPTS = [pytest.param(text, id=name) for name, text in scripts()]


def test_there_are_examples() -> None:
    assert len(WORKFLOWS) >= 3
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("script", SCRIPTS)
def test_shell_parses(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_shell_is_sound(script: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    done = subprocess.run(
        ["shellcheck", "--shell", "bash", "-"], input=script, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_expression_is_pasted_into_a_script(script: str) -> None:
    """What a branch is named would be run: values go through the environment."""
    assert "${{" not in script


@pytest.mark.parametrize("file", [ACTION, *WORKFLOWS], ids=lambda file: file.name)
def test_every_action_is_pinned_and_given_inputs_that_it_has(file: Path) -> None:
    declared = set(read(ACTION)["inputs"])
    used = [step for step in steps(file) if "uses" in step]
    assert used
    for step in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+(\.\d+)*", step["uses"]), step["uses"]
        given = set(step.get("with", {}))
        if step["uses"].startswith(OURS):
            assert given <= declared
        elif step["uses"].startswith("reactivecircus/"):
            assert given <= EMULATOR_RUNNER


def test_the_tag_of_the_examples_is_this_version() -> None:
    from android_bench import __version__

    tags = {
        step["uses"].removeprefix(OURS)
        for file in WORKFLOWS
        for step in steps(file)
        if step.get("uses", "").startswith(OURS)
    }
    assert tags == {f"v{__version__}"}


def test_inputs_are_declared_described_and_used() -> None:
    text = ACTION.read_text()
    found = read(ACTION)
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == set(found["inputs"])
    for spec in (*found["inputs"].values(), *found["outputs"].values()):
        assert spec["description"].strip()
    assert all(isinstance(spec["default"], str) for spec in found["inputs"].values())


def test_outputs_come_from_steps_that_are_there() -> None:
    ids = {step["id"] for step in steps(ACTION) if "id" in step}
    assert set(re.findall(r"steps\.([\w-]+)\.", ACTION.read_text())) <= ids
    for step in steps(ACTION):
        if "run" in step:
            assert step["shell"] == "bash"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_use_outputs_that_the_action_has(file: Path) -> None:
    ours = {
        step["id"] for step in steps(file) if step.get("uses", "").startswith(OURS) and "id" in step
    }
    found = re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", file.read_text())
    assert found
    assert {step for step, _ in found} <= ours
    assert {output for _, output in found} <= set(read(ACTION)["outputs"])


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_ask_for_no_more_rights_than_they_use(file: Path) -> None:
    rights = read(file)["permissions"]
    assert rights["contents"] == "read"
    assert set(rights) <= {"contents", "pull-requests"}
    assert ("pull-requests" in rights) == ("gh pr comment" in file.read_text())
    for job in read(file)["jobs"].values():
        assert job["timeout-minutes"]


def test_gitlabs_job_blocks_on_3_warns_on_4_and_repeats_on_5() -> None:
    job = read(GITLAB)["android-bench"]
    assert job["allow_failure"]["exit_codes"] == [4]
    assert job["retry"]["exit_codes"] == [5]
    assert job["artifacts"]["when"] == "always"
    (script,) = job["script"]
    for report, file in job["artifacts"]["reports"].items():
        assert f"--{report} {file}" in script


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of ours in the examples, and those that stand behind another's ``--``."""
    for name, text in scripts():
        joined = text.replace("\\\n", " ")
        for line in joined.splitlines():
            if not re.match(r"\s*android-bench ", line):
                continue
            words = shlex.split(line.split("||")[0], comments=True)[1:]
            words = [word for word in words if "[@]" not in word and word != "$@"]
            if words == ["--version"]:
                continue
            if "--" in words:
                inner = words[words.index("--") + 1 :]
                yield name, words
                yield name, inner[1:]
            else:
                yield name, words


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=f"{name}-{words[0]}") for name, words in commands()]
)
def test_commands_are_ones_that_there_are(words: list[str]) -> None:
    import typer

    from android_bench.cli.app import command_line

    command: Any = typer.main.get_command(command_line())
    # Of the shell's variables this one holds a flag.
    rest = ["--no-record" if word == "$HISTORY" else word for word in words]
    while hasattr(command, "resolve_command"):
        context = command.context_class(command)
        name, command, rest = command.resolve_command(context, rest)
        assert command is not None, name
    command.make_context(command.name, list(rest))
