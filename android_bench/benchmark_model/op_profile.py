"""The operator profile: several tables of text, printed or in a file, called CSV and not quite it.

Node types hold unescaped commas ("Convolution (NHWC, QC8) IGEMM") and so may tensor names, so a row
is found by the run of numbers in its middle, not by splitting. In the CSV form a name's own commas are
tabs. Builds of some years ago have a ``start`` column before ``first``; the header tells. LiteRT's tool
prints the tables of the inferences alone, without a line that says so. What is known of the forms comes
from TensorFlow's stats_calculator.cc, profile_summarizer.cc and profile_summary_formatter.cc, LiteRT's
profiler_summarizer.cc, and outputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from android_bench.benchmark_model.lines import (
    NUMBER,
    finite,
    read_lines,
    to_count,
    to_number,
    whole,
)
from android_bench.errors import OutputError
from android_bench.results import OperatorProfile, ProfilePhase

_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_INITIALIZATION = re.compile(r"(?:Operator-wise )?Profiling Info for Benchmark Initialization")
_TABLE = re.compile(r"=+ (?P<title>[\w ]+?) =+")
# Older builds leave the name out.
_GRAPH = re.compile(
    r"(?:Primary graph|Subgraph)(?: \((?:index: (?P<index>\d+)(?:, )?)?(?:name: (?P<name>.*))?\))?"
    r" (?:profile|summary):",
    re.ASCII,
)
_NAMELESS = "[Unknown]:"
_HEADER = re.compile(r"\[?node type\]?[,\s]+(?P<start>\[?start\]?[,\s])?")


def _numbers(separator: str, *, start: bool) -> re.Pattern[str]:
    # It begins where the separator does, so that a long run of spaces is tried once, not at each of them.
    first = rf"(?P<start>{NUMBER}){separator}" if start else ""
    return re.compile(
        rf"(?<!\s){separator}{first}(?P<first>{NUMBER}){separator}(?P<mean>{NUMBER})"
        rf"{separator}(?P<pct>{NUMBER})%{separator}{NUMBER}%{separator}(?P<memory>{NUMBER})"
        rf"{separator}(?P<calls>\d+)(?:{separator}|$)",
        re.ASCII,
    )


# By (has commas, has a start column).
_ROWS = {
    (commas, start): _numbers(r", ?" if commas else r"\s+", start=start)
    for commas in (True, False)
    for start in (True, False)
}


def parse_op_profile(text: str) -> tuple[OperatorProfile, ...]:
    """The operators of a profile, initialization and regular runs, each in the order of execution.

    Only the tables "Run Order" are read; the others hold the same rows in another order.

    Raises:
        OutputError: there is no profile in it.
    """
    place = _Place()
    rows: list[OperatorProfile] = []
    for line in (line.text for line in read_lines(text) if line.complete):
        if place.moves_on(line) or place.phase is None or not place.in_order:
            continue
        row = _operator(line, place, place.phase)
        if row is not None:
            rows.append(row)
    if place.phase is None:
        raise OutputError(
            "There is no operator profile in this text.",
            hint="The Classic benchmark_model writes one with --enable_op_profiling=true.",
        )
    return _of_one_inference(rows)


def _of_one_inference(rows: list[OperatorProfile]) -> tuple[OperatorProfile, ...]:
    """The rows with what LiteRT's own summary counts over all inferences taken back to one.

    It knows no names, counts every call since the beginning, and has a moment in the column "first". How
    many inferences there were it does not say: the operator called least is taken to be called once.
    """
    counts = [item.times_called for item in rows if item.name.startswith(_NAMELESS)]
    inferences = min((count for count in counts if count > 0), default=1)
    return tuple(
        replace(item, times_called=round(item.times_called / inferences), first_us=None)
        if item.name.startswith(_NAMELESS)
        else item
        for item in rows
    )


@dataclass(slots=True, kw_only=True)
class _Place:
    """Where in the profile a line stands, by the headings before it."""

    phase: ProfilePhase | None = None
    subgraph: int = 0
    graph_name: str | None = None
    inside_delegate: bool = False
    in_order: bool = False
    has_start: bool = False

    def moves_on(self, line: str) -> bool:
        """Whether the line is a heading, which is taken in."""
        if line.startswith(_REGULAR) or _INITIALIZATION.match(line):
            regular = line.startswith(_REGULAR)
            self.phase = ProfilePhase.REGULAR if regular else ProfilePhase.INITIALIZATION
            self._enter(subgraph=0, name=None)
        elif match := _GRAPH.match(line):
            self._enter(subgraph=to_count(match["index"] or "0") or 0, name=match["name"])
        elif line.startswith("Delegate internal:"):
            self._enter(subgraph=self.subgraph, name=self.graph_name)
            self.inside_delegate = True
        elif match := _TABLE.match(line):
            self.in_order = match["title"] == "Run Order"
            if self.in_order and self.phase is None:
                self.phase = ProfilePhase.REGULAR
        elif match := _HEADER.match(line):
            self.has_start = bool(match["start"])
        else:
            return False
        return True

    def _enter(self, *, subgraph: int, name: str | None) -> None:
        self.subgraph, self.graph_name = subgraph, name
        self.inside_delegate = self.in_order = False


def _operator(line: str, place: _Place, phase: ProfilePhase) -> OperatorProfile | None:
    forms = {commas: _ROWS[commas, place.has_start].search(line) for commas in (True, False)}
    found = {commas: match for commas, match in forms.items() if match is not None}
    # A name can hold what looks like the numbers of the other form; they come after the true ones.
    commas = min(found, key=lambda form: found[form].start(), default=True)
    match = found.get(commas)
    mean_us = _microseconds(match["mean"]) if match else None
    calls = to_count(match["calls"]) if match else None
    if match is None or mean_us is None or calls is None:
        return None
    name = line[match.end() :].strip()
    memory_kb = to_number(match["memory"])
    return OperatorProfile(
        phase=phase,
        node_type=line[: match.start()].strip(),
        name=name.replace("\t", ",") if commas else name,
        mean_us=mean_us,
        first_us=_microseconds(match["first"]),
        share_pct=to_number(match["pct"]),
        times_called=calls,
        # "KB" is 1000 bytes in this table.
        memory_bytes=None if memory_kb is None else whole(memory_kb * 1000),
        subgraph=place.subgraph,
        inside_delegate=place.inside_delegate,
        start_us=_microseconds(match["start"]) if place.has_start else None,
        subgraph_name=place.graph_name,
    )


def _microseconds(milliseconds: str) -> float | None:
    value = to_number(milliseconds)
    return None if value is None else finite(round(value * 1000, 6))
