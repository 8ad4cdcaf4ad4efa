"""What an executable is, from its bytes: the ABI it is for, which benchmark_model, which version."""

from __future__ import annotations

import re

from android_bench.results import BinaryFlavor

# (EI_CLASS, e_machine) of the ELF specification, in Android's names.
_ABIS = {
    (2, 183): "arm64-v8a",
    (1, 40): "armeabi-v7a",
    (2, 62): "x86_64",
    (1, 3): "x86",
}


def elf_abi(content: bytes) -> str | None:
    """The ABI that an ELF file is for; ``None`` when it is no ELF file or of another machine."""
    if content[:4] != b"\x7fELF" or len(content) < 20:
        return None
    order = "big" if content[5] == 2 else "little"
    machine = int.from_bytes(content[18:20], order)  # type: ignore[arg-type]
    return _ABIS.get((content[4], machine), f"ELF machine {machine}")


def flavor_of(content: bytes) -> BinaryFlavor:
    """Which of the two programs of that name it is: only LiteRT's has its own source's name inside."""
    return BinaryFlavor.LITERT if b"benchmark_litert_model" in content else BinaryFlavor.CLASSIC


def version_of(content: bytes) -> str | None:
    """The TensorFlow or LiteRT version if the binary says one plainly."""
    found = re.search(rb"(?<![\d.])(2\.\d{1,2}\.\d{1,2}(?:-rc\d+)?)\0", content)
    return found[1].decode() if found else None
