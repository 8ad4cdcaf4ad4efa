"""Operator profiles of known rows, in the forms of the builds."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass

from android_bench.benchmark_model import parse_op_profile
from android_bench.results import OperatorProfile, ProfilePhase

TYPES = (
    "CONV_2D", "Convolution (NHWC, QC8) IGEMM", "Fully Connected (NC, F32) GEMM", "TfLiteXNNPackDelegate",
    "Odd, 3", "DelegateOpInvoke", "TFLite_Detection_PostProcess", "1, 2", "Static Reshape (NC)", "a 1 2 b",
)  # fmt: skip


NAMES = (
    "[sequential/re_lu/Relu;sequential/conv2d/Conv2D]:0", "[a, b]:3", "[]:0", "Delegate/Add (ND, QS8):12",
    "[x, 1, 2, 3%, 4%, 5, 6, y]:9", "[%s%n%s]:1", "[größe/Relu]:77", "[<script>]:5", "[ =1+1]:8",
    "[a\\nb]:2", "[" + "layer/" * 400 + "Relu]:1",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row of a profile, in the units of the table."""

    kind: str
    name: str
    start: float
    first: float
    mean: float
    share: float
    memory: float
    calls: int


Expected = tuple[ProfilePhase, int, bool, Row]


def profile(random_: random.Random) -> str:
    """An operator profile of known rows, which have to come back."""
    text, expected = made_profile(random_)
    found = parse_op_profile(text)
    assert len(found) == len(expected), (len(found), len(expected))
    start = "start" in text.partition("node type")[2].partition("first")[0]
    for item, (phase, subgraph, inside, one) in zip(found, expected, strict=True):
        assert (item.phase, item.subgraph, item.inside_delegate) == (phase, subgraph, inside)
        same_row(item, one, start=start)
    return f"true, {'CSV' if 'node type,' in text else 'printed'}"


def made_profile(random_: random.Random) -> tuple[str, list[Expected]]:
    """An operator profile in one of the forms of the builds, and its rows."""
    commas, start = random_.random() < 0.5, random_.random() < 0.4
    expected: list[Expected] = []
    parts = []
    for phase in ProfilePhase:
        if phase is ProfilePhase.INITIALIZATION and random_.random() < 0.3:
            continue
        prefix = "" if commas else "INFO: "
        title = {
            ProfilePhase.INITIALIZATION: "Profiling Info for Benchmark Initialization:",
            ProfilePhase.REGULAR: "Operator-wise Profiling Info for Regular Benchmark Runs:",
        }[phase]
        parts.append(f"{prefix}{title}\n")
        sections = [(0, False)]
        if phase is ProfilePhase.REGULAR:
            sections += [(2, False)] * (random_.random() < 0.3)
            sections += [(0, True)] * (random_.random() < 0.3)
        several = (2, False) in sections
        last = 0
        for subgraph, inside in sections:
            if inside:
                parts.append("Delegate internal: \n")
            elif several:
                parts.append(graph_title(subgraph, random_))
            last = last if inside else subgraph
            rows = [row(random_, commas=commas) for _ in range(random_.randint(0, 6))]
            table = [written(one, commas=commas, start=start) for one in rows]
            heading = header(commas=commas, start=start)
            for name in ("Run Order", "Top by Computation Time"):
                line = "=" * 30
                parts.append("\n".join([f"{line} {name} {line}", heading, *table, "", ""]))
            parts.append("Number of nodes executed: 3\n")
            expected += [(phase, last, inside, one) for one in rows]
    return "".join(parts), expected


def graph_title(subgraph: int, random_: random.Random) -> str:
    if random_.random() < 0.5:
        return (
            "Primary graph profile:\n"
            if subgraph == 0
            else f"Subgraph (index: {subgraph}) profile:\n"
        )
    if subgraph == 0:
        return "Primary graph (name: main) profile:\n"
    return f"Subgraph (index: {subgraph}, name: while (body)) profile:\n"


def row(random_: random.Random, *, commas: bool) -> Row:
    """A row whose numbers can be written exactly in either form."""

    def milliseconds() -> float:
        return random_.randint(0, 10**6) / 1000

    kind = random_.choice(TYPES)
    if not commas and re.search(r"\d", kind) and random_.random() < 0.5:
        kind = "ADD"
    return Row(
        kind=kind,
        name=random_.choice(NAMES),
        start=milliseconds(),
        first=milliseconds(),
        mean=milliseconds(),
        share=random_.randint(0, 100_000) / 1000,
        memory=random_.randint(0, 10**5) / 1,
        calls=random_.choice((0, 1, 1, 1, 13)),
    )


def header(*, commas: bool, start: bool) -> str:
    names = ["node type", *(["start"] * start), "first", "avg_ms", "%", "cdf%", "mem KB", "times called", "name"]  # fmt: skip
    if commas:
        return ", ".join(names)
    names[names.index("avg_ms")], names[-1] = "avg ms", "Name"
    return "".join(f"\t{f'[{name}]':>10}" for name in names)


def written(one: Row, *, commas: bool, start: bool) -> str:
    """The row as stats_calculator.cc writes it."""
    if commas:
        numbers = [one.start] * start + [one.first, one.mean]
        parts = [one.kind, *(f"{value:.6g}" for value in numbers), f"{one.share:.6g}%", "50%"]
        name = one.name.replace(",", "\t")
        return ", ".join([*parts, f"{one.memory:.6g}", str(one.calls), name])
    numbers = [one.start] * start + [one.first, one.mean]
    cells = [
        f"{one.kind:>40}",
        *(f"{value:9.3f}" for value in numbers),
        f"{one.share:7.3f}%",
        " 50.000%",
    ]
    return "\t" + "\t".join([*cells, f"{one.memory:10.3f}", f"{one.calls:9d}", one.name])


def same_row(item: OperatorProfile, one: Row, *, start: bool) -> None:
    """Whether the row came back, to the six digits that the CSV form has."""
    assert item.node_type == one.kind
    assert item.name == one.name.strip()
    assert item.times_called == one.calls
    for found, value in (
        (item.mean_us, one.mean * 1000),
        (item.first_us, one.first * 1000),
        (item.share_pct, one.share),
        (item.memory_bytes, one.memory * 1000),
        (item.start_us, one.start * 1000 if start else None),
    ):
        if value is None:
            assert found is None
        else:
            assert found is not None
            assert math.isclose(found, value, rel_tol=6e-6, abs_tol=1e-6), (found, value)
