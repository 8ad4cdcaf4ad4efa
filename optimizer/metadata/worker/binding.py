"""The generator of Android's Java classes: whether it makes one of a file, and what it makes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from optimizer.metadata.worker import native


def binds(path: str) -> dict[str, Any]:
    """Generate, keep nothing; return how many files there would be, and the generator's messages."""
    made = generate(path, "org.example.ml", "MyModel", "model.tflite")
    return {"files": len(made["files"]), "messages": made["messages"]}


def generate(path: str, package: str, class_name: str, asset: str) -> dict[str, Any]:
    """Return the generated files by their paths, and the generator's messages.

    Damaged metadata end the process; names are not checked. Nothing is written.
    """
    content = Path(path).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        generator = native.code_generator().AndroidJavaGenerator(folder)
        made = generator.generate(content, package, class_name, asset)
        messages = [line for line in generator.get_error_message().splitlines() if line.strip()]
        files = {
            Path(item.path).relative_to(folder).as_posix(): item.content for item in made.files
        }
    return {"files": files, "messages": list(dict.fromkeys(messages))}
