"""What two runs must share for a verdict, and what of it they do not."""

from __future__ import annotations

from android_bench.results import BenchmarkRun


def differences(baseline: BenchmarkRun, candidate: BenchmarkRun) -> tuple[str, ...]:
    """Name every field that must be alike and is not, with both values."""
    before, after = baseline.comparability_key, candidate.comparability_key
    return tuple(
        f"{field} differs: {_short(before[field])} against {_short(after[field])}"
        for field in before
        if before[field] != after[field]
    )


def _short(value: object) -> str:
    """A value for a sentence; hashes by their first twelve digits."""
    text = "unknown" if value is None else str(value)
    return text[:12] if len(text) == 64 else text
