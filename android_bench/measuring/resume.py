"""Which interrupted runs a repeated command goes on with, and which it finds done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from android_bench.measuring.preparation import Cell, key_of
from android_bench.results import BenchmarkRun, BinaryInfo, DeviceInfo
from android_bench.store import RUN_FILE, load_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A session that was cut short: the files of runs to go on with, and the runs that are whole."""

    session_id: str
    files: tuple[Path, ...]
    done: tuple[BenchmarkRun, ...]


def find_interrupted(
    results: Path, cells: Sequence[Cell], device: DeviceInfo, binary: BinaryInfo
) -> Interrupted | None:
    """The newest session under ``results`` that left one of these cells unfinished on this device.

    The same artifact, configuration, device and binary: anything else would mix two measurements.

    Raises:
        ResultError: a run in the folder cannot be read.
    """
    wanted = {cell.key for cell in cells}
    sessions: dict[str, list[tuple[Path, BenchmarkRun]]] = {}
    for file in sorted(results.rglob(RUN_FILE)) if results.is_dir() else []:
        run = load_run(file)
        same_place = (run.device.serial, run.device.fingerprint) == (
            device.serial,
            device.fingerprint,
        )
        same_work = key_of(run) in wanted
        if same_place and same_work and run.binary.sha256 == binary.sha256:
            sessions.setdefault(run.session_id, []).append((file, run))
    for session_id in sorted(sessions, reverse=True):  # identifiers begin with the time
        found = sessions[session_id]
        files = tuple(file for file, run in found if not run.complete)
        if files:
            done = tuple(run for _, run in found if run.complete)
            return Interrupted(session_id=session_id, files=files, done=done)
    return None
