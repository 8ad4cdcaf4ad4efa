"""Processes of this machine, which sees those of its devices as well, and waiting with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def running(*argv: str) -> list[int]:
    """The ids of the processes with exactly these words."""
    wanted = "".join(f"{word}\0" for word in argv).encode()
    return [int(folder.name) for folder in _processes() if _read(folder / "cmdline") == wanted]


def until(condition: Callable[[], object], *, seconds: float = 10) -> None:
    """Wait until something holds; an ``AssertionError`` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def _processes() -> list[Path]:
    return [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has ended
        return b""
