"""The operator profile: several tables of text, printed or in a file, called CSV and not quite it.

Node types hold unescaped commas ("Convolution (NHWC, QC8) IGEMM") and so may tensor names, so a row
is found by the run of numbers in its middle, not by splitting. Builds up to about 2.16 have a
``start`` column before ``first``; the header tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from android_bench.benchmark_model.lines import NUMBER, read_lines, to_count, to_number
from android_bench.errors import OutputError
from android_bench.results import OperatorProfile, ProfilePhase

_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_INITIALIZATION = re.compile(r"(?:Operator-wise )?Profiling Info for Benchmark Initialization")
_TABLE = re.compile(r"=+ (?P<title>[\w ]+?) =+")
_SUBGRAPH = re.compile(
    r"Subgraph \(index: (?P<index>\d+), name: .*\) (?:profile|summary):", re.ASCII
)
_HEADER = re.compile(r"\[?node type\]?\s*[,\s]")
_HAS_START = re.compile(r"\[?node type\]?\s*[,\s]\s*\[?start\]?\s*[,\s]")


def _row(separator: str, *, start: bool) -> re.Pattern[str]:
    numbers = rf"{separator}{NUMBER}" if start else ""
    return re.compile(
        rf"(?P<type>.*?){numbers}{separator}(?P<first>{NUMBER}){separator}(?P<mean>{NUMBER})"
        rf"{separator}(?P<pct>{NUMBER})%{separator}{NUMBER}%{separator}(?P<memory>{NUMBER})"
        rf"{separator}(?P<calls>\d+)(?:{separator}(?P<name>.*))?",
        re.ASCII,
    )


# By (has commas, has a start column).
_ROWS = {
    (commas, start): _row(r", ?" if commas else r"\s+", start=start)
    for commas in (True, False)
    for start in (True, False)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTypeProfile:
    """All operators of a type: how many, what they take together in one inference, and their share."""

    node_type: str
    count: int
    total_us: float
    share_pct: float
    inside_delegate: bool = False


def parse_op_profile(text: str) -> tuple[OperatorProfile, ...]:
    """The operators of a profile, initialization and regular runs, each in the order of execution.

    Only the tables "Run Order" are read; the others hold the same rows in another order.

    Raises:
        OutputError: there is no profile in it.
    """
    phase: ProfilePhase | None = None
    subgraph, inside, wanted, start = 0, False, False, False
    rows: list[OperatorProfile] = []
    for line in (line.text for line in read_lines(text) if line.complete):
        if line.startswith(_REGULAR) or _INITIALIZATION.match(line):
            regular = line.startswith(_REGULAR)
            phase = ProfilePhase.REGULAR if regular else ProfilePhase.INITIALIZATION
            subgraph, inside, wanted = 0, False, False
        elif match := _SUBGRAPH.match(line):
            subgraph = to_count(match["index"]) or 0
        elif line.startswith("Delegate internal:"):
            inside = True
        elif match := _TABLE.match(line):
            wanted = match["title"] == "Run Order"
        elif _HEADER.match(line):
            start = bool(_HAS_START.match(line))
        elif phase is not None and wanted:
            row = _operator(line, start=start)
            if row is not None:
                rows.append(replace(row, phase=phase, subgraph=subgraph, inside_delegate=inside))
    if phase is None:
        raise OutputError(
            "There is no operator profile in this text.",
            hint="Only the Classic benchmark_model writes one, with --enable_op_profiling=true.",
        )
    return tuple(rows)


def by_node_type(operators: Iterable[OperatorProfile]) -> tuple[NodeTypeProfile, ...]:
    """The regular runs' operators summed by type, the most expensive first.

    Rows inside delegates are summed apart and come after the rows of the graph.
    """
    groups: dict[tuple[bool, str], list[OperatorProfile]] = {}
    for item in operators:
        if item.phase is ProfilePhase.REGULAR:
            groups.setdefault((item.inside_delegate, item.node_type), []).append(item)
    summed = [
        NodeTypeProfile(
            node_type=node_type,
            count=len(items),
            total_us=sum(item.mean_us * item.times_called for item in items),
            share_pct=sum(item.share_pct or 0.0 for item in items),
            inside_delegate=inside,
        )
        for (inside, node_type), items in groups.items()
    ]
    return tuple(sorted(summed, key=lambda item: (item.inside_delegate, -item.total_us)))


def _operator(line: str, *, start: bool) -> OperatorProfile | None:
    match = _ROWS[True, start].fullmatch(line) or _ROWS[False, start].fullmatch(line)
    mean_ms = to_number(match["mean"]) if match else None
    calls = to_count(match["calls"]) if match else None
    if match is None or mean_ms is None or calls is None:
        return None
    first_ms, memory_kb = to_number(match["first"]), to_number(match["memory"])
    return OperatorProfile(
        phase=ProfilePhase.REGULAR,
        node_type=match["type"].strip(),
        name=(match["name"] or "").strip(),
        mean_us=round(mean_ms * 1000, 6),
        first_us=None if first_ms is None else round(first_ms * 1000, 6),
        share_pct=to_number(match["pct"]),
        times_called=calls,
        # "KB" is 1000 bytes in this table.
        memory_bytes=None if memory_kb is None else round(memory_kb * 1000),
    )
