"""The rules of JUnit XML that Ant's and Jenkins' schemas have in common."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

SUITE = {
    "id", "package", "name", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time",
}  # fmt: skip


def validate(root: ET.Element) -> None:
    """The rules of Ant's schema, the stricter of the two (JUnit.xsd of Windy Road)."""
    assert root.tag == "testsuites"
    assert not root.attrib
    for number, suite in enumerate(root):
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        assert suite.get("id") == str(number)
        for name in ("name", "hostname", "package"):
            token(suite.get(name))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        assert re.fullmatch(r"\d+\.\d+", suite.get("time", ""))
        tags = [child.tag for child in suite]
        cases = suite.findall("testcase")
        assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
        for one in suite[0]:
            assert one.tag == "property"
            assert set(one.attrib) == {"name", "value"}
            token(one.get("name"))
        outcomes = [child.tag for case in cases for child in case]
        assert suite.get("tests") == str(len(cases))
        for outcome, attribute in (
            ("failure", "failures"),
            ("error", "errors"),
            ("skipped", "skipped"),
        ):
            assert suite.get(attribute) == str(outcomes.count(outcome))
        for case in cases:
            assert set(case.attrib) == {"classname", "name", "time"}
            token(case.get("name"))
            token(case.get("classname"))
            assert len(case) <= 1
            for child in case:
                assert child.tag in {"skipped", "error", "failure"}
                assert "message" in child.attrib
                assert ("type" in child.attrib) == (child.tag != "skipped")


def token(value: str | None) -> None:
    """An xs:token of at least one character."""
    assert value
    assert value == re.sub(r"\s+", " ", value).strip()
