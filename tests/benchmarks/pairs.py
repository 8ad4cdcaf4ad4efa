"""Time two things in turn, A B A B …, so that a drift of the machine hits both."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence


def seconds(call: Callable[[], object]) -> float:
    """The wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def command(argv: Sequence[str]) -> Callable[[], object]:
    """A call that runs a command as its user would and throws its output away; it must succeed."""
    # A machine that forbids compiled modules would measure the compiler.
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }
    return lambda: subprocess.run(argv, check=True, capture_output=True, env=environment)


def in_turn(
    first: Callable[[], object], second: Callable[[], object], *, rounds: int
) -> tuple[float, float, float]:
    """Median seconds of both and the median of the ratios first / second, after one warm-up each."""
    first()
    second()
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    ours, theirs = zip(*pairs, strict=True)
    ratio = statistics.median(one / other for one, other in pairs)
    return statistics.median(ours), statistics.median(theirs), ratio
