"""Memory of this process as the kernel counts it; ``None`` where the kernel does not tell."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

_STATUS = Path("/proc/self/status")


def high_water_kib() -> int | None:
    """The largest resident size so far, in KiB.

    benchmark_model reads ``ru_maxrss``. On Linux that one is inherited over fork and exec, so under a
    large parent (a test run, an IDE) it would never grow; ``VmHWM`` is the same mark for this program
    alone.
    """
    mark = _status().get("VmHWM")
    if mark is not None:
        return mark
    try:
        import resource
    except ImportError:  # Windows has neither
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak  # macOS counts bytes


def resident_mib() -> dict[str, float]:
    """The resident size and its parts in MiB, under the names the tool prints them with."""
    status = _status()
    if "VmRSS" not in status:
        return {}
    shared = status.get("RssFile", 0) + status.get("RssShmem", 0)
    return {
        "- VmRSS": status["VmRSS"] / 1024,
        "+ RssAnnon": status.get("RssAnon", status["VmRSS"] - shared) / 1024,
        "+ RssFile + RssShmem": shared / 1024,
    }


class PeakMonitor:
    """Samples the resident size in a thread of its own, which disturbs what is timed meanwhile."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._peak_kib: int | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> float | None:
        """End it and return the largest sample in MiB, or ``None`` if there was none."""
        self._done.set()
        self._thread.join()
        self._sample()
        return None if self._peak_kib is None else self._peak_kib / 1024

    def _watch(self) -> None:
        self._sample()
        while not self._done.wait(self._interval_s):
            self._sample()

    def _sample(self) -> None:
        resident = _status().get("VmRSS")
        if resident is not None:
            self._peak_kib = max(resident, self._peak_kib or 0)


def _status() -> dict[str, int]:
    """The sizes in /proc/self/status in KiB by name."""
    try:
        text = _STATUS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    sizes = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if value.endswith("kB"):
            sizes[name] = int(value[:-2])
    return sizes
