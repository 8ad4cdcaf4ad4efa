"""What is done in which order: the steps of a session, as data.

Timing goes in rounds, forth and back over everything compared (A B C, C B A, …), so that heat and drift
hit every side alike. What disturbs the clock comes after all timing: start-up, memory, profiles, numerics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from android_bench.config import BenchmarkConfig, StartupMode
from android_bench.results import Invocation, InvocationKind

# What an invocation takes beside its inferences: a process, the model, reading the conditions. Seconds.
_OVERHEAD_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One invocation to come: of which lane, in which round, and what for."""

    lane: int
    round: int
    kind: InvocationKind
    startup: StartupMode | None = None
    sample: int | None = None

    @property
    def key(self) -> Hashable:
        """What makes it the same work as a recorded invocation, but for the round."""
        return (self.kind, self.startup, self.sample)


def done_key(record: Invocation) -> Hashable:
    """The key of the step that a record came of."""
    sample = None if record.numerics is None else record.numerics.sample
    return (record.kind, record.startup, sample)


def timing_round(number: int, configs: Sequence[BenchmarkConfig]) -> Iterator[Step]:
    """The steps of one timing round; a lane with enough invocations and no precision to reach sits out."""
    lanes = range(len(configs)) if number % 2 else reversed(range(len(configs)))
    for lane in lanes:
        config = configs[lane]
        last = config.invocations if config.precision is None else config.max_invocations
        if number <= max(last, config.invocations):
            yield Step(lane=lane, round=number, kind=InvocationKind.TIMING)


def first_rounds(configs: Sequence[BenchmarkConfig]) -> int:
    """The rounds that are made whatever comes out."""
    return max(config.invocations for config in configs)


def last_round(configs: Sequence[BenchmarkConfig]) -> int:
    """The round after which no precision asks for more."""
    adaptive = [config.max_invocations for config in configs if config.precision is not None]
    return max([first_rounds(configs), *adaptive])


def disturbing_steps(
    configs: Sequence[BenchmarkConfig], modes: Sequence[Sequence[StartupMode]], *, first_round: int
) -> list[Step]:
    """What comes after all timing, interleaved like it; ``modes`` are the start-ups that a lane knows."""
    steps: list[Step] = []
    number = first_round
    for index in range(max(config.startup_rounds for config in configs)):
        ordered = _forth_and_back(number, len(configs))
        steps += [
            Step(lane=lane, round=number, kind=InvocationKind.STARTUP, startup=mode)
            for lane in ordered
            if index < configs[lane].startup_rounds
            for mode in modes[lane]
        ]
        number += 1
    for kind, counts in (
        (InvocationKind.MEMORY, [config.memory_invocations for config in configs]),
        (InvocationKind.PROFILE, [config.profile_invocations for config in configs]),
    ):
        for index in range(max(counts)):
            ordered = _forth_and_back(number, len(configs))
            steps += [
                Step(lane=lane, round=number, kind=kind) for lane in ordered if index < counts[lane]
            ]
            number += 1
    for sample in range(max(config.numerics_samples for config in configs)):
        steps += [
            Step(lane=lane, round=number, kind=InvocationKind.NUMERICS, sample=sample)
            for lane in range(len(configs))
            if sample < configs[lane].numerics_samples
        ]
        number += 1
    return steps


def _forth_and_back(number: int, lanes: int) -> Iterable[int]:
    return range(lanes) if number % 2 else reversed(range(lanes))


@dataclass(slots=True)
class Remaining:
    """Leaves out what a lane has on record already, so that an interrupted plan goes on."""

    recorded: list[Counter[Hashable]]

    @classmethod
    def of(cls, records: Iterable[Sequence[Invocation]]) -> Remaining:
        """From the records of each lane.

        A cold start whose warm one is missing is made again: its cache went with the session.
        """
        counts = [Counter(done_key(item) for item in lane) for lane in records]
        cold, warm = (
            Step(lane=0, round=0, kind=InvocationKind.STARTUP, startup=mode).key
            for mode in (StartupMode.COLD, StartupMode.WARM)
        )
        for lane in counts:
            lane[cold] = min(lane[cold], lane[warm])
        return cls(counts)

    def is_done(self, step: Step) -> bool:
        """Whether this step was made before; each record answers for one step."""
        counts = self.recorded[step.lane]
        if counts[step.key] <= 0:
            return False
        counts[step.key] -= 1
        return True


def least_seconds(step: Step, config: BenchmarkConfig) -> float:
    """How long an invocation takes at least; a slow model takes longer for its ``num_runs``."""
    if step.kind in {InvocationKind.STARTUP, InvocationKind.NUMERICS}:
        return _OVERHEAD_S
    return config.warmup_min_s + config.min_s + _OVERHEAD_S
