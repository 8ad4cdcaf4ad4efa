"""What strangers put into a model never steers the terminal that shows it."""

import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.metadata import MetadataWorker
from optimizer.metadata.container import put_together

DATA = Path(__file__).parent / "data"
NAME = "a\x1b[2J\x9b31m\u202e\u2028.txt"  # clears the screen, colours it, turns letters around


@pytest.fixture(scope="module")
def models(worker: MetadataWorker, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    content = (DATA / "float32.tflite").read_bytes()
    made = []
    for number, text in enumerate(("\x1b]0;x\x07", "\x9b2J\u2066")):
        path = folder / f"{number}.tflite"
        fields = {"name": text, "description": text, "associated_files": [{"name": NAME}]}
        metadata = worker.encode(fields, origin=path)
        files = {NAME: f"a\n{text}\n".encode()}
        path.write_bytes(put_together(content, metadata, files, origin=path.name))
        made.append(path)
    return made


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("command", ["show", "diff", "strip", "extract", "inspect", "write"])
def test_nothing_in_a_model_is_obeyed(
    command: str, form: tuple[str, ...], models: list[Path], tmp_path: Path
) -> None:
    first, second = map(str, models)
    words = {
        "diff": ["metadata", "diff", first, second],
        "strip": ["metadata", "strip", first, "-o", str(tmp_path / "bare.tflite")],
        "extract": ["metadata", "extract", first, "-o", str(tmp_path / "parts")],
        "inspect": ["inspect", first],
    }.get(command, ["metadata", command, first])
    done = CliRunner().invoke(command_line(), [*words, *form])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "a" in done.output
    bad = [
        letter
        for letter in done.output
        if letter != "\n" and unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"}
    ]
    assert bad == []
