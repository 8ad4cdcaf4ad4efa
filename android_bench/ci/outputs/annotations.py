"""GitHub's workflow commands: a line on standard output becomes an annotation of the run.

The form and its escapes are those of GitHub's own ``@actions/core`` (``command.ts``). GitHub shows ten
errors, ten warnings and ten notices of a step and drops the others, so the tenth tells how many are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from android_bench import formatting
from android_bench.ci.outcome import CiOutcome, GateResult, GateState
from android_bench.ci.outputs.wording import (
    INFRASTRUCTURE_HINT,
    fails_build,
    figures,
    gate_name,
    headline,
    ordered,
    place,
    remark,
    state_word,
)
from android_bench.exports.text import one_line

# docs.github.com, "Workflow commands": annotations of one kind that are shown of a step.
SHOWN = 10
# GitHub folds longer ones; a message is for the overview, the summary has the rest.
_LONGEST = 1_000


class Level(str, Enum):
    """The three commands that annotate."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotation; ``title`` and ``message`` are plain text."""

    level: Level
    title: str
    message: str

    def __str__(self) -> str:
        title, message = (_shortened(one_line(text)) for text in (self.title, self.message))
        return f"::{self.level.value} title={escaped_property(title)}::{escaped(message)}"


def worth_annotating(outcome: CiOutcome) -> tuple[Annotation, ...]:
    """What is worth an annotation, at most ten of a level, the verdict last.

    Only what is surely worse, and what broke, is an error; a gate that cannot be told is a warning, though
    the job ends with exit code 4.
    """
    found: dict[Level, list[Annotation]] = {level: [] for level in Level}
    for item in (*_infrastructure(outcome), *_gates(outcome)):
        found[item.level].append(item)
    note = remark(outcome)
    verdict = Annotation(
        level=Level.NOTICE,
        title="android-bench",
        message=headline(outcome) + (f" ({note})" if note else ""),
    )
    return (*_limited(found[Level.ERROR]), *_limited(found[Level.WARNING]), verdict)


def escaped(text: str) -> str:
    """A text as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """A text as the value of a command's property."""
    return escaped(text).replace(":", "%3A").replace(",", "%2C")


def _infrastructure(outcome: CiOutcome) -> Iterator[Annotation]:
    for problem in outcome.infrastructure:
        yield Annotation(
            level=Level.ERROR,
            title="Infrastructure failed",
            message=f"{problem} {INFRASTRUCTURE_HINT}",
        )


def _gates(outcome: CiOutcome) -> Iterator[Annotation]:
    for gate in ordered(outcome):
        if gate.state is GateState.PASSED:
            continue
        where = place(outcome, gate)
        parts = [where, figures(gate)]
        facts = "; ".join(part for part in parts if part)
        yield Annotation(
            level=Level.ERROR if fails_build(outcome, gate) else Level.WARNING,
            title=f"{gate_name(gate)} {_said(outcome, gate)}: {gate.variant}",
            message=f"{facts}. {gate.message}" if facts else gate.message,
        )


def _said(outcome: CiOutcome, gate: GateResult) -> str:
    return "regressed" if fails_build(outcome, gate) else state_word(outcome, gate)


def _limited(found: list[Annotation]) -> list[Annotation]:
    """As many as GitHub shows; the last tells of those that are left out."""
    if len(found) <= SHOWN:
        return found
    level = found[0].level
    left = formatting.count(len(found) - SHOWN + 1, f"more {level.value}")
    rest = Annotation(level=level, title=f"and {left}", message="The step summary has all of them.")
    return [*found[: SHOWN - 1], rest]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
