"""What all exports are made of: the runs as they are shown, and how they compare with a baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import android_bench
from android_bench.analysis.compare import DEFAULT_MAX_SLOWDOWN, Comparison, compare_sets
from android_bench.analysis.metrics import Metric
from android_bench.analysis.noise import NoiseFloor
from android_bench.analysis.operators import OperatorTime, operator_times
from android_bench.errors import UsageError
from android_bench.results import BenchmarkRun, DeviceKind, InvocationKind
from android_bench.run_view import RunView, run_views
from android_bench.store import utc_now

# What these metrics are measured in; all others are in microseconds.
_BYTES = frozenset({Metric.PEAK_MEMORY.value, Metric.FILE_SIZE.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView:
    """The runs of an export and, of a comparison, the verdicts. ``generated_at`` is ISO 8601 in UTC.

    ``baseline`` are the runs that ``runs`` are compared with; empty when nothing is compared. All metrics
    are compared; ``deciding`` are those whose verdicts count, the others are for information.
    """

    runs: tuple[RunView, ...]
    baseline: tuple[RunView, ...]
    comparisons: tuple[Comparison, ...]
    deciding: frozenset[str]
    generated_at: str
    tool_version: str

    @property
    def is_comparison(self) -> bool:
        """Whether the runs are compared with a baseline (which can hold the same runs)."""
        return bool(self.baseline or self.comparisons)

    @property
    def decided(self) -> tuple[Comparison, ...]:
        """The comparisons that count: in a deciding metric, or of a pair that has none of these."""
        return self._split[0]

    @property
    def informing(self) -> tuple[Comparison, ...]:
        """The comparisons that are for information."""
        return self._split[1]

    @property
    def _split(self) -> tuple[tuple[Comparison, ...], tuple[Comparison, ...]]:
        judged = {_pair(item) for item in self.comparisons if item.metric in self.deciding}
        counts = [
            item.metric in self.deciding or _pair(item) not in judged for item in self.comparisons
        ]
        both = list(zip(self.comparisons, counts, strict=True))
        return (
            tuple(item for item, decides in both if decides),
            tuple(item for item, decides in both if not decides),
        )

    def view_of(self, run_id: str | None) -> RunView | None:
        """The run of this id."""
        everything = (*self.runs, *self.baseline)
        return next((view for view in everything if view.run.run_id == run_id), None)


def export_view(
    runs: Sequence[BenchmarkRun],
    *,
    baseline: Sequence[BenchmarkRun] = (),
    max_slowdown: float = DEFAULT_MAX_SLOWDOWN,
    floors: Sequence[NoiseFloor] = (),
    deciding: Sequence[Metric] = (Metric.LATENCY,),
    generated_at: str | None = None,
) -> ExportView:
    """Make the view of these runs.

    ``max_slowdown`` is the gate of a comparison as a fraction, ``floors`` are what unchanged models differ
    by.
    """
    comparisons: tuple[Comparison, ...] = ()
    if baseline:
        comparisons = compare_sets(
            baseline, runs, max_slowdown=max_slowdown, metrics=tuple(Metric), floors=floors
        )
    sides = {run.run_id: "baseline" for run in baseline} | {
        run.run_id: "candidate" for run in runs if baseline
    }
    both = {run.run_id: run for run in (*baseline, *runs)}
    views = run_views(tuple(both.values()), sides)
    here = {run.run_id for run in runs}
    return ExportView(
        runs=tuple(view for view in views if view.run.run_id in here),
        baseline=tuple(view for view in views if view.run.run_id not in here),
        comparisons=comparisons,
        deciding=frozenset(metric.value for metric in deciding),
        generated_at=generated_at or utc_now(),
        tool_version=android_bench.__version__,
    )


def _pair(item: Comparison) -> tuple[str | None, ...]:
    return (item.baseline_run_id, item.candidate_run_id, item.name, item.device, item.config)


def unit_of(metric: str) -> str:
    """The unit of a metric's values, as keys of quantities end."""
    return "bytes" if metric in _BYTES else "us"


def provenance(view: RunView) -> str | None:
    """What must stand beside numbers that are no phone's; ``None`` for a phone's."""
    return {
        DeviceKind.HOST: "measured on a computer, not on a phone",
        DeviceKind.EMULATOR: "measured on an emulator, not on a phone",
        DeviceKind.PHONE: None,
    }[view.run.device.kind]


def profiled(view: RunView) -> tuple[OperatorTime, ...]:
    """The operators of a run, empty without a profile."""
    return operator_times(view.run)


def require_profiles(export: ExportView, *, what: str) -> tuple[RunView, ...]:
    """The runs that have an operator profile.

    Raises:
        UsageError: none has.
    """
    found = tuple(view for view in export.runs if profiled(view))
    if found:
        return found
    tried = any(
        item.kind is InvocationKind.PROFILE for view in export.runs for item in view.run.invocations
    )
    raise UsageError(
        f"{what} is made of operator profiles, and none of these runs has one"
        + (": the profile invocations failed." if tried else "."),
        hint="Measure with the Classic benchmark_model and a profile: android-bench run MODEL --profile",
    )
