"""Many recipes on one model: what each gives, and which none of the others beats."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.artifact import Artifact
from optimizer.build_cache import cache_folder, toolchain
from optimizer.choice import Candidate, pareto_front
from optimizer.data import Dataset
from optimizer.errors import ModelError, OptimizerError
from optimizer.fidelity import collapse
from optimizer.files import write_atomic
from optimizer.host_cost import ROUNDS, HostCost, measure_on_host
from optimizer.job import Step
from optimizer.pipeline import Builder, build_each
from optimizer.recipe import Recipe
from optimizer.recipe_file import load_recipe
from optimizer.source import Format, identify

if TYPE_CHECKING:
    from optimizer.metadata.wanted import Wanted

SWEEP_VERSION = 1
# Without training data; those that need calibration data are left out when there are none.
AFTER_TRAINING = (
    "float32", "float16", "dynamic-range", "weight-only", "int4", "int8", "int8-io", "int16x8",
)  # fmt: skip
WITH_TRAINING = (
    "qat", "prune80+int8", "cluster16+int8", "prune80+cluster16-folded+int8-per-tensor", "prune80+qat",
    "prune80+cluster16+qat", "channels50+int8", "channels50+qat", "distill50+int8",
)  # fmt: skip
OF_TFLITE = ("float32", "dynamic-range", "weight-only", "int4", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """An artifact of a sweep with its cost on this computer."""

    artifact: Artifact
    cost: HostCost | None

    @property
    def candidate(self) -> Candidate:
        """The variant as a choice is made of it."""
        fidelity, cost = self.artifact.fidelity, self.cost
        accuracy = before = None
        if fidelity is not None and fidelity.accuracy is not None:
            accuracy, before = fidelity.accuracy, fidelity.source_accuracy
        elif fidelity is not None and fidelity.top1_agreement is not None:
            accuracy, before = fidelity.top1_agreement, 1.0
        return Candidate(
            name=self.artifact.name,
            accuracy=accuracy,
            source_accuracy=before,
            size_bytes=self.artifact.size_bytes,
            gzip_bytes=self.artifact.gzip_bytes,
            latency_us=cost.latency_us if cost else None,
            memory_bytes=cost.memory_bytes if cost else None,
            latency_source=HOST if cost else None,
            collapsed=fidelity is not None
            and collapse(fidelity, trained=bool(self.artifact.stages)) is not None,
        )


HOST = "this computer, one thread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The variants of a model, those on the front by name, and recipes that could not be built."""

    model: str
    variants: tuple[Variant, ...]
    front: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    path: Path

    @property
    def source_accuracy(self) -> float | None:
        """The source's accuracy, on the most samples that a variant was compared on."""
        known = [item.artifact.fidelity for item in self.variants if item.artifact.fidelity]
        most = max(known, key=lambda fidelity: fidelity.samples, default=None)
        return most.source_accuracy if most else None


def recipes_for(model: Path, *, training: bool, calibration: bool) -> tuple[Recipe, ...]:
    """All recipes that apply to a model with the data that are given."""
    if identify(model).format is Format.TFLITE:
        names: tuple[str, ...] = OF_TFLITE
    else:
        names = AFTER_TRAINING + (WITH_TRAINING if training else ())
    recipes = [load_recipe(name) for name in names]
    return tuple(recipe for recipe in recipes if calibration or recipe.calibration is None)


def sweep(
    model: Path,
    recipes: Sequence[Recipe],
    *,
    output: Path,
    training: Dataset | Path | None = None,
    calibration: Dataset | Path | None = None,
    evaluation: Dataset | Path | None = None,
    overwrite: bool = False,
    allow_unsafe: bool = False,
    metadata: Wanted | None = None,
    host_rounds: int = ROUNDS,
    step: Step = lambda _: None,
) -> Sweep:
    """Build every recipe, measure each on this computer, and store ``OUTPUT/NAME.sweep.json``.

    A recipe that does not fit the model is reported, and the others go on. ``host_rounds`` of 0 measures
    nothing. ``metadata`` are written into every variant.

    Raises:
        OptimizerError: the source, the data or the metadata cannot be used, or no recipe could be built.
    """
    with Builder(
        model,
        recipes,
        output=output,
        training=training,
        calibration=calibration,
        evaluation=evaluation,
        overwrite=overwrite,
        allow_unsafe=allow_unsafe,
        metadata=metadata,
        step=step,
    ) as builder:
        artifacts, failed = build_each(builder, recipes)
    if not artifacts:
        raise OptimizerError(f"No recipe could be built: {failed[0][1]}", hint=failed[0][1].hint)
    costs = _costs(artifacts, rounds=host_rounds, step=step)
    variants = tuple(
        Variant(artifact=artifact, cost=cost)
        for artifact, cost in zip(artifacts, costs, strict=True)
    )
    result = Sweep(
        model=identify(model).name,
        variants=variants,
        front=pareto_front([variant.candidate for variant in variants]),
        failed=tuple((recipe.name, str(error)) for recipe, error in failed),
        path=output / f"{identify(model).name}.sweep.json",
    )
    _store(result)
    return result


