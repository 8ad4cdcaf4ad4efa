"""What is asked of benchmark_model: delegate, threads, counts and durations."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

# benchmark_model reads counts as 32 bits with a sign.
_MOST_OF_A_FLAG = 2**31 - 1
# Half a week of the shortest; a number with more digits is a slip.
_MOST_INVOCATIONS = 100_000


class DelegateKind(str, Enum):
    """Who executes the graph. ``CPU`` leaves XNNPACK as the build has it; the value is the flag's value."""

    CPU = "cpu"
    XNNPACK = "xnnpack"
    NO_XNNPACK = "no-xnnpack"
    GPU = "gpu"
    NNAPI = "nnapi"
    EXTERNAL = "external"


class StartupMode(str, Enum):
    """What a start-up invocation found: no cache in use, an empty one that it fills, or a filled one.

    The cache is XNNPACK's weight cache or the delegate's serialized program.
    """

    NO_CACHE = "no-cache"
    COLD = "cold"
    WARM = "warm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """A delegate and, for an external one, its shared library and its options.

    ``library`` is a path on the device, or of a file here that is brought there; then
    ``library_sha256`` says which content it had.
    """

    kind: DelegateKind = DelegateKind.CPU
    library: str | None = None
    options: str | None = None
    library_sha256: str | None = None

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
    inferences. ``cpu_mask`` is hexadecimal, as ``taskset`` takes it, and ``cores`` the word that it was
    made of. ``extra_flags`` go to benchmark_model as they are.

    With ``precision`` (a fraction) the timing goes on from ``invocations`` until the interval of every run
    of the session is at most that far from its median on either side, or ``max_invocations`` are made.
    The other counts are of invocations that disturb the timing and come after it: memory, operator
    profile, rounds of start-up (each without cache, cold and warm), samples of numerics.
    """

    delegate: Delegate = field(default_factory=Delegate)
    num_threads: int = 1
    invocations: int = 20
    num_runs: int = 50
    min_s: float = 1.0
    max_s: float = 150.0
    warmup_runs: int = 1
    warmup_min_s: float = 0.5
    cpu_mask: str | None = None
    cores: str | None = None
    extra_flags: tuple[str, ...] = ()
    precision: float | None = None
    max_invocations: int = 60
    memory_invocations: int = 1
    profile_invocations: int = 0
    startup_rounds: int = 0
    numerics_samples: int = 0

    def __post_init__(self) -> None:
        if self.num_threads < 1 or self.invocations < 1 or self.num_runs < 1:
            raise ValueError("threads, invocations and num_runs must be at least 1")
        if max(self.num_threads, self.num_runs, self.warmup_runs) > _MOST_OF_A_FLAG:
            raise ValueError(
                f"threads, num_runs and warm-up runs cannot be above {_MOST_OF_A_FLAG}"
            )
        counts = (self.invocations, self.max_invocations, self.memory_invocations)
        others = (self.profile_invocations, self.startup_rounds, self.numerics_samples)
        if max(*counts, *others) > _MOST_INVOCATIONS:
            raise ValueError(f"more than {_MOST_INVOCATIONS} invocations are no measurement")
        if not math.isfinite(self.min_s + self.max_s + self.warmup_min_s):
            raise ValueError("durations must be finite")
        if self.min_s < 0 or self.max_s <= 0 or self.warmup_runs < 0 or self.warmup_min_s < 0:
            raise ValueError(
                "durations and warm-up counts cannot be negative, max_s must be above 0"
            )
        extra = (self.memory_invocations, self.profile_invocations, self.startup_rounds)
        if min(*extra, self.numerics_samples) < 0:
            raise ValueError("counts of invocations cannot be negative")
        if self.precision is not None and not 0 < self.precision < 1:
            raise ValueError("the precision must lie between 0 and 100 %")

    @property
    def label(self) -> str:
        """The configuration in a table cell."""
        threads = f"{self.num_threads} thread" + ("s" if self.num_threads != 1 else "")
        mask = f"CPU mask {self.cpu_mask}" if self.cpu_mask else None
        cores = f"{self.cores} cores" if self.cores else mask
        return ", ".join(filter(None, (self.delegate.label, threads, cores)))
