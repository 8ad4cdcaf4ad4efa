"""A comparison with both its sides: their numbers, their conditions, their operators, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from android_bench import formatting
from android_bench.compare import Comparison, Verdict
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
# So many pairs are open from the start.
OPEN_PAIRS = 4


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
    """Two runs held against each other; a side is ``None`` when only the other has such a run."""

    anchor: str
    name: str
    device: str
    config: str
    verdict: Verdict
    comparisons: tuple[Comparison, ...]
    baseline: RunView | None
    candidate: RunView | None
    facts: tuple[Fact, ...]
    operators: ChangeView | None
    opened: bool


def pair_views(comparisons: Sequence[Comparison], views: Sequence[RunView]) -> tuple[PairView, ...]:
    """One view for each pair of runs, whatever is compared of them, the gravest verdict first."""
    by_id = {view.run.run_id: view for view in views}
    groups: dict[tuple[str | None, ...], list[Comparison]] = {}
    for item in comparisons:
        key = (item.baseline_run_id, item.candidate_run_id, item.name, item.device, item.config)
        groups.setdefault(key, []).append(item)
    ordered = sorted(groups.values(), key=lambda group: GRAVEST_FIRST.index(_worst(group)))
    return tuple(
        _pair(
            group,
            by_id.get(group[0].baseline_run_id or ""),
            by_id.get(group[0].candidate_run_id or ""),
            number=number,
        )
        for number, group in enumerate(ordered, 1)
    )


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
    return str(getattr(metric, "value", metric)).replace("-", " ")


def _worst(group: Sequence[Comparison]) -> Verdict:
    return min((item.verdict for item in group), key=GRAVEST_FIRST.index)


def _pair(
    group: Sequence[Comparison],
    baseline: RunView | None,
    candidate: RunView | None,
    *,
    number: int,
) -> PairView:
    anchor = f"pair-{number}"
    return PairView(
        anchor=anchor,
        name=group[0].name,
        device=group[0].device,
        config=group[0].config,
        verdict=_worst(group),
        comparisons=tuple(group),
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
