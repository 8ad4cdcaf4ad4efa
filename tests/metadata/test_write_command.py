"""``metadata write`` on the command line: nothing is lost, nothing that was said is passed over in silence."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from android_bench.cli.app import command_line

DATA = Path(__file__).parent / "data"
PIXELS = ("--mean", 127.5, "--std", 127.5)


def tool(*arguments: object) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: two models of one name, labels, and a vocabulary."""
    monkeypatch.chdir(tmp_path)
    for place, which in (("a", "float32"), ("b", "uint8_io")):
        (tmp_path / place).mkdir()
        shutil.copy(DATA / f"{which}.tflite", tmp_path / place / "m.tflite")
        (tmp_path / place / "notes.txt").write_text(place)
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\nfish\n")
    (tmp_path / "other.txt").write_text("1\n2\n3\n4\n")
    (tmp_path / "metadata.toml").write_text(
        'task = "image-classifier"\nlabels = "labels.txt"\nmean = 127.5\nstd = 127.5\n'
    )
    return tmp_path


def write(*arguments: object) -> Result:
    return tool("metadata", "write", *arguments, "--labels", "labels.txt", *PIXELS)


def test_two_models_are_never_written_to_one_file(folder: Path) -> None:
    (folder / "out").mkdir()
    done = write("a/m.tflite", "b/m.tflite", "-o", "out")
    assert done.exit_code == 1
    assert "a/m.tflite and b/m.tflite" in done.output
    assert not list((folder / "out").iterdir())
    before = (folder / "a" / "m.tflite").read_bytes()
    twice = write("a/m.tflite", "a/../a/m.tflite")
    assert twice.exit_code == 1
    assert (folder / "a" / "m.tflite").read_bytes() == before


def test_a_folder_that_is_not_there_is_made(folder: Path) -> None:
    done = write("a/m.tflite", "-o", "new/")
    assert done.exit_code == 0, done.output
    assert (folder / "new" / "m.tflite").is_file()
    assert write("a/m.tflite", "-o", "deep/other.tflite").exit_code == 0
    assert (folder / "deep" / "other.tflite").is_file()


def test_what_was_written_before_a_failure_is_told(folder: Path) -> None:
    shutil.copy(DATA / "int8_io.tflite", folder / "z.tflite")
    done = write("a/m.tflite", "z.tflite")
    assert done.exit_code == 1
    assert "a/m.tflite: image-classifier" in done.stdout
    again = write("a/m.tflite", "z.tflite", "--replace", "--json")
    assert again.exit_code == 1
    assert [item["model"] for item in json.loads(again.stdout)] == ["a/m.tflite"]
    none = write("z.tflite", "--json")
    assert none.exit_code == 1
    assert json.loads(none.stdout) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--labels", "other.txt"), "labels were given twice"),
        (
            ("--labels", "de=labels.txt", "--labels", "de=other.txt"),
            "labels for 'de' were given twice",
        ),
        (("--attach", "a/notes.txt", "--attach", "b/notes.txt"), "two files called 'notes.txt'"),
        (("--score-transformation", "log"), "no score calibration"),
        (("--default-score", "0.2"), "no score calibration"),
    ],
)
def test_what_would_be_passed_over_is_refused(
    folder: Path, more: tuple[str, ...], message: str
) -> None:
    before = (folder / "a" / "m.tflite").read_bytes()
    done = write("a/m.tflite", *more)
    assert done.exit_code != 0
    assert message in " ".join(done.output.split())
    assert (folder / "a" / "m.tflite").read_bytes() == before


def test_a_file_and_a_flag_about_labels_do_not_go_together(folder: Path) -> None:
    done = tool(
        "metadata", "write", "a/m.tflite", "--from", "metadata.toml", "--allow-duplicate-labels"
    )
    assert done.exit_code != 0
    assert "allow_duplicate_labels = true" in " ".join(done.output.split())


def test_what_is_no_model_is_not_overwritten(folder: Path) -> None:
    done = write("a/m.tflite", "-o", "other.txt")
    assert done.exit_code == 1
    assert "other.txt is no model" in done.output
    assert (folder / "other.txt").read_text() == "1\n2\n3\n4\n"
    assert write("a/m.tflite", "-o", "b/m.tflite").exit_code == 0


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe.tflite")
    done = write("a/m.tflite", "-o", "pipe.tflite")
    assert done.exit_code == 1
    assert "is no plain file" in done.output
    assert (folder / "pipe.tflite").is_fifo()


def test_links_that_go_round_are_named(folder: Path) -> None:
    (folder / "loop.tflite").symlink_to("loop.tflite")
    done = write("a/m.tflite", "-o", "loop.tflite")
    assert done.exit_code == 1
    assert not done.exception or isinstance(done.exception, SystemExit)
    assert "loop.tflite" in done.output
    alone = write("loop.tflite")
    assert isinstance(alone.exception, SystemExit)
    assert "cannot be read" in alone.output
