"""What a project file amounts to, and what of it would fail before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from android_bench.ci import git
from android_bench.ci.project import Project, needed
from android_bench.ci.project_file import line_of
from android_bench.errors import UsageError
from android_bench.measuring.matrix import Wishes, configurations

_FILES = ("source", "metadata", "training", "calibration", "evaluation")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProject:
    """A project that can be gone on with: how many variants, on what, judged by what."""

    project: Project
    variants: tuple[str, ...]
    configurations: tuple[str, ...]
    devices: tuple[str, ...]
    gates: tuple[str, ...]
    baseline: str

    def lines(self) -> Iterator[str]:
        """In words."""
        yield f"{self.project.path} is fine."
        yield f"variants: {', '.join(self.variants)}"
        yield f"devices: {', '.join(self.devices) or 'the only one that is connected'}"
        yield f"configurations: {'; '.join(self.configurations)}"
        yield f"gates: {', '.join(self.gates) or 'none: nothing can fail'}"
        yield f"baseline: {self.baseline}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dictionary."""
        return {
            "project": str(self.project.path),
            "variants": list(self.variants),
            "devices": list(self.devices),
            "configurations": list(self.configurations),
            "gates": list(self.gates),
            "baseline": self.baseline,
        }


def checked_project(project: Project) -> CheckedProject:
    """Look at everything that a project names: files, recipes' names, the matrix, the baseline's commit.

    Raises:
        UsageError: something is not there or cannot be meant; with the line of the file.
    """
    keys = project.keys
    variants: list[str] = []
    for name, model in keys.models.items():
        for key in _FILES:
            value = getattr(model, key)
            path = value and project.folder / value.partition(":")[0]
            if path and not path.exists():
                raise _wrong(project, ("models", name, key), f"{path} does not exist")
        if not model.recipes and not model.source.endswith(".tflite"):
            raise _wrong(
                project, ("models", name, "source"), "it is no .tflite, and no recipes are named"
            )
        stem = (project.folder / model.source).stem
        variants += [f"{stem}.{recipe}" for recipe in model.recipes] or [stem]
    twice = sorted({one for one in variants if variants.count(one) > 1})
    if twice:
        raise _wrong(project, ("models",), f"two models make a variant called {twice[0]!r}")
    configs = configurations(needed(project, Wishes()))
    baseline = keys.baseline.source
    if keys.baseline.kind == "git":
        baseline = f"git {git.resolve(project.folder, keys.baseline.what).label}"
    elif keys.baseline.kind == "results" and not (project.folder / keys.baseline.what).exists():
        raise _wrong(
            project, ("baseline", "from"), f"{project.folder / keys.baseline.what} does not exist"
        )
    return CheckedProject(
        project=project,
        variants=tuple(variants),
        configurations=tuple(config.label for config in configs),
        devices=project.wishes.devices or (),
        gates=tuple(
            f"{name.value} ({gate.action.value})" for name, gate in keys.gates.wanted().items()
        ),
        baseline=baseline,
    )


def _wrong(project: Project, keys: tuple[str, ...], what: str) -> UsageError:
    line = line_of(project.path.read_text(encoding="utf-8"), keys)
    where = f"{project.path}, line {line}" if line else str(project.path)
    return UsageError(f"{where}: {'.'.join(keys)}: {what}.")
