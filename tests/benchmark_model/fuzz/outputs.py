"""Outputs of known numbers, which have to come back."""

from __future__ import annotations

import math
import random

from android_bench.benchmark_model import ParsedOutput, judge, parse_output
from android_bench.config import DelegateKind
from android_bench.results import LatencySummary, Status
from tests.benchmark_model.fuzz.checks import CONFIGS
from tests.benchmark_model.fuzz.damages import NOISE


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
