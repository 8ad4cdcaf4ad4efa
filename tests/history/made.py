"""Example histories: runs over days and revisions, with a step, a drift, another device, another binary."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from android_bench.results import BenchmarkRun
from tests import examples

BEGIN = datetime(2026, 10, 1, 3, 0, tzinfo=timezone.utc)


def sha(number: int, letter: str = "") -> str:
    """Forty hexadecimal digits that tell their number."""
    return f"{letter}{number:x}".rjust(8, "0").ljust(40, "f")


def run_on_day(
    day: int,
    median_us: float = 3000.0,
    *,
    name: str = "digits.int8",
    noise: float = 0.005,
    session_noise: float = 0.002,
    count: int = 12,
    seed: int = 0,
    model: int | None = None,
    **changes: Any,
) -> BenchmarkRun:
    """One run of a night; ``model`` numbers the content of its file, by default another each day."""
    random_of_day = random.Random(f"{name} {day} {seed}")
    level = median_us * (1 + random_of_day.gauss(0, session_noise))
    means = [level * (1 + random_of_day.gauss(0, noise)) for _ in range(count)]
    began = BEGIN + timedelta(days=day)
    made = examples.run(
        means,
        name=name,
        run_id=f"{began:%Y%m%dT%H%M%SZ}-{name}-{seed:04x}",
        session_id=f"{began:%Y%m%dT%H%M%SZ}-session-{seed:04x}",
        started_at=began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )
    content = replace(made.artifact, sha256=f"{day if model is None else model:064x}")
    return replace(made, **{"artifact": content, **changes})


def nights(
    days: Sequence[int] | int, level: Callable[[int], float], **changes: Any
) -> list[BenchmarkRun]:
    """A run for each day, with its level in microseconds."""
    every = range(days) if isinstance(days, int) else days
    return [run_on_day(day, level(day), **changes) for day in every]
