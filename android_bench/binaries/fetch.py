"""Fetching benchmark_model from its publishers, pinned by content at the first use.

The publishers give no checksums, and ``nightly/latest`` changes under one address. So the first fetch
writes the content's SHA-256 into a lock file, and from then on nothing else is accepted. What was
fetched is kept by content: an old pin works as long as its file is in the cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from android_bench.errors import BinaryError
from android_bench.store import utc_now
from optimizer.artifact import file_sha256
from optimizer.files import write_atomic

LOCK_FILE = "android-bench.lock"
LOCK_VERSION = 1
_TIMEOUTS_S = (10.0, 60.0)  # to connect, and between two pieces
_PIECE_BYTES = 1 << 20
_INSTEAD = "Or give a file: --benchmark-binary FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a lock file says of one binary. ``fetched_at`` is ISO 8601 in UTC."""

    address: str
    sha256: str
    size_bytes: int
    fetched_at: str


def cache_folder() -> Path:
    """Where fetched binaries are kept: ``<name>/<sha256>/benchmark_model`` below it."""
    return Path(platformdirs.user_cache_dir("android-bench")) / "binaries"


def fetch_pinned(
    name: str,
    address: str,
    *,
    accept: Callable[[bytes], None],
    lock_file: Path,
    folder: Path,
) -> tuple[Path, Pin]:
    """Return the pinned binary, from the cache without a network if it is there.

    ``accept`` raises for a content that is no such binary, such as the page of a hotel's network;
    it is asked before anything is kept or pinned.

    Raises:
        BinaryError: no network, another content than pinned, or an unreadable lock file.
    """
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        pins = read_lock(lock_file)
        pin = pins.get(name)
        if pin is not None:
            kept = folder / name / pin.sha256 / "benchmark_model"
            if kept.is_file() and file_sha256(kept) == pin.sha256:
                return kept, pin
        content = _download(address)
        accept(content)
        digest = hashlib.sha256(content).hexdigest()
        if pin is not None and digest != pin.sha256:
            raise BinaryError(
                f"{address} now serves another benchmark_model: {digest} instead of {pin.sha256}, "
                f"which {lock_file} pins since {pin.fetched_at[:10]}.",
                hint=f"To move to the new one, delete {name!r} from {lock_file.name}; numbers of the two "
                "are not comparable. To stay, give the old file: --benchmark-binary FILE",
            )
        kept = folder / name / digest / "benchmark_model"
        write_atomic(kept, content)
        kept.chmod(0o755)
        if pin is None:
            pin = Pin(address=address, sha256=digest, size_bytes=len(content), fetched_at=utc_now())
            _write_lock(lock_file, {**pins, name: pin})
        return kept, pin


def read_lock(path: Path) -> dict[str, Pin]:
    """The pins of a lock file by the binary's name; none when there is no file.

    Raises:
        BinaryError: the file is damaged, or of a newer version.
    """
    try:
        data: Any = json.loads(path.read_bytes())
        if data["version"] != LOCK_VERSION:
            raise BinaryError(
                f"{path} is of version {data['version']}, this program reads {LOCK_VERSION}.",
                hint="Upgrade android-bench.",
            )
        return {name: Pin(**pin) for name, pin in data["binaries"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BinaryError(
            f"{path} cannot be read as a lock file: {error}",
            hint="Restore it from version control, or delete it to pin anew.",
        ) from error


def _write_lock(path: Path, pins: dict[str, Pin]) -> None:
    binaries = {name: asdict(pin) for name, pin in sorted(pins.items())}
    text = json.dumps({"version": LOCK_VERSION, "binaries": binaries}, indent=2) + "\n"
    try:
        write_atomic(path, text.encode())
    except OSError as error:
        raise BinaryError(
            f"The lock file {path} cannot be written: {error.strerror}.",
            hint="Run in a folder that you may write to.",
        ) from error


def _download(address: str) -> bytes:
    """Fetch an address, all of it or not at all."""
    import requests

    try:
        with requests.get(address, stream=True, timeout=_TIMEOUTS_S) as answer:
            if answer.status_code != requests.codes.ok:
                raise BinaryError(
                    f"benchmark_model is not at {address}: HTTP {answer.status_code} {answer.reason}.",
                    hint=_INSTEAD,
                )
            content = b"".join(answer.iter_content(_PIECE_BYTES))
            promised = answer.headers.get("Content-Length", "")
    except requests.RequestException as error:
        raise BinaryError(
            f"benchmark_model cannot be fetched from {address}: {_cause(error)}.",
            hint=f"Is there a network? {_INSTEAD}",
        ) from error
    if (
        promised.isdigit()
        and "Content-Encoding" not in answer.headers
        and int(promised) != len(content)
    ):
        raise BinaryError(
            f"{address} ended after {len(content)} of {promised} bytes.", hint="Try again."
        )
    return content


def _cause(error: BaseException) -> str:
    """The innermost words of a network error, which is wrapped several times on its way up."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
