"""Building a project's variants: the one place where the project file meets the optimizer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from android_bench.errors import BenchError

if TYPE_CHECKING:
    from android_bench.ci.baseline import Built
    from android_bench.ci.project import Model, Project

_UP_TO_DATE = ": up to date"


def builder(step: Callable[[str], None]) -> Callable[[Project, Path], Built]:
    """A function that builds a project's variants into a folder and tells each step."""

    def build(project: Project, output: Path) -> Built:
        from android_bench.ci.baseline import Built

        paths: list[Path] = []
        built = reused = 0
        for name, model in project.keys.models.items():
            told: list[str] = []

            def tell(text: str, told: list[str] = told) -> None:
                told.append(text)
                step(text)

            made = _build_one(project, name, model, output, tell)
            kept = sum(text.endswith(_UP_TO_DATE) for text in told) if model.recipes else len(made)
            paths += made
            reused += kept
            built += len(made) - kept
        return Built(paths=tuple(paths), built=built, reused=reused)

    return build


def _build_one(
    project: Project, name: str, model: Model, output: Path, step: Callable[[str], None]
) -> list[Path]:
    """The files of one model's variants."""
    source = project.folder / model.source
    if not source.exists():
        raise BenchError(
            f"models.{name}.source, {source}, does not exist.",
            hint=f"Correct it in {project.path}; its paths are relative to that file.",
        )
    if not model.recipes:
        return [_copied(source, output, name, project)]
    from android_bench.cli.data_options import wanted_metadata
    from optimizer.pipeline import Builder
    from optimizer.recipe_file import load_recipes

    recipes = load_recipes([_beside(text, project) for text in model.recipes])
    with Builder(
        source,
        recipes,
        output=output,
        **_data(project, model),
        overwrite=False,
        allow_unsafe=model.allow_unsafe,
        metadata=wanted_metadata(
            None if model.metadata is None else Path(_beside(model.metadata, project))
        ),
        step=step,
    ) as builder:
        return [builder.build(recipe).path for recipe in recipes]


def _copied(source: Path, output: Path, name: str, project: Project) -> Path:
    """A ``.tflite`` as it is, with its manifest: what is measured stays when the source moves on."""
    from optimizer.artifact import manifest_path

    if source.suffix != ".tflite":
        raise BenchError(
            f"models.{name} has no recipes, and {source} is no .tflite.",
            hint=f'recipes = ["float32"] in {project.path}',
        )
    output.mkdir(parents=True, exist_ok=True)
    target = output / source.name
    for file, copy in ((source, target), (manifest_path(source), manifest_path(target))):
        if file.is_file():
            shutil.copyfile(file, copy)
        else:
            copy.unlink(missing_ok=True)
    return target


def _data(project: Project, model: Model) -> dict[str, Any]:
    from android_bench.cli.data_options import read_data

    def place(text: str | None) -> str | None:
        return None if text is None else _beside(text, project)

    def words(values: list[float] | list[int] | None) -> str | None:
        return None if values is None else ",".join(map(str, values))

    return read_data(
        place(model.training),
        calibration=place(model.calibration),
        evaluation=place(model.evaluation),
        mean=words(model.mean),
        std=words(model.std),
        image_shape=words(model.image_shape),
    )


def _beside(text: str, project: Project) -> str:
    """A file beside the project file by its path; the name of a recipe, and anything else, as it is.

    Data that git does not know are taken from where the candidate has them.
    """
    path, colon, function = text.partition(":")
    for folder in (project.folder, project.elsewhere):
        if folder is not None and (folder / path).exists():
            return f"{folder / path}{colon}{function}"
    return text
