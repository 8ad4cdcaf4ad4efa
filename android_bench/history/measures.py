"""What is followed over time: figures of a run that have a name, a unit and a better side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from android_bench import formatting
from android_bench.analysis.metrics import Metric
from android_bench.analysis.run_ratio import samples_of
from android_bench.analysis.stats import median_interval
from android_bench.config import StartupMode
from android_bench.errors import UsageError
from android_bench.results import BenchmarkRun, Invocation, InvocationKind


class Unit(str, Enum):
    """What a measure counts in: microseconds, bytes, or a plain number."""

    DURATION = "us"
    FILE_SIZE = "file bytes"
    MEMORY = "memory bytes"
    FRACTION = "fraction"
    COUNT = "count"
    NUMBER = "number"


_TEXT: dict[Unit, Callable[[float | None], str]] = {
    Unit.DURATION: formatting.duration,
    Unit.FILE_SIZE: formatting.file_size,
    Unit.MEMORY: formatting.memory,
    Unit.FRACTION: lambda value: formatting.percent(value, digits=2),
    Unit.COUNT: lambda value: formatting.UNKNOWN if value is None else f"{value:.0f}",
    Unit.NUMBER: formatting.number,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure of a run. ``noisy`` ones have samples and need a test; the others are compared as they are.

    ``least_effect`` is the smallest change that is of interest: a fraction of the value, for fractions (an
    accuracy) their difference.
    """

    name: str
    title: str
    unit: Unit
    noisy: bool = True
    less_is_better: bool = True
    least_effect: float = 0.01

    def text(self, value: float | None) -> str:
        """A value for a person."""
        return _TEXT[self.unit](value)

    def change_text(self, before: float, after: float) -> str:
        """A change for a person: in percent, of fractions in percentage points."""
        if self.unit is Unit.FRACTION:
            return formatting.points(after - before)
        if before == 0:
            return f"{self.text(before)} → {self.text(after)}"
        return formatting.change(after / before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measure of one run: its value, the interval of it, and the invocations' values in their order."""

    measure: str
    value: float
    low: float | None = None
    high: float | None = None
    samples: tuple[float, ...] = ()


MEASURES = (
    Measure(name="latency", title="Latency", unit=Unit.DURATION),
    Measure(name="init", title="Initialisation", unit=Unit.DURATION),
    Measure(name="first-inference", title="First inference", unit=Unit.DURATION),
    Measure(name="startup-no-cache", title="Start-up without a cache", unit=Unit.DURATION),
    Measure(name="startup-cold", title="Start-up, cold cache", unit=Unit.DURATION),
    Measure(name="startup-warm", title="Start-up, warm cache", unit=Unit.DURATION),
    Measure(name="peak-memory", title="Peak memory", unit=Unit.MEMORY),
    Measure(name="file-size", title="File size", unit=Unit.FILE_SIZE, noisy=False),
    Measure(name="gzip-size", title="Size after gzip", unit=Unit.FILE_SIZE, noisy=False),
    Measure(
        name="accuracy",
        title="Accuracy",
        unit=Unit.FRACTION,
        noisy=False,
        less_is_better=False,
        least_effect=0.001,
    ),
    Measure(
        name="delegated-nodes",
        title="Nodes run by the delegate",
        unit=Unit.COUNT,
        noisy=False,
        less_is_better=False,
        least_effect=0.0,
    ),
    Measure(
        name="numerics-error",
        title="Largest error against the host",
        unit=Unit.NUMBER,
        noisy=False,
        least_effect=0.1,
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}


def measure_named(name: str) -> Measure:
    """The measure of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in BY_NAME:
        raise UsageError(f"{name!r} is no measure.", hint=f"One of: {', '.join(BY_NAME)}")
    return BY_NAME[name]


def measured(run: BenchmarkRun) -> tuple[Measured, ...]:
    """What a run tells of each measure; those that it does not tell are left out."""
    found = [_of_samples(metric.value, _values(run, metric)) for metric in Metric]
    found += [_of_samples(f"startup-{mode.value}", _startup(run, mode)) for mode in StartupMode]
    found += [
        _exact("gzip-size", run.artifact.gzip_bytes),
        _exact("accuracy", run.artifact.fidelity.accuracy if run.artifact.fidelity else None),
        _exact("delegated-nodes", _delegated_nodes(run.timing)),
        _exact("numerics-error", _numerics_error(run)),
    ]
    return tuple(item for item in found if item is not None)


def _values(run: BenchmarkRun, metric: Metric) -> list[float]:
    return [value for _, value in samples_of(run, metric)]


def _startup(run: BenchmarkRun, mode: StartupMode) -> list[float]:
    """Initialisation and first inference together: what a user waits for."""
    return [
        item.init_us + item.warmup.first_us
        for item in run.of_kind(InvocationKind.STARTUP)
        if item.startup is mode
        and item.init_us is not None
        and item.warmup is not None
        and item.warmup.first_us is not None
    ]


def _delegated_nodes(timing: Sequence[Invocation]) -> int | None:
    """The fewest nodes that the delegate ran in an invocation."""
    nodes = [item.delegation.nodes_delegated for item in timing if item.delegation]
    return min((count for count in nodes if count is not None), default=None)


def _numerics_error(run: BenchmarkRun) -> float | None:
    errors = [item.numerics for item in run.of_kind(InvocationKind.NUMERICS)]
    return max((item.max_abs_error for item in errors if item is not None), default=None)


def _exact(name: str, value: float | None) -> Measured | None:
    if value is None or not math.isfinite(value):
        return None
    return Measured(measure=name, value=float(value))


def _of_samples(name: str, values: Iterable[float]) -> Measured | None:
    samples = tuple(float(value) for value in values if math.isfinite(value) and value > 0)
    if not samples:
        return None
    if not BY_NAME[name].noisy:
        return Measured(measure=name, value=samples[0])
    found = median_interval(samples)
    return Measured(
        measure=name, value=found.estimate, low=found.low, high=found.high, samples=samples
    )
