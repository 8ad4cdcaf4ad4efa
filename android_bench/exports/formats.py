"""The formats by name, and which of them can say what."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from android_bench.errors import UsageError
from android_bench.exports.chrome_trace import document as chrome_trace
from android_bench.exports.junit import document as junit
from android_bench.exports.markdown import document as markdown
from android_bench.exports.model_explorer import document as model_explorer
from android_bench.exports.model_explorer import node_data
from android_bench.exports.summary_json import document as summary_json
from android_bench.exports.tables import Rows, table
from android_bench.exports.view import ExportView, require_profiles


class Format(str, Enum):
    """What an export is written as."""

    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    MODEL_EXPLORER = "model-explorer"
    CHROME_TRACE = "chrome-trace"

    @property
    def suffix(self) -> str:
        """How the names of its files end."""
        return {Format.CSV: "csv", Format.MARKDOWN: "md", Format.JUNIT: "xml"}.get(self, "json")


_COMPARING = frozenset({Format.JSON, Format.MARKDOWN, Format.JUNIT})
_WRITERS: dict[Format, Callable[[ExportView], str]] = {
    Format.JSON: summary_json,
    Format.MARKDOWN: markdown,
    Format.JUNIT: junit,
    Format.MODEL_EXPLORER: model_explorer,
    Format.CHROME_TRACE: chrome_trace,
}


def render(export: ExportView, form: Format, *, rows: Rows = Rows.RUNS) -> str:
    """The text of an export, ending in a line feed.

    Raises:
        UsageError: the format cannot say what is asked: a comparison, several runs at once, or operator
            profiles that there are none of.
    """
    if export.is_comparison and form not in _COMPARING:
        known = ", ".join(item.value for item in Format if item in _COMPARING)
        raise UsageError(
            f"{form.value} has no place for a comparison.",
            hint=f"Leave --baseline out, or take one of: {known}.",
        )
    text = table(export, rows) if form is Format.CSV else _WRITERS[form](export)
    return text if text.endswith("\n") else text + "\n"


def render_each(export: ExportView) -> dict[str, str]:
    """The node data of every run that has a profile, by a file name of its own.

    Raises:
        UsageError: no run has a profile.
    """
    found: dict[str, str] = {}
    for view in require_profiles(export, what="Model Explorer's node data"):
        stem = re.sub(r"[^A-Za-z0-9._]+", "-", view.full_label).strip("-.")[:100] or "run"
        name = f"{stem}.json"
        number = 1
        while name in found:
            number += 1
            name = f"{stem}-{number}.json"
        found[name] = node_data(view) + "\n"
    return found
