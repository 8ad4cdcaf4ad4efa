"""Verdicts: is the candidate slower than the baseline by more than the gate allows?

A verdict needs the whole confidence interval of the ratio on one side of the gate. What the samples
cannot decide is *inconclusive*, and what was not measured alike is *incomparable*, with the field that
differs and both its values.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from android_bench import formatting
from android_bench.analysis.checks import Finding, check_pair
from android_bench.analysis.metrics import Metric
from android_bench.analysis.noise import NoiseFloor, Scope, floor_for
from android_bench.analysis.run_ratio import Method, RunRatio, ratio_of_runs, samples_of
from android_bench.analysis.stats import Interval
from android_bench.comparability import differences
from android_bench.errors import ExitCode, UsageError
from android_bench.results import BenchmarkRun, DeviceKind

# With it and the default number of invocations, noise of 1 % gives at most one false alarm in a hundred and
# hides at most one slowdown of 3 % in twenty: docs/statistics.md shows how both were chosen.
DEFAULT_MAX_SLOWDOWN = 0.01


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

    ``baseline`` and ``candidate`` are medians, in microseconds or bytes. ``noise_floor`` is what unchanged
    models differ by there, if it is known; the larger of it and ``max_slowdown`` is the ``gate``.
    ``cautions`` are what the reader must know before believing the verdict. The run ids lead to the
    evidence; ``None`` for a side that has no such run. ``device_kind`` says whose numbers these are.
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
    method: Method | None = None
    noise_floor: float | None = None
    cautions: tuple[Finding, ...] = ()
    device_kind: DeviceKind | None = None

    @property
    def gate(self) -> float:
        """How much slower is still accepted, as a fraction."""
        return max(self.max_slowdown, self.noise_floor or 0.0)


def compare_runs(
    baseline: BenchmarkRun,
    candidate: BenchmarkRun,
    *,
    max_slowdown: float = DEFAULT_MAX_SLOWDOWN,
    metric: Metric = Metric.LATENCY,
    floors: Sequence[NoiseFloor] = (),
) -> Comparison:
    """Compare two runs in a metric; ``max_slowdown`` is a fraction (0.05 is 5 %)."""
    found: RunRatio | None = None
    floor: NoiseFloor | None = None
    reasons = () if metric is Metric.FILE_SIZE else differences(baseline, candidate)
    if reasons:
        verdict = Verdict.INCOMPARABLE
    elif (found := ratio_of_runs(baseline, candidate, metric)) is None:
        verdict, reasons = Verdict.INCONCLUSIVE, _empty_sides(baseline, candidate, metric)
    else:
        if metric is Metric.LATENCY:
            floor = floor_for(
                floors, device=candidate.device.label, scope=Scope.of(baseline, candidate)
            )
        gate = max(max_slowdown, floor.floor if floor else 0.0)
        verdict, reason = judge_ratio(found.ratio, max_slowdown=gate)
        reasons = (found.shortage or reason, found.explanation)
        if floors and metric is Metric.LATENCY:
            reasons = (*reasons, _about_the_floor(floor, max_slowdown, baseline, candidate))
    return Comparison(
        metric=metric.value,
        name=_pair_name(baseline, candidate),
        device=candidate.device.label,
        device_kind=candidate.device.kind,
        config=candidate.config.label,
        baseline=_median(baseline, metric),
        candidate=_median(candidate, metric),
        ratio=found.ratio if found else None,
        max_slowdown=max_slowdown,
        verdict=verdict,
        reasons=reasons,
        baseline_run_id=baseline.run_id,
        candidate_run_id=candidate.run_id,
        method=found.method if found else None,
        noise_floor=floor.floor if floor else None,
        cautions=tuple(check_pair(baseline, candidate)) if metric is Metric.LATENCY else (),
    )


def compare_metrics(
    baseline: BenchmarkRun,
    candidate: BenchmarkRun,
    *,
    max_slowdown: float = DEFAULT_MAX_SLOWDOWN,
    metrics: Sequence[Metric] = tuple(Metric),
    floors: Sequence[NoiseFloor] = (),
) -> tuple[Comparison, ...]:
    """Compare two runs in several metrics; of those besides latency, in what both sides have."""
    return tuple(
        compare_runs(baseline, candidate, max_slowdown=max_slowdown, metric=metric, floors=floors)
        for metric in metrics
        if metric is Metric.LATENCY
        or (samples_of(baseline, metric) and samples_of(candidate, metric))
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
    if ratio.low == ratio.high:
        interval = formatting.change(ratio.low)
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
    baseline: Sequence[BenchmarkRun],
    candidate: Sequence[BenchmarkRun],
    *,
    max_slowdown: float = DEFAULT_MAX_SLOWDOWN,
    metrics: Sequence[Metric] = (Metric.LATENCY,),
    floors: Sequence[NoiseFloor] = (),
) -> tuple[Comparison, ...]:
    """Pair the runs of two sets and compare each pair, metric by metric.

    One run against one run is always a pair. Otherwise runs are paired by artifact name, device and
    configuration; the newest of several wins, and a run without a counterpart is *incomparable*.
    """

    def compared(old: BenchmarkRun, new: BenchmarkRun) -> tuple[Comparison, ...]:
        return compare_metrics(old, new, max_slowdown=max_slowdown, metrics=metrics, floors=floors)

    if len(baseline) == 1 and len(candidate) == 1:
        return compared(baseline[0], candidate[0])
    before, after = _by_identity(baseline), _by_identity(candidate)
    pairs: list[Comparison] = []
    for identity in sorted(before.keys() | after.keys()):
        old, new = before.get(identity), after.get(identity)
        if old and new:
            pairs += compared(old, new)
        else:
            pairs.append(_unpaired(identity, old, new, max_slowdown))
    return tuple(pairs)


def exit_code(
    comparisons: Iterable[Comparison], *, deciding: Sequence[Metric] = (Metric.LATENCY,)
) -> ExitCode:
    """The exit code of comparisons: the worst verdict in the deciding metrics; none is inconclusive.

    A pair without a metric that is to decide (no run on the other side, no memory measured) is no pass.
    """
    pairs: dict[_Identity, dict[str, Verdict]] = {}
    for item in comparisons:
        pairs.setdefault((item.name, item.device, item.config), {})[item.metric] = item.verdict
    verdicts = {
        found.get(metric.value, Verdict.INCONCLUSIVE)
        for found in pairs.values()
        for metric in deciding
    }
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
    return {
        **asdict(comparison),
        "verdict": comparison.verdict.value,
        "device_kind": comparison.device_kind and comparison.device_kind.value,
        "method": comparison.method.value if comparison.method else None,
        "gate": comparison.gate,
        "cautions": [
            {**asdict(item), "severity": item.severity.value} for item in comparison.cautions
        ],
    }


_Identity = tuple[str, str, str]


def _by_identity(runs: Sequence[BenchmarkRun]) -> dict[_Identity, BenchmarkRun]:
    ordered = sorted(runs, key=lambda run: run.started_at)
    return {(run.artifact.name, run.device.label, run.config.label): run for run in ordered}


def _unpaired(
    identity: _Identity, old: BenchmarkRun | None, new: BenchmarkRun | None, max_slowdown: float
) -> Comparison:
    present, missing = ("baseline", "candidate") if old else ("candidate", "baseline")
    name, device, config = identity
    known = new or old
    return Comparison(
        metric=Metric.LATENCY.value,
        name=name,
        device=device,
        device_kind=known.device.kind if known else None,
        config=config,
        baseline=_median(old, Metric.LATENCY) if old else None,
        candidate=_median(new, Metric.LATENCY) if new else None,
        ratio=None,
        max_slowdown=max_slowdown,
        verdict=Verdict.INCOMPARABLE,
        reasons=(f"only the {present} has it, the {missing} does not",),
        baseline_run_id=old.run_id if old else None,
        candidate_run_id=new.run_id if new else None,
    )


def _empty_sides(
    baseline: BenchmarkRun, candidate: BenchmarkRun, metric: Metric
) -> tuple[str, ...]:
    """Say which sides have nothing to compare."""
    sides = (("baseline", baseline), ("candidate", candidate))
    return tuple(
        f"the {side} has no invocation that was not throttled"
        if run.set_apart
        else f"the {side} has no valid invocation"
        for side, run in sides
        if not samples_of(run, metric)
    )


def _about_the_floor(
    floor: NoiseFloor | None, max_slowdown: float, baseline: BenchmarkRun, candidate: BenchmarkRun
) -> str:
    scope = Scope.of(baseline, candidate).words
    if floor is None:
        return f"the noise floor {scope} is not known of this device: the gate is as given"
    known = f"unchanged models differ by up to {formatting.percent(floor.floor, digits=2)} {scope}"
    if floor.floor > max_slowdown:
        return f"{known}, more than --max-slowdown: this noise floor is the gate"
    return f"{known}, within --max-slowdown"


def _median(run: BenchmarkRun, metric: Metric) -> float | None:
    values = [value for _, value in samples_of(run, metric)]
    return statistics.median(values) if values else None


def _pair_name(baseline: BenchmarkRun, candidate: BenchmarkRun) -> str:
    names = (baseline.artifact.name, candidate.artifact.name)
    return names[0] if names[0] == names[1] else " → ".join(names)
