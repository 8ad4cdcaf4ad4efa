"""A comparison with both its sides: their numbers, their conditions, their operators, the verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.analysis.checks import Finding
from android_bench.analysis.compare import Comparison, Verdict
from android_bench.analysis.metrics import Metric
from android_bench.report.columns import VARIANTS, Column
from android_bench.report.context import CONDITIONS, DELEGATION
from android_bench.report.operators import ChangeView, change_view
from android_bench.report.rows import RunView

# In the order in which a reader should hear of them.
GRAVEST_FIRST = (
    Verdict.REGRESSED,
    Verdict.INCOMPARABLE,
    Verdict.INCONCLUSIVE,
    Verdict.IMPROVED,
    Verdict.UNCHANGED,
)
# Kinds of columns of which a ratio says something.
_LENGTHS = frozenset({"duration", "file_size", "memory"})
# So many pairs are open from the start: the gravest.
OPEN_PAIRS = 1
# What decides a page's verdict; other metrics are told at each pair.
DECIDING = (Metric.LATENCY.value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a pair: a quantity or a condition of both sides, and its change where it has one."""

    group: str
    heading: str
    baseline: str | None
    candidate: str | None
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairView:
    """Two runs held against each other; a side is ``None`` when only the other has such a run.

    ``verdict`` is the gravest of the ``deciding`` comparisons, ``others`` are for information.
    """

    anchor: str
    name: str
    device: str
    config: str
    verdict: Verdict
    deciding: tuple[Comparison, ...]
    others: tuple[Comparison, ...]
    baseline: RunView | None
    candidate: RunView | None
    facts: tuple[Fact, ...]
    operators: ChangeView | None
    opened: bool

    @property
    def cautions(self) -> tuple[Finding, ...]:
        """What must be known before believing the verdict."""
        found = [caution for item in (*self.deciding, *self.others) for caution in item.cautions]
        return tuple(dict.fromkeys(found))

    @property
    def gravest(self) -> Comparison:
        """The comparison that the verdict is of."""
        return next(item for item in self.deciding if item.verdict is self.verdict)


def pair_views(
    comparisons: Sequence[Comparison], views: Sequence[RunView], deciding: Collection[str]
) -> tuple[PairView, ...]:
    """One view for each pair of runs, whatever is compared of them, the gravest verdict first."""
    by_id = {view.run.run_id: view for view in views}
    groups: dict[tuple[str | None, ...], list[Comparison]] = {}
    for item in comparisons:
        key = (item.baseline_run_id, item.candidate_run_id, item.name, item.device, item.config)
        groups.setdefault(key, []).append(item)
    split = [_split(group, deciding) for group in groups.values()]
    ordered = sorted(split, key=lambda parts: GRAVEST_FIRST.index(_worst(parts[0])))
    return tuple(
        _pair(
            *parts,
            by_id.get(parts[0][0].baseline_run_id or ""),
            by_id.get(parts[0][0].candidate_run_id or ""),
            number=number,
        )
        for number, parts in enumerate(ordered, 1)
    )


_Split = tuple[tuple[Comparison, ...], tuple[Comparison, ...]]


def _split(group: Sequence[Comparison], deciding: Collection[str]) -> _Split:
    """What decides and what does not; where nothing does, everything."""
    decides = tuple(item for item in group if item.metric in deciding)
    others = tuple(item for item in group if item.metric not in deciding)
    return (decides, others) if decides else (others, ())


def sides_of(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Which run is a baseline and which a candidate, by run id."""
    sides = {item.baseline_run_id: "baseline" for item in comparisons}
    sides.update({item.candidate_run_id: "candidate" for item in comparisons})
    return {run_id: side for run_id, side in sides.items() if run_id is not None}


def metric_text(metric: str, value: float | None) -> str | None:
    """A compared quantity in the unit that its name tells."""
    if value is None:
        return None
    name = metric_name(metric)
    if "size" in name:
        return formatting.file_size(value)
    return formatting.memory(value) if "memory" in name else formatting.duration(value)


def metric_name(metric: str) -> str:
    """A compared quantity in a sentence."""
    return metric.replace("-", " ")


def _worst(group: Sequence[Comparison]) -> Verdict:
    return min((item.verdict for item in group), key=GRAVEST_FIRST.index)


def _pair(
    deciding: tuple[Comparison, ...],
    others: tuple[Comparison, ...],
    baseline: RunView | None,
    candidate: RunView | None,
    *,
    number: int,
) -> PairView:
    anchor = f"pair-{number}"
    first = deciding[0]
    return PairView(
        anchor=anchor,
        name=first.name,
        device=first.device,
        config=first.config,
        verdict=_worst(deciding),
        deciding=deciding,
        others=others,
        baseline=baseline,
        candidate=candidate,
        facts=_facts(baseline, candidate),
        operators=change_view(baseline, candidate, anchor=f"{anchor}-operators")
        if baseline and candidate
        else None,
        opened=number <= OPEN_PAIRS,
    )


def _facts(baseline: RunView | None, candidate: RunView | None) -> tuple[Fact, ...]:
    """Every quantity and condition that at least one side has."""
    columns = [column for column in VARIANTS if column.kind != "multiple"]
    found = (_fact(column, baseline, candidate) for column in (*columns, *DELEGATION, *CONDITIONS))
    return tuple(fact for fact in found if fact.baseline is not None or fact.candidate is not None)


def _fact(column: Column, baseline: RunView | None, candidate: RunView | None) -> Fact:
    before, after = (column.read(view) if view else None for view in (baseline, candidate))
    ratio = after / before if column.kind in _LENGTHS and before and after else None
    return Fact(
        group=column.group,
        heading=column.heading,
        baseline=column.text(baseline) if baseline else None,
        candidate=column.text(candidate) if candidate else None,
        ratio=ratio,
    )
