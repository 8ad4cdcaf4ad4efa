"""Outputs as the facts page names them, one folder per variant, and what each must be read as."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from android_bench.benchmark_model import ParsedOutput, judge, parse_output
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.results import Status

FIXTURES = Path(__file__).parent.parent / "fixtures" / "benchmark_model"
WRITTEN = sorted((FIXTURES / "written").iterdir())


def config(kind: str) -> BenchmarkConfig:
    delegate = DelegateKind(kind)
    library = "/data/local/tmp/lib.so" if delegate is DelegateKind.EXTERNAL else None
    return BenchmarkConfig(delegate=Delegate(kind=delegate, library=library))


def streams(folder: Path) -> tuple[str, str]:
    out, err = (
        (folder / name).read_bytes().decode("utf-8", "replace") for name in ("stdout", "stderr")
    )
    return out, err


def flat(parsed: ParsedOutput) -> dict[str, Any]:
    """The fields that an expected.json may name."""
    latency, warmup, memory = parsed.latency, parsed.warmup, parsed.memory
    return {
        "flavor": parsed.flavor.value if parsed.flavor else None,
        "init_us": parsed.init_us,
        "first_inference_us": parsed.first_inference_us,
        "model_size_bytes": parsed.model_size_bytes,
        "unconsumed": list(parsed.unconsumed_flags),
        "warmup_count": warmup.count if warmup else None,
        "count": latency.count if latency else None,
        **{
            name: getattr(latency, name) if latency else None
            for name in ("min_us", "max_us", "mean_us", "std_us", "median_us", "p95_us")
        },
        **{
            name: getattr(memory, name) if memory else None
            for name in ("init_footprint_bytes", "overall_footprint_bytes", "peak_bytes")
        },
        **{
            name: getattr(parsed.delegation, name)
            for name in ("applied", "delegate_name", "nodes_delegated", "nodes_total", "partitions")
        },
    }


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda path: path.name)
def test_written_outputs(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    requested, status = expected.pop("requested"), expected.pop("status")
    words = expected.pop("problem", None)
    parsed = parse_output(*streams(folder), requested=DelegateKind(requested))
    verdict, problem = judge(
        parsed,
        exit_code=int((folder / "exit_code").read_text()),
        signal=None,
        timed_out=False,
        config=config(requested),
    )
    read = flat(parsed)
    assert {name: read[name] for name in expected} == expected
    assert verdict is Status(status), problem
    assert (problem is None) == (verdict is Status.OK)
    if words is not None:
        assert problem is not None
        assert words in problem


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda path: path.name)
def test_merging_the_streams_changes_nothing(folder: Path) -> None:
    """An adb shell without the v2 protocol returns both streams as one."""
    out, err = streams(folder)
    requested = DelegateKind(json.loads((folder / "expected.json").read_text())["requested"])
    apart = parse_output(out, err, requested=requested)
    if out and not out.endswith("\n"):
        pytest.skip("cut: what follows would become a part of its last line")
    assert parse_output(out + err, "", requested=requested) == apart
    assert parse_output("", out + err, requested=requested) == apart


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda path: path.name)
def test_line_ends_of_a_terminal_change_nothing(folder: Path) -> None:
    out, err = streams(folder)
    plain = parse_output(out, err, requested=DelegateKind.CPU)
    assert (
        parse_output(
            out.replace("\r\n", "\n").replace("\n", "\r\r\n"),
            err.replace("\r\n", "\n").replace("\n", "\r\r\n"),
            requested=DelegateKind.CPU,
        )
        == plain
    )


def test_the_first_error_lines_are_kept_and_bounded() -> None:
    noise = "".join(f"ERROR: node {index} failed {'x' * 1000}\n" for index in range(500))
    parsed = parse_output("", noise, requested=DelegateKind.CPU)
    assert len(parsed.errors) == 40
    assert max(map(len, parsed.errors)) == 500
