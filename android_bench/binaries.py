"""benchmark_model: find or fetch the one that fits a device, and say exactly which one it is."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from android_bench.binary_fetch import LOCK_FILE, cache_folder, fetch_pinned
from android_bench.binary_file import check_abi, flavor_of, version_of
from android_bench.errors import BinaryError
from android_bench.results import BinaryFlavor, BinaryInfo, DeviceInfo, DeviceKind

__all__ = ["ResolvedBinary", "cache_folder", "resolve_binary"]

# Chosen over the LiteRT build because it profiles operators, takes input files and any shape.
NIGHTLY = (
    "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/lite/tools/"
    "nightly/latest"
)
BASE_VARIABLE = "ANDROID_BENCH_BINARY_BASE_URL"
_PUBLISHED = {
    "arm64-v8a": "android_aarch64_benchmark_model",
    "armeabi-v7a": "android_arm_benchmark_model",
}
_BAZEL = "bazel build -c opt --config={} //tensorflow/lite/tools/benchmark:benchmark_model"
_BAZEL_CONFIGS = {"x86_64": "android_x86_64", "x86": "android_x86"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedBinary:
    """A benchmark_model to run: a file to bring to the device, or words that run here as they are."""

    path: Path | None
    argv_prefix: tuple[str, ...]
    info: BinaryInfo


def resolve_binary(
    device: DeviceInfo,
    *,
    given: Path | None = None,
    lock_file: Path | None = None,
    base_url: str | None = None,
    folder: Path | None = None,
) -> ResolvedBinary:
    """Return the benchmark_model for a device.

    A ``given`` file is used if the device can run it. This computer needs none: the embedded stand-in
    runs. For Android the publisher's build is fetched once and pinned in ``lock_file`` (default:
    ``android-bench.lock`` in the current folder); ``base_url`` or ``ANDROID_BENCH_BINARY_BASE_URL``
    exchanges the address it is fetched from.

    Raises:
        BinaryError: the file does not fit, nobody publishes one, or it cannot be fetched.
    """
    if given is not None:
        return _given(given, device)
    if device.kind is DeviceKind.HOST:
        return _embedded()
    abi = device.abis[0] if device.abis else None
    if abi not in _PUBLISHED:
        build = _BAZEL.format(_BAZEL_CONFIGS.get(abi or "", "android"))
        raise BinaryError(
            f"Nobody publishes a benchmark_model for Android {abi or '(it does not tell its ABI)'}, "
            f"which {device.label} needs.",
            hint=f"In TensorFlow's source: {build}; then give it: --benchmark-binary FILE",
        )
    name = _PUBLISHED[abi]
    base = base_url or os.environ.get(BASE_VARIABLE) or NIGHTLY
    address = f"{base.rstrip('/')}/{name}"

    def accept(content: bytes) -> None:
        check_abi(address, content, (abi,), host=False)
        flavor_of(address, content)

    path, pin = fetch_pinned(
        name,
        address,
        accept=accept,
        lock_file=lock_file or Path(LOCK_FILE),
        folder=folder or cache_folder(),
    )
    return _described(path, path.read_bytes(), sha256=pin.sha256, origin=pin.address)


def _given(path: Path, device: DeviceInfo) -> ResolvedBinary:
    """A file of the user's, if the device can run it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BinaryError(
            f"{path} cannot be read: {error.strerror}.", hint="--benchmark-binary takes a file."
        ) from error
    host = device.kind is DeviceKind.HOST
    check_abi(path, content, device.abis, host=host)
    if host and not os.access(path, os.X_OK):  # elsewhere the push sets the bit
        raise BinaryError(f"{path} is not executable.", hint=f"chmod +x {path}")
    digest = hashlib.sha256(content).hexdigest()
    return _described(path, content, sha256=digest, origin=str(path))


def _described(path: Path, content: bytes, *, sha256: str, origin: str) -> ResolvedBinary:
    info = BinaryInfo(
        flavor=flavor_of(path, content), sha256=sha256, origin=origin, version=version_of(content)
    )
    return ResolvedBinary(path=path, argv_prefix=(), info=info)


def _embedded() -> ResolvedBinary:
    """The stand-in for this computer, known by its source and the runtime that it drives."""
    try:
        runtime = importlib.metadata.version("ai-edge-litert")
    except importlib.metadata.PackageNotFoundError as error:
        raise BinaryError(
            "Measuring on this computer needs the Python package 'ai-edge-litert', which is not installed.",
            hint="pip install ai-edge-litert, or give a build for this computer: --benchmark-binary FILE",
        ) from error
    digest = hashlib.sha256(f"ai-edge-litert {runtime}\0".encode())
    source = Path(__file__).parent / "host_model"
    for file in sorted(source.glob("*.py")):
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    info = BinaryInfo(
        flavor=BinaryFlavor.HOST_MODEL,
        sha256=digest.hexdigest(),
        origin="android_bench.host_model",
        version=f"ai-edge-litert {runtime}",
    )
    prefix = (sys.executable, "-m", "android_bench.host_model")
    return ResolvedBinary(path=None, argv_prefix=prefix, info=info)
