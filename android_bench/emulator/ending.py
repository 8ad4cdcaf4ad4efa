"""Ending an emulator that this tool started, and only that.

First its console is asked, which leaves its disks whole; then its process group gets SIGTERM, then SIGKILL.
The console is asked only when the process that listens there belongs to the emulator's own group:
between its start and its listening, another emulator may have taken the port. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from android_bench.emulator.console import ask_to_end

CONSOLE_S, TERM_S, KILL_S = 20.0, 10.0, 5.0
_POLL_S = 0.05
_HAS_PROC = Path("/proc/self/stat").exists()  # Linux; macOS has lsof and ps
_LISTENS = "0A"  # TCP_LISTEN in /proc/net/tcp


def end_emulator(group: int, port: int, *, ended: Callable[[], bool]) -> bool:
    """End the emulator whose process group is ``group``; whether it is gone.

    ``ended`` says whether its first process has ended. What that leaves behind in its group
    (crash handlers, its network daemon) is ended as well: it keeps CI jobs from ending.
    """
    if not ended() and owns_port(group, port) and ask_to_end(port):
        _within(CONSOLE_S, ended)
    for number, bound_s in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, KILL_S)):
        if not _signal(group, number):
            return True
        _within(bound_s, lambda: ended() and not _is_left(group))
    return ended()


def owns_port(group: int, port: int) -> bool:
    """Whether a process of that group listens on the port of loopback."""
    if _HAS_PROC:
        inodes = _listening_inodes(port)
        return any(_holds(pid, inodes) for pid in _members(group)) if inodes else False
    lsof = shutil.which("lsof")
    if lsof is None:
        return False
    words = [lsof, "-nP", "-a", "-g", str(group), f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]
    return bool(subprocess.run(words, capture_output=True, check=False, timeout=10).stdout.strip())


def started_at(pid: int) -> str | None:
    """When a process began, in the system's own words; ``None`` when it has ended.

    A number that the system gives to another process differs in it.
    """
    if _HAS_PROC:
        fields = _stat(pid)
        # The third and the 22nd field of proc(5)'s stat: state and starttime.
        return fields[19] if fields and fields[0] != "Z" else None
    words = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or None


def _signal(group: int, number: int) -> bool:
    """Send a signal to a group; whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def _is_left(group: int) -> bool:
    """Whether a process of a group still lives; one that ended and is not fetched does not."""
    if _HAS_PROC:
        return bool(_members(group))
    return _signal(group, 0)


def _within(bound_s: float, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + bound_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (
                Path(f"/proc/self/net/{table}").read_text(encoding="ascii").splitlines()[1:]
            ):
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found


def _members(group: int) -> list[int]:
    """The living processes of a group: the third and the fifth field of proc(5)'s stat."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    states = ((pid, _stat(pid)) for pid in numbers)
    return [pid for pid, state in states if state and state[2] == str(group) and state[0] != "Z"]


def _holds(pid: int, inodes: set[str]) -> bool:
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
                if found and found[1] in inodes:
                    return True
    return False


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold spaces and parentheses; empty when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
