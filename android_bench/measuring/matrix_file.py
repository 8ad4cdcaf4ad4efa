"""A matrix as a TOML file: the names of its keys are those of the flags of ``android-bench run``.

::

    models = ["out/*.tflite"]          # relative to the file
    devices = ["192.168.1.7:5555", "host"]
    threads = [1, 4]
    delegates = ["cpu", "gpu", {kind = "external", library = "libQnnDelegate.so", options = "a:b"}]
    cores = ["big", "little"]
    exclude = [{delegate = "gpu", threads = 4}]
    precision = "1%"
    budget = "10m"
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from android_bench.config import Delegate, DelegateKind
from android_bench.errors import UsageError
from android_bench.measuring.matrix import DEFAULT_SAMPLES, Exclusion, Wishes
from android_bench.quantities import seconds, share
from android_bench.strict_file import Strict, read_toml, wrong_key

_Count = Field(default=None, ge=0)
_Least1 = Field(default=None, ge=1)


class _Delegate(Strict):
    kind: str
    library: str | None = None
    options: str | None = None


class _Exclusion(Strict):
    delegate: str | None = None
    threads: int | None = None
    cores: str | None = None


class MatrixKeys(Strict):
    """The keys of a matrix file, and of the table ``measure`` of a project file."""

    models: list[str] | None = None
    devices: list[str] | None = None
    threads: list[Annotated[int, Field(ge=1)]] | None = None
    delegates: list[str | _Delegate] | None = None
    cores: list[str] | None = None
    exclude: list[_Exclusion] | None = None
    invocations: int | None = _Least1
    precision: str | None = None
    max_invocations: int | None = _Least1
    budget: str | None = None
    num_runs: int | None = _Least1
    min_secs: float | None = Field(default=None, ge=0)
    max_secs: float | None = Field(default=None, gt=0)
    warmup_runs: int | None = _Count
    warmup_secs: float | None = Field(default=None, ge=0)
    memory: int | None = _Count
    profile: int | None = _Count
    startup: int | None = _Count
    numerics: str | None = None
    numerics_samples: int | None = _Least1
    wait_cool: str | None = None
    timeout: str | None = None
    patience: str | None = None
    extra_flags: list[str] | None = None


def read_matrix(path: Path) -> Wishes:
    """Read a matrix file; its paths are relative to it.

    Raises:
        UsageError: it cannot be read, or a key or value is wrong; the message names file and key.
    """
    text, data = read_toml(path, hint="--matrix takes a TOML file.")
    try:
        found = MatrixKeys.model_validate(data)
    except ValidationError as error:
        raise wrong_key(path, text, data, error, of=MatrixKeys, docs="docs/measuring.md") from error
    return wishes_of(found, path)


def wishes_of(found: MatrixKeys, path: Path) -> Wishes:
    """What the keys ask for; paths are relative to ``path``, which errors name.

    Raises:
        UsageError: a value cannot be meant.
    """
    folder = path.parent
    return Wishes(
        models=None if found.models is None else tuple(_models(found.models, folder, path)),
        devices=_tuple(found.devices),
        threads=_tuple(found.threads),
        delegates=None
        if found.delegates is None
        else tuple(
            _delegate(item, index, folder, path) for index, item in enumerate(found.delegates)
        ),
        cores=_tuple(found.cores),
        exclude=None
        if found.exclude is None
        else tuple(
            Exclusion(
                delegate=None
                if item.delegate is None
                else _kind(item.delegate, f"exclude.{index}.delegate", path),
                threads=item.threads,
                cores=item.cores,
            )
            for index, item in enumerate(found.exclude)
        ),
        invocations=found.invocations,
        precision=share(found.precision, flag=f"{path}, precision ="),
        max_invocations=found.max_invocations,
        budget_s=_seconds(found.budget, "budget", path),
        num_runs=found.num_runs,
        min_s=found.min_secs,
        max_s=found.max_secs,
        warmup_runs=found.warmup_runs,
        warmup_min_s=found.warmup_secs,
        memory=found.memory,
        profile=found.profile,
        startup=found.startup,
        numerics=_beside(found.numerics, folder),
        numerics_samples=found.numerics_samples
        or (DEFAULT_SAMPLES if found.numerics is not None else None),
        wait_cool_s=_seconds(found.wait_cool, "wait_cool", path),
        timeout_s=_seconds(found.timeout, "timeout", path),
        patience_s=_seconds(found.patience, "patience", path),
        extra_flags=_tuple(found.extra_flags),
    )


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _seconds(text: str | None, key: str, path: Path) -> float | None:
    return seconds(text, flag=f"{path}, {key} =")


def _beside(source: str | None, folder: Path) -> str | None:
    """A file of samples beside the matrix; a word stays one."""
    if source is None or not (folder / source).is_file():
        return source
    return str(folder / source)


def _models(patterns: list[str], folder: Path, path: Path) -> list[Path]:
    found: list[Path] = []
    for index, pattern in enumerate(patterns):
        try:
            files = (
                [folder / pattern] if Path(pattern).is_absolute() else sorted(folder.glob(pattern))
            )
        except ValueError as error:  # such as an empty one
            raise UsageError(
                f"{path}: models.{index}: {pattern!r} is no pattern: {error}.",
                hint='"out/*.tflite"',
            ) from error
        if not files:
            raise UsageError(
                f"{path}: models.{index}: no file matches {pattern!r}.",
                hint=f"Patterns are relative to {folder}.",
            )
        found += [file for file in files if file not in found]
    return found


def _delegate(item: str | _Delegate, index: int, folder: Path, path: Path) -> Delegate:
    key = f"delegates.{index}"
    if isinstance(item, str):
        item = _Delegate(kind=item)
    kind = _kind(item.kind, key, path)
    library = item.library
    if library is not None and (folder / library).is_file():
        library = str(folder / library)
    try:
        return Delegate(kind=kind, library=library, options=item.options)
    except ValueError as error:
        raise UsageError(
            f"{path}: {key}: {error}.",
            hint=f'{{kind = "external", library = "libdelegate.so"}}, not {item.kind!r} alone',
        ) from error


def _kind(word: str, key: str, path: Path) -> DelegateKind:
    try:
        return DelegateKind(word)
    except ValueError as error:
        known = ", ".join(kind.value for kind in DelegateKind)
        raise UsageError(
            f"{path}: {key}: {word!r} is no delegate.", hint=f"There are {known}."
        ) from error
