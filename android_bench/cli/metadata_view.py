"""What was written as metadata, for the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from android_bench.terminal import console

if TYPE_CHECKING:
    from optimizer.metadata import Tagged


def tagged_to_json(tagged: Tagged) -> dict[str, Any]:
    """A tagged file as JSON values."""
    return {"model": str(tagged.path), **asdict(tagged.summary), "notes": list(tagged.notes)}


def print_tagged(tagged: Tagged) -> None:
    """Print one line on a tagged file, and what was worked out."""
    summary = tagged.summary
    parts = [summary.task]
    if summary.labels is not None:
        parts.append(f"{summary.labels} labels")
    parts.append("proven" if summary.verified else "NOT proven")
    print(f"{tagged.path}: {', '.join(parts)}")
    for note in tagged.notes:
        console.say(f"  Worked out: {note}")
    if tagged.proof is not None:
        for note in tagged.proof.notes:
            console.say(f"  {note}")
        if tagged.proof.failure is not None:
            console.complain(tagged.proof.failure, tagged.proof.hint)
