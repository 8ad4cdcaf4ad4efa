"""Findings about the samples: are they enough, alike, steady and finely measured?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from android_bench import formatting
from android_bench.analysis.checks.finding import Code, Severity, Told
from android_bench.analysis.stats import Interval
from android_bench.analysis.summary import RunSummary, summarise
from android_bench.results import BenchmarkRun, BinaryFlavor

# With the default 20 invocations a side and noise of 3 %, a slowdown of 3 % is found only every second time
# (docs/statistics.md, the power curve).
HIGH_SPREAD = 0.03
# A drift of 1 % moves the median by half of it: half of the default gate.
LEAST_DRIFT = 0.01
# What moves no verdict needs no name: outliers and modes nearer than this are not told.
LEAST_DISTANCE = 0.02
# One step of the clock may be this part of what it measures.
TIMER_SHARE = 0.01
# The Classic program and the stand-in count an inference in whole microseconds; LiteRT's prints hundredths
# of a millisecond.
TIMER_STEP_US = {
    BinaryFlavor.CLASSIC: 1.0,
    BinaryFlavor.HOST_MODEL: 1.0,
    BinaryFlavor.LITERT: 10.0,
}
_NAMED = 6


def check_samples(run: BenchmarkRun) -> Iterator[Told]:
    """Yield what the invocations' means tell about themselves."""
    summary = summarise(run)
    if summary.latency is None or summary.latency.estimate <= 0:
        return
    yield from _about_the_interval(run, summary, summary.latency)
    yield from _about_spread(summary)
    yield from _about_steadiness(summary, summary.latency)
    yield from _about_the_timer(run, summary.latency)


def _about_the_interval(
    run: BenchmarkRun, summary: RunSummary, latency: Interval
) -> Iterator[Told]:
    asked = run.config.precision
    if latency.low is None or latency.high is None:
        yield Told(
            Code.TOO_FEW_INVOCATIONS,
            Severity.WARNING,
            f"{formatting.count(summary.invocations, 'valid timing invocation')} "
            f"{'gives' if summary.invocations == 1 else 'give'} no {latency.confidence:.0%} interval.",
            "Take at least 6, and to compare as many as the default: --invocations 20.",
        )
        return
    farthest = max(latency.estimate - latency.low, latency.high - latency.estimate)
    reached = farthest / latency.estimate
    if asked is not None and reached > asked:
        yield Told(
            Code.PRECISION_NOT_REACHED,
            Severity.WARNING,
            f"The interval reaches {formatting.percent(reached)} from the median after "
            f"{summary.invocations} invocations; {formatting.percent(asked)} was asked for.",
            "Raise --max-invocations, make each longer (--min-secs), or quieten the device.",
        )


def _about_spread(summary: RunSummary) -> Iterator[Told]:
    if summary.between_spread is not None and summary.between_spread > HIGH_SPREAD:
        yield Told(
            Code.HIGH_SPREAD,
            Severity.WARNING,
            f"Invocations differ by {formatting.percent(summary.between_spread)} (standard deviation "
            "over mean).",
            "Close other work on the device, let it cool, or take more invocations.",
        )


def _about_steadiness(summary: RunSummary, latency: Interval) -> Iterator[Told]:
    moved = summary.drift
    if moved is not None and moved.significant and abs(moved.change) >= LEAST_DRIFT:
        yield Told(
            Code.DRIFT,
            Severity.WARNING,
            f"Latency moved by {formatting.change(1 + moved.change)} over the measurement "
            f"(p = {moved.p_value:.1g}).",
            "Warm the device up or let it cool first (--wait-cool), and compare within one session.",
        )
    modes = summary.modes
    if modes is not None and modes.high / modes.low - 1 >= LEAST_DISTANCE:
        yield Told(
            Code.TWO_MODES,
            Severity.WARNING,
            f"Latencies fall into two groups: {modes.low_count} around "
            f"{formatting.duration(modes.low)}, {modes.high_count} around "
            f"{formatting.duration(modes.high)}.",
            "The scheduler may choose between clusters: pin the work with --cores.",
        )
        return  # the smaller group would be called outliers
    ratios = {item.index: item.mean_us / latency.estimate for item in summary.outliers}
    far = {index: ratio for index, ratio in ratios.items() if abs(ratio - 1) >= LEAST_DISTANCE}
    if far:
        farthest = max(far.values(), key=lambda ratio: abs(ratio - 1))
        yield Told(
            Code.OUTLIERS,
            Severity.INFO,
            f"{_invocations(list(far))} far from the others, up to {formatting.change(farthest)} from the "
            "median.",
            "They count all the same. Their raw logs and conditions may tell what happened.",
        )


def _about_the_timer(run: BenchmarkRun, latency: Interval) -> Iterator[Told]:
    step = TIMER_STEP_US[run.binary.flavor]
    if latency.estimate * TIMER_SHARE < step:
        yield Told(
            Code.COARSE_TIMER,
            Severity.WARNING,
            f"An inference takes {formatting.duration(latency.estimate)}; this benchmark_model counts in "
            f"steps of {formatting.duration(step)}, {formatting.percent(step / latency.estimate)} of it.",
            "Smaller differences cannot be seen. Measure a larger batch or input if the model takes one.",
        )


def _invocations(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:_NAMED]))
    more = f" and {len(indices) - _NAMED} more" if len(indices) > _NAMED else ""
    return f"Invocation {shown} lies" if len(indices) == 1 else f"Invocations {shown}{more} lie"
