"""The RSA key that devices know this computer by: the one of the adb client, made if missing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from android_bench.errors import BenchError


def key_path() -> Path:
    """Where adb keeps its private key."""
    home = os.environ.get("ANDROID_USER_HOME")
    return (Path(home) if home else Path.home() / ".android") / "adbkey"


def signers() -> list[Any]:
    """Signers for adb-shell, the user's own key first, then those of ``ADB_VENDOR_KEYS``.

    Nothing is read before a device asks for it, and the user's own key is made then if it is missing.
    """
    places = os.environ.get("ADB_VENDOR_KEYS", "").split(os.pathsep)
    vendor = [key for place in places if place for key in _vendor_keys(Path(place))]
    return [_Signer(path) for path in (key_path(), *vendor)]


class _Signer:
    """Signs with one key; the methods' names are adb-shell's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: Any = None

    def Sign(self, data: bytes) -> bytes:  # noqa: N802
        """Sign a device's token."""
        signature: bytes = self._signer().Sign(data)
        return signature

    def GetPublicKey(self) -> bytes:  # noqa: N802
        """The public half, which the device shows to its user."""
        public: bytes = self._signer().GetPublicKey()
        return public

    def _signer(self) -> Any:
        if self._loaded is None:
            self._loaded = _load(self._path)
        return self._loaded


def make_key(path: Path) -> None:
    """Make a key pair in one step, so that two processes end up with the same one.

    The private key gets mode 0600, and its folder 0700 when it is made.
    """
    from adb_shell.auth.keygen import keygen

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.is_file():
            return
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".adbkey.") as folder:
            fresh = Path(folder) / "adbkey"
            keygen(str(fresh))
            fresh.chmod(0o600)
            os.replace(f"{fresh}.pub", f"{path}.pub")
            os.replace(fresh, path)


def _load(path: Path) -> Any:
    from adb_shell.auth.keygen import write_public_keyfile
    from adb_shell.auth.sign_cryptography import CryptographySigner

    try:
        if not path.is_file():
            make_key(path)
        if not path.with_name(f"{path.name}.pub").is_file():
            write_public_keyfile(str(path), f"{path}.pub")
        return CryptographySigner(str(path))
    except (OSError, ValueError, TypeError) as error:
        raise BenchError(
            f"The adb key {path} cannot be used: {error}",
            hint="Make it readable, or move it away: a new one is made, and the device asks again.",
        ) from error


def _vendor_keys(place: Path) -> list[Path]:
    return sorted(place.glob("*.adb_key")) if place.is_dir() else [place]
