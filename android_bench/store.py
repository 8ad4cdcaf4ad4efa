"""Where runs live: a folder for each, streamed while it is measured, whole when it is done.

::

    results/
      RUN_ID/
        run.json            the run; until it is finished, without its invocations
        invocations.jsonl   one line for each invocation as it ends; gone once run.json holds them
        logs/0001.timing.stdout, .stderr, …    what benchmark_model printed, untouched
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from android_bench import schema
from android_bench.errors import ResultError
from android_bench.results import BenchmarkRun, Invocation
from optimizer.files import write_atomic

RUN_FILE = "run.json"
STREAM_FILE = "invocations.jsonl"
LOG_FOLDER = "logs"


def utc_now() -> str:
    """The time now as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_run_id(*labels: str) -> str:
    """An identifier that sorts by time, reads well and is safe as a folder's name."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{_slug(*labels)}-{secrets.token_hex(4)}"


def new_order_id() -> str:
    """An identifier for all that one command measures, on however many devices."""
    return new_run_id()


def session_id_of(order_id: str, label: str) -> str:
    """An identifier for an order's session on one device; see :func:`order_of`."""
    return f"{order_id}-{_slug(label)}-{secrets.token_hex(2)}"


def order_of(session_id: str) -> str:
    """The order that a session belongs to; one from before orders were told is its own."""
    found = re.match(r"[0-9]{8}T[0-9]{6}Z--[0-9a-f]+", session_id)
    return found[0] if found else session_id


def _slug(*labels: str) -> str:
    slugs = (re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-.") for label in labels)
    return "-".join(filter(None, slugs))[:80]


class RunWriter:
    """Writes one run while it is measured, so that a pulled cable loses one invocation, not all."""

    def __init__(self, folder: Path, run: BenchmarkRun) -> None:
        self._folder = folder
        self._run = run

    @classmethod
    def create(cls, results: Path, run: BenchmarkRun) -> RunWriter:
        """Begin a run in a folder of its own below ``results``."""
        folder = results / run.run_id
        (folder / LOG_FOLDER).mkdir(parents=True)
        write_atomic(folder / RUN_FILE, schema.dumps(run).encode())
        return cls(folder, run)

    @classmethod
    def reopen(cls, run_file: Path) -> RunWriter:
        """Go on with a run that was interrupted; its records are a stream again until it is finished."""
        folder = run_file.parent
        run = replace(load_run(run_file), complete=False, finished_at=None)
        lines = "".join(schema.invocation_to_line(item) for item in run.invocations)
        # The stream first: until run.json is written anew it holds all the records itself.
        write_atomic(folder / STREAM_FILE, lines.encode())
        bare = replace(run, invocations=())
        write_atomic(run_file, schema.dumps(bare).encode())
        return cls(folder, run)

    @property
    def run(self) -> BenchmarkRun:
        """The run as far as it is written."""
        return self._run

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._folder

    def log(self, name: str, *, stdout: str, stderr: str) -> str:
        """Keep the raw output of an invocation; return its folder-relative path without ending."""
        stem = f"{LOG_FOLDER}/{name}"
        for ending, text in (("stdout", stdout), ("stderr", stderr)):
            (self._folder / f"{stem}.{ending}").write_text(text, encoding="utf-8", newline="")
        return stem

    def add(self, invocation: Invocation) -> None:
        """Append an invocation; it is on disk when this returns."""
        with (self._folder / STREAM_FILE).open("a", encoding="utf-8") as stream:
            stream.write(schema.invocation_to_line(invocation))
        self._run = replace(self._run, invocations=(*self._run.invocations, invocation))

    def finish(self, *, complete: bool, planned: int | None = None) -> BenchmarkRun:
        """Write the whole run in one step and drop the stream; a run without a record leaves nothing.

        ``planned`` is corrected by what a precision asked for.
        """
        if not self._run.invocations:
            shutil.rmtree(self._folder)
            return self._run
        self._run = replace(
            self._run,
            complete=complete,
            finished_at=utc_now(),
            planned=self._run.planned if planned is None else planned,
        )
        write_atomic(self._folder / RUN_FILE, schema.dumps(self._run).encode())
        (self._folder / STREAM_FILE).unlink(missing_ok=True)
        return self._run


def load_runs(paths: Iterable[Path]) -> tuple[BenchmarkRun, ...]:
    """Read all runs below these folders and files, oldest first, each once.

    Raises:
        ResultError: a path is missing, holds no run, or a run in it cannot be read.
    """
    runs = {run.run_id: run for run in map(load_run, run_files(paths))}
    return tuple(sorted(runs.values(), key=lambda run: (run.started_at, run.run_id)))


def load_run(file: Path) -> BenchmarkRun:
    """Read one ``run.json``; of an interrupted run the streamed records are taken in."""
    run = schema.loads(file.read_bytes(), where=str(file))
    stream = file.with_name(STREAM_FILE)
    if run.finished_at is not None or not stream.is_file():
        return run
    return replace(run, invocations=tuple(_streamed(stream)))


def _streamed(stream: Path) -> Iterator[Invocation]:
    """Yield the records of a stream; a last line cut short by a crash is no record."""
    # Not splitlines(): what a device said may hold U+2028 and other ends of lines that JSON leaves alone.
    *lines, _ = stream.read_text("utf-8", "replace").split("\n")
    for number, line in enumerate(lines, 1):
        yield schema.invocation_from_line(line, where=f"{stream}, line {number}")


def run_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The ``run.json`` files below these folders and files.

    Raises:
        ResultError: a path is missing or holds no run.
    """
    return tuple(file for path in paths for file in _below(path))


def _below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ResultError(f"{path} does not exist.", hint="Give a results folder or its run.json.")
    files = sorted(path.rglob(RUN_FILE))
    if not files:
        raise ResultError(
            f"{path} holds no run ({RUN_FILE}).", hint="Make one: android-bench run MODEL.tflite"
        )
    return files
