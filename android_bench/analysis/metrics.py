"""The metrics that runs are compared by. Flags name them, so this module loads nothing else."""

from __future__ import annotations

from enum import Enum


class Metric(str, Enum):
    """What is compared. Times are microseconds, sizes bytes; less is better in all of them."""

    LATENCY = "latency"
    INIT = "init"
    FIRST_INFERENCE = "first-inference"
    PEAK_MEMORY = "peak-memory"
    FILE_SIZE = "file-size"
