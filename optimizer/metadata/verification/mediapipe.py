"""MediaPipe Tasks, tried in a process of their own where the package is installed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from optimizer.metadata.tasks import Task
from optimizer.metadata.verification.inputs import Given
from optimizer.metadata.verification.results import ApiVerdict, Category, Verification, sentence
from optimizer.metadata.verification.subject import IMAGES, SOUNDS, Subject

PYTHON_VARIABLE = "ANDROID_BENCH_MEDIAPIPE_PYTHON"
_INSTALL = (
    "pip install 'android-bench[mediapipe]', beside the extra optimize into an environment of its own "
    f"whose Python {PYTHON_VARIABLE} names"
)
_TASKS = {
    Task.IMAGE_CLASSIFIER: "ImageClassifier",
    Task.OBJECT_DETECTOR: "ObjectDetector",
    Task.IMAGE_SEGMENTER: "ImageSegmenter",
    Task.IMAGE_EMBEDDER: "ImageEmbedder",
    Task.TEXT_CLASSIFIER: "TextClassifier",
    Task.BERT_CLASSIFIER: "TextClassifier",
    Task.TEXT_EMBEDDER: "TextEmbedder",
    Task.AUDIO_CLASSIFIER: "AudioClassifier",
}
_TIMEOUT_S = 60.0
_CLOSE = 0.02


def mediapipe_verdict(
    proof: Verification,
    subject: Subject,
    answer: dict[str, Any],
    *,
    given: Given,
    tagged: bool,
    python: str,
) -> ApiVerdict:
    """Run MediaPipe's task on the same input, with ``python`` or the one that the environment names."""
    name = _TASKS.get(subject.task)
    api = f"MediaPipe {name}" if name else "MediaPipe Tasks"
    if not tagged:
        why = "Not tried: without metadata it is not known what the model is for."
        return ApiVerdict(api=api, accepted=None, tried=False, why=why)
    if name is None:
        why = f"It has no task for {subject.task.value}."
        return ApiVerdict(api=api, accepted=False, tried=False, why=why)
    told = _run(os.environ.get(PYTHON_VARIABLE) or python, _request(name, subject, answer, given))
    if "missing" in told:
        why = f"Not tried: {told['missing']}; {_INSTALL}."
        return ApiVerdict(api=api, accepted=None, tried=False, why=why)
    if "refused" in told:
        why = f"It refuses the model: {_reason(told['refused'])}."
        return ApiVerdict(api=api, accepted=False, tried=True, why=why)
    return ApiVerdict(api=api, accepted=True, tried=True, why=_agreement(proof, told, given))


def _reason(message: str) -> str:
    """What went wrong, without the names of the calculators that it went through."""
    return re.sub(r"^.* failed: (RET_CHECK failure \([^)]*\) )?", "", sentence(message))


def _agreement(proof: Verification, told: dict[str, Any], given: Given) -> str:
    """Whether its scores are the Task Library's; images of another size are resized in other ways."""
    scores = {
        (item.head, item.label): item.score
        for item in proof.results
        if isinstance(item, Category) and item.label
    }
    pairs = [
        (scores[item["head"], item["label"]], item["score"])
        for item in told.get("categories", [])
        if (item["head"], item["label"]) in scores
    ]
    if not pairs or given.file is not None:
        return "It loads and runs the model."
    difference = max(abs(a - b) for a, b in pairs)
    if difference <= _CLOSE:
        return "It loads and runs the model, with the scores of the Task Library."
    return f"It loads and runs the model; its scores differ by up to {difference:.3g}."


def _request(name: str, subject: Subject, answer: dict[str, Any], given: Given) -> dict[str, Any]:
    first = subject.model.inputs[0] if subject.model.inputs else None
    rate, channels = subject.audio_format() or (0, 0)
    return {
        "task": name,
        "path": str(subject.path.absolute()),
        "source": str(given.file.absolute())
        if given.file is not None and subject.task in IMAGES | SOUNDS
        else None,
        "seed": given.seed,
        "text": answer.get("text") or given.words()
        if subject.task not in IMAGES | SOUNDS
        else None,
        "shape": list(first.shape) if first is not None else [],
        "sample_rate": rate,
        "channels": channels,
    }


def _run(python: str, request: dict[str, Any]) -> dict[str, Any]:
    """The script's answer: it ran, ``missing`` why it could not be tried, or ``refused``."""
    # The script stands alone: the other Python need not have this package.
    script = Path(__file__).resolve().parents[1] / "worker" / "mediapipe_process.py"
    try:
        done = subprocess.run(
            [python, str(script)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        return {"missing": f"{python} cannot be started ({error.strerror or error})"}
    except subprocess.TimeoutExpired:
        return {"refused": f"it did not end within {_TIMEOUT_S:g} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer
    how = f"exit code {done.returncode}"
    if done.returncode < 0:
        how = signal.Signals(-done.returncode).name
    return {"refused": f"its process ended with {how}"}
