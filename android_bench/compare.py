"""Verdicts: is the candidate slower than the baseline by more than the gate allows?

A verdict needs the whole confidence interval of the ratio on one side of the gate. What the samples
cannot decide is *inconclusive*, and what was not measured alike is *incomparable*, with the field that
differs and both its values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from android_bench import formatting
from android_bench.errors import ExitCode, UsageError
from android_bench.ratio import ratio_interval
from android_bench.results import BenchmarkRun
from android_bench.stats import Interval
from android_bench.summary import summarise


class Verdict(str, Enum):
    """What can be said of a candidate against a baseline."""

    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"
    INCOMPARABLE = "incomparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric of one pair. ``ratio`` is candidate / baseline; ``reasons`` say why, in sentences.

    The run ids lead to the evidence; ``None`` for a side that has no such run.
    """

    metric: str
    name: str
    device: str
    config: str
    baseline: float | None
    candidate: float | None
    ratio: Interval | None
    max_slowdown: float
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    baseline_run_id: str | None = None
    candidate_run_id: str | None = None


def compare_runs(
    baseline: BenchmarkRun, candidate: BenchmarkRun, *, max_slowdown: float
) -> Comparison:
    """Compare the latency of two runs; ``max_slowdown`` is a fraction (0.05 is 5 %)."""
    before, after = summarise(baseline), summarise(candidate)
    ratio: Interval | None = None
    reasons = _differences(baseline, candidate)
    if reasons:
        verdict = Verdict.INCOMPARABLE
    elif before.latency is None or after.latency is None:
        verdict = Verdict.INCONCLUSIVE
        sides = (("baseline", before.latency), ("candidate", after.latency))
        reasons = tuple(f"the {side} has no valid invocation" for side, value in sides if not value)
    else:
        ratio = ratio_interval(before.samples_us, after.samples_us)
        verdict, reason = judge_ratio(ratio, max_slowdown=max_slowdown)
        if ratio.low is None:
            reason = (
                f"too few invocations for a {ratio.confidence:.0%} interval: {before.invocations} "
                f"against {after.invocations}, four a side are the least"
            )
        reasons = (reason,)
    return Comparison(
        metric="latency",
        name=_pair_name(baseline, candidate),
        device=candidate.device.label,
        config=candidate.config.label,
        baseline=before.latency.estimate if before.latency else None,
        candidate=after.latency.estimate if after.latency else None,
        ratio=ratio,
        max_slowdown=max_slowdown,
        verdict=verdict,
        reasons=reasons,
        baseline_run_id=baseline.run_id,
        candidate_run_id=candidate.run_id,
    )


def judge_ratio(ratio: Interval, *, max_slowdown: float) -> tuple[Verdict, str]:
    """Turn a ratio's interval into a verdict and the sentence that explains it.

    *Regressed* when the interval lies above the gate, *improved* when it lies below the gate's mirror
    image 1 / (1 + gate), *unchanged* when it ends below the gate (so a slowdown beyond it is ruled
    out), else *inconclusive*.
    """
    gate = 1 + max_slowdown
    if ratio.low is None or ratio.high is None:
        return Verdict.INCONCLUSIVE, "too few invocations for an interval"
    interval = f"{formatting.change(ratio.low)} to {formatting.change(ratio.high)}"
    allowed = f"the gate of {formatting.change(gate)}"
    if ratio.low > gate:
        return Verdict.REGRESSED, f"{interval} lies beyond {allowed}"
    if ratio.high < 1 / gate:
        return Verdict.IMPROVED, f"{interval} lies below {formatting.change(1 / gate)}"
    if ratio.high <= gate:
        return Verdict.UNCHANGED, f"{interval} stays within {allowed}"
    return (
        Verdict.INCONCLUSIVE,
        f"{interval} reaches over {allowed}: take more invocations or a quieter device",
    )


def compare_sets(
    baseline: Sequence[BenchmarkRun], candidate: Sequence[BenchmarkRun], *, max_slowdown: float
) -> tuple[Comparison, ...]:
    """Pair the runs of two sets and compare each pair.

    One run against one run is always a pair. Otherwise runs are paired by artifact name, device and
    configuration; the newest of several wins, and a run without a counterpart is *incomparable*.
    """
    if len(baseline) == 1 and len(candidate) == 1:
        return (compare_runs(baseline[0], candidate[0], max_slowdown=max_slowdown),)
    before, after = _by_identity(baseline), _by_identity(candidate)
    pairs = []
    for identity in sorted(before.keys() | after.keys()):
        old, new = before.get(identity), after.get(identity)
        if old and new:
            pairs.append(compare_runs(old, new, max_slowdown=max_slowdown))
        else:
            pairs.append(_unpaired(identity, old, new, max_slowdown))
    return tuple(pairs)


def exit_code(comparisons: Iterable[Comparison]) -> ExitCode:
    """The exit code of comparisons: the worst verdict decides; none at all is inconclusive."""
    verdicts = {item.verdict for item in comparisons}
    if Verdict.REGRESSED in verdicts:
        return ExitCode.REGRESSED
    if not verdicts or verdicts & {Verdict.INCONCLUSIVE, Verdict.INCOMPARABLE}:
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK


def parse_fraction(text: str, *, flag: str) -> float:
    """Read ``5%`` or ``0.05`` as 0.05.

    Raises:
        UsageError: the text is no percentage, or negative.
    """
    number = text.strip().removesuffix("%")
    try:
        value = float(number) / (100 if "%" in text else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"{flag} {text!r} is not a percentage from 0 on.", hint=f"{flag} 5%")
    return value


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a JSON-able dictionary."""
    return {**asdict(comparison), "verdict": comparison.verdict.value}


_Identity = tuple[str, str, str]


def _by_identity(runs: Sequence[BenchmarkRun]) -> dict[_Identity, BenchmarkRun]:
    ordered = sorted(runs, key=lambda run: run.started_at)
    return {(run.artifact.name, run.device.label, run.config.label): run for run in ordered}


def _unpaired(
    identity: _Identity, old: BenchmarkRun | None, new: BenchmarkRun | None, max_slowdown: float
) -> Comparison:
    present, missing = ("baseline", "candidate") if old else ("candidate", "baseline")
    name, device, config = identity
    estimates = [summarise(run).latency if run else None for run in (old, new)]
    return Comparison(
        metric="latency",
        name=name,
        device=device,
        config=config,
        baseline=estimates[0].estimate if estimates[0] else None,
        candidate=estimates[1].estimate if estimates[1] else None,
        ratio=None,
        max_slowdown=max_slowdown,
        verdict=Verdict.INCOMPARABLE,
        reasons=(f"only the {present} has it, the {missing} does not",),
        baseline_run_id=old.run_id if old else None,
        candidate_run_id=new.run_id if new else None,
    )


def _differences(baseline: BenchmarkRun, candidate: BenchmarkRun) -> tuple[str, ...]:
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


def _pair_name(baseline: BenchmarkRun, candidate: BenchmarkRun) -> str:
    names = (baseline.artifact.name, candidate.artifact.name)
    return names[0] if names[0] == names[1] else " → ".join(names)
