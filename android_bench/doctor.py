"""What is installed, what is missing, and what to type next."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

# (import name, distribution, extra, what it is for)
_PACKAGES = (
    ("adb_shell", "adb-shell", None, "talking to devices"),
    ("adbutils", "adbutils", None, "talking to a running adb server"),
    ("ai_edge_litert", "ai-edge-litert", None, "measuring on this computer, reading models"),
    ("tensorflow", "tensorflow", "optimize", "optimizing models"),
    ("tf_keras", "tf-keras", "optimize", "opening Keras 2 models"),
    (
        "tensorflow_model_optimization",
        "tensorflow-model-optimization",
        "optimize",
        "training recipes",
    ),
    ("tflite_support", "tflite-support", "metadata", "writing and proving metadata"),
    ("usb1", "libusb1", "usb", "USB without an adb server"),
    ("sklearn", "scikit-learn", "demo", "the demo's digits"),
)


class State(str, Enum):
    """Whether something is there; what is optional may be missing."""

    OK = "ok"
    OPTIONAL = "optional"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. ``hint`` is what to type when it is not there."""

    name: str
    state: State
    detail: str
    hint: str | None = None


def examine() -> tuple[Check, ...]:
    """Look at everything; nothing heavy is imported and nothing is changed."""
    from android_bench.emulator.checkup import emulator_checks

    return (
        _python(),
        *_packages(),
        _adb_server(),
        _adb_key(),
        _usb_library(),
        *_binaries(),
        *emulator_checks(),
    )


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info[:2] in {(3, 10), (3, 11)}:
        return Check(name="Python", state=State.OK, detail=version)
    return Check(
        name="Python",
        state=State.OPTIONAL,
        detail=f"{version}: measures and reports; tflite-support needs 3.10 or 3.11",
        hint="For metadata: make a virtual environment with python3.11",
    )


def _packages() -> Iterator[Check]:
    for module, distribution, extra, purpose in _PACKAGES:
        if importlib.util.find_spec(module) is not None:
            detail = f"{_version(distribution)}, for {purpose}"
            yield Check(name=distribution, state=State.OK, detail=detail)
            continue
        yield Check(
            name=distribution,
            state=State.MISSING if extra is None else State.OPTIONAL,
            detail=f"not installed; for {purpose}",
            hint=f"pip install 'android-bench[{extra}]'" if extra else "pip install android-bench",
        )


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "installed"


def _adb_server() -> Check:
    from android_bench.transport.adb_server import server_address

    host, port = server_address()
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return Check(name="adb server", state=State.OK, detail=f"running on {host}:{port}")
    except OSError:
        pass
    found = shutil.which("adb")
    return Check(
        name="adb server",
        state=State.OPTIONAL,
        detail="not running; needed for USB devices it owns and for wireless debugging",
        hint="adb start-server" if found else "TCP devices work without it: --device HOST:5555",
    )


def _adb_key() -> Check:
    key = Path.home() / ".android" / "adbkey"
    if not key.is_file():
        return Check(
            name="adb key",
            state=State.OPTIONAL,
            detail=f"{key} is made when a device first asks for it",
        )
    if key.stat().st_mode & 0o077:
        return Check(
            name="adb key",
            state=State.MISSING,
            detail=f"{key} can be read by others",
            hint=f"chmod 600 {key}",
        )
    return Check(name="adb key", state=State.OK, detail=str(key))


def _usb_library() -> Check:
    import ctypes.util

    system = ctypes.util.find_library("usb-1.0")
    if system:
        return Check(name="libusb", state=State.OK, detail=f"{system} of the system")
    if importlib.util.find_spec("libusb_package") is not None:
        return Check(name="libusb", state=State.OK, detail="from the package libusb-package")
    return Check(
        name="libusb",
        state=State.OPTIONAL,
        detail="not found; needed for USB without an adb server",
        hint="pip install 'android-bench[usb]'",
    )


def _binaries() -> Iterator[Check]:
    from android_bench.binaries.resolve import cache_folder

    folder = cache_folder()
    kept = sorted(folder.glob("*/*/benchmark_model"))
    if kept:
        for path in kept:
            detail = f"{path.parent.parent.name}, SHA-256 {path.parent.name[:12]}"
            yield Check(name="benchmark_model", state=State.OK, detail=detail)
    else:
        yield Check(
            name="benchmark_model",
            state=State.OPTIONAL,
            detail="none kept yet; fetched at the first run on a device",
            hint="Without a network: --benchmark-binary FILE",
        )
