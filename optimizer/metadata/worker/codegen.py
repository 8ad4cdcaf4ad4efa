"""The wrapper class for Android Studio's projects that tflite-support's generator makes of a model."""

from __future__ import annotations

import base64
from typing import Any

from optimizer.metadata.worker import native


def generate(model: str, package: str, class_name: str, asset: str) -> dict[str, Any]:
    """Return the Java class, the note on how it is used, and the generator's messages.

    ``model`` is a sound file with metadata, in base64: the generator ends the process on others.
    Of its files, ``build.gradle`` and the manifest are left out: they are of 2019.
    """
    # The folder is only put before the files' names; nothing is written.
    generator = native.code_generator().AndroidJavaGenerator(".")
    made = generator.generate(base64.b64decode(model), package, class_name, asset)
    found = {"java": "", "md": ""}
    for file in made.files:
        kind = file.path.rpartition(".")[2]
        if kind in found:
            found[kind] = file.content
    messages = [line for line in generator.get_error_message().splitlines() if line.strip()]
    return {"java": found["java"], "usage": found["md"], "messages": messages}
