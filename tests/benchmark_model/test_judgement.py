from __future__ import annotations

from dataclasses import replace

import pytest

from android_bench.benchmark_model import ParsedOutput, judge
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.results import BinaryFlavor, Delegation, LatencySummary, Status

GOOD = ParsedOutput(
    flavor=BinaryFlavor.CLASSIC,
    init_us=10.0,
    first_inference_us=30.0,
    warmup=None,
    latency=LatencySummary(count=3, first_us=3, min_us=2, max_us=4, mean_us=3, std_us=1),
    memory=None,
    delegation=Delegation(requested=DelegateKind.CPU),
    model_size_bytes=None,
    unconsumed_flags=(),
    errors=(),
    warnings=(),
)


def verdict(
    parsed: ParsedOutput = GOOD,
    *,
    exit_code: int | None = 0,
    signal: int | None = None,
    timed_out: bool = False,
    kind: DelegateKind = DelegateKind.CPU,
) -> tuple[Status, str]:
    config = BenchmarkConfig(delegate=Delegate(kind=kind))
    status, problem = judge(
        parsed, exit_code=exit_code, signal=signal, timed_out=timed_out, config=config
    )
    assert (problem is None) == (status is Status.OK)
    return status, problem or ""


def test_good_numbers_with_exit_0_count() -> None:
    assert verdict() == (Status.OK, "")


@pytest.mark.parametrize(
    ("exit_code", "signal", "name"),
    [
        (134, None, "SIGABRT"),
        (137, None, "out of memory"),
        (139, None, "SIGSEGV"),
        (-9, None, "SIGKILL"),
        (None, 11, "SIGSEGV"),
        (132, None, "SIGILL"),
        (170, None, "signal 42"),
    ],
)
def test_signals_are_named(exit_code: int | None, signal: int | None, name: str) -> None:
    status, problem = verdict(exit_code=exit_code, signal=signal)
    assert status is Status.CRASHED
    assert name in problem


def test_the_exit_code_comes_before_the_numbers() -> None:
    assert verdict(exit_code=1)[0] is Status.FAILED
    assert verdict(exit_code=255)[0] is Status.FAILED
    assert verdict(exit_code=None)[0] is Status.UNREADABLE
    assert verdict(timed_out=True, exit_code=137)[0] is Status.TIMEOUT


@pytest.mark.parametrize(
    ("exit_code", "word"), [(126, "permissions"), (127, "not found"), (3, "exited with 3")]
)
def test_failures_without_words(exit_code: int, word: str) -> None:
    status, problem = verdict(exit_code=exit_code)
    assert status is Status.FAILED
    assert word in problem


def test_an_abort_that_said_why_is_told_with_its_cause() -> None:
    parsed = replace(GOOD, errors=("The size of x.bin is 3 bytes. It should be 4 bytes.",))
    status, problem = verdict(parsed, exit_code=134)
    assert status is Status.CRASHED
    assert "inputs do not fit" in problem


@pytest.mark.parametrize(
    ("kind", "applied", "expected"),
    [
        (DelegateKind.CPU, None, Status.OK),
        (DelegateKind.XNNPACK, None, Status.OK),
        (DelegateKind.XNNPACK, False, Status.INVALID),
        (DelegateKind.NO_XNNPACK, None, Status.OK),
        (DelegateKind.NO_XNNPACK, False, Status.INVALID),
        (DelegateKind.GPU, True, Status.OK),
        (DelegateKind.GPU, None, Status.INVALID),
        (DelegateKind.GPU, False, Status.INVALID),
        (DelegateKind.NNAPI, None, Status.INVALID),
    ],
)
def test_a_delegate_must_have_run(
    kind: DelegateKind, applied: bool | None, expected: Status
) -> None:
    parsed = replace(GOOD, delegation=Delegation(requested=kind, applied=applied))
    assert verdict(parsed, kind=kind)[0] is expected


def test_a_delegate_that_took_a_part_counts() -> None:
    part = Delegation(
        requested=DelegateKind.GPU, applied=True, nodes_delegated=3, nodes_total=9, partitions=1
    )
    assert verdict(replace(GOOD, delegation=part), kind=DelegateKind.GPU)[0] is Status.OK


def test_an_unconsumed_flag_makes_it_invalid() -> None:
    status, problem = verdict(replace(GOOD, unconsumed_flags=("--use_gpuu=true",)))
    assert status is Status.INVALID
    assert "--use_gpuu=true" in problem


def test_a_dry_run_is_no_result() -> None:
    status, _ = verdict(replace(GOOD, latency=LatencySummary(count=0)))
    assert status is Status.INVALID


@pytest.mark.parametrize(
    "latency",
    [
        None,
        LatencySummary(count=3),
        LatencySummary(count=3, mean_us=float("nan")),
        LatencySummary(count=3, mean_us=float("inf")),
        LatencySummary(count=3, mean_us=-1),
        LatencySummary(count=3, mean_us=0),
        LatencySummary(count=3, mean_us=3, min_us=4, max_us=2),
        LatencySummary(count=3, mean_us=9, min_us=2, max_us=4),
        LatencySummary(count=3, mean_us=3, min_us=2, max_us=4, std_us=-1),
        LatencySummary(count=3, mean_us=3, min_us=2, max_us=4, p95_us=5),
    ],
)
def test_numbers_that_cannot_be_true_are_unreadable(latency: LatencySummary | None) -> None:
    assert verdict(replace(GOOD, latency=latency))[0] is Status.UNREADABLE


def test_a_mean_of_six_digits_may_lie_a_little_outside() -> None:
    latency = LatencySummary(count=2, min_us=1234567, max_us=1234568, mean_us=1234570)
    assert verdict(replace(GOOD, latency=latency))[0] is Status.OK
