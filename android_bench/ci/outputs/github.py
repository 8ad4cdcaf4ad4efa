"""The files that GitHub names in the environment of a step: its summary and its outputs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from android_bench.ci.outcome import CiOutcome
from android_bench.ci.outputs.wording import fails_build, gate_name, headline, ordered
from android_bench.exports.markdown_page import LIMIT
from android_bench.exports.text import one_line, printable

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
OUTPUT_VARIABLE = "GITHUB_OUTPUT"
# docs.github.com, "Adding a job summary": what a step may write; a byte more, and nothing is shown.
_SUMMARY_BYTES = 1 << 20
# A page that says anything needs this many characters, each of four bytes at most.
_SMALLEST_PAGE = 2_000
_BYTES_OF_A_CHARACTER = 4


def append_summary(path: Path, render: Callable[[int], str]) -> str | None:
    """Append a page to what the step wrote before; say why when there is no room for it.

    ``render`` makes the page, at most so many characters long.
    """
    used = path.stat().st_size if path.exists() else 0
    room = (_SUMMARY_BYTES - used) // _BYTES_OF_A_CHARACTER - 1
    if room < _SMALLEST_PAGE:
        return f"{path} has no room for the summary: GitHub shows 1 MiB of a step."
    _append(path, ("\n\n" if used else "") + render(min(LIMIT, room)))
    return None


def append_outputs(path: Path, outputs: Mapping[str, str]) -> None:
    """Append the step's outputs: what later steps of a workflow decide by."""
    _append(path, "".join(assignment(key, text) for key, text in outputs.items()))


def step_outputs(outcome: CiOutcome) -> dict[str, str]:
    """The outputs by name; ``failed-gates`` has a line for each, the gravest first."""
    failed = (
        one_line(" ".join((gate_name(gate), gate.variant, gate.device, gate.config)))
        for gate in ordered(outcome)
        if fails_build(outcome, gate)
    )
    return {
        "verdict": outcome.verdict,
        "exit-code": str(int(outcome.exit_code)),
        "headline": headline(outcome),
        "failed-gates": "\n".join(failed),
        "report": _absolute(outcome.report),
        "results": _absolute(outcome.kept),
    }


def _absolute(path: str | None) -> str:
    """A path as another step finds it, which may have another working directory."""
    return str(Path(path).absolute()) if path else ""


def assignment(name: str, value: str) -> str:
    """An assignment as GitHub's environment files have it, ending in a line feed.

    A value of several lines stands between delimiters that no value can foresee.
    """
    text = printable(value)
    if "\n" not in text:
        return f"{name}={text}\n"
    delimiter = f"android-bench-{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{text}\n{delimiter}\n"


def named_by(environment: Mapping[str, str], variable: str) -> Path | None:
    """The file that a variable names, if it names one."""
    value = environment.get(variable)
    return Path(value) if value else None


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)
