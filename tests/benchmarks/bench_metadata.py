"""Metadata: a 10 MB model tagged by a command (goal: 1.5 s), 100 variants by one worker (goal: 10 s), each proven."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.metadata import MetadataWorker, tag
from optimizer.metadata.tasks import ImageClassifier
from tests.benchmarks.pairs import command, in_turn, seconds
from tests.metadata.examples import PETS, SCALED
from tests.metadata.models import packed, unpacked

MODEL = Path(__file__).parents[1] / "metadata" / "data" / "float32.tflite"
FILTERS = 82_000  # of 3×3×3, and four weights more each in the head
# tflite-support's own way, as its documentation has it: no proof.
THEIR_WAY = """
import ctypes, sys, libusb_package
sys.modules["tensorflow"] = None
ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
from tflite_support.metadata_writers import image_classifier, writer_utils
model, labels, output = sys.argv[1:]
writer = image_classifier.MetadataWriter.create_for_inference(
    writer_utils.load_file(model), [127.5], [127.5], [labels])
writer_utils.save_file(writer.populate(), output)
"""


def large_model() -> bytes:
    """The tests' classifier of six filters, with as many as make 10 MB."""
    model = unpacked(MODEL.read_bytes())
    wider = {
        (6, 3, 3, 3): (FILTERS, 3, 3, 3),
        (6,): (FILTERS,),
        (1, 8, 6, 6): (1, 8, 6, FILTERS),
        (1, 6): (1, FILTERS),
        (4, 6): (4, FILTERS),
    }
    random = np.random.default_rng(0)
    for tensor in model.subgraphs[0].tensors:
        shape = wider.get(tuple(map(int, tensor.shape)))
        if shape is None:
            continue
        tensor.shape = np.array(shape, np.int32)
        buffer: Any = model.buffers[tensor.buffer]
        if buffer.data is not None and len(buffer.data):
            values = random.normal(0, 0.1, int(np.prod(shape))).astype("float32")
            buffer.data = values.view(np.uint8)
    return packed(model)


def main(rounds: int = 5, variants: int = 100) -> None:
    tool = str(Path(sys.executable).with_name("android-bench"))
    description = ImageClassifier(labels=PETS, **SCALED)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, labels = folder / "model.tflite", folder / "labels.txt"
        output, theirs = folder / "tagged.tflite", folder / "theirs.tflite"
        model.write_bytes(large_model())
        labels.write_bytes(PETS.files()["labels.txt"])
        said = ["--labels", str(labels), "--mean", "127.5", "--std", "127.5"]
        ours, bare, ratio = in_turn(
            command([tool, "metadata", "write", str(model), *said, "-o", str(output)]),
            command([sys.executable, "-c", THEIR_WAY, *map(str, (model, labels, theirs))]),
            rounds=rounds,
        )
        print(
            f"  metadata write, {model.stat().st_size / 1e6:.1f} MB, with proof {ours:.2f} s; "
            f"tflite-support's writer {bare:.2f} s, ratio {ratio:.2f}"
        )

        def tag_all() -> None:
            with MetadataWorker() as worker:
                for _ in range(variants):
                    tag(model, description, output=output, worker=worker)

        print(
            f"  {variants} variants of it through one worker, with proof {seconds(tag_all):.1f} s"
        )


if __name__ == "__main__":
    main()
