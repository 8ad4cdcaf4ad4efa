"""benchmark_model: find or fetch the one that fits a device, and say exactly which one it is."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import android_bench
from android_bench.binaries.fetch import LOCK_FILE, cache_folder, fetch_pinned
from android_bench.binaries.file import (
    check_abi,
    flavor_of,
    has_debug_information,
    profile_file_flags,
    runs_flex,
    version_of,
)
from android_bench.errors import BinaryError
from android_bench.results import BinaryFlavor, BinaryInfo, DeviceInfo, DeviceKind

__all__ = ["ResolvedBinary", "cache_folder", "resolve_binary"]

# Chosen over the LiteRT build because it profiles operators, takes input files and any shape.
NIGHTLY = (
    "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/lite/tools/"
    "nightly/latest"
)
LITERT_NIGHTLY = "https://storage.googleapis.com/litert/binaries/nightly"
BASE_VARIABLE = "ANDROID_BENCH_BINARY_BASE_URL"
_PUBLISHED = {
    "arm64-v8a": "android_aarch64_benchmark_model",
    "armeabi-v7a": "android_arm_benchmark_model",
}
_FLEX_SUFFIX = "_plus_flex"
_PUBLISHED_LITERT = {"arm64-v8a": "android_arm64/benchmark_model"}
_BAZEL = "bazel build -c opt --config={} //tensorflow/lite/tools/benchmark:benchmark_model"
_BAZEL_CONFIGS = {"x86_64": "android_x86_64", "x86": "android_x86"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedBinary:
    """A benchmark_model to run: a file to bring to the device, or words that run here as they are.

    ``profile_file_flags`` are those after which it writes operator profiles to a file.
    """

    path: Path | None
    argv_prefix: tuple[str, ...]
    info: BinaryInfo
    profile_file_flags: tuple[str, ...] = ()


def resolve_binary(
    device: DeviceInfo,
    *,
    given: Path | BinaryFlavor | None = None,
    flex: bool = False,
    lock_file: Path | None = None,
    base_url: str | None = None,
    folder: Path | None = None,
) -> ResolvedBinary:
    """Return the benchmark_model for a device.

    A ``given`` file is used if the device can run it, a given flavor says which publisher's. This
    computer needs none: the embedded stand-in runs. For Android the build is fetched once and pinned in
    ``lock_file`` (default: ``android-bench.lock`` in the current folder); ``base_url`` or
    ``ANDROID_BENCH_BINARY_BASE_URL`` exchanges the address it is fetched from. ``flex`` asks for one that
    runs TensorFlow operators.

    Raises:
        BinaryError: the file does not fit, nobody publishes one, or it cannot be fetched.
    """
    if isinstance(given, Path):
        return _refuse_without_flex(_given(given, device), flex=flex)
    if device.kind is DeviceKind.HOST:
        if given not in {None, BinaryFlavor.HOST_MODEL}:
            raise BinaryError(
                f"The {given.value} benchmark_model is not fetched for this computer.",
                hint="Give the file: --benchmark-binary FILE; or leave it out for the stand-in.",
            )
        return _refuse_without_flex(_embedded(), flex=flex)
    abi = device.abis[0] if device.abis else None
    name, base = _published(device, abi, given or BinaryFlavor.CLASSIC, flex=flex)
    base = base_url or os.environ.get(BASE_VARIABLE) or base
    address = f"{base.rstrip('/')}/{name}"

    def accept(content: bytes) -> None:
        check_abi(address, content, (abi or "",), host=False)
        flavor_of(address, content)

    path, pin = fetch_pinned(
        name,
        address,
        accept=accept,
        lock_file=lock_file or Path(LOCK_FILE),
        folder=folder or cache_folder(),
    )
    return _described(path, path.read_bytes(), sha256=pin.sha256, origin=pin.address)


def _published(
    device: DeviceInfo, abi: str | None, flavor: BinaryFlavor, *, flex: bool
) -> tuple[str, str]:
    """The name of the publisher's build for an ABI, and the address it lies under.

    Raises:
        BinaryError: there is none.
    """
    litert = flavor is BinaryFlavor.LITERT
    if litert and flex:
        raise BinaryError(
            "A model needs TensorFlow operators, which LiteRT's benchmark_model has not.",
            hint="Leave --benchmark-binary out: the Classic build with them is fetched.",
        )
    name = (_PUBLISHED_LITERT if litert else _PUBLISHED).get(abi or "")
    if name is None:
        build = _BAZEL.format(_BAZEL_CONFIGS.get(abi or "", "android"))
        whose = "LiteRT benchmark_model" if litert else "benchmark_model"
        raise BinaryError(
            f"Nobody publishes a {whose} for Android {abi or '(it does not tell its ABI)'}, "
            f"which {device.label} needs.",
            hint=f"In TensorFlow's source: {build}; then give it: --benchmark-binary FILE",
        )
    if litert:
        return name, LITERT_NIGHTLY
    return name + _FLEX_SUFFIX * flex, NIGHTLY


def _refuse_without_flex(binary: ResolvedBinary, *, flex: bool) -> ResolvedBinary:
    """Raise when a model needs TensorFlow operators and the binary surely has none."""
    if flex and binary.info.flex is False:
        raise BinaryError(
            f"A model needs TensorFlow operators (Flex), which {binary.info.origin} has not.",
            hint="Give the build benchmark_model_plus_flex, or convert the model with "
            "TFLITE_BUILTINS only.",
        )
    return binary


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
        flavor=flavor_of(path, content),
        sha256=sha256,
        origin=origin,
        version=version_of(content),
        flex=runs_flex(content),
        debug=has_debug_information(content),
    )
    return ResolvedBinary(
        path=path, argv_prefix=(), info=info, profile_file_flags=profile_file_flags(content)
    )


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
    source = Path(android_bench.__file__).parent / "host_model"
    for file in sorted(source.glob("*.py")):
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    info = BinaryInfo(
        flavor=BinaryFlavor.HOST_MODEL,
        sha256=digest.hexdigest(),
        origin="android_bench.host_model",
        version=f"ai-edge-litert {runtime}",
        flex=False,
        debug=False,
    )
    prefix = (sys.executable, "-m", "android_bench.host_model")
    return ResolvedBinary(path=None, argv_prefix=prefix, info=info)
