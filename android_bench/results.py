"""The evidence: immutable records of what was run on what, and what came out.

Times are microseconds, sizes are bytes; unknown is ``None``. An *invocation* is one process of
benchmark_model and the statistical sample; a *run* is all invocations of one artifact on one device
with one configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from android_bench.config import BenchmarkConfig, DelegateKind, StartupMode
from optimizer.artifact import Artifact

# 1: the first.
# 2: start-up, profile and numerics, clusters and clocks; the configuration counts each kind.
SCHEMA_VERSION = 2
# Severity 2 ("moderate") is where Android begins to throttle; 1 is a hint only
# (android.os.PowerManager.THERMAL_STATUS_*).
THROTTLING_STATUS = 2


class DeviceKind(str, Enum):
    """What was measured. Numbers of a host or an emulator are never called a phone's."""

    PHONE = "phone"
    EMULATOR = "emulator"
    HOST = "host"


class InvocationKind(str, Enum):
    """What an invocation is for; all but the first disturb the timing and stand apart from it."""

    TIMING = "timing"
    STARTUP = "startup"
    MEMORY = "memory"
    PROFILE = "profile"
    NUMERICS = "numerics"


class Side(str, Enum):
    """Which side of a comparison a run was measured for, when both were measured in one session."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


class Status(str, Enum):
    """How an invocation ended; only ``OK`` has numbers that count."""

    OK = "ok"
    FAILED = "failed"  # benchmark_model exited with an error
    INVALID = "invalid"  # it exited 0 and did not do what was asked
    CRASHED = "crashed"  # killed by a signal
    TIMEOUT = "timeout"  # longer than its bound, ended by this tool
    UNREADABLE = "unreadable"  # exited 0 and printed no result


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuCluster:
    """Cores that share their highest frequency, by number; ``max_khz`` is the hardware's limit."""

    cpus: tuple[int, ...]
    max_khz: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """A device as its properties tell; ``serial`` is how it was addressed.

    ``clusters`` are in the order of their frequency, the slowest first; empty when unreadable.
    ``build_type`` is Android's: user, userdebug or eng. The ``fingerprint`` of an emulator on this machine
    ends with the machine's processor: the numbers are of both.
    """

    serial: str
    kind: DeviceKind
    manufacturer: str | None = None
    model: str | None = None
    soc: str | None = None
    abis: tuple[str, ...] = ()
    android_release: str | None = None
    sdk_level: int | None = None
    fingerprint: str | None = None
    cpu_count: int | None = None
    memory_bytes: int | None = None
    clusters: tuple[CpuCluster, ...] = ()
    build_type: str | None = None

    @property
    def label(self) -> str:
        """The device's name for a person."""
        name = " ".join(part for part in (self.manufacturer, self.model) if part)
        return name or self.serial


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The state of the device around an invocation. ``taken_at`` is ISO 8601 in UTC.

    ``cpu_khz`` is each core's frequency at that moment, ``cpu_limit_khz`` the highest that is allowed
    then; a core that sleeps or hides is missing. ``cpu_busy_s`` is the time that all cores together
    have worked since boot, so a difference of two readings tells how many were busy between them.
    ``other_inferences`` counts processes of benchmark_model that run at that moment and are not ours.
    """

    taken_at: str
    battery_level_pct: int | None = None
    battery_temperature_c: float | None = None
    charging: bool | None = None
    thermal_status: int | None = None
    temperatures_c: dict[str, float] = field(default_factory=dict)
    power_save: bool | None = None
    load_1min: float | None = None
    memory_available_bytes: int | None = None
    cpu_khz: dict[int, int] = field(default_factory=dict)
    cpu_limit_khz: dict[int, int] = field(default_factory=dict)
    governors: dict[int, str] = field(default_factory=dict)
    screen_on: bool | None = None
    uptime_s: float | None = None
    cpu_busy_s: float | None = None
    other_inferences: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """What benchmark_model says of the inferences of one phase; single inferences it never prints."""

    count: int
    first_us: float | None = None
    min_us: float | None = None
    max_us: float | None = None
    mean_us: float | None = None
    std_us: float | None = None
    p5_us: float | None = None
    median_us: float | None = None
    p95_us: float | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("a latency summary cannot be of fewer than 0 inferences")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySummary:
    """Memory of one invocation.

    The footprints are growth of the high-water mark (``ru_maxrss``) since the tool began; the peak
    is absolute, sampled while running. They are different things and never added up.
    """

    init_footprint_bytes: int | None = None
    overall_footprint_bytes: int | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What was asked to execute the graph and what did. ``applied`` is ``None`` when nothing tells."""

    requested: DelegateKind
    applied: bool | None = None
    delegate_name: str | None = None
    nodes_delegated: int | None = None
    nodes_total: int | None = None
    partitions: int | None = None


