"""The answer a device gives: which variant is fastest and how sure that is, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from android_bench.analysis.ratio import ratio_interval
from android_bench.analysis.stats import Interval
from android_bench.report.rows import RunView

# Runs this far behind in the order are not tested against the fastest: the test is exact and costly.
RIVALS_TESTED = 20
# What the matrix varies on purpose; anything else that differs weakens a ranking.
_VARIED = {"config.delegate", "config.num_threads", "config.cpu_mask"}
_Z_95 = 1.96


class Certainty(str, Enum):
    """How sure it is that the fastest is the fastest."""

    CLEAR = "clear"  # the interval of the ratio to every rival lies above 1
    TIED = "tied"  # some rival cannot be told apart from it
    TOO_FEW = "too-few"  # of some rival, too few invocations for an interval
    ALONE = "alone"  # nothing to compare it with


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The headline for one device.

    ``margin`` is the next run's latency over the fastest's; ``rivals`` are the runs that cannot be
    told apart from it, ``undecided`` those with too few invocations to try. ``differing`` names fields
    that should be alike for a ranking and are not.
    """

    certainty: Certainty
    fastest: RunView | None
    next: RunView | None
    margin: Interval | None
    rivals: tuple[RunView, ...]
    undecided: tuple[RunView, ...]
    baseline: RunView | None
    smallest: RunView
    largest: RunView
    accuracy_drop: float | None
    accuracy_chance: float | None
    differing: tuple[str, ...]


def answer(runs: Sequence[RunView]) -> Answer:
    """Rank the runs of one device; there is at least one."""
    timed = sorted(
        (view for view in runs if view.summary.latency),
        key=lambda view: view.summary.latency.estimate if view.summary.latency else math.inf,
    )
    fastest = timed[0] if timed else None
    certainty, margin, rivals, undecided = _how_sure(timed)
    by_size = sorted(runs, key=lambda view: view.size_bytes)
    drop, chance = _accuracy_cost(fastest or by_size[0])
    return Answer(
        certainty=certainty,
        fastest=fastest,
        next=timed[1] if len(timed) > 1 else None,
        margin=margin,
        rivals=rivals,
        undecided=undecided,
        baseline=_baseline_of(fastest, runs),
        smallest=by_size[0],
        largest=by_size[-1],
        accuracy_drop=drop,
        accuracy_chance=chance,
        differing=_differing(runs),
    )


_HowSure = tuple[Certainty, Interval | None, tuple[RunView, ...], tuple[RunView, ...]]


def _how_sure(timed: Sequence[RunView]) -> _HowSure:
    """Test the fastest against those behind it: the margin to the next, the rivals, the undecided."""
    if len(timed) < 2:
        return Certainty.ALONE, None, (), ()
    samples = timed[0].summary.samples_us
    ratios = [
        (view, _ratio(samples, view.summary.samples_us)) for view in timed[1 : RIVALS_TESTED + 1]
    ]
    rivals = tuple(view for view, ratio in ratios if ratio and ratio.low and ratio.low <= 1)
    undecided = tuple(view for view, ratio in ratios if ratio is None or ratio.low is None)
    if undecided and not rivals:
        certainty = Certainty.TOO_FEW
    else:
        certainty = Certainty.TIED if rivals else Certainty.CLEAR
    return certainty, ratios[0][1], rivals, undecided


def _ratio(baseline: Sequence[float], candidate: Sequence[float]) -> Interval | None:
    if min(*baseline, *candidate, math.inf) <= 0:
        return None
    return ratio_interval(baseline, candidate)


def _baseline_of(fastest: RunView | None, runs: Sequence[RunView]) -> RunView | None:
    """The baseline run of the fastest's configuration, unless it is the fastest itself."""
    if fastest is None or fastest.is_baseline or fastest.latency_ratio is None:
        return None
    same = (
        view
        for view in runs
        if view.is_baseline
        and view.run.config == fastest.run.config
        and view.run.binary.sha256 == fastest.run.binary.sha256
    )
    return next(same, None)


def _accuracy_cost(view: RunView) -> tuple[float | None, float | None]:
    """The change of accuracy against the source, and how much of one chance can make."""
    fidelity = view.run.artifact.fidelity
    if fidelity is None or fidelity.accuracy is None:
        return None, None
    chance = accuracy_half_width(fidelity.accuracy, fidelity.samples)
    if fidelity.source_accuracy is None:
        return None, chance
    return fidelity.accuracy - fidelity.source_accuracy, chance


def accuracy_half_width(share: float, samples: int) -> float | None:
    """Half the width of Wilson's 95 % interval of a share: never zero, not even at 100 %."""
    if samples < 1:
        return None
    square = _Z_95**2
    spread = share * (1 - share) / samples + square / (4 * samples**2)
    return _Z_95 * math.sqrt(max(spread, 0.0)) / (1 + square / samples)


def _differing(runs: Sequence[RunView]) -> tuple[str, ...]:
    """The fields of the comparability key in which runs of one device differ without being meant to."""
    keys = [view.run.comparability_key for view in runs]
    return tuple(
        field
        for field in keys[0]
        if field not in _VARIED and any(key[field] != keys[0][field] for key in keys)
    )
