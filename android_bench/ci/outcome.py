"""What a run of ``android-bench ci`` found: one result for each gate, and what everything amounts to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from android_bench.analysis.compare import Comparison
from android_bench.errors import ExitCode
from android_bench.results import BenchmarkRun


class GateName(str, Enum):
    """What a gate looks at; the value is its key in the project file."""

    LATENCY = "latency"
    STARTUP = "startup"
    MEMORY = "memory"
    FILE_SIZE = "file_size"
    ACCURACY = "accuracy"
    NUMERICS = "numerics"
    DELEGATED_NODES = "delegated_nodes"


class GateAction(str, Enum):
    """What a gate does when it is not passed."""

    FAIL = "fail"
    WARN = "warn"


class GateState(str, Enum):
    """What became of a gate. Only ``FAILED`` is a regression; what cannot be told is never one."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    INCOMPARABLE = "incomparable"
    NOT_MEASURED = "not-measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate of one variant on one device with one configuration.

    ``device`` and ``config`` are empty for gates about the file alone. ``baseline``, ``candidate`` and
    ``limit`` are texts with their units, ``limit`` what the gate allows. ``message`` is a sentence.
    """

    gate: GateName
    action: GateAction
    state: GateState
    variant: str
    message: str
    device: str = ""
    config: str = ""
    baseline: str | None = None
    candidate: str | None = None
    limit: str | None = None
    comparison: Comparison | None = None
    candidate_run_id: str | None = None

    @property
    def fails(self) -> bool:
        """Whether the build fails because of it."""
        return self.action is GateAction.FAIL and self.state is GateState.FAILED

    @property
    def undecided(self) -> bool:
        """Whether a gate that could fail the build could not be told."""
        unknown = self.state not in {GateState.PASSED, GateState.FAILED}
        return self.action is GateAction.FAIL and unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class CiOutcome:
    """All of it. ``infrastructure`` says what of the devices, links or databases failed, if anything.

    ``baseline_name`` says in words what was compared with (``git main (3f2a1c9)``); ``revision`` is the
    candidate's. ``built`` counts variants that had to be built, ``reused`` those that had not. ``kept`` is
    the folder with everything.
    """

    project: str
    baseline_name: str | None
    revision: str | None
    gates: tuple[GateResult, ...]
    comparisons: tuple[Comparison, ...]
    baseline_runs: tuple[BenchmarkRun, ...]
    candidate_runs: tuple[BenchmarkRun, ...]
    built: int = 0
    reused: int = 0
    infrastructure: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kept: str = ""
    report: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Infrastructure first: what a broken device measured is no verdict; then what is surely worse."""
        if self.infrastructure:
            return ExitCode.DEVICE
        if any(gate.fails for gate in self.gates):
            return ExitCode.REGRESSED
        if any(gate.undecided for gate in self.gates):
            return ExitCode.INCONCLUSIVE
        return ExitCode.OK

    @property
    def verdict(self) -> str:
        """The outcome in one word of the glossary, or what stands in its way."""
        return {
            ExitCode.DEVICE: "infrastructure",
            ExitCode.REGRESSED: "regressed",
            ExitCode.INCONCLUSIVE: "inconclusive",
            ExitCode.OK: "passed",
        }[self.exit_code]


def gravest_first(gates: Iterable[GateResult]) -> tuple[GateResult, ...]:
    """Gates in the order a person wants to read them: failures, warnings, the undecided, the passed."""

    def rank(gate: GateResult) -> int:
        if gate.state is GateState.FAILED:
            return 0 if gate.action is GateAction.FAIL else 1
        return 3 if gate.state is GateState.PASSED else 2

    return tuple(sorted(gates, key=rank))
