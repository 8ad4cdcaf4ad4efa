"""The stored outputs, and what must hold of whatever is read."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path

from android_bench.benchmark_model import judge, parse_op_profile, parse_output
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.errors import OutputError
from android_bench.results import LatencySummary, Status

FIXTURES = Path(__file__).parents[2] / "fixtures" / "benchmark_model"


KINDS = tuple(DelegateKind)


CONFIGS = {
    kind: BenchmarkConfig(
        delegate=Delegate(kind=kind, library="/d.so" if kind is DelegateKind.EXTERNAL else None)
    )
    for kind in KINDS
}


@dataclass(frozen=True)
class Streams:
    """A stored output; ``files`` are what the tool wrote beside it."""

    name: str
    stdout: str
    stderr: str
    files: tuple[str, ...] = ()


@cache
def stored() -> tuple[Streams, ...]:
    """Every output of the fixtures."""
    return tuple(
        Streams(
            name=f"{folder.parent.name}/{folder.name}",
            stdout=(folder / "stdout").read_bytes().decode("utf-8", "replace"),
            stderr=(folder / "stderr").read_bytes().decode("utf-8", "replace"),
            files=tuple(file.read_text() for file in folder.glob("*.csv")),
        )
        for folder in sorted(FIXTURES.glob("*/*"))
        if (folder / "stdout").is_file()
    )


def anything_goes(stdout: str, stderr: str, random_: random.Random) -> str:
    """Read it with everything there is: no exception, and no number that does not stand in it."""
    kind = random_.choice(KINDS)
    parsed = parse_output(stdout, stderr, requested=kind)
    text = stdout + "\n" + stderr
    known = numbers_in(text)
    for summary in (parsed.latency, parsed.warmup):
        for field in fields(LatencySummary):
            value = getattr(summary, field.name, None)
            assert value is None or value in known, (field.name, value)
    assert finite(parsed), parsed
    code = random_.choice((0, 0, 0, 1, 126, 127, 134, 137, -11, 255, None))
    status, problem = judge(
        parsed,
        exit_code=code,
        signal=random_.choice((None, None, 9)),
        timed_out=random_.random() < 0.05,
        config=CONFIGS[kind],
    )
    if status is Status.OK:
        assert code == 0
        assert problem is None
        assert parsed.latency is not None
        assert parsed.latency.mean_us is not None
        assert parsed.latency.mean_us > 0
    else:
        assert problem is not None
        assert problem.endswith(".")
        assert len(problem) < 2000
    return f"{status.value}, {profile_of(text)}"


def profile_of(text: str) -> str:
    """Read it as an operator profile: rows or the named error."""
    try:
        operators = parse_op_profile(text)
    except OutputError as error:
        assert error.hint
        return "no profile"
    known = numbers_in(text) if operators else set()
    for item in operators:
        assert finite(item), item
        assert item.times_called >= 0
        assert item.node_type in text
        for value in (item.times_called, item.share_pct):
            assert value is None or value in known, value
        for value in (item.mean_us, item.first_us, item.start_us):
            assert value is None or near(value, known, 1e-6), value
        assert item.memory_bytes is None or near(item.memory_bytes, known, 0.5)
    return "a profile" if operators else "an empty profile"


def numbers_in(text: str) -> set[float]:
    """Every number that stands in the text, as it is and as milliseconds; 0 is the spread of equals."""
    words = re.findall(r"(?=((?<![0-9.])[-+]?[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?))", text)
    values = {float(word) for word in words} | {0.0}
    return values | {round(value * 1000, 3) for value in values if math.isfinite(value)}


def near(value: float, known: set[float], rounding: float) -> bool:
    """Whether it is a thousand times a number of the text, as it is rounded."""
    return value in known or any(
        math.isclose(value, one * 1000, rel_tol=1e-9, abs_tol=rounding) for one in known
    )


def finite(value: object) -> bool:
    """Whether all numbers in it are."""
    if isinstance(value, float):
        return math.isfinite(value)
    if is_dataclass(value):
        return all(finite(getattr(value, field.name)) for field in fields(value))
    return True