class ProfilePhase(str, Enum):
    """When an operator was timed."""

    INITIALIZATION = "initialization"
    REGULAR = "regular"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorProfile:
    """One operator in the order of execution.

    ``mean_us`` is the mean of one call; ``share_pct`` its part of the phase; ``times_called`` per
    inference. ``inside_delegate`` rows are what a delegate did inside a node that has a row of its
    own: they explain it and are not added to it. Times are exact to what the table prints (three
    decimals of a millisecond when printed to the terminal).
    """

    phase: ProfilePhase
    node_type: str
    name: str
    mean_us: float
    first_us: float | None
    share_pct: float | None
    times_called: int
    memory_bytes: int | None
    subgraph: int = 0
    inside_delegate: bool = False
    start_us: float | None = None
    subgraph_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """One input's outputs on the device against LiteRT's on the host.

    ``max_abs_error`` is in units of the (dequantized) output, over all outputs; ``cosine`` is that of all
    outputs in a row, ``None`` where one side is zero; ``top1_agrees`` is about the first output with more
    than one class. ``reference`` names what was compared with.
    """

    sample: int
    max_abs_error: float
    cosine: float | None
    top1_agrees: bool | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One process of benchmark_model: how it ended, its numbers, the conditions around it.

    ``log`` is the folder-relative path of the raw output without its ending (``.stdout``,
    ``.stderr``); ``problem`` says in one sentence why the status is not ``ok``. ``operators`` belong to
    a profile, ``startup`` to a start-up and ``numerics`` to a numerics invocation. ``waited_s`` is how
    long the device was given to become fit, ``None`` when nobody asked for it; ``reconnections`` how often
    the conversation broke while it ran.
    """

    index: int
    round: int
    kind: InvocationKind
    status: Status
    exit_code: int | None
    command: str
    started_at: str
    wall_s: float
    log: str
    init_us: float | None = None
    warmup: LatencySummary | None = None
    latency: LatencySummary | None = None
    memory: MemorySummary | None = None
    delegation: Delegation | None = None
    before: Conditions | None = None
    after: Conditions | None = None
    unconsumed_flags: tuple[str, ...] = ()
    problem: str | None = None
    operators: tuple[OperatorProfile, ...] = ()
    startup: StartupMode | None = None
    numerics: Numerics | None = None
    waited_s: float | None = None
    reconnections: int = 0

    @property
    def throttled(self) -> bool:
        """Whether the device throttled around it: its status says so, or a core's limit was lowered.

        What is unknown does not count as throttled.
        """
        before, after = self.before, self.after
        for state in (before, after):
            if state is not None and (state.thermal_status or 0) >= THROTTLING_STATUS:
                return True
        if before is None or after is None or not before.cpu_limit_khz:
            return False
        limits = before.cpu_limit_khz
        return any(khz < limits.get(cpu, khz) for cpu, khz in after.cpu_limit_khz.items())


class BinaryFlavor(str, Enum):
    """Which program ran: the Classic or the LiteRT benchmark_model, or the embedded stand-in."""

    CLASSIC = "classic"
    LITERT = "litert"
    HOST_MODEL = "host-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryInfo:
    """The benchmark_model that ran, pinned by its content.

    ``flex`` is whether it runs TensorFlow operators, ``debug`` whether it holds debug information, as a
    build without optimization does; ``None`` is unknown.
    """

    flavor: BinaryFlavor
    sha256: str
    origin: str
    version: str | None = None
    flex: bool | None = None
    debug: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRun:
    """All invocations of one artifact on one device with one configuration.

    ``complete`` is false when the device was lost or the work interrupted; ``planned`` says how many
    invocations there should have been, of all kinds. ``session_id`` is shared by runs that were
    interleaved with each other.
    """

    run_id: str
    session_id: str
    started_at: str
    tool_version: str
    artifact: Artifact
    device: DeviceInfo
    config: BenchmarkConfig
    binary: BinaryInfo
    planned: int
    complete: bool
    invocations: tuple[Invocation, ...] = ()
    finished_at: str | None = None
    side: Side | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def timing(self) -> tuple[Invocation, ...]:
        """The timing invocations whose numbers count: valid, and not throttled."""
        return tuple(item for item in self.of_kind(InvocationKind.TIMING) if not item.throttled)

    @property
    def set_apart(self) -> tuple[Invocation, ...]:
        """The valid timing invocations that throttling spoiled; no average holds them."""
        return tuple(item for item in self.of_kind(InvocationKind.TIMING) if item.throttled)

    def of_kind(self, kind: InvocationKind) -> tuple[Invocation, ...]:
        """The valid invocations of a kind."""
        return tuple(
            item for item in self.invocations if item.kind is kind and item.status is Status.OK
        )

    @property
    def comparability_key(self) -> dict[str, Any]:
        """What two runs must share for their latencies to be comparable, by field name.

        The artifact is not part of it (it is what is compared), nor the number of invocations.
        """
        return {
            "device.kind": self.device.kind.value,
            "device.model": self.device.label,
            "device.fingerprint": self.device.fingerprint,
            "config.delegate": self.config.delegate.label,
            "config.num_threads": self.config.num_threads,
            "config.cpu_mask": self.config.cpu_mask,
            "config.num_runs": self.config.num_runs,
            "config.min_s": self.config.min_s,
            "config.max_s": self.config.max_s,
            "config.warmup_runs": self.config.warmup_runs,
            "config.warmup_min_s": self.config.warmup_min_s,
            "config.extra_flags": list(self.config.extra_flags),
            "binary.sha256": self.binary.sha256,
        }
