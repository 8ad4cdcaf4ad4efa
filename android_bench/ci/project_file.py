"""Reading a project file: strict, with the line and the key in every error."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from android_bench.ci.project import PROJECT_FILE, Project, ProjectKeys
from android_bench.errors import UsageError
from android_bench.measuring.matrix_file import wishes_of
from android_bench.strict_file import line_of, read_toml, wrong_key

__all__ = ["find_project", "line_of", "read_project"]


def find_project(path: Path | None = None) -> Path:
    """The project file: the one given, or the nearest from the current folder upwards.

    Raises:
        UsageError: there is none.
    """
    if path is not None:
        return path / PROJECT_FILE if path.is_dir() else path
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    raise UsageError(
        f"There is no {PROJECT_FILE} here or in a folder above.", hint="android-bench init"
    )


def read_project(path: Path) -> Project:
    """Read a project file.

    Raises:
        UsageError: it cannot be read, or a key or value is wrong; the message names file, line and key.
    """
    text, data = read_toml(path, hint="android-bench init writes one.")
    try:
        keys = ProjectKeys.model_validate(data)
    except ValidationError as error:
        raise wrong_key(path, text, data, error, of=ProjectKeys, docs="docs/project.md") from error
    return Project(path=path, keys=keys, wishes=wishes_of(keys.measure, path))
