"""The project file that ``android-bench init`` writes, after a look at what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from android_bench.ci import git

_DEPTH = 3
_LEFT_OUT = {"node_modules", "build", "dist", "venv", "__pycache__", "site-packages"}
_DATA = (".npz", ".npy")
# What people call their data, for the key that it is meant for.
_WORDS = {
    "evaluation": ("test", "eval", "valid"),
    "calibration": ("calib", "represent"),
    "training": ("train",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is in a folder: models, data by what their names say, metadata, the branch to compare with."""

    models: tuple[Path, ...]
    data: dict[str, Path]
    metadata: Path | None
    branch: str | None


def look_around(folder: Path) -> Seen:
    """Find models and data in a folder and a little below it."""
    files = sorted(_files(folder, _DEPTH))
    models = [path for path in files if path.suffix in {".keras", ".h5"}]
    models += [path.parent for path in files if path.name == "saved_model.pb"]
    if not models:
        models = [path for path in files if path.suffix == ".tflite"]
    data: dict[str, Path] = {}
    for key, words in _WORDS.items():
        for path in files:
            if path.suffix in _DATA and any(word in path.stem.lower() for word in words):
                data.setdefault(key, path)
    metadata = next((path for path in files if path.name == "metadata.toml"), None)
    return Seen(
        models=tuple(path.relative_to(folder) for path in models),
        data={key: path.relative_to(folder) for key, path in data.items()},
        metadata=metadata and metadata.relative_to(folder),
        branch=_main_branch(folder),
    )


def project_text(seen: Seen, *, devices: Sequence[str]) -> str:
    """The text of a project file for what was seen; what was not is there as a comment."""
    lines = [
        "# What android-bench ci builds, measures and judges. Every key: docs/project.md",
        "# `android-bench check` validates this file, `android-bench ci` goes the whole road.",
        "",
        '# output = ".android-bench"      # the folder for everything; put it into .gitignore',
        "",
    ]
    for model in seen.models or (Path("model.keras"),):
        lines += _model(model, seen, commented=not seen.models)
    lines += [
        "[measure]                        # the flags of `android-bench run`",
        f"devices = {json.dumps(list(devices))}",
        "# threads = [1, 4]",
        '# delegates = ["cpu", "gpu"]',
        '# cores = ["big"]',
        '# wait_cool = "5m"               # on phones: wait until they are cool',
        "",
        "[gates]                          # what a candidate may cost more than its baseline",
        'latency = "1%"                   # sure of it: the whole 95 % interval lies beyond',
        'startup = {max = "10%", action = "warn"}',
        'memory = {max = "5%", action = "warn"}',
        'file_size = "1%"',
        ("" if "evaluation" in seen.data else "# ")
        + "accuracy = 0.5                   # percentage points; needs evaluation data",
        'numerics = {min_top1 = "99%"}    # outputs on the device against LiteRT\'s here',
        "#                                  without classes: {max_error = 0.05}",
        "delegated_nodes = true           # a delegate must not execute fewer nodes",
        "",
        "[baseline]",
    ]
    if seen.branch:
        lines.append(
            f'from = "git:{seen.branch}"                # built and measured beside the candidate'
        )
    else:
        lines += [
            '# from = "git:main"             # another commit, built and measured beside the candidate',
            'from = "results:baseline"       # a folder of results; or tag:NAME, history:BRANCH',
        ]
    lines += [
        "",
        "[history]",
        "record = false                   # true: keep the runs (ANDROID_BENCH_DB says where)",
    ]
    return "\n".join(lines) + "\n"


def _model(model: Path, seen: Seen, *, commented: bool) -> Iterator[str]:
    ready = model.suffix == ".tflite"
    name = model.name if not model.suffix else model.stem
    yield f"[models.{json.dumps(name) if not name.isidentifier() else name}]"
    note = "          # no model was found here: name yours" if commented else ""
    yield f"source = {json.dumps(model.as_posix())}{note}"
    if not ready:
        recipes = ["float32", "dynamic-range"] + ["int8"] * ("calibration" in seen.data)
        yield f"recipes = {json.dumps(recipes)}      # android-bench recipes lists them"
        for key in ("calibration", "training", "evaluation"):
            found = seen.data.get(key)
            yield f"{key} = {json.dumps(found.as_posix())}" if found else f'# {key} = "{key}.npz"'
        if seen.metadata:
            yield f"metadata = {json.dumps(seen.metadata.as_posix())}"
        else:
            yield '# metadata = "metadata.toml"     # labels, normalisation: docs/metadata.md'
    yield ""


def _files(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        if entry.is_file():
            yield entry
        elif depth > 1 and entry.is_dir() and not entry.is_symlink():
            yield from _files(entry, depth - 1)


def _main_branch(folder: Path) -> str | None:
    from android_bench.errors import UsageError

    for name in ("main", "master"):
        try:
            git.resolve(folder, name)
        except UsageError:
            continue
        return name
    return git.current_branch(folder)
