"""Tag models as tflite-support's own writers do, to hold ours against: upstream.py DATA FOLDER.

Runs without TensorFlow, in a process of its own. FOLDER/NAME has the files that are to be packed; the
tagged model is written as FOLDER/NAME.tflite.
"""

# ruff: noqa: ANN001, ANN002, ANN201, ANN202
import importlib
import sys
from pathlib import Path

from optimizer.metadata.worker.native import block_tensorflow, load_libusb, metadata_schema

# What is tagged, and the model in data/ that it is made of where that is another.
MADE_OF = {
    **{
        name: name
        for name in (
            *("float32", "float16", "dynamic_range", "uint8_io", "int8_io", "scores_1x1"),
            *("detector", "detector_post_process", "segmenter", "segmenter_uint8_io"),
            *("text", "text_uint8_out", "text_string", "bert", "audio", "audio_1d", "audio_stereo"),
        )
    },
    "calibrated": "float32",
    "two_languages": "float32",
    "detector_calibrated": "detector_post_process",
    "bert_sentences": "bert",
}
WRITERS = "tensorflow_lite_support.metadata.python.metadata_writers"
PIXELS = ([127.5], [127.5])


def writer(name):
    """One of tflite-support's modules of writers; what is native in them needs the libusb that comes along."""
    load_libusb()
    return importlib.import_module(f"{WRITERS}.{name}")


def main(data: Path, folder: Path) -> None:
    info = writer("metadata_info")

    def save(name, kind, *values):
        content = bytearray((data / f"{MADE_OF[name]}.tflite").read_bytes())
        made = writer(kind).MetadataWriter.create_for_inference(content, *values)
        (folder / f"{name}.tflite").write_bytes(made.populate())

    def file(name, kind="labels.txt"):
        return str(folder / name / kind)

    def calibration(name):
        kind = metadata_schema().ScoreTransformationType.INVERSE_LOGISTIC
        return info.ScoreCalibrationMd(kind, 0.1, file(name, "score_calibration.txt"))

    for name in ("float32", "float16", "dynamic_range", "uint8_io", "int8_io", "scores_1x1"):
        save(name, "image_classifier", *PIXELS, [file(name)])
    name = "calibrated"
    save(name, "image_classifier", *PIXELS, [file(name)], calibration(name))
    name = "detector_calibrated"
    save(name, "object_detector", *PIXELS, [file(name)], calibration(name))
    for name in ("detector", "detector_post_process"):
        save(name, "object_detector", *PIXELS, [file(name)])
    for name in ("segmenter", "segmenter_uint8_io"):
        save(name, "image_segmenter", *PIXELS, [file(name)])
    for name in ("text", "text_uint8_out"):
        words = info.RegexTokenizerMd(r"[^\w\']+", file(name, "vocab.txt"))
        save(name, "nl_classifier", words, [file(name)])
    save("text_string", "nl_classifier", None, [file("text_string")])
    inputs = [f"serving_default_input_{part}:0" for part in ("word_ids", "mask", "type_ids")]
    pieces = info.BertTokenizerMd(file("bert", "vocab.txt"))
    save("bert", "bert_nl_classifier", pieces, [file("bert")], *inputs)
    name = "bert_sentences"
    sentences = info.SentencePieceTokenizerMd(file(name, "sentencepiece.model"))
    save(name, "bert_nl_classifier", sentences, [file(name)], *inputs)
    for name, rate, channels in (
        ("audio", 16000, 1),
        ("audio_1d", 16000, 1),
        ("audio_stereo", 44100, 2),
    ):
        save(name, "audio_classifier", rate, channels, [file(name)])
    _two_languages(data, folder, info)


def _two_languages(data, folder, info) -> None:
    """The shorter way gives all labels one locale."""
    kind = writer("image_classifier").MetadataWriter
    name = "two_languages"
    content = bytearray((data / f"{MADE_OF[name]}.tflite").read_bytes())
    files = [
        info.LabelFileMd(str(folder / name / "labels.txt")),
        info.LabelFileMd(str(folder / name / "labels_de.txt"), locale="de"),
    ]
    image = info.InputImageTensorMd(
        "image",
        "",
        *PIXELS,
        color_space_type=1,
        tensor_type=writer("writer_utils").get_input_tensor_types(content)[0],
    )
    kinds = writer("writer_utils").get_output_tensor_types(content)
    scores = info.ClassificationTensorMd("probability", "", files, kinds[0])
    general = info.GeneralMd("Pets", "v7", "of two", "Team", "MIT")
    made = kind.create_from_metadata_info(content, general, image, scores)
    (folder / f"{name}.tflite").write_bytes(made.populate())


if __name__ == "__main__":
    block_tensorflow()
    main(*map(Path, sys.argv[1:]))
