"""The outcome of ``android-bench ci`` in the forms that CI systems read; docs/ci.md describes each.

::

    wording.py       the outcome and its gates in words, the same everywhere
    summary.py       Markdown for pull requests and GitHub's step summary
    junit.py         JUnit XML
    metrics.py       OpenMetrics, for GitLab's metrics report
    annotations.py   GitHub's workflow commands
    failure.py       an error before any verdict, where a verdict would stand
    github.py        the files that GitHub names in the environment: step summary and step outputs
    write.py         all that was asked for, and all that the environment asks for
"""

from __future__ import annotations

from android_bench.ci.outputs.junit import document as junit
from android_bench.ci.outputs.metrics import document as metrics
from android_bench.ci.outputs.summary import document as summary
from android_bench.ci.outputs.write import failures_told, write_outputs

__all__ = ["failures_told", "junit", "metrics", "summary", "write_outputs"]
