"""Runs as they are shown: each with its summary, its findings and a name that tells it from the others.

The report and the exports are made of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.analysis.checks import Finding, Severity, check_run
from android_bench.analysis.summary import RunSummary, summarise
from android_bench.config import BenchmarkConfig
from android_bench.results import (
    BenchmarkRun,
    Conditions,
    Delegation,
    DeviceInfo,
    Invocation,
    InvocationKind,
    Status,
)

FLOAT_RECIPE = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandView:
    """A command line and the indexes of the invocations that ran it."""

    command: str
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its summary and findings.

    ``label`` tells it from the other runs on its device, ``full_label`` from all on the page;
    ``additions`` are the parts of the label that tell repetitions apart.
    ``latency_ratio`` is against the baseline of the same device, configuration and binary. ``side`` is
    "baseline" or "candidate" where two sets are compared.
    """

    anchor: str
    label: str
    full_label: str
    additions: tuple[str, ...]
    run: BenchmarkRun
    summary: RunSummary
    findings: tuple[Finding, ...]
    is_baseline: bool
    latency_ratio: float | None
    side: str | None = None

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.run.artifact.size_bytes

    @property
    def accuracy(self) -> float | None:
        """The accuracy of the ``.tflite`` itself."""
        return self.run.artifact.fidelity.accuracy if self.run.artifact.fidelity else None

    @property
    def warnings(self) -> int:
        """How many findings touch the numbers of this run."""
        return sum(1 for item in self.findings if item.severity is not Severity.INFO)

    @property
    def valid(self) -> int:
        """How many invocations of all kinds count."""
        return sum(1 for item in self.run.invocations if item.status is Status.OK)

    @property
    def commands(self) -> tuple[CommandView, ...]:
        """Each distinct command line once; the timing invocations of a run share theirs."""
        indexes: dict[str, list[int]] = {}
        for item in self.run.invocations:
            indexes.setdefault(item.command, []).append(item.index)
        return tuple(
            CommandView(command=command, indexes=tuple(found)) for command, found in indexes.items()
        )

    @property
    def delegations(self) -> tuple[Delegation, ...]:
        """The distinct delegation results of the invocations that were timed."""
        found = (
            item.delegation
            for item in self.run.invocations
            if item.kind is InvocationKind.TIMING and item.delegation
        )
        return tuple(dict.fromkeys(found))

    def observed(
        self, read: Callable[[Conditions], float | None]
    ) -> tuple[float, float, float, float] | None:
        """One condition over the run: first, last, least and most; ``None`` when never read."""
        states = (state for item in self.run.invocations for state in (item.before, item.after))
        values = [value for state in states if state and (value := read(state)) is not None]
        return (values[0], values[-1], min(values), max(values)) if values else None

    def has(self, read: Callable[[Invocation], object]) -> bool:
        """Whether any invocation tells this, so that its column is worth showing."""
        return any(read(item) is not None for item in self.run.invocations)

    def in_words(self) -> str:
        """The run in a tooltip."""
        latency = self.summary.latency
        parts = [self.full_label]
        if latency:
            parts.append(formatting.duration(latency.estimate))
        if self.accuracy is not None:
            parts.append(f"accuracy {formatting.percent(self.accuracy)}")
        parts.append(formatting.file_size(self.size_bytes))
        return ", ".join(parts)


def run_views(
    runs: Sequence[BenchmarkRun], sides: Mapping[str, str] | None = None
) -> tuple[RunView, ...]:
    """Summarise each run once and name it by what tells it from its siblings.

    ``sides`` says which runs are the baseline and which the candidate of a comparison, by run id.
    """
    sides = sides or {}
    summaries = [summarise(run) for run in runs]
    baselines = _baselines(runs, summaries)
    several_devices = len({device_key(run.device) for run in runs}) > 1
    labels = _labels(runs, [sides.get(run.run_id) for run in runs])
    return tuple(
        RunView(
            anchor=f"run-{number}",
            label=label,
            full_label=f"{label} · {run.device.label}" if several_devices else label,
            run=run,
            summary=summary,
            findings=tuple(check_run(run)),
            additions=additions,
            is_baseline=baseline is run,
            latency_ratio=_ratio(summary, baseline_summary),
            side=sides.get(run.run_id),
        )
        for number, (run, summary, (baseline, baseline_summary), (label, additions)) in enumerate(
            zip(runs, summaries, baselines, labels, strict=True), 1
        )
    )


def _labels(
    runs: Sequence[BenchmarkRun], sides: Sequence[str | None]
) -> list[tuple[str, tuple[str, ...]]]:
    """The label of each run and which additions tell it from repetitions.

    The configuration is named where a device has several; the side of a comparison where that leaves two
    runs alike, then the time, and a number where even the times are the same.
    """
    configs: dict[Hashable, set[BenchmarkConfig]] = {}
    for run in runs:
        configs.setdefault(device_key(run.device), set()).add(run.config)
    several = [len(configs[device_key(run.device)]) > 1 for run in runs]
    labels = [
        (run.artifact.name or "unnamed") + (f" · {run.config.label}" if named else "")
        for run, named in zip(runs, several, strict=True)
    ]
    additions: list[tuple[str, ...]] = [() for _ in runs]
    times = [formatting.moment(run.started_at) for run in runs]
    numbers = [f"#{number}" for number in range(1, len(runs) + 1)]
    for more in (sides, times, numbers):
        keys = [
            (device_key(run.device), label, addition)
            for run, label, addition in zip(runs, labels, additions, strict=True)
        ]
        seen = Counter(keys)
        additions = [
            (*key[2], text) if text and seen[key] > 1 else key[2]
            for key, text in zip(keys, more, strict=True)
        ]
    return [
        (" · ".join((label, *addition)), addition)
        for label, addition in zip(labels, additions, strict=True)
    ]


_Baseline = tuple[BenchmarkRun | None, RunSummary | None]


def _baselines(runs: Sequence[BenchmarkRun], summaries: Sequence[RunSummary]) -> list[_Baseline]:
    """For each run the float32 run, or else the first, of the same device and configuration."""
    keys = [(device_key(run.device), run.config, run.binary.sha256) for run in runs]
    chosen: dict[Hashable, int] = {}
    for index, key in enumerate(keys):
        best = chosen.setdefault(key, index)
        is_float = runs[index].artifact.recipe_name == FLOAT_RECIPE
        if is_float and runs[best].artifact.recipe_name != FLOAT_RECIPE:
            chosen[key] = index
    seen = Counter(keys)
    return [
        (None, None) if seen[key] == 1 else (runs[chosen[key]], summaries[chosen[key]])
        for key in keys
    ]


def _ratio(summary: RunSummary, baseline: RunSummary | None) -> float | None:
    """The ratio of the two medians shown, so that a reader who divides finds the same."""
    if baseline is None or baseline.latency is None or summary.latency is None:
        return None
    below = baseline.latency.estimate
    return summary.latency.estimate / below if below > 0 else None


def device_key(device: DeviceInfo) -> tuple[str | None, ...]:
    """What tells one device from another, over several connections."""
    return (device.kind.value, device.label, device.fingerprint)
