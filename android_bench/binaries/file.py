"""What a benchmark_model file tells of itself: the ABI it is for, which program it is, its version."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from android_bench.errors import BinaryError
from android_bench.results import BinaryFlavor

_ELF_HEAD_BYTES = 20
# e_machine and EI_CLASS (1: 32 bits, 2: 64 bits) to Android's names.
_ABIS = {
    (183, 2): "arm64-v8a",
    (40, 1): "armeabi-v7a",
    (62, 2): "x86_64",
    (3, 1): "x86",
    (243, 2): "riscv64",
}
# Texts that only one of the two programs prints.
_LITERT_MARKS = (b"benchmark_litert_model", b"BENCHMARK RESULTS")
_CLASSIC_MARKS = (b"Inference timings in us", b"Benchmarking failed.")
_VERSION = re.compile(rb"\0(2\.[0-9]{1,2}\.[0-9]{1,2}(?:-[a-z0-9.+-]{1,24})?)\0")


# The delegate that runs TensorFlow operators names itself in its log.
_FLEX_MARK = b"TfLiteFlexDelegate"
# DWARF is in a file that was built with -g: TensorFlow's optimized builds have none.
_DEBUG_MARK = b"\0.debug_info\0"


def elf_abi(head: bytes) -> str | None:
    """The ABI of an ELF file from its first 20 bytes, in Android's words; ``None`` for no ELF."""
    if len(head) < _ELF_HEAD_BYTES or head[:4] != b"\x7fELF":
        return None
    order = ">" if head[5] == 2 else "<"  # EI_DATA
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    return _ABIS.get((machine, head[4]), f"ELF machine {machine}")


def check_abi(name: Path | str, content: bytes, abis: tuple[str, ...], *, host: bool) -> None:
    """Refuse a file that the device cannot run. A script with ``#!`` is for the host only.

    Raises:
        BinaryError: it is for another ABI, or no program at all.
    """
    runs = " and ".join(abis) or "no ABI that it tells"
    if content.startswith(b"#!"):
        if host:
            return
        raise BinaryError(
            f"{name} is a script; the device runs {runs}.",
            hint="Scripts stand in for benchmark_model on this computer only (--device host).",
        )
    abi = elf_abi(content[:_ELF_HEAD_BYTES])
    if abi is None:
        raise BinaryError(
            f"{name} is no program for Android or Linux (not an ELF file).",
            hint="Give the file benchmark_model itself, unpacked.",
        )
    if abi not in abis:
        raise BinaryError(
            f"{name} is for {abi}, the device runs {runs}.",
            hint="Leave --benchmark-binary out to have the right one fetched, or give the right build.",
        )


def flavor_of(name: Path | str, content: bytes) -> BinaryFlavor:
    """Which of the two programs called benchmark_model a file is.

    Raises:
        BinaryError: it is neither.
    """
    if any(mark in content for mark in _LITERT_MARKS):
        return BinaryFlavor.LITERT
    # A script is taken at its word: what it calls cannot be seen in it.
    if content.startswith(b"#!") or any(mark in content for mark in _CLASSIC_MARKS):
        return BinaryFlavor.CLASSIC
    raise BinaryError(
        f"{name} is no benchmark_model: it holds none of its messages.",
        hint="Give the file benchmark_model itself; the _performance_options and APK builds differ.",
    )


def version_of(content: bytes) -> str | None:
    """The runtime's version as far as the file tells one and only one."""
    found = set(_VERSION.findall(content))
    return found.pop().decode() if len(found) == 1 else None


def runs_flex(content: bytes) -> bool | None:
    """Whether the build runs TensorFlow operators; ``None`` for a script, which tells nothing."""
    return None if content.startswith(b"#!") else _FLEX_MARK in content


def has_debug_information(content: bytes) -> bool | None:
    """Whether the file holds debug information; ``None`` for a script, which tells nothing."""
    return None if content.startswith(b"#!") else _DEBUG_MARK in content


def profile_file_flags(content: bytes) -> tuple[str, ...]:
    """The flags after which this build writes operator profiles to a file, the path to follow the last.

    A file has six digits, where the printed table has whole microseconds. Empty where the build knows no
    such flag, or is a script, which tells nothing.
    """
    if content.startswith(b"#!"):
        return ()
    if b"op_profiling_output_file" in content:
        return ("--op_profiling_output_mode=csv", "--op_profiling_output_file=")
    if b"profiling_output_csv_file" in content:
        return ("--profiling_output_csv_file=",)
    return ()
