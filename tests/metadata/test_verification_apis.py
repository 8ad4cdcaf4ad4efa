"""Which Android APIs take a file, and what the command says of it."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from android_bench.cli.app import command_line
from optimizer.metadata import MetadataWorker, Task, Verification, verify
from optimizer.metadata.tasks import Description
from optimizer.metadata.verification import ApiVerdict
from optimizer.metadata.verification.mediapipe import PYTHON_VARIABLE
from tests.metadata.examples import EXAMPLES
from tests.metadata.proofs import DATA, tagged

LITERT, LIBRARY, MEDIAPIPE, BINDING, ML_KIT = range(5)


@pytest.fixture
def mediapipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A Python with mediapipe that does what it is told, as a shell script."""

    def make(commands: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\ncat > {tmp_path / 'request.json'}\n{commands}\n")
        script.chmod(0o755)
        monkeypatch.setenv(PYTHON_VARIABLE, str(script))

    make("""echo '{"missing": "it is not here"}'""")
    return make


@pytest.fixture
def proven(
    tmp_path: Path, worker: MetadataWorker, mediapipe: Callable[[str], None]
) -> Callable[..., tuple[ApiVerdict, ...]]:
    def prove(which: str, description: Description | None = None, **options: Any) -> Any:
        path = tagged(tmp_path, which, description or EXAMPLES[which], worker, **options)
        return verify(path, apis=True, worker=worker).apis

    return prove


Proven = Callable[..., tuple[ApiVerdict, ...]]


def test_a_classifier_is_taken_by_all(proven: Proven) -> None:
    verdicts = proven("float32")
    assert [item.api for item in verdicts] == [
        "LiteRT interpreter",
        "Task Library ImageClassifier",
        "MediaPipe ImageClassifier",
        "Android Studio ML binding",
        "ML Kit custom image labeling",
    ]
    assert [item.accepted for item in verdicts] == [True, True, None, True, True]
    assert [item.tried for item in verdicts] == [True, True, False, True, False]
    assert "By its rules" in verdicts[ML_KIT].why
    assert "it is not here; pip install 'android-bench[mediapipe]'" in verdicts[MEDIAPIPE].why


@pytest.mark.parametrize(
    ("which", "library", "kit"),
    [
        ("gray", "needs an input with 3 channels", "1×height×width×3"),
        ("int8_io", "takes float32 or uint8 inputs", "float32 or uint8, and it is int8"),
        ("segmenter_int8_io", "takes float32 or uint8 inputs", "image classifiers only"),
        ("bert_answers_short", "always gives 384", "image classifiers only"),
    ],
)
def test_refusals_are_told_for_each(which: str, library: str, kit: str, proven: Proven) -> None:
    verdicts = proven(which)
    assert verdicts[LITERT].accepted
    assert verdicts[LIBRARY].accepted is False
    assert library in verdicts[LIBRARY].why
    assert verdicts[ML_KIT].accepted is False
    assert kit in verdicts[ML_KIT].why


def test_what_would_end_the_process_is_not_tried(proven: Proven) -> None:
    verdicts = proven("text", files={"labels.txt": b"a\n"})
    assert (verdicts[LIBRARY].accepted, verdicts[LIBRARY].tried) == (False, False)
    assert verdicts[LITERT].accepted  # it runs all the same


def test_ml_kit_by_its_rules(proven: Proven) -> None:
    def scores(files: dict[str, bytes | None]) -> ApiVerdict:
        return proven("float32", files=files)[ML_KIT]

    assert "a label for each of the 4 classes" in scores({"labels.txt": b"a\nb\n"}).why
    assert "NormalizationOptions" in proven("float32", change=without_scaling)[ML_KIT].why
    assert "numbers only" in proven("uint8_io", change=without_labels)[ML_KIT].why


def without_scaling(graph: dict[str, Any]) -> None:
    graph["input_tensor_metadata"][0].pop("process_units")


def without_labels(graph: dict[str, Any]) -> None:
    graph["output_tensor_metadata"][0].pop("associated_files")


def test_a_model_of_no_task_is_for_litert_only(proven: Proven) -> None:
    verdicts = proven("two_outputs")
    assert [item.accepted for item in verdicts] == [True, False, False, True, False]


def test_a_file_without_metadata(tmp_path: Path, worker: MetadataWorker) -> None:
    told = verify(DATA / "float32.tflite", apis=True, worker=worker)
    assert [item.accepted for item in told.apis] == [True, None, None, False, False]


def test_a_model_that_ends_litert_itself(worker: MetadataWorker) -> None:
    told = verify(DATA / "native_crash.tflite", apis=True)
    assert told.apis[LITERT].accepted is False
    assert "died (SIG" in told.apis[LITERT].why
    assert told.apis[LIBRARY].accepted is False


def test_what_mediapipe_says(
    proven: Proven, mediapipe: Callable[[str], None], tmp_path: Path
) -> None:
    answers = {
        '{"categories": []}': (True, "It loads and runs the model."),
        '{"refused": "Run() failed: Node \\"x\\" failed: RET_CHECK failure (a.cc:1) 2 vs. 1"}': (
            False,
            "It refuses the model: 2 vs. 1.",
        ),
        '{"categories": [{"head": 0, "label": "cat", "score": 7.0}]}': (True, "differ by up to"),
    }
    for answer, (accepted, why) in answers.items():
        mediapipe(f"echo noise; echo '{answer}'")
        verdict = proven("float32")[MEDIAPIPE]
        assert (verdict.accepted, verdict.tried) == (accepted, True)
        assert why in verdict.why
    asked = json.loads((tmp_path / "request.json").read_text())
    assert asked["task"] == "ImageClassifier"
    assert asked["shape"] == [1, 8, 6, 3]
    mediapipe("kill -SEGV $$")
    assert "SIGSEGV" in proven("float32")[MEDIAPIPE].why
    mediapipe("exit 3")
    assert "exit code 3" in proven("float32")[MEDIAPIPE].why


def test_a_mediapipe_python_that_is_none(proven: Proven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, "/no/python")
    verdict = proven("float32")[MEDIAPIPE]
    assert verdict.accepted is None
    assert "/no/python cannot be started" in verdict.why


@pytest.mark.skipif(
    PYTHON_VARIABLE not in os.environ and importlib.util.find_spec("mediapipe") is None,
    reason=f"mediapipe is not installed, and {PYTHON_VARIABLE} names no Python that has it",
)
@pytest.mark.parametrize(
    "which", ["float32", "uint8_io", "detector", "segmenter", "embedder", "text", "bert", "audio"]
)
def test_mediapipe_itself(which: str, tmp_path: Path, worker: MetadataWorker) -> None:
    path = tagged(tmp_path, which, EXAMPLES[which], worker)
    verdict = verify(path, apis=True, worker=worker).apis[MEDIAPIPE]
    assert verdict.accepted, verdict.why
    if EXAMPLES[which].task in {Task.IMAGE_CLASSIFIER, Task.TEXT_CLASSIFIER}:
        assert "with the scores of the Task Library" in verdict.why


def command(*arguments: object) -> Any:
    return CliRunner().invoke(
        command_line(), ["metadata", "verify", *map(str, arguments)], terminal_width=80
    )


@pytest.mark.usefixtures("mediapipe")
@pytest.mark.parametrize(
    "which", ["float32", "detector", "segmenter", "embedder", "bert_answers", "audio", "flat"]
)
def test_the_command_shows_results_and_apis(
    which: str, tmp_path: Path, worker: MetadataWorker
) -> None:
    done = command(tagged(tmp_path, which, EXAMPLES[which], worker))
    assert done.exit_code == 0, done.output
    for word in ("accepts", "LiteRT interpreter", "ML Kit", "Input: "):
        assert word in done.output
    assert "\x1b" not in done.output


@pytest.mark.usefixtures("mediapipe")
def test_the_command_as_json(tmp_path: Path, worker: MetadataWorker) -> None:
    done = command(tagged(tmp_path, "text", EXAMPLES["text"], worker), "--text", "good", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["input_origin"] == "the text 'good'"
    assert {"api", "accepted", "tried", "why"} == told["apis"][0].keys()
    assert Verification.__dataclass_fields__.keys() < told.keys()


@pytest.mark.usefixtures("mediapipe")
def test_the_command_fails_with_a_sentence(tmp_path: Path, worker: MetadataWorker) -> None:
    path = tagged(tmp_path, "gray", EXAMPLES["gray"], worker)
    done = command(path)
    assert done.exit_code == 1
    assert "error: Android's ImageClassifier needs an input with 3 channels" in done.output
    assert "hint:" in done.output
    assert command(path, "--image", tmp_path / "no.png").exit_code == 1
    answers = tagged(tmp_path, "bert_answers", EXAMPLES["bert_answers"], worker)
    done = command(answers, "--question", "the cat?", "--context", "The cat sat.")
    assert done.exit_code == 0
    assert command(answers, "--text", "a", "--context", "a").exit_code == 2
    assert command(answers, "--task", "no-task").exit_code == 2
