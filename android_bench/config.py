"""What is asked of benchmark_model: delegate, threads, counts and durations."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class DelegateKind(str, Enum):
    """Who executes the graph. ``CPU`` leaves XNNPACK as the build has it; the value is the flag's value."""

    CPU = "cpu"
    XNNPACK = "xnnpack"
    NO_XNNPACK = "no-xnnpack"
    GPU = "gpu"
    NNAPI = "nnapi"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """A delegate and, for an external one, the shared library on the device and its options."""

    kind: DelegateKind = DelegateKind.CPU
    library: str | None = None
    options: str | None = None

    def __post_init__(self) -> None:
        if (self.kind is DelegateKind.EXTERNAL) != (self.library is not None):
            raise ValueError("an external delegate names its library, and only it does")

    @property
    def label(self) -> str:
        """The delegate in a table cell."""
        return self.kind.value if self.library is None else f"{self.kind.value}:{self.library}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkConfig:
    """One cell of the matrix: how a model is run.

    ``num_runs`` and ``min_s`` are both lower bounds of the measured phase, ``max_s`` its upper bound
    (benchmark_model's own meaning). ``invocations`` is the number of timing samples: processes, not
    inferences. ``extra_flags`` go to benchmark_model as they are.
    """

    delegate: Delegate = field(default_factory=Delegate)
    num_threads: int = 1
    invocations: int = 6
    num_runs: int = 50
    min_s: float = 1.0
    max_s: float = 150.0
    warmup_runs: int = 1
    warmup_min_s: float = 0.5
    cpu_mask: str | None = None
    extra_flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.num_threads < 1 or self.invocations < 1 or self.num_runs < 1:
            raise ValueError("threads, invocations and num_runs must be at least 1")
        if self.min_s < 0 or self.max_s <= 0 or self.warmup_runs < 0 or self.warmup_min_s < 0:
            raise ValueError(
                "durations and warm-up counts cannot be negative, max_s must be above 0"
            )

    @property
    def label(self) -> str:
        """The configuration in a table cell."""
        threads = f"{self.num_threads} thread" + ("s" if self.num_threads != 1 else "")
        return f"{self.delegate.label}, {threads}"
