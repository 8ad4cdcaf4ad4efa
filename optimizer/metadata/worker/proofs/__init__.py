"""Each task run as an app would run it, and the same input through plain LiteRT.

An answer is a dictionary: what the Task Library said (``task``) or why it does not (``refused``), the
plain outputs by position (``plain``) or why there are none (``litert_refused``), and ``refused_locales``.
An input that cannot be read is ``unreadable`` alone.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

_MODULES = {
    "image-classifier": "vision",
    "object-detector": "vision",
    "image-segmenter": "vision",
    "image-embedder": "vision",
    "nl-classifier": "text",
    "bert-nl-classifier": "text",
    "bert-question-answerer": "text",
    "text-embedder": "text",
    "audio-classifier": "audio",
    "audio-embedder": "audio",
    "general": "plain",
}


def prove(task: str, path: str, **request: Any) -> dict[str, Any]:
    """Run the task's proof; what else it needs is told by its module's ``prove``."""
    module = importlib.import_module(f"{__name__}.{_MODULES[task]}")
    answer: dict[str, Any] = module.prove(task, Path(path).read_bytes(), **request)
    return answer
