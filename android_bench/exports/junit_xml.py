"""JUnit XML as CI servers read it: test suites with properties, and test cases with an outcome.

Two schemas are in use and neither is official: Ant's, written down by Windy Road, and the one of Jenkins'
xUnit plugin. Ant's is the stricter; what is written here is valid in both. That is why no library
writes it: junitparser puts attributes where Ant's schema has none, and the rest is what xml.etree does.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from android_bench.exports.text import number, one_line, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A test case; ``outcome`` is an element's name, ``None`` when it passed."""

    name: str
    time_s: float = 0.0
    outcome: str | None = None
    kind: str = ""
    message: str = ""
    details: str = ""


def add_suite(
    root: ET.Element,
    *,
    name: str,
    hostname: str,
    started_at: str,
    cases: Sequence[Case],
    properties: Iterable[tuple[str, object]],
    said: str,
) -> None:
    """Add a test suite; ``started_at`` is ISO 8601, what it ``said`` is printed below its cases."""
    outcomes = [case.outcome for case in cases]
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "id": str(len(root)),
            "package": "android_bench",
            "name": one_line(name) or "unnamed",
            "hostname": one_line(hostname) or "unknown",
            "timestamp": _moment(started_at),
            "tests": str(len(cases)),
            "failures": str(outcomes.count("failure")),
            "errors": str(outcomes.count("error")),
            "skipped": str(outcomes.count("skipped")),
            "time": _seconds(sum(case.time_s for case in cases)),
        },
    )
    listed = ET.SubElement(suite, "properties")
    for key, value in properties:
        ET.SubElement(listed, "property", {"name": one_line(key), "value": one_line(str(value))})
    for case in cases:
        element = ET.SubElement(
            suite,
            "testcase",
            {
                "classname": f"android_bench.{one_line(hostname) or 'unknown'}",
                "name": one_line(case.name) or "unnamed",
                "time": _seconds(case.time_s),
            },
        )
        if case.outcome is not None:
            attributes = {"message": one_line(case.message)}
            if case.outcome != "skipped":
                attributes["type"] = case.kind
            ET.SubElement(element, case.outcome, attributes).text = printable(case.details)
    ET.SubElement(suite, "system-out").text = printable(said)
    ET.SubElement(suite, "system-err").text = ""


def document_text(root: ET.Element) -> str:
    """The document with its declaration, indented, ending in a line feed."""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _moment(iso: str) -> str:
    """The time as Ant's schema wants it: UTC without a zone or fractions."""
    try:
        parsed = datetime.fromisoformat(iso.replace("Z", "+00:00"))
    except ValueError:
        return "1970-01-01T00:00:00"
    if parsed.tzinfo is not None:
        parsed = parsed.astimezone(timezone.utc)
    return f"{parsed:%Y-%m-%dT%H:%M:%S}"


def _seconds(value: float) -> str:
    return f"{number(value) or 0.0:.3f}"
