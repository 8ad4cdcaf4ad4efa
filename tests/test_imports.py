"""The import rules of the design: who may know whom, and what --help may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tflite_support")
# What the measuring side may know of the optimizer: plain data and files.
SHARED = {
    "optimizer.artifact",
    "optimizer.choice",
    "optimizer.layer_errors",
    "optimizer.tflite_file",
    "optimizer.errors",
    "optimizer.files",
}


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("file", modules("optimizer"), ids=str)
def test_optimizer_does_not_know_the_bench(file: Path) -> None:
    assert not [name for name in imports(file) if name.split(".")[0] == "android_bench"]


@pytest.mark.parametrize("file", modules("android_bench"), ids=str)
def test_bench_never_imports_tensorflow(file: Path) -> None:
    assert not [name for name in imports(file) if name.split(".")[0] in HEAVY]


@pytest.mark.parametrize(
    "file", [file for file in modules("android_bench") if "cli" not in file.parts], ids=str
)
def test_bench_knows_only_plain_data_of_the_optimizer(file: Path) -> None:
    known = {
        ".".join(name.split(".")[:2]) for name in imports(file) if name.startswith("optimizer")
    }
    assert known <= SHARED | {"optimizer"}


@pytest.mark.parametrize("file", modules("optimizer"), ids=str)
def test_tensorflow_is_imported_only_where_it_is_used(file: Path) -> None:
    """Never at the top of a module: importing a room must not load 600 MB."""
    top = [
        node
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in top
        for alias in node.names
    }
    if file.name != "worker.py":  # the metadata worker is a process of its own
        assert not names & set(HEAVY)


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that a command loads."""
    code = (
        "import sys; sys.argv[0] = 'android-bench'\n"
        "from android_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\nLOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["optimize", "--help"],
        ["sweep", "--help"],
        ["recommend", "--help"],
        ["debug-quantization", "--help"],
        ["demo", "--help"],
        ["emulator", "run", "--help"],
        ["metadata", "write", "--help"],
        ["compare", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    heavy = {*HEAVY, "numpy", "ai_edge_litert", "adb_shell", "adbutils", "jinja2", "requests"}
    if arguments == ["--help"]:
        heavy.add("pydantic")  # of a command's help, typer itself reads the options' types with it
    assert not loaded_by(*arguments) & heavy


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices"],
        ["doctor"],
        ["inspect", "no-such.tflite"],
        ["run", "no-such.tflite"],
        ["report", "no-such"],
        ["compare", "no-such", "no-such"],
        ["metadata", "show", "no-such.tflite"],
        ["metadata", "verify", "no-such.tflite"],
        ["recommend", "no-such"],
        ["recipes"],
        ["optimize", "no-such.keras", "--recipe", "float32"],
        ["sweep", "no-such.keras"],
        ["emulator", "list"],
    ],
    ids=" ".join,
)
def test_no_command_loads_tensorflow_before_it_trains_or_converts(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & set(HEAVY)
