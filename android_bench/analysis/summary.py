"""One run in a few numbers: what a table row, a chart bar and a comparison are made of."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from android_bench.analysis.stability import Drift, Modes, drift, outliers, two_modes
from android_bench.analysis.stats import Interval, coefficient_of_variation, median_interval
from android_bench.config import StartupMode
from android_bench.results import BenchmarkRun, InvocationKind, Numerics


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupSummary:
    """Start-up with one state of the cache: initialisation and first inference, medians in microseconds."""

    count: int
    init: Interval | None
    first_inference: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericsSummary:
    """Outputs on the device against the host's over all samples: the worst of each figure.

    ``top1_agreement`` is the share of samples whose class is the same, ``None`` without classes.
    """

    samples: int
    max_abs_error: float
    min_cosine: float | None
    top1_agreement: float | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedInvocation:
    """A timing invocation by its index in the run, and its mean."""

    index: int
    mean_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run's latency, start-up and memory. Times in microseconds, spreads as fractions, memory in bytes.

    ``latency`` is the median of the invocations' means with its interval. ``between_spread`` is the
    coefficient of variation of those means, ``within_spread`` the median over invocations of the
    inferences' own. ``fastest_us`` and ``slowest_us`` are the extremes over single inferences.
    ``init_us`` and ``first_inference_us`` are those of the timing invocations, ``startup`` of invocations
    made for it. ``set_apart`` counts valid timing invocations that throttling spoiled. ``drift`` is over
    the invocations in their order, ``outliers`` are invocations far from the others (they count like
    the others), ``modes`` the two groups that they fall into, if they do.
    """

    invocations: int
    inferences: int
    latency: Interval | None
    between_spread: float | None
    within_spread: float | None
    fastest_us: float | None
    slowest_us: float | None
    init_us: float | None
    first_inference_us: float | None
    init_footprint_bytes: int | None
    overall_footprint_bytes: int | None
    peak_bytes: int | None
    samples_us: tuple[float, ...]
    set_apart: int = 0
    drift: Drift | None = None
    outliers: tuple[TimedInvocation, ...] = ()
    modes: Modes | None = None
    startup: dict[StartupMode, StartupSummary] = field(default_factory=dict)
    numerics: NumericsSummary | None = None


def summarise(run: BenchmarkRun) -> RunSummary:
    """Reduce a run to its summary; what was not measured is ``None``."""
    timing = run.timing
    latencies = [item.latency for item in timing if item.latency is not None]
    means = [
        TimedInvocation(index=item.index, mean_us=item.latency.mean_us)
        for item in timing
        if item.latency is not None and item.latency.mean_us is not None
    ]
    samples = tuple(item.mean_us for item in means)
    within = [
        item.std_us / item.mean_us for item in latencies if item.std_us is not None and item.mean_us
    ]
    memories = [item.memory for item in run.of_kind(InvocationKind.MEMORY) if item.memory]
    return RunSummary(
        invocations=len(samples),
        inferences=sum(item.count for item in latencies),
        latency=median_interval(samples) if samples else None,
        between_spread=coefficient_of_variation(samples),
        within_spread=statistics.median(within) if within else None,
        fastest_us=min(
            (item.min_us for item in latencies if item.min_us is not None), default=None
        ),
        slowest_us=max(
            (item.max_us for item in latencies if item.max_us is not None), default=None
        ),
        init_us=_median(item.init_us for item in timing),
        first_inference_us=_median(item.warmup.first_us for item in timing if item.warmup),
        init_footprint_bytes=_median_int(item.init_footprint_bytes for item in memories),
        overall_footprint_bytes=_median_int(item.overall_footprint_bytes for item in memories),
        peak_bytes=_median_int(item.peak_bytes for item in memories),
        samples_us=samples,
        set_apart=len(run.set_apart),
        drift=drift(samples),
        outliers=tuple(means[position] for position in outliers(samples)),
        modes=two_modes(samples),
        startup=_startup(run),
        numerics=_numerics(
            [item.numerics for item in run.of_kind(InvocationKind.NUMERICS) if item.numerics]
        ),
    )


def _startup(run: BenchmarkRun) -> dict[StartupMode, StartupSummary]:
    found = {}
    for mode in StartupMode:
        items = [item for item in run.of_kind(InvocationKind.STARTUP) if item.startup is mode]
        init = [item.init_us for item in items if item.init_us is not None]
        firsts = [item.warmup.first_us for item in items if item.warmup]
        first = [value for value in firsts if value is not None]
        if items:
            found[mode] = StartupSummary(
                count=len(items),
                init=median_interval(init) if init else None,
                first_inference=median_interval(first) if first else None,
            )
    return found


def _numerics(samples: Sequence[Numerics]) -> NumericsSummary | None:
    if not samples:
        return None
    cosines = [item.cosine for item in samples if item.cosine is not None]
    agreed = [item.top1_agrees for item in samples if item.top1_agrees is not None]
    return NumericsSummary(
        samples=len(samples),
        max_abs_error=max(item.max_abs_error for item in samples),
        min_cosine=min(cosines) if cosines else None,
        top1_agreement=sum(agreed) / len(agreed) if agreed else None,
        reference=samples[0].reference,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _median_int(values: Iterable[int | None]) -> int | None:
    middle = _median(values)
    return None if middle is None else round(middle)
