"""What must hold for any output: numbers survive the way through text, damage never invents any."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.benchmark_model import (
    parse_op_profile,
    parse_output,
    parse_result_file,
)
from android_bench.config import DelegateKind
from android_bench.errors import OutputError
from android_bench.results import LatencySummary

DURATIONS = st.lists(st.integers(0, 10**8), max_size=12)
PREFIXES = st.sampled_from(
    ["INFO: ", "", "I tflite  : ", "07-19 14:10:10.844  79  79 I tflite  : "]
)
NOISE = st.lists(
    st.sampled_from(
        [
            "WARN: Duplicate flags: num_threads",
            "Error in cpuinfo: processor architecture is not supported in cpuinfo",
            "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
            "Timings (microseconds): count=1 curr=147",
            "Memory (bytes): count=0",
            "",
        ]
    ),
    max_size=3,
)


@dataclass(frozen=True)
class Output:
    text: str
    warmup: list[int]
    inferences: list[int]
    init_us: int
    percentiles: bool


def count_line(durations: list[int], *, percentiles: bool) -> str:
    ordered = sorted(durations)
    if not durations:
        return "count=0" + (" p5=0 median=0 p95=0" if percentiles else "")
    if ordered[0] == ordered[-1]:
        line = f"count={len(ordered)} curr={durations[-1]}" + "(all same)" * (len(ordered) > 1)
    else:
        mean = sum(durations) / len(durations)
        line = (
            f"count={len(ordered)} first={durations[0]} curr={durations[-1]} min={ordered[0]} "
            f"max={ordered[-1]} avg={mean:g} std=7"
        )
    if percentiles:
        middle = ordered[len(ordered) // 2]
        line += f" p5={ordered[0]} median={middle} p95={ordered[-1]}"
    return line


@st.composite
def outputs(draw: st.DrawFn) -> Output:
    prefix, percentiles = draw(PREFIXES), draw(st.booleans())
    end = draw(st.sampled_from(["\n", "\r\n"]))
    warmup, inferences = draw(DURATIONS), draw(DURATIONS)
    init = draw(st.integers(0, 10**9))
    lines = [f"{prefix}STARTING!", f"{prefix}Graph: [m.tflite]", f"{prefix}Loaded model m.tflite"]
    for durations in (warmup, inferences):
        lines += draw(NOISE)
        lines.append(f"{prefix}Running benchmark for at least 1 iterations and at least 1 seconds")
        lines += draw(NOISE)
        lines.append(prefix + count_line(durations, percentiles=percentiles))
        lines.append("")
    lines.append(
        f"{prefix}Inference timings in us: Init: {init}, First inference: {(warmup or [0])[0]}, "
        "Warmup (avg): 1, Inference (avg): 1"
    )
    lines += draw(NOISE)
    return Output("".join(line + end for line in lines), warmup, inferences, init, percentiles)


def agrees(summary: LatencySummary | None, durations: list[int], *, percentiles: bool) -> bool:
    assert summary is not None
    if not durations:
        return summary == LatencySummary(count=0)
    ordered = sorted(durations)
    assert summary.count == len(durations)
    assert (summary.min_us, summary.max_us) == (ordered[0], ordered[-1])
    assert summary.first_us == durations[0]
    assert summary.mean_us == pytest.approx(sum(durations) / len(durations), rel=1e-5)
    assert summary.median_us == (ordered[len(ordered) // 2] if percentiles else None)
    return True


@given(outputs())
def test_numbers_come_back(output: Output) -> None:
    parsed = parse_output(output.text, "", requested=DelegateKind.CPU)
    assert agrees(parsed.warmup, output.warmup, percentiles=output.percentiles)
    assert agrees(parsed.latency, output.inferences, percentiles=output.percentiles)
    assert parsed.init_us == output.init_us
    assert parsed.first_inference_us == (output.warmup[0] if output.warmup else None)


@given(outputs(), st.data())
def test_a_cut_output_never_has_another_measurement(output: Output, data: st.DataObject) -> None:
    full = parse_output(output.text, "", requested=DelegateKind.CPU)
    place = data.draw(st.integers(0, len(output.text)))
    cut = parse_output(output.text[:place], "", requested=DelegateKind.CPU)
    assert cut.latency in {None, full.latency}
    assert cut.warmup in {None, full.warmup}
    assert cut.init_us in {None, full.init_us}


PIECES = st.sampled_from(
    [
        "INFO: ", "ERROR: ", "count=", "1 curr=", "first=", " p5=", "avg=", "nan", "1e999", "9" * 5000,
        "(all same)", "Inference (avg): ", " ms (", " runs)", "\n========== BENCHMARK RESULTS ==========\n",
        "Replacing 1 out of ", " node(s) with delegate (", ") node, yielding 1 partitions for subgraph ",
        "Initialized session in ", "ms.", "Unconsumed cmdline flags: ", "\n", "\r", "\x00", "٣", "=",
        "Running benchmark for at least ", "init=", "[benchmark_litert_model.h:1] ", " ", "-", "%", ", ",
        "============================== Run Order ==============================",
        "node type, first, avg_ms, %, cdf%, mem KB, times called, name",
        "Operator-wise Profiling Info for Regular Benchmark Runs:", "CONV_2D, 1, 1, 1%, 1%, 0, 1, x",
    ]
)  # fmt: skip
ANY_TEXT = st.one_of(st.text(), st.lists(PIECES).map("".join))


@given(ANY_TEXT, ANY_TEXT, st.sampled_from(DelegateKind))
def test_any_text_is_accepted(stdout: str, stderr: str, requested: DelegateKind) -> None:
    parse_output(stdout, stderr, requested=requested)


@given(ANY_TEXT)
def test_any_text_is_a_profile_or_an_output_error(text: str) -> None:
    with contextlib.suppress(OutputError):
        parse_op_profile(text)


@given(st.binary())
def test_any_bytes_are_a_result_or_an_output_error(data: bytes) -> None:
    with contextlib.suppress(OutputError):
        parse_result_file(data)
