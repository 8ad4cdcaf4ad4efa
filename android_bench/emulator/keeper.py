"""The process between this tool and an emulator, so that no emulator outlives what it was started for.

The tool starts it with a pipe on its standard input; it starts the emulator in a session of its own, says
``{"pid": ...}``, and then waits for one of

    end      or the end of the pipe: the tool is done, or was killed, in whatever way → end the emulator
    keep     go on without the tool (``android-bench emulator start``), until SIGTERM

When the emulator ends by itself it says ``{"exit": ...}`` and ends too. On Linux the system kills the
emulator when the keeper itself is killed. Ctrl-C in a terminal does not reach either of them.
Standard library only: it starts fast and stays small beside what is measured.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from android_bench.emulator.ending import end_emulator

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> int:
    """Start what the order names and watch over it."""
    order = json.loads(sys.argv[1])
    woken = _wake_on_signals()
    try:
        child = _start(order["argv"], Path(order["log"]))
    except OSError as error:
        _say({"error": str(error)})
        return 1
    _say({"pid": child.pid})
    if _must_end(child, woken):
        end_emulator(child.pid, order["port"], ended=lambda: child.poll() is not None)
        _say({"ended": child.poll() is not None})
    else:
        _say({"exit": child.returncode})
        end_emulator(child.pid, order["port"], ended=lambda: True)
    return 0


def _start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before the fork

    def die_with_the_keeper() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with log.open("ab") as stream:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_the_keeper,  # noqa: PLW1509 (this process has one thread)
        )


def _must_end(child: subprocess.Popen[bytes], woken: int) -> bool:
    """Wait without polling; ``True`` when the emulator is to be ended, ``False`` when it has ended."""
    sources = [woken, sys.stdin.fileno()]
    kept = False
    orders = b""
    while child.poll() is None:
        ready, _, _ = select.select(sources, [], [])
        if woken in ready and signal.SIGTERM in os.read(woken, 512):
            return True
        if sys.stdin.fileno() not in ready:
            continue
        data = os.read(sys.stdin.fileno(), 512)
        orders += data
        *lines, orders = orders.split(b"\n")
        kept = kept or b"keep" in lines
        if b"end" in lines or not (data or kept):
            return True
        if not data:
            sources.remove(sys.stdin.fileno())
    return False


def _wake_on_signals() -> int:
    """Let SIGTERM and a child's end arrive as bytes on a pipe; the others are not for this process."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return reader


def _say(message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError, ValueError):  # nobody listens any more
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
