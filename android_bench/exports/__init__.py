"""Results in the forms that other tools read; docs/exports.md describes each.

::

    view.py             what all of them are made of
    text.py             names and messages made fit for a format
    summary_json.py     one documented JSON document
    tables.py           CSV: a row for each run, invocation or operator
    markdown.py         for pull requests and step summaries, of markdown_page, _cells and _findings
    junit.py            JUnit XML for CI servers; junit_xml.py writes it
    model_explorer.py   per-operator time on the graph, for Google AI Edge Model Explorer
    chrome_trace.py     timelines, for Perfetto and chrome://tracing
"""

from __future__ import annotations

from android_bench.exports.formats import Format, render, render_each
from android_bench.exports.tables import Rows
from android_bench.exports.view import ExportView, export_view

__all__ = ["ExportView", "Format", "Rows", "export_view", "render", "render_each"]
