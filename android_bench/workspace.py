"""The remote folder: what is pushed once and kept, by content, and how it is cleaned up.

::

    /data/local/tmp/android-bench/
      blobs/SHA256            models and binaries; a file with this name is whole and verified
      blobs/SHA256.NONCE.part a push under way
      jobs/NONCE/             pid and streams of a program that runs
"""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from android_bench.device import Device
from android_bench.errors import DeviceCommandError, DeviceError
from android_bench.transport.base import Progress
from optimizer.artifact import file_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file on the device, and how many bytes it took to get it there (0 when it was there)."""

    remote_path: str
    pushed_bytes: int


class Workspace:
    """The folder of this tool on one device. On this computer nothing is copied."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._blobs = f"{device.root}/blobs"

    def ensure(
        self,
        path: Path,
        *,
        sha256: str | None = None,
        executable: bool = False,
        progress: Progress | None = None,
    ) -> Placed:
        """Make sure that a file's content is on the device; return where.

        A blob gets its name only after its hash was verified on the device, so its name and size are
        proof enough the next time. Two sessions that push the same content do not hurt each other.

        Raises:
            DeviceCommandError: the device's disk is full or refuses the file.
        """
        if self._device.is_host:
            return Placed(remote_path=str(path.resolve()), pushed_bytes=0)
        digest = sha256 or file_sha256(path)
        blob = f"{self._blobs}/{digest}"
        size = path.stat().st_size
        ready = self._device.transport.shell(f"mkdir -p {self._blobs} && stat -c %s {blob}")
        if ready.exit_code == 0 and ready.stdout.strip() == str(size):
            return Placed(remote_path=blob, pushed_bytes=0)
        part = f"{blob}.{secrets.token_hex(4)}.part"
        try:
            self._push(path, part, digest, executable=executable, progress=progress)
            self._device.run(["mv", part, blob], check=True)
        except BaseException:
            self._drop(part)
            raise
        return Placed(remote_path=blob, pushed_bytes=size)

    def clean(self) -> None:
        """Remove everything that this tool pushed."""
        if not self._device.is_host:
            self._device.run(["rm", "-rf", self._device.root], check=True)

    def _push(
        self, path: Path, part: str, digest: str, *, executable: bool, progress: Progress | None
    ) -> None:
        """Push to a provisional name and prove the content on the device."""
        size = path.stat().st_size
        self._refuse_full_disk(path, size)
        mode = 0o755 if executable else 0o644
        try:
            self._device.transport.push(path, part, mode=mode, progress=progress)
        except DeviceCommandError as error:
            self._drop(part)
            self._refuse_full_disk(path, size, cause=error)
            raise
        # adbd applies its umask to what it writes; an executable must stay one.
        check = self._device.transport.shell(f"chmod {mode:o} {part} && sha256sum {part}")
        seen = check.stdout.split(maxsplit=1)
        if check.exit_code == 0 and seen and seen[0].lstrip("\\") != digest:
            raise DeviceCommandError(
                f"{path.name} arrived on {self._device.transport.serial} with another content.",
                command=f"sha256sum {part}",
                exit_code=check.exit_code,
                output=check.stdout,
                hint="Try again; if it happens twice, the cable or the device's storage is failing.",
            )

    def _refuse_full_disk(self, path: Path, size: int, *, cause: Exception | None = None) -> None:
        """Raise when the device has less room than the file needs; an unreadable ``df`` says nothing."""
        shown = self._device.run(["df", "-k", self._blobs])
        words = shown.stdout.strip().splitlines()[-1].split() if shown.stdout.strip() else []
        if shown.exit_code or len(words) < 4 or not words[-3].isdigit():
            return
        free = int(words[-3]) * 1024
        if free < size:
            raise DeviceCommandError(
                f"The device's disk is full: {path.name} needs {size} bytes, {free} are free in "
                f"{self._device.root}.",
                command="push",
                exit_code=1,
                output=shown.stdout,
                hint=f"adb shell rm -rf {shlex.quote(self._device.root)} drops what this tool pushed before",
            ) from cause

    def _drop(self, part: str) -> None:
        """Remove a push that did not end well; a device that is gone keeps it, which hurts nobody."""
        try:
            self._device.run(["rm", "-f", part])
        except DeviceError:
            return
