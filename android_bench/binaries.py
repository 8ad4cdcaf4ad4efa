"""benchmark_model: the user's own, the publisher's (fetched once, pinned by SHA-256), or the host's stand-in.

The publishers give no checksums and change what an address serves, so the first fetch pins the content in
``android-bench.lock``, to be committed; a later fetch that brings something else is refused. Every pinned
content is kept in the user's cache, so nothing is fetched twice.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from android_bench.elf import elf_abi, flavor_of, version_of
from android_bench.errors import BinaryError
from android_bench.results import BinaryFlavor, BinaryInfo, DeviceInfo, DeviceKind
from android_bench.store import utc_now
from optimizer.files import write_atomic

BASE_ADDRESS = (
    "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/lite/tools/nightly/latest"
)
BASE_VARIABLE = "ANDROID_BENCH_BINARY_BASE_URL"
LOCK_FILE = Path("android-bench.lock")
LOCK_VERSION = 1
# What the publisher builds for Android, by ABI. Nothing for x86_64, which emulators on PCs are.
_PUBLISHED = {
    "arm64-v8a": "android_aarch64_benchmark_model",
    "armeabi-v7a": "android_arm_benchmark_model",
}
_TIMEOUT_S = (10, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedBinary:
    """A benchmark_model that fits the device: a file to push, or words that start the stand-in here."""

    path: Path | None
    argv_prefix: tuple[str, ...]
    info: BinaryInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One line of the lock file: what an address served when it was first used."""

    address: str
    sha256: str
    size_bytes: int
    fetched_at: str


def resolve_binary(
    device: DeviceInfo, *, given: Path | None = None, lock_file: Path = LOCK_FILE
) -> ResolvedBinary:
    """Find the benchmark_model for a device.

    Raises:
        BinaryError: the given file does not fit, none is published for the ABI, the network fails, or
            the address serves another content than the pinned one.
    """
    if given is not None:
        return _given(device, given)
    if device.kind is DeviceKind.HOST:
        return _stand_in()
    abi = next((abi for abi in device.abis if abi in _PUBLISHED), None)
    if abi is None:
        raise _nothing_published(device)
    return _published(_PUBLISHED[abi], lock_file)


def cache_folder() -> Path:
    """Where fetched binaries are kept: NAME/SHA256/benchmark_model."""
    return Path(platformdirs.user_cache_dir("android-bench")) / "binaries"


def _given(device: DeviceInfo, path: Path) -> ResolvedBinary:
    """Check a user's own build against the device."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BinaryError(
            f"{path} cannot be read: {error.strerror}.", hint="--benchmark-binary takes a file"
        ) from error
    abi = elf_abi(content)
    script = content.startswith(b"#!") and device.kind is DeviceKind.HOST
    if abi is None and not script:
        raise BinaryError(
            f"{path} is not an executable for Linux or Android (no ELF header).",
            hint="--benchmark-binary takes the benchmark_model itself, not an archive",
        )
    if abi is not None and device.abis and abi not in device.abis:
        raise BinaryError(
            f"{path} is for {abi}, but {device.serial} runs {', '.join(device.abis)}.",
            hint=f"give a benchmark_model built for {device.abis[0]}",
        )
    return _file(path.resolve(), content, origin=str(path))


def _file(path: Path, content: bytes, *, origin: str) -> ResolvedBinary:
    info = BinaryInfo(
        flavor=flavor_of(content),
        sha256=hashlib.sha256(content).hexdigest(),
        origin=origin,
        version=version_of(content),
    )
    return ResolvedBinary(path=path, argv_prefix=(), info=info)


def _stand_in() -> ResolvedBinary:
    """The embedded host_model; its identity is its source and the LiteRT that it runs."""
    version = importlib.metadata.version("ai-edge-litert")
    digest = hashlib.sha256(f"ai-edge-litert {version}".encode())
    for file in sorted((Path(__file__).parent / "host_model").glob("*.py")):
        digest.update(file.read_bytes())
    return ResolvedBinary(
        path=None,
        argv_prefix=(sys.executable, "-m", "android_bench.host_model"),
        info=BinaryInfo(
            flavor=BinaryFlavor.HOST_MODEL,
            sha256=digest.hexdigest(),
            origin="android_bench.host_model",
            version=f"LiteRT {version}",
        ),
    )


def _published(name: str, lock_file: Path) -> ResolvedBinary:
    """The publisher's build, from the cache when it is pinned there, else fetched and pinned."""
    address = f"{(os.environ.get(BASE_VARIABLE) or BASE_ADDRESS).rstrip('/')}/{name}"
    folder = cache_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        pins = _read_lock(lock_file)
        pin = pins.get(name)
        if pin is not None:
            kept = folder / pin.sha256 / "benchmark_model"
            if kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() == pin.sha256:
                return _file(kept, kept.read_bytes(), origin=pin.address)
        content = _fetch(address)
        digest = hashlib.sha256(content).hexdigest()
        if pin is not None and digest != pin.sha256:
            raise BinaryError(
                f"{address} now serves another content: {digest[:12]}, but {lock_file} pins "
                f"{pin.sha256[:12]} of {pin.fetched_at[:10]}.",
                hint=f"Numbers would not be comparable. To take the new one, remove {name!r} from "
                f"{lock_file}; to keep the old one, give its file: --benchmark-binary FILE",
            )
        path = folder / digest / "benchmark_model"
        write_atomic(path, content)
        path.chmod(0o755)
        if pin is None:
            fresh = Pin(
                address=address, sha256=digest, size_bytes=len(content), fetched_at=utc_now()
            )
            _write_lock(lock_file, {**_read_lock(lock_file), name: fresh})
        return _file(path, content, origin=address)


def _fetch(address: str) -> bytes:
    """Fetch a whole ELF file or raise."""
    import requests

    own = "fetch it elsewhere and give the file: --benchmark-binary FILE"
    try:
        response = requests.get(address, timeout=_TIMEOUT_S)
        response.raise_for_status()
    except requests.RequestException as error:
        raise BinaryError(f"benchmark_model could not be fetched from {address} ({error}).", hint=own) from error
    expected = response.headers.get("Content-Length")
    if expected is not None and int(expected) != len(response.content):
        raise BinaryError(
            f"{address} sent {len(response.content)} of {expected} bytes.", hint=f"try again, or {own}"
        )
    if elf_abi(response.content) is None:
        raise BinaryError(f"{address} sent something that is no executable.", hint=own)
    return response.content


def _read_lock(path: Path) -> dict[str, Pin]:
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_bytes())
        return {name: Pin(**fields) for name, fields in data["binaries"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BinaryError(
            f"{path} is not a lock file of android-bench ({error}).",
            hint="restore it from version control, or remove it to pin anew",
        ) from error


def _write_lock(path: Path, pins: dict[str, Pin]) -> None:
    data = {
        "version": LOCK_VERSION,
        "binaries": {name: asdict(pin) for name, pin in sorted(pins.items())},
    }
    write_atomic(path, (json.dumps(data, indent=2) + "\n").encode())


def _nothing_published(device: DeviceInfo) -> BinaryError:
    abis = ", ".join(device.abis) or "an unknown ABI"
    target = "android_x86_64" if "x86_64" in device.abis else "android_x86"
    return BinaryError(
        f"{device.serial} runs {abis}, for which nobody publishes a benchmark_model.",
        hint="Build it in a TensorFlow checkout: bazel build -c opt "
        f"--config={target} //tensorflow/lite/tools/benchmark:benchmark_model  and give it: "
        "--benchmark-binary bazel-bin/tensorflow/lite/tools/benchmark/benchmark_model",
    )
