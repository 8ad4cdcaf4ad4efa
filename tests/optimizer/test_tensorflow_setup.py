from __future__ import annotations

import os
import pty
import subprocess
import sys

from optimizer.tensorflow_setup import quiet_stderr


def test_native_noise_is_kept_and_not_shown(capfd: object) -> None:
    with quiet_stderr() as log:
        os.write(2, b"native noise\n")
    assert log == ["native noise\n"]


def test_a_terminal_still_sees_what_python_writes() -> None:
    """So that a spinner goes on while the converter talks."""
    code = (
        "import os, sys\n"
        "from optimizer.tensorflow_setup import quiet_stderr\n"
        "for turn in (1, 2):\n"
        "    with quiet_stderr() as log:\n"
        "        os.write(2, b'noise'); print('spinner', turn, file=sys.stderr, flush=True)\n"
        "    assert log == ['noise'], log\n"
        "print('after', file=sys.stderr)\n"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", code], stderr=theirs, check=False, timeout=60)
    os.close(theirs)
    seen = os.read(ours, 4096).decode()
    os.close(ours)
    assert done.returncode == 0, seen
    assert seen.split() == ["spinner", "1", "spinner", "2", "after"]
