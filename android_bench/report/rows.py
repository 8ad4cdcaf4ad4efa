"""One run as the page sees it, with what is derived from its invocations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from android_bench import formatting
from android_bench.checks import Finding, Severity
from android_bench.results import (
    BenchmarkRun,
    Conditions,
    Delegation,
    Invocation,
    InvocationKind,
    Status,
)
from android_bench.summary import RunSummary


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
    ``latency_ratio`` is against the baseline of the same device, configuration and binary.
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
