"""Fixtures of the report's tests: pages rendered once, and a parser that knows HTML's nesting."""

from __future__ import annotations

import pytest

from android_bench.report import render_report
from tests.report import examples
from tests.report.pages import Page


@pytest.fixture(scope="session")
def phone_page() -> Page:
    return Page(render_report(examples.make_family(), generated_at="2026-08-14T11:00:00Z"))


@pytest.fixture(scope="session")
def host_page() -> Page:
    return Page(render_report(examples.make_family(examples.HOST)))


@pytest.fixture(scope="session")
def mixed_page() -> Page:
    runs = (
        *examples.make_family(),
        *examples.make_family(examples.HOST),
        examples.make_broken(),
        examples.make_minimal(),
        examples.make_run("digits.int8", "int8", mean_us=900, config=examples.make_gpu_config()),
        examples.make_run("digits.few", "int8", count=2, mean_us=1500),
    )
    return Page(render_report(runs))
