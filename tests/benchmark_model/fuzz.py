"""Outputs of benchmark_model, made and damaged by chance, each with what may come of reading it.

A case is made from a seed, so that one that fails can be made again. Some are generated from known numbers,
which have to come back; the others are real outputs, damaged, where nothing may come out that does not stand
in the text, and nothing may be raised but a named error.
"""

from __future__ import annotations

import itertools
import math
import random
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from android_bench.benchmark_model import (
    ParsedOutput,
    judge,
    parse_op_profile,
    parse_output,
    parse_result_file,
)
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.errors import OutputError
from android_bench.results import LatencySummary, OperatorProfile, ProfilePhase, Status

FIXTURES = Path(__file__).parent.parent / "fixtures" / "benchmark_model"
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


def check(seed: int) -> str:
    """Make the case of this seed, read it and check it; return what it was and what came of it.

    Raises:
        AssertionError: something came out that must not.
    """
    random_ = random.Random(seed)
    make = random_.choices([case for case, _ in CASES], [weight for _, weight in CASES])[0]
    return f"{make.__name__}: {make(random_)}"


def run(count: int, *, seed: int) -> Counter[str]:
    """Check this many cases; count what they were and what came of them."""
    found: Counter[str] = Counter()
    for number in range(seed, seed + count):
        try:
            found[check(number)] += 1
        except Exception as error:  # noqa: PERF203 (the number is what makes the case again)
            raise AssertionError(f"fuzz case {number}: {error!r}") from error
    return found


# Damaged real outputs


def damaged(random_: random.Random) -> str:
    """A real output, damaged once or several times."""
    source = random_.choice(stored())
    text = random_.choice([source.stdout, source.stdout, source.stderr, *source.files])
    other = random_.choice(stored()).stdout
    for _ in range(random_.choice((1, 1, 2, 3))):
        text = random_.choice(DAMAGES)(text, other, random_)
    stderr = source.stderr if random_.random() < 0.5 else ""
    return anything_goes(text, stderr, random_)


def damaged_profile(random_: random.Random) -> str:
    """An operator profile in one of the builds' forms, damaged: rows that stand in it, or the named error."""
    text, _ = made_profile(random_)
    if random_.random() < 0.5:
        source = random_.choice(stored())
        text = random_.choice(source.files or (source.stdout,)) + text
    for _ in range(random_.choice((1, 1, 2))):
        text = random_.choice(DAMAGES)(text, random_.choice(stored()).stdout, random_)
    return profile_of(text)


def cut(random_: random.Random) -> str:
    """A real output, cut: every number is the whole one's or missing."""
    source = random_.choice(stored())
    kind = random_.choice(KINDS)
    whole = parse_output(source.stdout, "", requested=kind)
    part = parse_output(source.stdout[: random_.randint(0, len(source.stdout))], "", requested=kind)
    for name in ("latency", "warmup", "model_size_bytes"):
        assert getattr(part, name) in {None, getattr(whole, name)}, name
    # The session's line has six digits of what a later line has all of.
    if part.init_us is not None and whole.init_us is not None:
        assert math.isclose(part.init_us, whole.init_us, rel_tol=6e-6)
    if part.memory is not None and whole.memory is not None:
        for name in ("init_footprint_bytes", "overall_footprint_bytes", "peak_bytes"):
            assert getattr(part.memory, name) in {None, getattr(whole.memory, name)}, name
    return "same or missing"


def between(random_: random.Random) -> str:
    """A real output with lines of no meaning between its own: the numbers stay."""
    source = random_.choice(stored())
    kind = random_.choice(KINDS)
    whole = parse_output(source.stdout, source.stderr, requested=kind)
    lines = source.stdout.split("\n")
    for _ in range(random_.randint(1, 8)):
        lines.insert(random_.randint(0, len(lines) - 1), random_.choice(NOISE))
    changed = parse_output("\n".join(lines), source.stderr, requested=kind)
    for name in ("latency", "warmup", "init_us", "memory", "delegation", "unconsumed_flags"):
        assert getattr(changed, name) == getattr(whole, name), name
    return "same"


def merged(random_: random.Random) -> str:
    """The lines of both streams in one, or with other ends of line: the numbers stay."""
    source = random_.choice(stored())
    kind = random_.choice(KINDS)
    whole = parse_output(source.stdout, source.stderr, requested=kind)
    if not all(text.endswith("\n") for text in (source.stdout, source.stderr) if text):
        return "has no last line feed"
    one, two = source.stdout.splitlines(True), source.stderr.splitlines(True)
    if random_.random() < 0.5:
        text = interleaved(one, two, random_)
        if "BENCHMARK RESULTS" in source.stderr:
            return "LiteRT's block must stay whole"
    else:
        text = source.stdout.replace("\r\n", "\n").replace("\n", "\r\n") + source.stderr
    changed = parse_output(text, "", requested=kind)
    for name in ("latency", "warmup", "init_us", "memory"):
        assert getattr(changed, name) == getattr(whole, name), name
    return "same"


