"""What ``emulator start`` leaves behind so that ``emulator stop`` ends that emulator and no other.

A note names the two processes with the moment they began: a number that the system gave to another process
since is never taken for ours.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import platformdirs

from android_bench.emulator.ending import CONSOLE_S, KILL_S, TERM_S, end_emulator, started_at
from android_bench.emulator.errors import EmulatorError
from optimizer.files import write_atomic

_STOP_S = CONSOLE_S + TERM_S + KILL_S + 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An emulator that was started and let go. ``pid`` leads its process group; ``keeper`` watches it."""

    avd: str
    port: int
    pid: int
    pid_started_at: str
    keeper: int
    keeper_started_at: str
    log: str

    @property
    def serial(self) -> str:
        """How adb calls it."""
        return f"emulator-{self.port}"

    @property
    def runs(self) -> bool:
        """Whether it is still that process."""
        return _is(self.pid, self.pid_started_at)


def state_folder() -> Path:
    """Where this tool keeps notes, logs and locks of emulators."""
    return Path(platformdirs.user_state_dir("android-bench")) / "emulators"


def keep_note(note: Note) -> None:
    """Write a note down."""
    write_atomic(_file(note.port), json.dumps(asdict(note), indent=2).encode())


def read_notes() -> tuple[Note, ...]:
    """The notes of emulators that still run; what is left of others is removed."""
    found = []
    for file in sorted(state_folder().glob("*.json")):
        note = _read(file)
        if note is not None and note.runs:
            found.append(note)
        else:
            file.unlink(missing_ok=True)
    return tuple(found)


def stop(note: Note) -> None:
    """End an emulator that was let go, in order: its console, then its processes.

    Raises:
        EmulatorError: it is still there after all of that.
    """
    deadline = time.monotonic() + _STOP_S
    if _is(note.keeper, note.keeper_started_at):
        os.kill(note.keeper, signal.SIGTERM)
        while _is(note.keeper, note.keeper_started_at) and time.monotonic() < deadline:
            time.sleep(0.05)
    if note.runs:  # the keeper was killed, on a system that does not take its children along
        end_emulator(note.pid, note.port, ended=lambda: not note.runs)
    if note.runs:
        raise EmulatorError(
            f"{note.serial} ({note.avd}) does not end.",
            hint=f"kill -9 -{note.pid}; log: {note.log}",
        )
    _file(note.port).unlink(missing_ok=True)


def _file(port: int) -> Path:
    return state_folder() / f"{port}.json"


def _read(file: Path) -> Note | None:
    """A note, or ``None`` for a file that is none."""
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
        return Note(**{field.name: entry[field.name] for field in fields(Note)})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is(pid: int, began: str) -> bool:
    return bool(began) and started_at(pid) == began
