"""Android Studio's ML binding: whether the code generator makes a class of a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from optimizer.metadata.worker import native


def binds(path: str) -> dict[str, Any]:
    """Generate, keep nothing; return how many files there would be, and the generator's messages."""
    content = Path(path).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        generator = native.code_generator().AndroidJavaGenerator(folder)
        made = generator.generate(content, "org.example.ml", "MyModel", "model.tflite")
        messages = [line for line in generator.get_error_message().splitlines() if line.strip()]
    return {"files": len(made.files), "messages": messages}
