"""One model through one of MediaPipe's tasks: a JSON request on standard input, an answer on the last line.

Run as a script by any Python that has mediapipe, so it imports nothing of this package. Its answer is
``{"categories": [...]}``, ``{"missing": why it could not be tried}`` or ``{"refused": why}``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

_FREE_SIZE = 64
_HERTZ = 440.0


def main() -> None:
    """Answer the one request."""
    request = json.loads(sys.stdin.read())
    sys.path.pop(0)  # this script's folder
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # mediapipe loads it where it is
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as responses:
        os.dup2(2, 1)
        responses.write(json.dumps(_answer(request)) + "\n")
        responses.flush()
        # Its objects complain when they are cleaned up after their module.
        os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        importlib.import_module("mediapipe")
        importlib.import_module("mediapipe.tasks.python")
    except ModuleNotFoundError as error:
        return {"missing": f"the Python package {error.name!r} is not installed"}
    except (ImportError, OSError) as error:
        return {"missing": f"mediapipe cannot be imported ({error})"}
    name = request["task"]
    run = _image if name.startswith(("Image", "Object")) else _text
    try:
        return {"categories": (_sound if name.startswith("Audio") else run)(request)}
    # FileNotFoundError is how it says that metadata lack something.
    except (ValueError, RuntimeError, OSError, NotImplementedError, AttributeError) as error:
        return {"refused": str(error)}


def _made(area: str, request: dict[str, Any]) -> Any:
    python = importlib.import_module("mediapipe.tasks.python")
    tasks = importlib.import_module(f"mediapipe.tasks.python.{area}")
    name = request["task"]
    with open(request["path"], "rb") as file:  # noqa: PTH123
        base = python.BaseOptions(model_asset_buffer=file.read())
    return getattr(tasks, name).create_from_options(
        getattr(tasks, f"{name}Options")(base_options=base)
    )


def _image(request: dict[str, Any]) -> list[dict[str, Any]]:
    numpy = importlib.import_module("numpy")
    mediapipe = importlib.import_module("mediapipe")
    if request["source"] is not None:
        image = mediapipe.Image.create_from_file(request["source"])
    else:
        size = [size if size > 0 else _FREE_SIZE for size in request["shape"][1:3]]
        random = numpy.random.default_rng(request["seed"])
        pixels = random.integers(0, 256, (*size, 3), dtype=numpy.uint8)
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
    with _made("vision", request) as made:
        verb = {
            "ImageClassifier": "classify",
            "ObjectDetector": "detect",
            "ImageSegmenter": "segment",
            "ImageEmbedder": "embed",
        }
        return _categories(getattr(made, verb[request["task"]])(image))


def _text(request: dict[str, Any]) -> list[dict[str, Any]]:
    with _made("text", request) as made:
        run = made.classify if request["task"] == "TextClassifier" else made.embed
        return _categories(run(request["text"] or "a text"))


def _sound(request: dict[str, Any]) -> list[dict[str, Any]]:
    numpy = importlib.import_module("numpy")
    containers = importlib.import_module("mediapipe.tasks.python.components.containers")
    rate, channels = request["sample_rate"], request["channels"]
    sizes = [size if size > 0 else rate for size in request["shape"][1:] or request["shape"]]
    frames = -(-int(numpy.prod(sizes)) // channels)
    # As the other proof makes it; a file is not read again here.
    noise = numpy.random.default_rng(request["seed"]).uniform(-0.5, 0.5, (frames, channels))
    tone = 0.5 * numpy.sin(2 * numpy.pi * _HERTZ * numpy.arange(frames) / rate)
    sound = (noise + tone[:, numpy.newaxis]).astype(numpy.float32).astype(float)
    if channels == 1:
        sound = sound[:, 0]
    with _made("audio", request) as made:
        results = made.classify(containers.AudioData.create_from_array(sound, rate))
        return _categories(results[0]) if results else []


def _categories(result: Any) -> list[dict[str, Any]]:
    return [
        {"head": head.head_index, "label": item.category_name, "score": float(item.score)}
        for head in getattr(result, "classifications", [])
        for item in head.categories
    ]


if __name__ == "__main__":
    main()
