from __future__ import annotations

import json
from pathlib import Path

import pytest

from android_bench.errors import ResultError
from android_bench.reading import reparse
from android_bench.results import Status
from android_bench.store import load_runs
from tests.test_runner import FakeDevice, answer, cells, session

CAPTURED = Path(__file__).parent / "fixtures" / "benchmark_model" / "captured"


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """A run with raw logs: two that count, one that a signal ended."""
    calls = iter([answer(), answer("INFO: STARTING!\n", exit_code=None, signal=9), answer()])
    session(tmp_path, cells("a"), FakeDevice(lambda argv: next(calls)))
    (file,) = tmp_path.rglob("run.json")
    return file


def test_reading_again_changes_nothing_that_was_read_right(run_file: Path) -> None:
    before = run_file.read_bytes()
    run, changed = reparse(run_file)
    assert changed == 0
    assert run_file.read_bytes() == before
    assert [item.status for item in run.invocations] == [Status.OK, Status.CRASHED, Status.OK]


def test_a_number_read_wrong_is_put_right_from_the_log(run_file: Path) -> None:
    data = json.loads(run_file.read_text())
    right = data["invocations"][0]["latency"]["mean_us"]
    data["invocations"][0]["latency"]["mean_us"] = 2.7  # as a parser that misses the exponent would
    run_file.write_text(json.dumps(data))
    run, changed = reparse(run_file)
    assert changed == 1
    assert run.invocations[0].latency is not None
    assert run.invocations[0].latency.mean_us == right
    assert load_runs([run_file]) == (run,)


def test_a_run_that_was_killed_is_put_right_too(run_file: Path) -> None:
    data = json.loads(run_file.read_text())
    records = data.pop("invocations")
    records[0]["latency"]["mean_us"] = 2.7
    run_file.write_text(json.dumps({**data, "finished_at": None, "complete": False}))
    stream = run_file.with_name("invocations.jsonl")
    stream.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    run, changed = reparse(run_file)
    assert changed == 1
    assert load_runs([run_file]) == (run,)
    assert len(run.invocations) == len(records)


def test_a_missing_log_is_named_and_nothing_is_written(run_file: Path) -> None:
    before = run_file.read_bytes()
    (log,) = run_file.parent.glob("logs/0001.*.stdout")
    log.unlink()
    with pytest.raises(ResultError, match="0001.timing.stdout cannot be read"):
        reparse(run_file)
    assert run_file.read_bytes() == before


def test_a_profile_is_read_again_from_the_file_that_the_build_wrote(tmp_path: Path) -> None:
    """What it printed has no table then."""
    captured = CAPTURED / "profile-csv"
    session(tmp_path, cells("a", profile_invocations=1), FakeDevice())
    (file,) = tmp_path.rglob("run.json")
    (log,) = file.parent.glob("logs/*.profile.stdout")
    log.write_bytes((captured / "stdout").read_bytes())
    run, _ = reparse(file)
    assert run.invocations[-1].status is Status.INVALID
    log.with_suffix(".csv").write_bytes((captured / "profile.csv").read_bytes())
    run, changed = reparse(file)
    assert changed == 1
    assert run.invocations[-1].status is Status.OK
    assert run.invocations[-1].operators
