"""What a file seems to be by its first bytes: foreign files are named in errors, not just refused."""

from __future__ import annotations

HEAD_BYTES = 16
TFLITE = b"TFL3"  # at offset 4, the identifier of the flatbuffer
HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK"

_BEGINNINGS = (
    (HDF5, "an HDF5 file"),
    (ZIP, "a ZIP archive, as .keras and PyTorch files are"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WAV, WebP or AVI file"),
    (b"\x80\x02", "a pickle, as older PyTorch files are"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x08", "an ONNX or another protobuf file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF"),
    (b"\x7fELF", "a program"),
    (b"<", "a page of HTML or XML"),
    (b"{", "JSON"),
    (b"version https://", "a Git LFS pointer, whose content was not fetched"),
)


def seems(head: bytes) -> str | None:
    """Return what a file with this beginning seems to be, ``None`` when nothing fits."""
    if head[4:8] == TFLITE:
        return "a TFLite model"
    return next((what for begin, what in _BEGINNINGS if head.startswith(begin)), None)
