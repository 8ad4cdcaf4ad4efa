"""From raw output to the numbers of a record: the same for a fresh run and for one that is read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from android_bench import schema
from android_bench.benchmark_model import judge, parse_op_profile, parse_output
from android_bench.config import BenchmarkConfig
from android_bench.errors import OutputError, ResultError
from android_bench.results import (
    BenchmarkRun,
    Invocation,
    InvocationKind,
    OperatorProfile,
    Status,
)
from android_bench.store import RUN_FILE, STREAM_FILE, load_run
from optimizer.files import write_atomic

# Beside a profile invocation's streams: the table that it wrote to a file.
PROFILE_ENDING = ".csv"


def read_output(
    stdout: str,
    stderr: str,
    *,
    exit_code: int | None,
    config: BenchmarkConfig,
    kind: InvocationKind,
    signal: int | None = None,
    timed_out: bool = False,
    profile: str | None = None,
) -> dict[str, Any]:
    """Return the fields of an :class:`Invocation` that come from its output.

    Numbers of an invocation that does not count are left out: exit code first, then numbers. A profile
    invocation without a profile does not count; ``profile`` is the file that it wrote, if it wrote one.
    """
    parsed = parse_output(stdout, stderr, requested=config.delegate.kind)
    status, problem = judge(
        parsed, exit_code=exit_code, signal=signal, timed_out=timed_out, config=config
    )
    operators: tuple[OperatorProfile, ...] = ()
    if status is Status.OK and kind is InvocationKind.PROFILE:
        try:
            operators = parse_op_profile(f"{stdout}\n{stderr}" if profile is None else profile)
        except OutputError as error:
            status, problem = Status.INVALID, f"{error} {error.hint}"
    counts = status is Status.OK
    return {
        "status": status,
        "problem": problem,
        "init_us": parsed.init_us if counts else None,
        "warmup": parsed.warmup if counts else None,
        "latency": parsed.latency if counts else None,
        "memory": parsed.memory if counts else None,
        "delegation": parsed.delegation,
        "unconsumed_flags": parsed.unconsumed_flags,
        "operators": operators,
    }


def reparse(run_file: Path) -> tuple[BenchmarkRun, int]:
    """Read a run's raw logs again and write its ``run.json`` anew if anything came out otherwise.

    Returns the run and how many of its records changed. A record that a signal or this tool ended is
    left as it is: its log tells nothing more.

    Raises:
        ResultError: the run or one of its logs cannot be read.
    """
    run = load_run(run_file)
    records = tuple(_read_again(run_file.parent, item, run.config) for item in run.invocations)
    changed = sum(new != old for new, old in zip(records, run.invocations, strict=True))
    if changed:
        run = replace(run, invocations=records)
        write_atomic(run_file.with_name(RUN_FILE), schema.dumps(run).encode())
        # Of a run that was killed, the records stood in the stream; now the run holds them.
        run_file.with_name(STREAM_FILE).unlink(missing_ok=True)
    return run, changed


def _read_again(folder: Path, record: Invocation, config: BenchmarkConfig) -> Invocation:
    if record.exit_code is None:
        return record
    try:
        streams = [
            (folder / f"{record.log}.{ending}").read_bytes().decode("utf-8", "replace")
            for ending in ("stdout", "stderr")
        ]
    except OSError as error:
        raise ResultError(
            f"The raw log {error.filename} cannot be read: {error.strerror}.",
            hint="A run can only be read again while its logs folder is beside its run.json.",
        ) from error
    table = folder / f"{record.log}{PROFILE_ENDING}"
    outcome = read_output(
        *streams,
        exit_code=record.exit_code,
        config=config,
        kind=record.kind,
        profile=table.read_text("utf-8", "replace") if table.is_file() else None,
    )
    told_by_files = record.kind in {InvocationKind.STARTUP, InvocationKind.NUMERICS}
    if told_by_files and record.status is Status.INVALID and outcome["status"] is Status.OK:
        return record  # its log is fine: a cache or an output was missing
    return replace(record, **outcome)
