"""The report: runs in, one self-contained HTML page out.

::

    page.py      render and write; templates, escaping, content security policy
    view.py      the view model: everything the page says, as typed data
    rows.py      one run of it         columns.py   the columns of its tables
    answer.py    the headline          charts.py, scatter.py   positions of every mark
"""

from __future__ import annotations

from android_bench.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
