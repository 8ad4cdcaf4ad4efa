"""What is folded: inline in a page of ordinary size, packed in a large one, and the same either way."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace

import pytest

from android_bench.report import packing, render_report
from tests.report import examples, rich
from tests.report.pages import Page

WHEN = "2026-01-01T00:00:00Z"


def unpacked(page: Page) -> dict[str, str]:
    text = page.root.one("template", id="packed").text
    found: dict[str, str] = json.loads(gzip.decompress(base64.b64decode(text)))
    return found


def test_packed_and_inline_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = examples.make_family()
    inline = render_report(runs, generated_at=WHEN)
    monkeypatch.setattr(packing, "MOST_BYTES", 1000)
    page = Page(render_report(runs, generated_at=WHEN))
    parts = unpacked(page)
    assert {item.get("id") for item in page.root.all("details", class_="run")} <= parts.keys()
    for anchor in ("run-1", "run-4"):
        assert "logs/0001.timing" in parts[anchor]
        assert parts[anchor].strip() in inline
    assert not page.root.one("details", id="run-1").all("table")


def test_a_page_of_tens_of_runs_needs_no_script() -> None:
    source = render_report(rich.make_session(), generated_at=WHEN)
    assert not Page(source).root.all("template")
    assert len(source) < packing.MOST_BYTES


def test_a_hundred_runs_with_everything_in_them_stay_below_a_megabyte() -> None:
    sessions = [rich.make_session(prefix=f"p{number}") for number in range(13)]
    runs = [run for session in sessions for run in session][:100]
    source = render_report(runs, generated_at=WHEN)
    assert len(source.encode()) < 1_000_000
    page = Page(source)
    assert len(page.root.all("details", class_="run")) == 100
    assert len([key for key in unpacked(page) if key.startswith("run-")]) == 100


def test_packing_is_repeatable() -> None:
    assert packing.packed({"a": "ü" * 99}) == packing.packed({"a": "ü" * 99})


def test_a_thousand_runs_are_summarised_where_a_chart_cannot_be_read() -> None:
    runs = [replace(run, run_id=str(number)) for number, run in enumerate(examples.make_many(1000))]
    page = Page(render_report(runs, generated_at=WHEN))
    charts = page.root.one("section", id="charts")
    assert "40 fastest of 500 runs" in charts.text
    table = page.root.one("table", id="variants-table")
    assert len([row for row in table.all("tr") if row.get("data-run")]) == 1000
    assert len(page.source) < 3_000_000
