"""What messages tell a user to type exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from android_bench.cli.app import command_line
from optimizer import metadata

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+[a-z]")


def options(command: object) -> Iterator[str]:
    for parameter in getattr(command, "params", []):
        yield from parameter.opts
    for inner in getattr(command, "commands", {}).values():
        yield from options(inner)


@pytest.mark.parametrize(
    "source", sorted(Path(metadata.__file__).parent.rglob("*.py")), ids=lambda path: path.stem
)
def test_every_flag_that_is_named_exists(source: Path) -> None:
    known = set(options(typer.main.get_command(command_line())))
    assert "--labels" in known
    assert set(FLAG.findall(source.read_text(encoding="utf-8"))) <= known
