"""The RSA key that devices know this machine by: the one that the adb client uses, made if missing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock


def key_path() -> Path:
    """Where adb keeps its private key."""
    home = os.environ.get("ANDROID_USER_HOME")
    return (Path(home) if home else Path.home() / ".android") / "adbkey"


def load_signer() -> Any:
    """Return a signer of adb-shell for the machine's key; the key is made when there is none.

    The private key gets mode 0600 and its folder 0700 when they are made; what exists is used as it is.
    """
    from adb_shell.auth.sign_cryptography import CryptographySigner

    path = key_path()
    if not path.is_file():
        make_key(path)
    public = path.with_name(f"{path.name}.pub")
    if not public.is_file():
        _write_public(path, public)
    return CryptographySigner(str(path))


def make_key(path: Path) -> None:
    """Make a key pair in one step, so that two processes end up with the same one."""
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


def _write_public(private: Path, public: Path) -> None:
    """Write the public half that a key without one needs for the device's dialog."""
    from adb_shell.auth.keygen import write_public_keyfile

    write_public_keyfile(str(private), str(public))