def find_sweep(path: Path) -> Path:
    """The stored sweep that a path means: the file itself, or the only one of a folder.

    Raises:
        ModelError: there is none, or there are several.
    """
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.sweep.json"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(item.name for item in found)
    raise ModelError(
        f"{path} holds {f'several sweeps: {names}' if found else 'no sweep'}.",
        hint="name one of them"
        if found
        else "android-bench sweep MODEL --data D -o FOLDER makes one",
    )


def read_sweep(path: Path) -> Sweep:
    """Read a stored sweep; artifacts are looked for beside it.

    Raises:
        ModelError: it is missing or damaged, or an artifact was changed or is gone.
    """
    from optimizer.artifact import read_manifest

    hint = "android-bench sweep MODEL --data D writes one"
    try:
        data = json.loads(path.read_bytes())
        variants = []
        for item in data["variants"]:
            file = path.parent / item["file"]
            artifact = read_manifest(file) if file.is_file() else None
            if artifact is None:
                raise ModelError(f"{file} is gone or was changed since {path.name}.", hint=hint)
            cost = HostCost(**item["host"]) if item["host"] else None
            variants.append(Variant(artifact=artifact, cost=cost))
        return Sweep(
            model=data["model"],
            variants=tuple(variants),
            front=tuple(data["front"]),
            failed=tuple((item["recipe"], item["why"]) for item in data["failed"]),
            path=path,
        )
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except KeyError as error:
        raise ModelError(
            f"{path} is no sweep that can be read: it has no key {error}.", hint=hint
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is no sweep that can be read: it is no JSON.", hint=hint
        ) from error
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{path} is no sweep that can be read: its values are not those that sweep writes.",
            hint=hint,
        ) from error


def _store(result: Sweep) -> None:
    """Write the sweep beside its artifacts."""
    data: dict[str, Any] = {
        "sweep_version": SWEEP_VERSION,
        "model": result.model,
        "host": platform.processor() or platform.machine(),
        "variants": [
            {
                "name": variant.artifact.name,
                "file": variant.artifact.path.name,
                "host": asdict(variant.cost) if variant.cost else None,
                "on_front": variant.artifact.name in result.front,
            }
            for variant in result.variants
        ],
        "front": list(result.front),
        "failed": [{"recipe": name, "why": why} for name, why in result.failed],
    }
    content = (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
    try:
        write_atomic(result.path, content)
    except OSError as error:
        raise OptimizerError(f"{result.path} cannot be written: {error.strerror}.") from error


def _costs(artifacts: Sequence[Artifact], *, rounds: int, step: Step) -> list[HostCost | None]:
    """The cost of each artifact, measured in turn unless all of them were measured here before.

    They are measured together or not at all: figures of different moments are not comparable.
    """
    if rounds < 1:
        return [None] * len(artifacts)
    parts = [
        platform.node(),
        platform.machine(),
        rounds,
        toolchain(),
        [item.sha256 for item in artifacts],
    ]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    kept = cache_folder().with_name("costs") / f"{key}.json"
    try:
        return [HostCost(**item) for item in json.loads(kept.read_bytes())]
    except (OSError, ValueError, TypeError):
        step("measure on this computer")
    found = measure_on_host([artifact.path for artifact in artifacts], rounds=rounds)
    with contextlib.suppress(OSError):
        write_atomic(kept, json.dumps([asdict(item) for item in found]).encode())
    return list(found)
