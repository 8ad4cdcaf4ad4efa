"""An error before any verdict, told where a verdict would stand.

So nobody takes the files of the last run for this one's.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

import android_bench
from android_bench.ci.outputs.annotations import Annotation, Level
from android_bench.ci.outputs.wording import INFRASTRUCTURE_HINT
from android_bench.errors import BenchError, ExitCode
from android_bench.exports.junit_xml import Case, add_suite, document_text
from android_bench.exports.markdown_page import assemble
from android_bench.exports.text import markdown_text
from android_bench.store import utc_now
from optimizer.errors import OptimizerError

Expected = (BenchError, OptimizerError)
"""The errors that are told; all others are bugs and keep their traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error that ends the command: what is wrong, what to do, and the exit code that it deserves."""

    message: str
    hint: str | None
    exit_code: ExitCode

    @classmethod
    def of(cls, error: BenchError | OptimizerError) -> Failure:
        """The failure that an expected error is."""
        code = error.exit_code if isinstance(error, BenchError) else ExitCode.ERROR
        return cls(message=str(error), hint=error.hint, exit_code=code)

    @property
    def verdict(self) -> str:
        """The word where a verdict would stand."""
        return "infrastructure" if self.exit_code is ExitCode.DEVICE else "error"

    @property
    def headline(self) -> str:
        """What it amounts to, in a line."""
        if self.exit_code is ExitCode.DEVICE:
            return "Infrastructure failed, which is no verdict about the model"
        return "No verdict: an error came first"

    @property
    def advice(self) -> str:
        """What to do next, as far as it is known."""
        known = INFRASTRUCTURE_HINT if self.exit_code is ExitCode.DEVICE else None
        return " ".join(part for part in (self.hint, known) if part)


def summary(failure: Failure) -> str:
    """The Markdown page."""
    notes = [markdown_text(text) for text in (failure.message, failure.advice) if text]
    foot = f"android-bench {markdown_text(android_bench.__version__)}"
    return assemble(f"## {failure.headline}", notes, [], foot=foot)


def junit(failure: Failure) -> str:
    """JUnit XML with an error."""
    root = ET.Element("testsuites")
    case = Case(
        name="android-bench ci",
        outcome="error",
        kind=failure.verdict,
        message=failure.message,
        details="\n".join(text for text in (failure.message, failure.advice) if text),
    )
    add_suite(
        root,
        name="android-bench ci",
        hostname="no device",
        started_at=utc_now(),
        cases=[case],
        properties=(),
        said=failure.headline,
    )
    return document_text(root)


def annotation(failure: Failure) -> Annotation:
    """The annotation for GitHub."""
    text = " ".join(part for part in (failure.message, failure.advice) if part)
    return Annotation(level=Level.ERROR, title=failure.headline, message=text)


def step_outputs(failure: Failure) -> dict[str, str]:
    """The outputs of GitHub's step: those of an outcome as far as there are any."""
    return {
        "verdict": failure.verdict,
        "exit-code": str(int(failure.exit_code)),
        "headline": failure.headline,
    }
