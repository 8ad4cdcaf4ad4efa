"""What is folded on the page: inline while it is little, packed where it is much.

A page of a thousand runs would be slow to open with all their invocations in it. Above a limit they go
into the page as compressed text, which its script unpacks when a reader opens a run; without script
they are then closed. A page of an ordinary size is whole without it.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping

import jinja2
from markupsafe import Markup

from android_bench.report.view import Page

# A whole page is at most as large; above, what is folded is packed.
MOST_BYTES = 1_000_000


def bodies(templates: jinja2.Environment, page: Page) -> dict[str, Markup]:
    """Render what is behind each fold, by its anchor."""
    table, run, pair = (
        templates.get_template(f"{name}.html.j2") for name in ("run_table", "run_detail", "pair")
    )
    found = {item.anchor: table.render(table=item, runs=page.runs) for item in page.run_tables}
    found.update({item.view.anchor: run.render(detail=item) for item in page.details})
    found.update({item.anchor: pair.render(pair=item) for item in page.pairs})
    # What a template rendered is escaped already.
    return {anchor: Markup(text) for anchor, text in found.items()}  # noqa: S704


def fits(parts: Mapping[str, str]) -> bool:
    """Whether a page with these parts in it could be small enough."""
    return sum(map(len, parts.values())) < MOST_BYTES


def packed(parts: Mapping[str, str]) -> str:
    """All parts as base64 of gzip of JSON, the same for the same parts."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()
