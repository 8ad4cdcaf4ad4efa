"""Packed files that a good tool would not write."""

import io
import struct
import warnings
import zipfile


def with_entry(content: bytes, name: str, data: bytes = b"evil", **options: int) -> bytes:
    """One more entry in the archive behind a model, whatever its name."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        entry = zipfile.ZipInfo("x")
        entry.filename = name
        entry.compress_type = options.get("method", zipfile.ZIP_STORED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a name stands twice
            archive.writestr(entry, data)
    return stream.getvalue()


def with_claim(content: bytes, size: int) -> bytes:
    """The last entry claims another size, in both places."""
    made = bytearray(content)
    central = made.rindex(b"PK\1\2")
    struct.pack_into("<I", made, central + 24, size)
    local = made.rindex(b"PK\3\4")
    struct.pack_into("<I", made, local + 22, size)
    return bytes(made)


def with_empty_entries(content: bytes, count: int) -> bytes:
    """Many files of nothing, as bytes, for zipfile is slow."""
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 6, 0)
    locals_, central = bytearray(), bytearray()
    for number in range(count):
        name = b"%06d" % number
        at = len(content) + len(locals_)
        locals_ += local + name
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, at
        )
        central += name
    start = len(content) + len(locals_)
    end64 = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(central), start
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + len(central), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return bytes(content + locals_ + central + end64 + locator + end)
