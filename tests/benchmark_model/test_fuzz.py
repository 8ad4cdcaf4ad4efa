"""The parsers against outputs made and damaged by chance; `make bench` runs a hundred thousand."""

from __future__ import annotations

import pytest

from android_bench.analysis.operator_names import layers_of
from android_bench.benchmark_model import judge, parse_op_profile, parse_output, parse_result_file
from android_bench.config import BenchmarkConfig, DelegateKind
from android_bench.errors import OutputError
from android_bench.results import Status
from tests.benchmark_model import fuzz
from tests.benchmark_model.fuzz import outputs


def test_no_output_is_read_wrong() -> None:
    found = fuzz.run(4000, seed=20261125)
    # The cases that know the truth are among them, and so are results that count.
    assert found["classic: true, ok"] > 50
    assert found["profile: true, CSV"] > 50
    assert found["profile: true, printed"] > 50
    assert found["result_file: true"] > 20
    assert sum(count for name, count in found.items() if name.startswith("damaged")) > 1000


def test_the_fuzzer_sees_a_number_that_was_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that invents must not pass."""
    monkeypatch.setattr(outputs, "parse_output", lambda *_, **__: INVENTED)
    with pytest.raises(AssertionError):
        fuzz.run(200, seed=0)


INVENTED = parse_output(
    "Running benchmark for at least 1\ncount=7 curr=123456789\n"
    "Running benchmark for at least 1\ncount=7 curr=123456789\n",
    "",
    requested=DelegateKind.CPU,
)

MEGABYTES = 5
# What some pattern could be tried on again at each of its places. A parser that is quadratic takes hours.
UNITS = (
    " ", "\t", "9", "=", ", 1", "1 ", "\t1", "benchmark_model", "linker", "ld-linux", "Output mode",
    "The size of  is ", "Unconsumed cmdline flags: ", "library ", "Failed to apply ", "custom op", "[", ";", "a/",
    "1.", "1e", "node type ", "\u2028", "Init: ",
)  # fmt: skip
HEAD = (
    "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
    "============================== Run Order ==============================\n"
    "node type, first, avg_ms, %, cdf%, mem KB, times called, name\n"
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("unit", UNITS)
def test_a_line_of_megabytes_costs_no_hours(unit: str) -> None:
    body = (unit * (MEGABYTES * 1_000_000 // len(unit)))[: MEGABYTES * 1_000_000]
    for lead in ("x", "Unconsumed cmdline flags: a", "Inference timings in us: "):
        parsed = parse_output(f"{lead}{body}y\n", "", requested=DelegateKind.GPU)
        assert parsed.latency is None
    assert parse_op_profile(f"{HEAD}x{body}y\n") == ()
    assert len(layers_of(f"[{body}]:1")) <= 2


@pytest.mark.timeout(120)
def test_a_result_file_of_megabytes_costs_no_hours() -> None:
    for data in (b"\x0a\x01a" * 1_700_000, b"\xff" * 5_000_000, b"\x0a" + b"\x80" * 5_000_000):
        with pytest.raises(OutputError):
            parse_result_file(data)


@pytest.mark.parametrize(
    "line",
    [
        "INFO: Memory footprint delta from the start of the tool (MB): init=1e308 overall=1e308",
        "INFO: Overall peak memory footprint (MB) via periodic monitoring: 1e308",
        "INFO: The input model file size (MB): 1e308",
        "INFO: Initialized session in 1e308ms.",
        "========== BENCHMARK RESULTS ==========\nModel initialization: 1e308 ms\nPeak memory: 1e308 MB",
    ],
)
def test_figures_beyond_the_range_of_numbers_are_unknown(line: str) -> None:
    parsed = parse_output(f"{line}\n", "", requested=DelegateKind.CPU)
    assert (parsed.init_us, parsed.model_size_bytes) == (None, None)
    memory = parsed.memory
    assert memory is None or {
        memory.init_footprint_bytes,
        memory.overall_footprint_bytes,
        memory.peak_bytes,
    } == {None}


def test_a_cause_is_found_behind_long_paths() -> None:
    line = f"/data/local/tmp/{'x' * 60}/benchmark_model_plus_flex: not found\n"
    status, problem = judge(
        parse_output(line, "", requested=DelegateKind.CPU),
        exit_code=127,
        signal=None,
        timed_out=False,
        config=BenchmarkConfig(),
    )
    assert status is Status.FAILED
    assert problem is not None
    assert "dynamic linker" in problem


def test_flags_without_end_make_no_sentence_without_end() -> None:
    line = f"WARN: Unconsumed cmdline flags: {' '.join(f'--flag{number}=1' for number in range(999))}\n"
    parsed = parse_output(line, "", requested=DelegateKind.CPU)
    status, problem = judge(
        parsed, exit_code=0, signal=None, timed_out=False, config=BenchmarkConfig()
    )
    assert status is Status.INVALID
    assert problem is not None
    assert "--flag0=1" in problem
    assert len(problem) < 400
