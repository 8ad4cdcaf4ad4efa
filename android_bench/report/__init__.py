"""The report: runs in, one self-contained HTML page out.

::

    page.py      render and write; templates, escaping, content security policy
    view.py      the view model: everything the page says, as typed data
    answer.py    the headline          rows.py      one run
    columns.py, context.py             the columns of its tables
    charts.py, scatter.py              positions of every mark
    findings.py  what must be known before believing the numbers
"""

from __future__ import annotations

from android_bench.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
