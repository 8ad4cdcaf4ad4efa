"""Where the time of an inference goes: operators by layer and by type, and what changed between two runs.

A delegate's node stands for all that the delegate runs. Classic builds say what happened inside it in
rows of their own, which are *nested*, as are those of the graphs that control flow calls.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from android_bench.analysis.operator_names import index_of, layers_of
from android_bench.results import BenchmarkRun, InvocationKind, OperatorProfile, ProfilePhase


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """One operator of one inference in the order of execution.

    ``layers`` are the source's layers that it was made of, in the order of the network, and ``layer``
    the same in words; empty and ``None`` where its name tells of none. ``time_us`` is that of all its
    ``calls`` in one inference, the median over the profile invocations. ``share`` is its part of
    the whole graph's time. ``index`` is its number in its graph. A ``nested`` operator ran inside a
    delegate's node or a control flow's, which have rows of their own: it explains their time and is
    not added to it. ``is_delegate`` is the node that stands for all that a delegate ran in one go.
    ``start_us`` is when it began, where the build tells it, and ``subgraph_name`` the graph's name, where
    there are several.
    """

    layer: str | None
    layers: tuple[str, ...]
    node_type: str
    time_us: float
    share: float | None
    calls: int
    name: str
    index: int | None
    subgraph: int
    nested: bool
    inside_delegate: bool
    is_delegate: bool = False
    start_us: float | None = None
    subgraph_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeTime:
    """All operators of one type: count, time in one inference in µs, part of the whole."""

    node_type: str
    count: int
    time_us: float
    share: float | None
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorChange:
    """What became of the same work from the baseline to the candidate.

    ``baseline_us`` or ``candidate_us`` is ``None`` where that run has no such operator; ``delta_us`` takes
    it for no time at all. ``layer`` and ``node_type`` are joined with " + " where the work is done by one
    operator in one run and by several in the other. A ``nested`` change explains another one, as nested
    operators do. ``renamed`` tells that the layers' names differ, and
    only type and order matched.
    """

    layer: str | None
    node_type: str
    baseline_us: float | None
    candidate_us: float | None
    delta_us: float
    nested: bool = False
    inside_delegate: bool = False
    renamed: bool = False


def operator_times(
    run: BenchmarkRun, phase: ProfilePhase = ProfilePhase.REGULAR
) -> tuple[OperatorTime, ...]:
    """The operators of a run in the order of execution; empty when it has no profile."""
    profiles = [
        [operator for operator in item.operators if operator.phase is phase]
        for item in run.of_kind(InvocationKind.PROFILE)
    ]
    profiles = [operators for operators in profiles if operators]
    if not profiles:
        return ()
    seen: dict[_Key, list[float]] = {}
    for operators in profiles:
        for key, operator in _keyed(operators):
            seen.setdefault(key, []).append(operator.mean_us * operator.times_called)
    # The longest profile has the order; a shorter one was cut.
    longest = list(_keyed(max(profiles, key=len)))
    main = _main_graph(operator for _, operator in longest)
    medians = {key: statistics.median(values) for key, values in seen.items()}
    total = sum(medians[key] for key, operator in longest if not _is_nested(operator, main))
    return tuple(
        _time(operator, medians[key], total=total, nested=_is_nested(operator, main))
        for key, operator in longest
    )


def by_type(times: Iterable[OperatorTime]) -> tuple[TypeTime, ...]:
    """The operators summed by type, the most expensive first; nested ones apart, behind the others."""
    groups: dict[tuple[bool, str], list[OperatorTime]] = {}
    for item in times:
        groups.setdefault((item.nested, item.node_type), []).append(item)
    summed = [
        TypeTime(
            node_type=node_type,
            count=len(items),
            time_us=sum(item.time_us for item in items),
            share=_sum(item.share for item in items),
            nested=nested,
        )
        for (nested, node_type), items in groups.items()
    ]
    return tuple(sorted(summed, key=lambda item: (item.nested, -item.time_us)))


def operator_changes(baseline: BenchmarkRun, candidate: BenchmarkRun) -> tuple[OperatorChange, ...]:
    """What changed between two runs' operators, the largest change first.

    Operators are the same when their layers and type are. What is left over is matched by what it has in
    common: operators that share a layer do the same work, fused or not; then operators of one type, if
    both runs have as many of it left over, in their order. The rest is new or gone. Empty unless both
    runs have a profile.
    """
    before, after = operator_times(baseline), operator_times(candidate)
    if not before or not after:
        return ()
    changes: list[OperatorChange] = []
    for place in ((False, False), (True, False), (True, True)):
        old = [item for item in before if (item.nested, item.inside_delegate) == place]
        new = [item for item in after if (item.nested, item.inside_delegate) == place]
        for match in (_by_layers_and_type, _by_common_layers, _by_type_and_order):
            pairs, old, new = match(old, new)
            changes += [_change(*pair, renamed=match is _by_type_and_order) for pair in pairs]
        changes += [_change([item], [], renamed=False) for item in old]
        changes += [_change([], [item], renamed=False) for item in new]
    return tuple(sorted(changes, key=lambda change: -abs(change.delta_us)))


_Key = tuple[int, bool, str, str, int]
_Items = list[OperatorTime]
_Matched = tuple[list[tuple[_Items, _Items]], _Items, _Items]


def _keyed(operators: Sequence[OperatorProfile]) -> Iterator[tuple[_Key, OperatorProfile]]:
    """Operators with what finds the same one in another profile; the same name again is counted."""
    counts: Counter[tuple[int, bool, str, str]] = Counter()
    for operator in operators:
        key = (operator.subgraph, operator.inside_delegate, operator.node_type, operator.name)
        counts[key] += 1
        yield (*key, counts[key]), operator


def _main_graph(operators: Iterable[OperatorProfile]) -> int:
    """The graph that was called; the others are called by its control flow."""
    return min((item.subgraph for item in operators if not item.inside_delegate), default=0)


def _is_nested(operator: OperatorProfile, main: int) -> bool:
    return operator.inside_delegate or operator.subgraph != main


def _time(operator: OperatorProfile, time_us: float, *, total: float, nested: bool) -> OperatorTime:
    # A delegate's node has the name of its output, which is the last of many layers that it runs.
    delegate = "delegate" in operator.node_type.lower() and index_of(operator.name) is not None
    layers = () if operator.inside_delegate or delegate else layers_of(operator.name)
    return OperatorTime(
        layer=" + ".join(layers) or None,
        layers=layers,
        node_type=_node_type(operator),
        time_us=time_us,
        share=time_us / total if total > 0 else None,
        calls=operator.times_called,
        name=operator.name,
        index=index_of(operator.name),
        subgraph=operator.subgraph,
        nested=nested,
        inside_delegate=operator.inside_delegate,
        is_delegate=delegate,
        start_us=operator.start_us,
        subgraph_name=operator.subgraph_name,
    )


def _node_type(operator: OperatorProfile) -> str:
    """The type, which builds that call all of a delegate's kernels alike tell in the name only."""
    if operator.node_type == "DelegateOpInvoke":
        kernel = operator.name.removeprefix("Delegate/").rpartition(":")[0]
        return kernel or operator.node_type
    return operator.node_type


