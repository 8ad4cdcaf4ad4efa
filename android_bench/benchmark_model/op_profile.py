"""The operator profile: several tables of text, printed or in a file, called CSV and not quite it.

Node types hold unescaped commas ("Convolution (NHWC, QC8) IGEMM") and so may tensor names, so a row
is found by the run of numbers in its middle, not by splitting. Builds up to about 2.16 have a
``start`` column before ``first``; the header tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from android_bench.benchmark_model.lines import NUMBER, read_lines, to_count, to_number
from android_bench.errors import OutputError

_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_INITIALIZATION = re.compile(r"(?:Operator-wise )?Profiling Info for Benchmark Initialization")
_TABLE = re.compile(r"=+ (?P<title>[\w ]+?) =+")
_SUBGRAPH = re.compile(r"Subgraph \(index: (?P<index>\d+), name: .*\) (?:profile|summary):", re.ASCII)
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


class ProfilePhase(str, Enum):
    """When an operator was timed."""

    INITIALIZATION = "initialization"
    REGULAR = "regular"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorProfile:
    """One operator in the order of execution.

    ``mean_us`` is the mean of one call; ``share_pct`` its part of the phase; ``times_called`` per
    inference. ``inside_delegate`` rows are what a delegate did inside a node that has a row of its
    own: they explain it and are not added to it. Times are exact to what the table prints (three
    decimals of a millisecond when printed to the terminal).
    """

    phase: ProfilePhase
    node_type: str
    name: str
    mean_us: float
    first_us: float | None
    share_pct: float
    times_called: int
    memory_bytes: int | None
    subgraph: int = 0
    inside_delegate: bool = False


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
                rows.append(
                    OperatorProfile(phase=phase, subgraph=subgraph, inside_delegate=inside, **row)
                )
    if phase is None:
        raise OutputError(
            "There is no operator profile in this text.",
            hint="Only the Classic benchmark_model writes one, with --enable_op_profiling=true.",
        )
    return tuple(rows)
