"""Model soups: the mean of several checkpoints' weights (Wortsman et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from optimizer.errors import TrainingError
from optimizer.passes.prepared import copy_of
from optimizer.techniques import Averaging


def average(
    model: Any,
    checkpoints: Sequence[tuple[Path, Any]],
    *,
    method: Averaging,
    score: Callable[[Any], float] | None,
) -> tuple[Any, tuple[str, ...]]:
    """The soup of a model and checkpoints of its architecture, with sentences of what went in.

    ``greedy`` begins with the best by ``score``, and takes each of the others, best first, in only if the
    mean with it scores no less.

    Raises:
        TrainingError: a checkpoint has other weights, or greedy has nothing to score with.
    """
    import numpy as np

    wanted = [weight.shape for weight in model.get_weights()]
    for path, checkpoint in checkpoints:
        shapes = [weight.shape for weight in checkpoint.get_weights()]
        if shapes != wanted:
            raise TrainingError(
                f"[averaging] {path} has other weights than the source: {_difference(model, checkpoint)}.",
                hint="a soup is of checkpoints of one architecture; distil the others: [distillation] "
                "teachers = [...]",
            )
    soup = copy_of(model)
    every = [("the source", model.get_weights())]
    every += [(path.name, checkpoint.get_weights()) for path, checkpoint in checkpoints]
    if method is Averaging.UNIFORM:
        soup.set_weights(_mean(np, [weights for _, weights in every]))
        return soup, (f"The mean of {', '.join(name for name, _ in every)}.",)
    if score is None:
        raise TrainingError(
            "[averaging] method 'greedy' needs data to score with.",
            hint="--data DATA, or method = 'uniform'",
        )

    def scored(weights: list[Any]) -> float:
        soup.set_weights(weights)
        return score(soup)

    alone = sorted(
        ((scored(weights), name, weights) for name, weights in every),
        key=lambda item: item[0],
        reverse=True,
    )
    best, first, weights = alone[0]
    names, kept = [first], [weights]
    for _, name, more in alone[1:]:
        reached = scored(_mean(np, [*kept, more]))
        if reached >= best:
            best, names, kept = reached, [*names, name], [*kept, more]
    soup.set_weights(_mean(np, kept))
    left = [name for _, name, _ in alone if name not in names]
    told = f"The mean of {', '.join(names)}" + (f"; left out: {', '.join(left)}." if left else ".")
    return soup, (told,)


def _mean(np: Any, every: Sequence[Sequence[Any]]) -> list[Any]:
    return [np.mean(item, axis=0).astype(item[0].dtype) for item in zip(*every, strict=True)]


def _difference(model: Any, other: Any) -> str:
    """The first weight that differs."""
    for ours, theirs in zip(model.weights, other.weights, strict=False):
        if ours.shape != theirs.shape:
            return f"{ours.name} is {tuple(ours.shape)} here and {tuple(theirs.shape)} there"
    return f"it has {len(other.weights)} arrays, the source {len(model.weights)}"
