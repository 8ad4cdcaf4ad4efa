"""This machine as a device: who it is, and where it keeps what a phone keeps in its workspace."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import platformdirs

from android_bench.device import frequencies
from android_bench.results import DeviceInfo, DeviceKind

# Android's names for what platform.machine() says.
_ABIS = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "arm64-v8a",
    "arm64": "arm64-v8a",
    "armv7l": "armeabi-v7a",
    "i686": "x86",
}


def read() -> DeviceInfo:
    """Describe this machine: ``soc`` names the CPU, ``abis`` are in Android's words."""
    machine = platform.machine().lower()
    cpu = _cpu_name()
    return DeviceInfo(
        serial="host",
        kind=DeviceKind.HOST,
        model=cpu or machine,
        soc=cpu,
        abis=(_ABIS.get(machine, machine),),
        # Without the kernel's version: a patched kernel is no other machine.
        fingerprint=f"{platform.system()} {machine} {cpu or 'unknown CPU'}",
        cpu_count=os.cpu_count(),
        memory_bytes=_memory_bytes(),
        clusters=frequencies.of_this_machine(),
    )


def user_hz() -> int:
    """The unit of ``/proc/stat`` on this machine, in parts of a second."""
    try:
        return os.sysconf("SC_CLK_TCK")
    except (ValueError, OSError):
        return 100


def workspace_root() -> str:
    """Where jobs on this machine keep their streams while they run."""
    return str(Path(platformdirs.user_cache_dir("android-bench")) / "workspace")


def _cpu_name() -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or None
    found = re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
