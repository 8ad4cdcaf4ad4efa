"""The keys of a recipe's training stages: equal where everything that their results depend on is equal."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from optimizer.build_cache import BUILD_VERSION, toolchain
from optimizer.recipe import Recipe
from optimizer.source import identify


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One stage of a recipe, or one round of it, and the key of all that its result depends on."""

    stage: str
    round: int
    key: str


def units(recipe: Recipe, *, source: str, data: str | None) -> tuple[Unit, ...]:
    """The stages of a recipe with their keys; ``source`` and ``data`` are fingerprints.

    Two recipes that begin alike have the same keys as far as they are alike.
    """
    found = []
    key = _digest({"build": BUILD_VERSION, "source": source, "tools": toolchain()})
    learned = asdict(recipe.distillation) if recipe.distillation else None
    files = [identify(path).sha256 for path in recipe.files]
    for stage in recipe.stages:
        section = asdict(getattr(recipe, stage))
        for number in range(section.get("rounds", 1)):
            key = _digest(
                {
                    "before": key,
                    "stage": stage,
                    "round": number,
                    "section": section,
                    "training": asdict(recipe.training_of(stage)),
                    "distillation": learned,
                    "files": files,
                    "data": data,
                    "per_channel": recipe.quantization.per_channel if stage == "qat" else None,
                }
            )
            found.append(Unit(stage=stage, round=number, key=key))
    return tuple(found)


def _digest(parts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