def _by_layers_and_type(old: _Items, new: _Items) -> _Matched:
    """Match what has the same layers and type, the first with the first, the second with the second."""
    before, after = _numbered(old), _numbered(new)
    pairs = [([before[key]], [after[key]]) for key in before if key in after]
    return _without(pairs, old, new)


def _numbered(items: _Items) -> dict[tuple[object, ...], OperatorTime]:
    """Operators with layers, by what they are and the number among their like."""
    counts: Counter[tuple[object, ...]] = Counter()
    found: dict[tuple[object, ...], OperatorTime] = {}
    for item in items:
        if item.layers:
            kind = (item.layers, item.node_type, item.subgraph)
            counts[kind] += 1
            numbered = (*kind, counts[kind])
            found[numbered] = item
    return found


def _by_common_layers(old: _Items, new: _Items) -> _Matched:
    """Match the operators that are joined by layers they share, as many as there are on either side."""
    groups: list[_Group] = []
    for item in (*old, *new):
        if not item.layers:
            continue
        joined = _Group(layers=set(item.layers), items=[item])
        apart = []
        for group in groups:
            if group.layers & joined.layers:
                joined = _Group(
                    layers=group.layers | joined.layers, items=group.items + joined.items
                )
            else:
                apart.append(group)
        groups = [*apart, joined]
    sides = []
    for group in groups:
        members = {id(item) for item in group.items}
        before, after = ([item for item in side if id(item) in members] for side in (old, new))
        sides.append((before, after))
    return _without([pair for pair in sides if pair[0] and pair[1]], old, new)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Operators of both runs that are joined by the layers they share."""

    layers: set[str]
    items: _Items


def _by_type_and_order(old: _Items, new: _Items) -> _Matched:
    """Match what is left of a type in the order of execution, if it is as many on both sides."""
    pairs: list[tuple[_Items, _Items]] = []
    for kind in dict.fromkeys(_kind(item) for item in old):
        before = [item for item in old if _kind(item) == kind]
        after = [item for item in new if _kind(item) == kind]
        if len(before) == len(after):
            pairs += [([one], [other]) for one, other in zip(before, after, strict=True)]
    return _without(pairs, old, new)


def _kind(item: OperatorTime) -> str:
    """A type without the numbers' type: ``Convolution (NHWC, QC8) IGEMM`` is ``Convolution IGEMM``."""
    return re.sub(r" \([^()]*\)", "", item.node_type)


def _without(pairs: list[tuple[_Items, _Items]], old: _Items, new: _Items) -> _Matched:
    """The pairs and what they leave over on both sides."""
    taken = {id(item) for pair in pairs for side in pair for item in side}
    old_rest = [item for item in old if id(item) not in taken]
    return pairs, old_rest, [item for item in new if id(item) not in taken]


def _change(before: _Items, after: _Items, *, renamed: bool) -> OperatorChange:
    old = sum(item.time_us for item in before) if before else None
    new = sum(item.time_us for item in after) if after else None
    layers = dict.fromkeys(layer for item in (after or before) for layer in item.layers)
    types = dict.fromkeys(item.node_type for item in (*before, *after))
    return OperatorChange(
        layer=" + ".join(layers) or None,
        node_type=" + ".join(types),
        baseline_us=old,
        candidate_us=new,
        delta_us=(new or 0.0) - (old or 0.0),
        nested=any(item.nested for item in (*before, *after)),
        inside_delegate=any(item.inside_delegate for item in (*before, *after)),
        renamed=renamed and any(item.layers for item in (*before, *after)),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