def interleaved(one: list[str], two: list[str], random_: random.Random) -> str:
    """Two lists of lines as one text, each in its order."""
    one, two, lines = list(one), list(two), []
    while one or two:
        source = random_.choices((one, two), (len(one), len(two)))[0]
        lines.append(source.pop(0))
    return "".join(lines)


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


NOISE = (
    "WARN: Duplicate flags: num_threads", "Error in cpuinfo: processor architecture is not supported",
    "INFO: Created TensorFlow Lite delegate for nothing.", "Memory (bytes): count=0", "", "\x00\x00", "\ufffd",
    "Timings (microseconds): count=1 curr=147", "08-12 10:11:12.123  1234  1234 I tflite  : a word",
    "count", "count=", "count=1x", "x" * 3000, "nan inf -1 1e999", "count=5 first=1", "=" * 200, "[a]:0",
)  # fmt: skip
NUMBERS = (
    "0", "-1", "nan", "-nan", "inf", "1e308", "1e999", "-0", "1.5.2", "9" * 25, "9" * 400, "1e-400", "+7",
    "0x10", "1,5", "١٢", "1e", ".5", "5.", "00012",
)  # fmt: skip

Damage = Callable[[str, str, random.Random], str]


def _cut(text: str, other: str, random_: random.Random) -> str:
    return text[: random_.randint(0, len(text))]


def _head_off(text: str, other: str, random_: random.Random) -> str:
    return text[random_.randint(0, len(text)) :]


def _splice(text: str, other: str, random_: random.Random) -> str:
    return text[: random_.randint(0, len(text))] + other[random_.randint(0, len(other)) :]


def _interleave(text: str, other: str, random_: random.Random) -> str:
    return interleaved(text.splitlines(True), other.splitlines(True), random_)


def _broken_into(text: str, other: str, random_: random.Random) -> str:
    place = random_.randint(0, len(text))
    start = random_.randint(0, len(other))
    return text[:place] + other[start : start + random_.randint(1, 300)] + text[place:]


def _double(text: str, other: str, random_: random.Random) -> str:
    return "".join(line * random_.choice((1, 1, 1, 2, 3)) for line in text.splitlines(True))


def _drop(text: str, other: str, random_: random.Random) -> str:
    return "".join(line for line in text.splitlines(True) if random_.random() > 0.1)


def _shuffle(text: str, other: str, random_: random.Random) -> str:
    lines = text.splitlines(True)
    random_.shuffle(lines)
    return "".join(lines)


def _numbers(text: str, other: str, random_: random.Random) -> str:
    return re.sub(
        r"\d+(?:\.\d+)?",
        lambda found: random_.choice(NUMBERS) if random_.random() < 0.1 else found[0],
        text,
    )


def _encode(text: str, other: str, random_: random.Random) -> str:
    encoding, decoding = random_.choice(
        [("utf-16", "utf-8"), ("utf-8", "latin-1"), ("utf-8", "utf-16"), ("utf-8", "ascii")]
    )
    return text.encode(encoding, "replace").decode(decoding, "replace")


def _characters(text: str, other: str, random_: random.Random) -> str:
    letters = list(text)
    for _ in range(random_.randint(1, 20)):
        if letters:
            place = random_.randrange(len(letters))
            letters[place] = random_.choice("\x00\r\n\t =,:%[]()-e.9\ud800\u2028é")
    return "".join(letters)


def _long_line(text: str, other: str, random_: random.Random) -> str:
    lines = text.split("\n")
    place = random_.randrange(len(lines))
    lines[place] += random_.choice((" ", "9", "=", ", 1", "a", "[", "1 ")) * random_.randint(
        1, 5000
    )
    return "\n".join(lines)


def _one_line(text: str, other: str, random_: random.Random) -> str:
    return text.replace("\n", random_.choice((" ", "\r", "\x85", "\x0b")))


DAMAGES: tuple[Damage, ...] = (
    _cut, _head_off, _splice, _interleave, _broken_into, _double, _drop, _shuffle, _numbers, _encode,
    _characters, _long_line, _one_line,
)  # fmt: skip


# Generated outputs: what was put in has to come back


