"""The report: runs in, one self-contained HTML page out.

::

    page.py      render and write; templates, escaping, content security policy
    packing.py   what is folded: inline, or packed where it is much
    view.py      the view model: everything the page says, as typed data
    answer.py    the headline          pairs.py     both sides of a comparison
    rows.py      one run               run_detail.py  one run, opened
    columns.py, special_columns.py, context.py, clocks.py   the columns of its tables
    charts.py, scatter.py, panels.py   positions of every mark
    costs.py     memory, start-up, numerics         operators.py  where the time goes
    timeline.py  means and conditions of a session over time
    findings.py  what must be known before believing the numbers
    logs.py      where the raw output lies
"""

from __future__ import annotations

from android_bench.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
