"""The matrix of a session: models × devices × threads × delegates × cores, and what is measured of each.

Flags and a TOML file say the same things under the same names; what is said nowhere has a default.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.errors import UsageError

DEFAULT_SAMPLES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Combinations to leave out: those that are like it in everything it names."""

    delegate: DelegateKind | None = None
    threads: int | None = None
    cores: str | None = None

    def covers(self, config: BenchmarkConfig) -> bool:
        """Whether a configuration is one of them."""
        return (
            self.delegate in {None, config.delegate.kind}
            and self.threads in {None, config.num_threads}
            and self.cores in {None, config.cores}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a command or a file asks for; ``None`` is not asked for. Seconds, and shares as fractions."""

    models: tuple[Path, ...] | None = None
    devices: tuple[str, ...] | None = None
    threads: tuple[int, ...] | None = None
    delegates: tuple[Delegate, ...] | None = None
    cores: tuple[str, ...] | None = None
    exclude: tuple[Exclusion, ...] | None = None
    invocations: int | None = None
    precision: float | None = None
    max_invocations: int | None = None
    budget_s: float | None = None
    num_runs: int | None = None
    min_s: float | None = None
    max_s: float | None = None
    warmup_runs: int | None = None
    warmup_min_s: float | None = None
    memory: int | None = None
    profile: int | None = None
    startup: int | None = None
    numerics: str | None = None
    numerics_samples: int | None = None
    wait_cool_s: float | None = None
    timeout_s: float | None = None
    patience_s: float | None = None
    extra_flags: tuple[str, ...] | None = None

    def over(self, others: Wishes) -> Wishes:
        """These wishes, and the others' where these say nothing."""
        said = {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) is not None
        }
        return replace(others, **said)


# Each wish that becomes a field of the configuration under another name, or the same.
_FIXED = {
    "invocations": "invocations",
    "precision": "precision",
    "max_invocations": "max_invocations",
    "num_runs": "num_runs",
    "min_s": "min_s",
    "max_s": "max_s",
    "warmup_runs": "warmup_runs",
    "warmup_min_s": "warmup_min_s",
    "memory": "memory_invocations",
    "profile": "profile_invocations",
    "startup": "startup_rounds",
    "extra_flags": "extra_flags",
}


def configurations(wishes: Wishes) -> tuple[BenchmarkConfig, ...]:
    """Return a configuration for each combination that is not excluded, in the order given.

    Raises:
        UsageError: a value is out of range, wishes contradict each other, or nothing is left.
    """
    _refuse_contradictions(wishes)
    fixed = {
        name: value for wish, name in _FIXED.items() if (value := getattr(wishes, wish)) is not None
    }
    if wishes.numerics is not None:
        fixed["numerics_samples"] = wishes.numerics_samples or DEFAULT_SAMPLES
    combinations = itertools.product(
        dict.fromkeys(wishes.delegates or (Delegate(),)),
        dict.fromkeys(wishes.cores or (None,)),
        dict.fromkeys(wishes.threads or (1,)),
    )
    try:
        found = [
            BenchmarkConfig(delegate=delegate, cores=cores, num_threads=threads, **fixed)
            for delegate, cores, threads in combinations
        ]
    except ValueError as error:
        raise UsageError(f"This cannot be measured: {error}.") from error
    left = tuple(
        config for config in found if not any(one.covers(config) for one in wishes.exclude or ())
    )
    if not left:
        raise UsageError(
            "The exclusions leave nothing to measure.", hint="Take one of them out of the file."
        )
    return left


def _refuse_contradictions(wishes: Wishes) -> None:
    if wishes.precision is None and (wishes.budget_s is not None or wishes.max_invocations):
        flag = "--budget" if wishes.budget_s is not None else "--max-invocations"
        raise UsageError(
            f"{flag} bounds what a precision asks for, and none is asked for.",
            hint=f"--precision 1% {flag} …",
        )
    if wishes.numerics is None and wishes.numerics_samples is not None:
        raise UsageError(
            "--numerics-samples says how many, and not which.",
            hint="--numerics FILE.npz, or --numerics random",
        )
    least = wishes.invocations or BenchmarkConfig().invocations
    if wishes.max_invocations is not None and wishes.max_invocations < least:
        raise UsageError(
            f"At most {wishes.max_invocations} invocations are fewer than the {least} that are made "
            "before the precision is asked for.",
            hint=f"--max-invocations {6 * least}, or --invocations {wishes.max_invocations}",
        )


def delegates_of(
    words: Iterable[str], *, library: str | None = None, options: str | None = None
) -> tuple[Delegate, ...]:
    """Make delegates of flags' values; ``library`` and ``options`` belong to ``external``.

    Raises:
        UsageError: a word is no delegate, or an external one has no library.
    """
    kinds = [_kind(word) for word in words]
    if library is not None and DelegateKind.EXTERNAL not in kinds:
        kinds.append(DelegateKind.EXTERNAL)
    if DelegateKind.EXTERNAL in kinds and library is None:
        raise UsageError(
            "This cannot be measured: an external delegate names its library, and only it does.",
            hint="--delegate external --external-delegate libdelegate.so, a file here or on the device",
        )
    return tuple(
        Delegate(kind=kind, library=library, options=options)
        if kind is DelegateKind.EXTERNAL
        else Delegate(kind=kind)
        for kind in dict.fromkeys(kinds)
    )


def _kind(word: str) -> DelegateKind:
    try:
        return DelegateKind(word)
    except ValueError as error:
        known = ", ".join(kind.value for kind in DelegateKind)
        raise UsageError(f"{word!r} is no delegate.", hint=f"There are {known}.") from error


def thread_counts(text: str) -> tuple[int, ...]:
    """Read ``1,4`` as thread counts, each once, in the order given.

    Raises:
        UsageError: a part is not a whole number from 1 on.
    """
    parts = words(text)
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise UsageError(
            f"--threads {text!r} is not a list of whole numbers from 1 on.", hint="--threads 1,4"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))


def words(text: str) -> Sequence[str]:
    """The parts of a list with commas."""
    return [part.strip() for part in text.split(",")]