def durations(random_: random.Random) -> list[int]:
    """Inferences in microseconds: none, one, all the same, or many."""
    count = random_.choice((0, 1, 2, 5, 50))
    top = random_.choice((10, 5000, 3_000_000))
    if random_.random() < 0.2:
        return [random_.randint(0, top)] * count
    return [random_.randint(0, top) for _ in range(count)]


def count_line(values: list[int], *, percentiles: bool) -> str:
    """The line that TensorFlow's stats_calculator.h makes of these."""
    ordered = sorted(values)
    if not values:
        return "count=0" + (" p5=0 median=0 p95=0" if percentiles else "")
    if ordered[0] == ordered[-1]:
        line = f"count={len(values)} curr={values[-1]}" + "(all same)" * (len(values) > 1)
    else:
        line = (
            f"count={len(values)} first={values[0]} curr={values[-1]} min={ordered[0]} "
            f"max={ordered[-1]} avg={sum(values) / len(values):g} std={_std(values):.0f}"
        )
    if percentiles:
        middle = ordered[len(ordered) // 2]
        line += f" p5={ordered[0]} median={middle} p95={ordered[-1]}"
    return line


def _std(values: list[int]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def same_summary(found: LatencySummary | None, values: list[int], *, percentiles: bool) -> None:
    """Whether the summary is that of these values, to the digits that are printed."""
    assert found is not None
    assert found.count == len(values)
    if not values:
        assert found == LatencySummary(count=0)
        return
    ordered = sorted(values)
    assert (found.first_us, found.min_us, found.max_us) == (values[0], ordered[0], ordered[-1])
    assert found.mean_us is not None
    assert math.isclose(found.mean_us, sum(values) / len(values), rel_tol=6e-6, abs_tol=1e-9)
    assert found.median_us == (ordered[len(ordered) // 2] if percentiles else None)


def classic(random_: random.Random) -> str:
    """A Classic output of known numbers, in the dialect of some build, with noise in it."""
    prefix = random_.choice(
        ("INFO: ", "", "I tflite  : ", "07-19 14:10:10.844  79  79 I tflite  : ")
    )
    percentiles = random_.random() < 0.5
    warmup, inferences = durations(random_), durations(random_)
    init = random_.randint(0, 10**9)
    footprint = (round(random_.uniform(0, 500), 4), round(random_.uniform(500, 900), 4))
    lines = ["STARTING!", "Graph: [m.tflite]", "Loaded model m.tflite"]
    for values in (warmup, inferences):
        lines += noise(random_)
        lines.append("Running benchmark for at least 1 iterations and at least 1 seconds but …")
        lines += noise(random_)
        lines += [count_line(values, percentiles=percentiles), ""]
    first = (warmup or [0])[0]
    lines.append(
        f"Inference timings in us: Init: {init}, First inference: {first}, Warmup (avg): 1"
    )
    lines += noise(random_)
    lines.append(
        f"Memory footprint delta from the start of the tool (MB): init={footprint[0]} overall={footprint[1]}"
    )
    end = random_.choice(("\n", "\r\n"))
    text = "".join(prefix + line + end for line in lines)
    streams = (text, "") if random_.random() < 0.7 else ("", text)
    parsed = parse_output(*streams, requested=DelegateKind.CPU)
    same_summary(parsed.warmup, warmup, percentiles=percentiles)
    same_summary(parsed.latency, inferences, percentiles=percentiles)
    assert parsed.init_us == init
    assert parsed.first_inference_us == (warmup[0] if warmup else None)
    assert parsed.memory is not None
    assert parsed.memory.init_footprint_bytes == round(footprint[0] * 2**20)
    assert parsed.memory.overall_footprint_bytes == round(footprint[1] * 2**20)
    return f"true, {judged(parsed, inferences, random_)}"


def judged(parsed: ParsedOutput, inferences: list[int], random_: random.Random) -> str:
    """Judge it with a known ending, which decides the status."""
    code, expected = random_.choice(
        ((0, None), (0, None), (1, Status.FAILED), (127, Status.FAILED), (137, Status.CRASHED), (-6, Status.CRASHED), (None, Status.UNREADABLE))
    )  # fmt: skip
    if expected is None:
        if not inferences:
            expected = Status.INVALID
        else:
            expected = Status.OK if max(inferences) > 0 else Status.UNREADABLE
    status, _ = judge(
        parsed, exit_code=code, signal=None, timed_out=False, config=CONFIGS[DelegateKind.CPU]
    )
    assert status is expected, (status, expected)
    return status.value


def noise(random_: random.Random) -> list[str]:
    """Lines of no meaning."""
    return random_.sample(NOISE, random_.choice((0, 0, 1, 2)))


def litert(random_: random.Random) -> str:
    """A block of LiteRT's of known numbers."""
    source = random_.choice(("INFO: [benchmark_litert_model.h:92] ", "INFO: ", ""))
    hundredths = {
        name: random_.randint(1, 10**7)
        for name in ("init", "first", "warm", "avg", "min", "max", "std")
    }
    text = {name: f"{value // 100}.{value % 100:02d}" for name, value in hundredths.items()}
    runs, warmups = random_.randint(1, 500), random_.randint(1, 9)
    lines = [
        "========== BENCHMARK RESULTS ==========",
        f"Model initialization: {text['init']} ms",
        f"Warmup (first):       {text['first']} ms",
        f"Warmup (avg):         {text['warm']} ms ({warmups} runs)",
        f"Inference (avg):      {text['avg']} ms ({runs} runs)",
        f"Inference (min):      {text['min']} ms",
        f"Inference (max):      {text['max']} ms",
        f"Inference (std):      {text['std']}",
    ]
    for _ in range(random_.choice((0, 1, 3))):
        lines.insert(random_.randint(1, len(lines)), random_.choice(NOISE[:6]))
    block = "".join(f"{source}{line}\n" for line in lines)
    parsed = parse_output("", block, requested=DelegateKind.CPU)
    latency, warmup = parsed.latency, parsed.warmup
    assert latency is not None
    assert warmup is not None
    assert (latency.count, warmup.count) == (runs, warmups)
    times = (parsed.init_us, warmup.first_us, warmup.mean_us, latency.mean_us, latency.min_us)
    assert times == tuple(hundredths[name] * 10 for name in ("init", "first", "warm", "avg", "min"))
    assert (latency.max_us, latency.std_us) == (hundredths["max"] * 10, hundredths["std"] * 10)
    return "true"


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


# The result file


def result_file(random_: random.Random) -> str:
    """A protobuf of known numbers, whole or damaged."""
    runs, warmups = random_.randint(0, 5000), random_.randint(0, 50)
    milliseconds = [random_.uniform(0.001, 5000) for _ in range(10)]
    memory = (random_.randint(0, 2**40), random_.randint(0, 2**40))
    data = message(
        (1, b"model"),
        (2, message(*enumerate(milliseconds, 1))),
        (3, message((1, memory[0]), (2, memory[1]), (3, 93.25))),
        (4, message((1, 3.5), (2, runs), (3, warmups))),
    )
    if random_.random() < 0.5:
        return broken_file(data, random_)
    found = parse_result_file(data)
    assert found.latency is not None
    assert found.latency.count == runs
    assert found.memory is not None
    assert found.memory.init_footprint_bytes == memory[0] * 1024
    assert found.memory.overall_footprint_bytes == memory[1] * 1024
    if runs:
        assert found.latency.mean_us is not None
        assert math.isclose(found.latency.mean_us, milliseconds[0] * 1000, rel_tol=1e-6)
        assert found.latency.p95_us is not None
        assert math.isclose(found.latency.p95_us, milliseconds[6] * 1000, rel_tol=1e-6)
    return "true"


def broken_file(data: bytes, random_: random.Random) -> str:
    """A result file with bytes changed, cut, or put in."""
    content = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        place = random_.randrange(len(content) + 1)
        damage = random_.choice(("change", "cut", "insert"))
        if damage == "change" and place < len(content):
            content[place] = random_.randrange(256)
        elif damage == "cut":
            del content[place:]
        else:
            content[place:place] = random_.randbytes(random_.randint(1, 12))
    try:
        found = parse_result_file(bytes(content))
    except OutputError as error:
        assert error.hint
        return "named error"
    assert finite(found), found
    return "read"


def message(*items: tuple[int, Any]) -> bytes:
    """A protobuf message of these fields."""
    parts = []
    for number, value in items:
        if isinstance(value, bytes):
            parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
        elif isinstance(value, float):
            parts.append(varint(number << 3 | 5) + struct.pack("<f", value))
        else:
            parts.append(varint(number << 3) + varint(value))
    return b"".join(parts)


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


CASES: tuple[tuple[Callable[[random.Random], str], int], ...] = (
    (damaged, 30), (damaged_profile, 10), (cut, 10), (between, 8), (merged, 7), (classic, 15), (litert, 5),
    (profile, 10), (result_file, 5),
)  # fmt: skip


def told(found: Counter[str]) -> Iterable[str]:
    """The counts as lines, by case."""
    for case, group in itertools.groupby(sorted(found), key=lambda name: name.partition(":")[0]):
        parts = [f"{found[name]:,} {name.partition(': ')[2]}" for name in group]
        yield f"{case}: {'; '.join(parts)}"
