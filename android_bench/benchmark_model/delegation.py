"""Who executed the graph, from what the tool and the runtime log about delegates.

A delegate that does not apply is no error to benchmark_model: it runs on the CPU and exits 0. So
the evidence is collected, and what there is no evidence for stays ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from android_bench.benchmark_model.lines import Line, to_count
from android_bench.config import DelegateKind
from android_bench.results import Delegation

_REPLACING = re.compile(
    r"Replacing (?P<nodes>\d+)(?: out of (?P<total>\d+))? node\(s\) with delegate \((?P<name>[^)]*)\)"
    r" node, yielding (?P<partitions>\d+) partitions(?: for subgraph (?P<subgraph>\d+))?",
    re.ASCII,
)
# External delegates (QNN, Neuron, …) count for themselves.
_COUNTED = re.compile(
    r"(?P<name>\S+) delegate: (?P<nodes>\d+) nodes delegated out of (?P<total>\d+) nodes"
    r" with (?P<partitions>\d+) partitions",
    re.ASCII,
)
# android_bench.host_model, from the interpreter's own list of operators.
_HOST = re.compile(
    r"android-bench host_model: (?P<name>\w+) executes (?P<nodes>\d+) of (?P<total>\d+) nodes"
    r" in (?P<partitions>\d+) partitions",
    re.ASCII,
)
_APPLIED = re.compile(
    r"(?:Explicitly a|A)pplied (?P<name>\S+) delegate, and the model graph will be "
    r"(?:(?P<whole>completely)|partially) executed by the delegate"
    r"(?: w/ (?P<kernels>\d+) delegate kernels)?",
    re.ASCII,
)
_IDLE = re.compile(
    r"Though (?P<name>\S+) delegate is (?:explicitly )?applied, the model graph will not be executed"
)
_UNSUPPORTED = re.compile(
    r"(?P<name>\S+) acceleration is unsupported on this platform"
    r"|Couldn't load (?P<library>NNAPI) support library"
)
_CREATED = "Created TensorFlow Lite XNNPACK delegate for CPU"

_ON_THE_CPU = frozenset({DelegateKind.CPU, DelegateKind.XNNPACK, DelegateKind.NO_XNNPACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replaced:
    """One delegate took nodes of one subgraph; ``total`` counts what was left when it came."""

    name: str
    nodes: int
    total: int | None
    partitions: int
    subgraph: int


def read_delegation(lines: Sequence[Line], requested: DelegateKind) -> Delegation:
    """What was requested and what the lines say became of it.

    ``applied`` is true when the requested delegate executes at least a part of the graph, false when
    a line says that it does not (or, for ``no-xnnpack``, that XNNPACK is at work all the same), and
    ``None`` when nothing tells. Nodes are summed over subgraphs, for the requested delegate only.
    """
    texts = [line.text for line in lines if line.complete]
    replaced = [item for item in _replacements(texts) if _is_requested(item.name, requested)]
    named = [match for text in texts if (match := _APPLIED.match(text))]
    named = [match for match in named if _is_requested(match["name"], requested)]
    refused = _refusals(texts, requested)
    created = any(_CREATED in text for text in texts)

    nodes = sum(item.nodes for item in replaced) if replaced else None
    partitions = sum(item.partitions for item in replaced) if replaced else None
    if partitions is None and named and named[-1]["kernels"]:
        partitions = to_count(named[-1]["kernels"])
    if partitions is None and named and named[-1]["whole"]:
        partitions = 1  # "completely" means: one delegate node is all that is left of the graph
    return Delegation(
        requested=requested,
        applied=_applied(
            requested, nodes=nodes, named=bool(named), refused=refused, created=created
        ),
        delegate_name=_name(replaced, named, created=created and requested in _ON_THE_CPU),
        nodes_delegated=nodes,
        nodes_total=_total(_replacements(texts)) if replaced else None,
        partitions=partitions,
    )


def _applied(
    requested: DelegateKind, *, nodes: int | None, named: bool, refused: bool, created: bool
) -> bool | None:
    if requested is DelegateKind.CPU:
        # Whatever XNNPACK left or took, it was the CPU.
        return True if nodes is not None or named else None
    if requested is DelegateKind.NO_XNNPACK:
        if nodes or named or created:
            return False
        return True if nodes == 0 else None
    if nodes is not None:
        return nodes > 0
    if named:
        return True
    return False if refused else None


def _replacements(texts: Sequence[str]) -> list[_Replaced]:
    found: list[_Replaced] = []
    for text in texts:
        match = _REPLACING.match(text)
        if match is None:
            continue
        item = _replaced(match, subgraph=to_count(match["subgraph"] or "0") or 0)
        # The same line twice is one event in two logs.
        if item not in found:
            found.append(item)
    if found:
        return found
    # These count the whole graph in their own words; beside the runtime's lines they would count twice.
    counted = [match for text in texts if (match := _COUNTED.match(text) or _HOST.match(text))]
    return [_replaced(match, subgraph=index) for index, match in enumerate(counted)]


def _replaced(match: re.Match[str], *, subgraph: int) -> _Replaced:
    total = to_count(match["total"]) if match["total"] else None
    return _Replaced(
        name=match["name"],
        nodes=to_count(match["nodes"]) or 0,
        total=total,
        partitions=to_count(match["partitions"]) or 0,
        subgraph=subgraph,
    )


def _total(replaced: Iterable[_Replaced]) -> int | None:
    """All nodes of the subgraphs that were touched: what the first delegate found in each."""
    totals: dict[int, int | None] = {}
    for item in replaced:
        totals.setdefault(item.subgraph, item.total)
    known = [total for total in totals.values() if total is not None]
    return sum(known) if totals and len(known) == len(totals) else None


def _refusals(texts: Sequence[str], requested: DelegateKind) -> bool:
    for text in texts:
        match = _IDLE.match(text)
        if match and _is_requested(match["name"], requested):
            return True
        match = _UNSUPPORTED.match(text)
        if match and _is_requested(match["name"] or match["library"], requested):
            return True
    return False


def _is_requested(name: str, requested: DelegateKind) -> bool:
    """Whether this is the delegate that was asked for.

    Accelerators' delegates have many names (TfLiteGpuDelegateV2, LITERT_CL, TfLiteQnnDelegate), and
    only one is asked for at a time; what is never meant is XNNPACK, which takes what they leave, and
    Flex, which runs TensorFlow operators.
    """
    lowered = name.lower()
    if requested in _ON_THE_CPU:
        return "xnnpack" in lowered
    return "xnnpack" not in lowered and "flex" not in lowered


def _name(
    replaced: Sequence[_Replaced], named: Sequence[re.Match[str]], *, created: bool
) -> str | None:
    if replaced:
        return next((item.name for item in replaced if item.nodes), None)
    if named:
        return named[-1]["name"]
    return "XNNPACK" if created else None
