"""How a finished session is told: a table for each device, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from android_bench.errors import DeviceOfflineError, ExitCode
from android_bench.measuring.runner import Session
from android_bench.results import BenchmarkRun
from android_bench.terminal.console import print_runs
from android_bench.terminal.outcome import session_outcome
from tests import examples

MEANS = [1000.0 + number % 3 for number in range(20)]


def run(**changes: object) -> BenchmarkRun:
    return replace(examples.run(MEANS, name="m"), **changes)  # type: ignore[arg-type]


def test_each_device_has_a_table_under_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    two = replace(examples.PHONE, serial="second", model="Two")
    twin = replace(examples.PHONE, serial="third", model="Two")
    print_runs([run(), run(run_id="b", device=two), run(run_id="c", device=twin)])
    titles = [line for line in capsys.readouterr().out.splitlines() if "(" in line]
    assert [title.split("(")[1].split(",")[0].rstrip(")") for title in titles] == [
        "phone",
        "second",
        "third",
    ]


def test_configurations_that_differ_in_their_cores_can_be_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = run().config
    runs = [
        run(run_id=word, config=replace(config, cores=word, cpu_mask=mask))
        for word, mask in (("big", "f0"), ("little", "f"))
    ]
    print_runs(runs)
    out = capsys.readouterr().out
    assert "cpu ×1 big" in out
    assert "cpu ×1 little" in out


def test_what_is_missing_is_counted_of_what_was_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A precision asked one run for more than was planned at first; the other was cut short."""
    whole = run(planned=20, complete=True)
    cut = run(run_id="b", planned=30, complete=False)
    session = Session(
        runs=(whole, cut), pushed_bytes=0, interrupted_by=DeviceOfflineError("It went away.")
    )
    assert session_outcome(session, tmp_path, as_json=True) is ExitCode.DEVICE
    said = capsys.readouterr().err
    assert f"{30 - len(cut.invocations)} of 30 invocations are missing" in said
