"""Variants beside each other, and the one to ship, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from android_bench import formatting
from android_bench.terminal import console
from optimizer.choice import Candidate, Recommendation


def print_candidates(
    candidates: Sequence[Candidate], front: Sequence[str], *, source_accuracy: float | None
) -> None:
    """Print a line for each variant, those on the Pareto front marked."""
    rows = []
    for one in candidates:
        accuracy = formatting.percent(one.accuracy, digits=2)
        rows.append(
            (
                f"{'●' if one.name in front else ' '} {escape(one.name)}",
                f"[bold red]{accuracy}[/]" if one.collapsed else accuracy,
                formatting.file_size(one.size_bytes),
                formatting.file_size(one.gzip_bytes),
                formatting.duration(one.latency_us),
                formatting.memory(one.memory_bytes),
            )
        )
    console.table(None, ("  variant", "accuracy", "file", "gzip", "latency", "memory"), rows)
    console.say(_legend(candidates, source_accuracy))
    for one in candidates:
        if one.collapsed:
            console.say(f"COLLAPSED: {one.name} is no longer the model it was made of.")


def print_failures(failed: Sequence[tuple[str, str]]) -> None:
    """Say which recipes gave nothing, and why."""
    for name, why in failed:
        console.say(f"{name}: not built. {why}")


def print_recommendation(found: Recommendation) -> None:
    """Name the variant to ship, and why the others are not."""
    choice = found.choice
    if choice is None:
        console.out.print(f"[bold red]nothing to ship:[/] {escape(found.why)}", soft_wrap=True)
    else:
        console.out.print(
            f"[bold green]ship[/] [bold]{escape(choice.name)}[/]: {escape(found.why)}",
            soft_wrap=True,
        )
        facts = [
            f"accuracy {formatting.percent(choice.accuracy, digits=2)}",
            f"file {formatting.file_size(choice.size_bytes)}",
            f"gzip {formatting.file_size(choice.gzip_bytes)}",
        ]
        if choice.latency_us is not None:
            facts.append(f"{formatting.duration(choice.latency_us)} on {choice.latency_source}")
        console.out.print(escape(", ".join(facts)), soft_wrap=True)
    rows = [(escape(item.name), escape(item.why)) for item in found.others]
    if rows:
        console.listing(("not", "because"), rows)


def candidate_to_json(one: Candidate, front: Sequence[str]) -> dict[str, Any]:
    """A candidate as a JSON-able dictionary."""
    return {**asdict(one), "on_front": one.name in front}


def recommendation_to_json(found: Recommendation) -> dict[str, Any]:
    """A recommendation as a JSON-able dictionary."""
    return asdict(found)


def _legend(candidates: Sequence[Candidate], source_accuracy: float | None) -> str:
    parts = ["● no other variant is as good in everything and better in something"]
    if source_accuracy is not None:
        parts.append(f"the source's accuracy is {formatting.percent(source_accuracy, digits=2)}")
    sources = {one.latency_source for one in candidates if one.latency_source}
    if sources:
        parts.append(f"latency and memory of {' and '.join(sorted(sources))}")
    return "; ".join(parts) + "."
