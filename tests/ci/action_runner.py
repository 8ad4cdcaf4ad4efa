"""Runs the steps of a composite action here: shell steps for real, `uses` steps as a record of what they were given.

A stand-in for GitHub's runner: expressions, conditions, the environment files. What a test uses of it is what
docs.github.com says of "Metadata syntax", "Expressions" and "Workflow commands".
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ci.test_outputs_github import outputs_in

_TOKEN = re.compile(
    r"\s*(?:'((?:[^']|'')*)'|(==|!=|&&|\|\||[!(),])|(\d+)|([A-Za-z_][\w.-]*))"
)  # fmt: skip
_WORDS = {"&&": " and ", "||": " or ", "!": " not "}


@dataclass
class Step:
    """A step that ran: the inputs of an action, or the exit code and output of a script."""

    name: str
    uses: str | None = None
    given: dict[str, str] = field(default_factory=dict)
    code: int = 0
    output: str = ""
    summary: str = ""


@dataclass
class Job:
    """What came of the action."""

    steps: list[Step]
    outputs: dict[str, str]

    @property
    def code(self) -> int:
        """The code of the step that failed the job, 0 when none did."""
        return next((step.code for step in self.steps if step.code), 0)

    def named(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)


@dataclass(kw_only=True)
class Runner:
    """A machine with a checkout of the action and of a workspace; ``outputs`` are those of `uses` steps by name."""

    action: Path
    workspace: Path
    temp: Path
    path: str
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, **inputs: str) -> Job:
        """Run the action with these inputs; ``on_inconclusive`` is the input ``on-inconclusive``."""
        import yaml

        described = yaml.safe_load((self.action / "action.yml").read_text())
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(described["inputs"])
        context: dict[str, str] = {"runner.os": "Linux", "runner.arch": "X64"}
        for name, spec in described["inputs"].items():
            context[f"inputs.{name}"] = given.get(name, str(spec.get("default", "")))
        steps: list[Step] = []
        for number, spec in enumerate(described["runs"]["steps"]):
            failed = any(step.code for step in steps)
            condition = spec.get("if", "success()")
            wanted = evaluate(condition, context)
            if not wanted or (failed and "always()" not in condition):
                continue
            step, outputs = self._step(spec, context, number)
            steps.append(step)
            for key, value in outputs.items():
                context[f"steps.{spec.get('id')}.outputs.{key}"] = value
        return Job(
            steps=steps,
            outputs={
                name: expanded(spec["value"], context)
                for name, spec in described["outputs"].items()
            },
        )

    def _step(
        self, spec: dict[str, Any], context: dict[str, str], number: int
    ) -> tuple[Step, dict[str, str]]:
        if "uses" in spec:
            given = {key: expanded(str(value), context) for key, value in spec["with"].items()}
            outputs = dict(self.outputs.get(spec["name"], {}))
            if "key" in given and "restore" in spec["uses"]:
                outputs.setdefault("cache-primary-key", given["key"])
            return Step(name=spec["name"], uses=spec["uses"], given=given), outputs
        assert spec["shell"] == "bash"
        files = {
            name: self.temp / f"step-{number}-{name.lower()}"
            for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            file.touch()
        script = self.temp / f"step-{number}.sh"
        script.write_text(spec["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace / expanded(spec.get("working-directory", "."), context),
            env={
                "PATH": self.path,
                "HOME": str(self.temp / "home"),
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_ACTION_PATH": str(self.action),
                "RUNNER_OS": context["runner.os"],
                "RUNNER_TEMP": str(self.temp),
                **{name: str(file) for name, file in files.items()},
                **{
                    key: expanded(str(value), context) for key, value in spec.get("env", {}).items()
                },
            },
            capture_output=True,
            text=True,
        )
        step = Step(
            name=spec["name"],
            code=done.returncode,
            output=done.stdout + done.stderr,
            summary=files["GITHUB_STEP_SUMMARY"].read_text(),
        )
        return step, outputs_in(files["GITHUB_OUTPUT"].read_text())


def expanded(text: str, context: dict[str, str]) -> str:
    """The text with every expression in it replaced by its value."""
    return re.sub(
        r"\$\{\{(.*?)\}\}", lambda found: str(evaluate(found[1], context)), text, flags=re.DOTALL
    )


def evaluate(expression: str, context: dict[str, str]) -> Any:
    """The value of an expression; what no context has is an empty text, as GitHub has it."""
    parts: list[str] = []
    position = 0
    source = expression.strip()
    while position < len(source):
        token = _TOKEN.match(source, position)
        assert token is not None, source[position:]
        position = token.end()
        text, operator, number, name = token.groups()
        if text is not None:
            parts.append(repr(text.replace("''", "'")))
        elif operator:
            parts.append(_WORDS.get(operator, operator))
        elif number:
            parts.append(number)
        elif source[position : position + 1] == "(":
            parts.append(f"functions[{name!r}]")
        else:
            parts.append(f"context.get({name!r}, '')")
    functions = {
        "always": lambda: True,
        "success": lambda: True,
        "format": lambda form, *values: form.format(*values),
        "hashFiles": lambda *patterns: str(sorted("\n".join(patterns).split("\n"))),
    }
    return eval("".join(parts), {"context": context, "functions": functions})


def search_path(*first: Path) -> str:
    """A PATH with these folders before this machine's."""
    return os.pathsep.join([*map(str, first), os.environ.get("PATH", os.defpath)])
