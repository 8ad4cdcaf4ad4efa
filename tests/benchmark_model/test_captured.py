"""What the real Classic benchmark_model (2.14) printed on the lab's device: see tests/lab/capture.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_bench.benchmark_model import ParsedOutput, judge, parse_op_profile, parse_output
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.results import BinaryFlavor, Status

CAPTURED = Path(__file__).parent.parent / "fixtures" / "benchmark_model" / "captured"

# Every capture: what was asked for, how it must be judged, and a word of the reason.
EXPECTED = {
    "normal": (DelegateKind.CPU, Status.OK, None),
    "two-threads": (DelegateKind.CPU, Status.OK, None),
    "one-run": (DelegateKind.CPU, Status.OK, None),
    "verbose": (DelegateKind.CPU, Status.OK, None),
    "peak-memory": (DelegateKind.CPU, Status.OK, None),
    "profile-stdout": (DelegateKind.CPU, Status.OK, None),
    "profile-csv": (DelegateKind.CPU, Status.OK, None),
    "slow": (DelegateKind.CPU, Status.OK, None),
    "input-files": (DelegateKind.CPU, Status.OK, None),
    "killed": (DelegateKind.CPU, Status.CRASHED, ""),
    "unknown-flag": (DelegateKind.CPU, Status.INVALID, "--no_such_flag=1"),
    "gpu": (DelegateKind.GPU, Status.INVALID, "--use_gpu=true"),
    "nnapi": (DelegateKind.NNAPI, Status.INVALID, "--use_nnapi=true"),
    "dry-run": (DelegateKind.CPU, Status.INVALID, ""),
    "external-missing": (DelegateKind.EXTERNAL, Status.CRASHED, ""),
    "missing-model": (DelegateKind.CPU, Status.FAILED, ""),
    "garbage-model": (DelegateKind.CPU, Status.FAILED, ""),
    "truncated-model": (DelegateKind.CPU, Status.FAILED, ""),
    "help": (DelegateKind.CPU, Status.FAILED, ""),
}


def read(name: str, requested: DelegateKind) -> ParsedOutput:
    folder = CAPTURED / name
    return parse_output(
        (folder / "stdout").read_text(), (folder / "stderr").read_text(), requested=requested
    )


def test_every_capture_has_its_expectation() -> None:
    assert {path.name for path in CAPTURED.iterdir() if path.is_dir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_real_output_is_judged_right(name: str) -> None:
    requested, status, word = EXPECTED[name]
    parsed = read(name, requested)
    library = "/nope.so" if requested is DelegateKind.EXTERNAL else None
    found, problem = judge(
        parsed,
        exit_code=int((CAPTURED / name / "exit_code").read_text()),
        signal=None,
        timed_out=False,
        config=BenchmarkConfig(delegate=Delegate(kind=requested, library=library)),
    )
    assert found is status
    if word is None:
        assert problem is None
        assert parsed.flavor is BinaryFlavor.CLASSIC
        assert parsed.latency is not None
        assert parsed.latency.mean_us or parsed.latency.count == 1
    else:
        assert problem
        assert word in problem


def test_the_last_count_line_is_the_measurement() -> None:
    text = (CAPTURED / "normal" / "stdout").read_text()
    counts = [int(part.split()[0]) for part in text.split("count=")[1:]]
    parsed = read("normal", DelegateKind.CPU)
    assert parsed.warmup is not None
    assert parsed.latency is not None
    assert [parsed.warmup.count, parsed.latency.count] == counts


def test_a_mean_above_a_second_is_read_with_its_exponent() -> None:
    assert "avg=1." in (CAPTURED / "slow" / "stdout").read_text()
    parsed = read("slow", DelegateKind.CPU)
    assert parsed.latency is not None
    assert parsed.latency.mean_us is not None
    assert 1e6 < parsed.latency.mean_us < 1e7


def test_the_monitored_peak_is_read_apart_from_the_footprints() -> None:
    memory = read("peak-memory", DelegateKind.CPU).memory
    assert memory is not None
    assert memory.peak_bytes
    assert memory.overall_footprint_bytes
    assert memory.peak_bytes > memory.overall_footprint_bytes
    assert read("normal", DelegateKind.CPU).memory is not None


def test_both_forms_of_the_operator_profile_are_read() -> None:
    for text in (
        (CAPTURED / "profile-csv" / "profile.csv").read_text(),
        (CAPTURED / "profile-stdout" / "stdout").read_text(),
    ):
        operators = [item for item in parse_op_profile(text) if item.node_type == "ADD"]
        assert operators
