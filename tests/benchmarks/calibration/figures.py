"""Comparisons on known noise: false alarms at most 1 %, at least 95 % of 3 % slowdowns found, at the defaults.

Prints what docs/statistics.md quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from android_bench.analysis.compare import DEFAULT_MAX_SLOWDOWN, Verdict
from tests.benchmarks.calibration import picture, studies
from tests.benchmarks.calibration.kinds import KINDS
from tests.benchmarks.calibration.trials import INVOCATIONS, NOISE, SLOWDOWN, Trials, trials

FALSE_ALARMS, FOUND = 0.01, 0.95
SEED = 20261125
CHANGES = tuple(step / 400 for step in range(-4, 25))  # -1 % to 6 % by a quarter
NUMBERS = (6, 10, 15, 20, 30)
GATES = (0.005, 0.01, 0.015, 0.02)
NOISES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.10)

_Found = dict[tuple[str, bool], Trials]


def main(count: int = 4000, picture_file: Path | None = None) -> bool:
    """Print all figures; return whether the promises hold."""
    print(
        f"  {count} comparisons a line, {INVOCATIONS} invocations a side, noise of {NOISE:.0%}, gate "
        f"{DEFAULT_MAX_SLOWDOWN:.1%}"
    )
    found = {
        (kind.name, paired): trials(kind, paired=paired, count=count, seed=SEED)
        for kind in KINDS
        for paired in (True, False)
    }
    holds = _print_promises(found)
    _print_gates(found)
    by_number = _print_numbers(count // 4)
    _print_noises(count // 2)
    _print_stopping(count // 2)
    _print_steadiness(count // 2)
    if picture_file is not None:
        picture_file.write_text(_draw(found, by_number), encoding="utf-8")
    return holds


def _print_promises(found: _Found) -> bool:
    print(f"\n  {'noise':<30}{'one session':^30}{'two sessions':^30}")
    print(f"  {'':<30}" + f"{'false':>8}{'found':>10}{'unchanged':>12}" * 2)
    holds = True
    for kind in KINDS:
        cells = ""
        for paired, promised in zip((True, False), kind.promised, strict=True):
            made = found[kind.name, paired]
            alarms = made.share(Verdict.REGRESSED)
            hits = made.share(Verdict.REGRESSED, change=SLOWDOWN)
            cells += f"{alarms:>8.2%}{hits:>10.1%}{made.share(Verdict.UNCHANGED):>10.1%}"
            cells += "  " if promised else " *"
            holds &= not promised or (alarms <= FALSE_ALARMS and hits >= FOUND)
        print(f"  {kind.name:<30}{cells}")
    print("  * between sessions nothing tells it from a change")
    print(f"  promise (at most {FALSE_ALARMS:.0%}, at least {FOUND:.0%}): ", end="")
    print("holds" if holds else "BROKEN")
    return holds


def _print_gates(found: _Found) -> None:
    """What other gates would do: the worst over all that is promised."""
    promised = [
        found[kind.name, paired]
        for kind in KINDS
        for paired, holds in zip((True, False), kind.promised, strict=True)
        if holds
    ]
    _print_head("gate, worst of the promised")
    for gate in GATES:
        _print_worst(f"{gate:.1%}", [replace(made, gate=gate) for made in promised])


def _print_numbers(count: int) -> dict[int, Trials]:
    """Two sessions by the number of invocations: normal noise, and the worst of the promised kinds."""
    found = {}
    _print_head("invocations a side, normal")
    kinds = [kind for kind in KINDS if kind.promised[1]]
    worst = []
    for number in NUMBERS:
        made = [
            trials(kind, paired=False, count=count, seed=SEED, invocations=number) for kind in kinds
        ]
        found[number] = made[0]
        worst.append(made)
        _print_worst(str(number), made[:1])
    _print_head("invocations a side, worst")
    for number, made in zip(NUMBERS, worst, strict=True):
        _print_worst(str(number), made)
    return found


def _print_noises(count: int) -> None:
    _print_head("normal noise of")
    for noise in NOISES:
        made = trials(KINDS[0], paired=False, count=count, seed=SEED, noise=noise)
        _print_worst(f"{noise:.1%}", [made])


def _print_head(title: str) -> None:
    print(f"\n  {title:<30}{'false':>8}{'found':>10}{'unchanged':>12}")


def _print_worst(label: str, made: Sequence[Trials]) -> None:
    alarms = max(one.share(Verdict.REGRESSED) for one in made)
    hits = min(one.share(Verdict.REGRESSED, change=SLOWDOWN) for one in made)
    same = min(one.share(Verdict.UNCHANGED) for one in made)
    print(f"  {label:<30}{alarms:>8.2%}{hits:>10.1%}{same:>12.1%}")


def _print_stopping(count: int) -> None:
    print(f"\n  {'median interval, stopping':<30}{'covers':>8}{'made':>10}")
    for first in (6, INVOCATIONS):
        for precision in (None, 0.02, 0.01, 0.005):
            covered, made = studies.coverage(
                KINDS[0], first=first, precision=precision, count=count, seed=SEED
            )
            rule = "at" if precision is None else f"within {precision:.1%}, from"
            print(f"  {f'{rule} {first}':<30}{covered:>8.1%}{made:>10.1f}")


def _print_steadiness(count: int) -> None:
    print(f"\n  {'a series is said to':<30}{'drift':>8}{'stray':>10}{'have modes':>12}")
    for kind in KINDS:
        moved, far, split = studies.steadiness(kind, count=count, seed=SEED)
        print(f"  {kind.name:<30}{moved:>8.1%}{far:>10.1%}{split:>12.1%}")


def _draw(found: _Found, by_number: dict[int, Trials]) -> str:
    panels = [
        _panel(
            f"{title}, {INVOCATIONS} invocations a side",
            {
                kind.name + " *" * (not kind.promised[not paired]): found[kind.name, paired]
                for kind in KINDS
            },
        )
        for title, paired in (("one session", True), ("two sessions", False))
    ]
    numbers = {f"{number} invocations": made for number, made in by_number.items()}
    panels.append(_panel("two sessions, normal noise", numbers))
    title = f"How often “regressed” is said, by the true change (noise of {NOISE:.0%})"
    return picture.draw(panels, title=title)


def _panel(title: str, curves: dict[str, Trials]) -> picture.Panel:
    return picture.Panel(
        title=title,
        changes=CHANGES,
        lines=tuple(
            picture.Line(
                name, tuple(made.share(Verdict.REGRESSED, change=change) for change in CHANGES)
            )
            for name, made in curves.items()
        ),
        gate=DEFAULT_MAX_SLOWDOWN,
    )
