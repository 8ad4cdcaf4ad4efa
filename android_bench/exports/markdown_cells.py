"""What Markdown tables are filled with: names, changes with their intervals, and whose numbers they are."""

from __future__ import annotations

from android_bench import formatting
from android_bench.analysis.compare import Comparison
from android_bench.exports.text import code_span
from android_bench.results import DeviceKind

# What stands beside the numbers of a device that is no phone.
MARKS = {DeviceKind.HOST: "computer", DeviceKind.EMULATOR: "emulator"}
_LONGEST_NAME = 80


def named(text: str) -> str:
    """A name in a sentence."""
    return code_span(text, longest=_LONGEST_NAME)


def cell(text: str) -> str:
    """A name in a table."""
    return code_span(text, longest=_LONGEST_NAME, in_table=True)


def row(*cells: str) -> str:
    """A row of a table, of cells that are Markdown."""
    return f"| {' | '.join(cells)} |"


def change_text(item: Comparison) -> str:
    """The change of a comparison with its interval: ``+4.1 % (+3.2 % to +5.0 %)``."""
    ratio = item.ratio
    if ratio is None:
        return formatting.UNKNOWN
    if ratio.low is None or ratio.high is None or ratio.low == ratio.high:
        return formatting.change(ratio.estimate)
    return (
        f"{formatting.change(ratio.estimate)} "
        f"({formatting.change(ratio.low)} to {formatting.change(ratio.high)})"
    )
