"""Channel pruning: filters and units are removed for real, so that every device has less to compute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.channels.dependencies import Channels, channels_of
from optimizer.passes.channels.importance import importance
from optimizer.passes.channels.narrow import multiply_adds_of, narrowed
from optimizer.passes.inline import inline
from optimizer.techniques import Criterion

# Of a group of coupled channels at least this share stays.
_LEAST_KEPT = 0.1
_BISECTIONS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPruningResult:
    """The narrower model; ``channels`` are the widths before and after, of layers that are narrower."""

    model: Any
    multiply_adds_before: int
    multiply_adds_after: int
    channels: dict[str, tuple[int, int]]


def prune_channels(
    model: Any,
    *,
    target: float,
    criterion: Criterion = Criterion.NORM,
    keep: Sequence[str] = (),
    divisor: int = 4,
    samples: Any = None,
) -> ChannelPruningResult:
    """Remove the channels that matter least until the share ``target`` of the multiply-adds is gone.

    ``keep`` are patterns of layers whose channels stay; widths remain multiples of ``divisor`` where
    they were larger. ``samples`` are inputs and labels, for the criterion ``taylor``.

    Raises:
        TrainingError: nothing can be removed, or not as much.
    """
    model = inline(model)
    channels = channels_of(model)
    for name, use in channels.uses.items():
        if any(fnmatchcase(name, pattern) for pattern in keep):
            channels.fix(use.given)
    groups = _groups(channels)
    before = multiply_adds_of(channels, set())
    if not groups or not before:
        raise TrainingError(
            f"[channel_pruning] no channels of {model.name!r} can be removed.",
            hint="it is for convolutions and dense layers between an input and an output; see keep",
        )
    scores = importance(model, channels, criterion, samples)

    def removed_below(threshold: float) -> set[int]:
        return {
            root
            for group in groups
            for root in _least(group, scores, divisor, lambda score: score < threshold)
        }

    low, high = 0.0, max(scores.values()) * 2
    most = multiply_adds_of(channels, removed_below(high))
    wanted = before * (1 - target)
    if most > wanted:
        raise TrainingError(
            f"[channel_pruning] target {target:g} cannot be reached: at most "
            f"{1 - most / before:.0%} of the multiply-adds can be removed.",
            hint="lower target, a smaller divisor, or fewer patterns in keep",
        )
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if multiply_adds_of(channels, removed_below(middle)) > wanted:
            low = middle
        else:
            high = middle
    return _result(model, channels, removed_below(high), before)


def scale_width(model: Any, *, width: float, divisor: int = 4) -> Any:
    """The same architecture with its widths times ``width``: a student.

    It begins with the source's most important channels, and so learns faster than from chance.

    Raises:
        TrainingError: no width can be changed.
    """
    model = inline(model)
    channels = channels_of(model)
    groups = _groups(channels)
    if not groups:
        raise TrainingError(
            f"[distillation] no width of {model.name!r} can be changed.",
            hint="give a student of your own: student = 'student.keras'",
        )
    scores = importance(model, channels, Criterion.NORM, None)
    removed: set[int] = set()
    for group in groups:
        ordered = sorted(group, key=lambda root: scores.get(root, math.inf), reverse=True)
        removed.update(ordered[_rounded(len(group) * width, len(group), divisor) :])
    return narrowed(model, channels, removed)


def multiply_adds(model: Any) -> int:
    """The multiply-adds of one inference: convolutions and dense layers, one for each product."""
    return multiply_adds_of(channels_of(inline(model)), set())


def _groups(channels: Channels) -> list[list[int]]:
    """Roots that may be removed, those together that the same layers make."""
    fixed = channels.fixed_roots()
    makers: dict[int, list[str]] = {}
    for name, use in channels.uses.items():
        for root in dict.fromkeys(channels.roots(use.given).tolist()):
            makers.setdefault(root, []).append(name)
    groups: dict[tuple[str, ...], list[int]] = {}
    for root, names in makers.items():
        if root not in fixed:
            groups.setdefault(tuple(names), []).append(root)
    return list(groups.values())


def _least(
    group: list[int], scores: dict[int, float], divisor: int, falls: Callable[[float], bool]
) -> list[int]:
    """The channels of a group to remove: the least important of those that fall, in whole divisors."""
    ordered = sorted(group, key=lambda root: scores.get(root, math.inf))
    kept = sum(not falls(scores.get(root, math.inf)) for root in ordered)
    kept = _rounded(max(kept, len(group) * _LEAST_KEPT), len(group), divisor)
    return ordered[: len(group) - kept]


def _rounded(wanted: float, size: int, divisor: int) -> int:
    """A width that is a multiple of the divisor, at least one and at most all."""
    if size <= divisor:
        return max(1, min(size, math.ceil(wanted)))
    return min(size, max(divisor, math.ceil(wanted / divisor - 1e-9) * divisor))


def _result(model: Any, channels: Channels, removed: set[int], before: int) -> ChannelPruningResult:
    smaller = narrowed(model, channels, removed)
    widths = {
        name: (len(use.given), sum(root not in removed for root in channels.roots(use.given)))
        for name, use in channels.uses.items()
        if use.layer.weights
    }
    return ChannelPruningResult(
        model=smaller,
        multiply_adds_before=before,
        multiply_adds_after=multiply_adds_of(channels, removed),
        channels={name: pair for name, pair in widths.items() if pair[0] != pair[1]},
    )
