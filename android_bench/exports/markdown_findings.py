"""Findings in Markdown: each once, with the runs it is about, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from android_bench.analysis.checks import Finding, Severity
from android_bench.exports.markdown_cells import named
from android_bench.exports.markdown_page import Section
from android_bench.exports.text import markdown_text
from android_bench.exports.view import ExportView
from android_bench.run_view import RunView

_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_NAMES_SHOWN = 3

_Case = list[tuple[RunView, Finding]]


def findings(
    export: ExportView,
    *,
    severities: Sequence[Severity] = _SEVERITIES,
    title: str = "Findings",
    folded: bool = False,
    one_a_code: bool = False,
) -> Iterator[Section]:
    """A line for each message, or ``one_a_code`` with how many runs have others like it.

    Where all is information only, the section is folded.
    """
    cases: dict[tuple[int, str, str, str], _Case] = {}
    everywhere = 0
    for view in (*export.runs, *export.baseline):
        everywhere += 1
        for item in view.findings:
            if item.severity not in severities:
                continue
            text = ("", "") if one_a_code else (item.message, item.hint)
            key = (_SEVERITIES.index(item.severity), item.code, *text)
            cases.setdefault(key, []).append((view, item))
    if not cases:
        return
    yield Section(
        title=f"{title} ({len(cases)})",
        rows=tuple(
            _row(case, everywhere=everywhere)
            for _, case in sorted(cases.items(), key=lambda one: one[0][0])
        ),
        noun="finding",
        folded=folded
        or all(severity == _SEVERITIES.index(Severity.INFO) for severity, *_ in cases),
    )


def _row(case: _Case, *, everywhere: int) -> str:
    """A finding with the runs that have the same, and how many have one like it."""
    _, first = case[0]
    same = [view for view, item in case if (item.message, item.hint) == (first.message, first.hint)]
    alike = len({view.anchor for view, _ in case} - {view.anchor for view in same})
    about = "" if len(same) == everywhere else _some(same)
    if alike:
        about += f"; {alike} more like it"
    line = (
        f"- **{first.severity.value}** {markdown_text(first.message)} {markdown_text(first.hint)}"
    )
    return f"{line} ({about})" if about else line


def _some(views: Sequence[RunView]) -> str:
    names = ", ".join(named(view.full_label) for view in views[:_NAMES_SHOWN])
    more = len(views) - _NAMES_SHOWN
    return names + (f" and {more} more" if more > 0 else "")
