"""Which interrupted runs a repeated command goes on with, and which it finds done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from android_bench.errors import ResultError
from android_bench.measuring.preparation import Cell, key_of
from android_bench.results import BenchmarkRun, BinaryInfo, DeviceInfo
from android_bench.store import RUN_FILE, load_run, order_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A session that was cut short: the files of runs to go on with, and the runs that are whole.

    Without files it is whole itself, and another device of the same order is not.
    """

    session_id: str
    files: tuple[Path, ...]
    done: tuple[BenchmarkRun, ...]


def find_interrupted(
    results: Path,
    cells: Sequence[Cell],
    device: DeviceInfo,
    binary: BinaryInfo,
    *,
    order_id: str | None = None,
    devices: int = 1,
) -> Interrupted | None:
    """The newest session under ``results`` that left one of these cells unfinished on this device.

    The same artifact, configuration, device and binary: anything else would mix two measurements. A
    session that is whole counts as well if it is of the order ``order_id``, or if that order, made for so
    many ``devices``, is unfinished on another one: it is not measured again.
    A run that cannot be read is none to go on with.
    """
    wanted = {cell.key for cell in cells}
    kept = _runs_of(results, cells)
    sessions: dict[str, list[tuple[Path, BenchmarkRun]]] = {}
    for file, run in kept:
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
        done = tuple(run for _, run in found if run.complete)
        order = order_of(session_id)
        whole = {key_of(run) for run in done} == wanted
        if files or (whole and (order == order_id or order in _unfinished(kept, devices))):
            return Interrupted(session_id=session_id, files=files, done=done)
    return None


def unfinished_order(results: Path, cells: Sequence[Cell], *, devices: int) -> str | None:
    """The newest order for the artifacts of these cells that is not whole on so many devices."""
    return max(_unfinished(_runs_of(results, cells), devices), default=None)


def _runs_of(results: Path, cells: Sequence[Cell]) -> list[tuple[Path, BenchmarkRun]]:
    """All runs under a folder of the artifacts of these cells, on whatever device."""
    wanted = {(cell.artifact.name, cell.artifact.sha256, cell.side) for cell in cells}
    files = sorted(results.rglob(RUN_FILE)) if results.is_dir() else []
    found = []
    for file in files:
        with suppress(ResultError):  # damaged, or of a newer version
            run = load_run(file)
            if (run.artifact.name, run.artifact.sha256, run.side) in wanted:
                found.append((file, run))
    return found


def _unfinished(kept: Sequence[tuple[Path, BenchmarkRun]], devices: int) -> set[str]:
    """The orders of which fewer sessions than there are devices are whole."""
    orders: dict[str, dict[str, bool]] = {}
    for _, run in kept:
        sessions = orders.setdefault(order_of(run.session_id), {})
        sessions[run.session_id] = sessions.get(run.session_id, True) and run.complete
    return {order for order, sessions in orders.items() if sum(sessions.values()) < devices}
