"""The remote folder: what is pushed once and kept, by content, and how it is cleaned up.

::

    /data/local/tmp/android-bench/
      blobs/SHA256             models and binaries; a file with this name is whole and verified
      blobs/SHA256.NONCE.part  a push under way
      jobs/NONCE/              streams of a program that runs
      scratch/SESSION/         outputs and caches of a session; gone when it ends

Several sessions may use one device: names under way are unique, a blob appears in one step, and what
was left behind is removed only when it is too old to belong to anybody.
"""

from __future__ import annotations

import re
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from android_bench.device import Device
from android_bench.errors import DeviceCommandError, DeviceError
from android_bench.transport.base import TRANSFER_TIMEOUT_S, Progress
from optimizer.artifact import file_sha256

# A push may take TRANSFER_TIMEOUT_S; six times that is nobody's any more. A program may run for hours.
_STALE_PUSH_MIN = round(6 * TRANSFER_TIMEOUT_S / 60)
_STALE_JOB_MIN = 24 * 60
_OTHER_CONTENT = 3
_LISTED = re.compile(r"^([0-9]+) ([0-7]+) ([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file on the device, and how many bytes it took to get it there (0 when it was there)."""

    remote_path: str
    pushed_bytes: int


@dataclass(frozen=True, slots=True)
class _Blob:
    size_bytes: int
    executable: bool


class Workspace:
    """The folder of this tool on one device. On this computer nothing is copied."""

    def __init__(self, device: Device, *, root: str | None = None) -> None:
        self._device = device
        self._root = root or device.root
        self._there: dict[str, _Blob] | None = None

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
        proof enough the next time. What is there is asked once, for all files.

        Raises:
            DeviceCommandError: the device's disk is full, or it refuses the file.
        """
        if self._device.is_host:
            return Placed(remote_path=str(path.resolve()), pushed_bytes=0)
        digest = sha256 or file_sha256(path)
        size = path.stat().st_size
        blob = f"{self._blobs}/{digest}"
        if self._there is None:
            self._there = self._survey()
        known = self._there.get(digest)
        if known is not None and known.size_bytes == size:
            if executable and not known.executable:
                self._device.run(["chmod", "755", blob], check=True)
            return Placed(remote_path=blob, pushed_bytes=0)
        self._refuse_full_disk(path, size)
        part = f"{blob}.{secrets.token_hex(4)}.part"
        try:
            self._push(path, part, blob, digest, executable=executable, progress=progress)
        except BaseException:
            self._drop(part)
            raise
        self._there[digest] = _Blob(size, executable)
        return Placed(remote_path=blob, pushed_bytes=size)

    def clean(self) -> int | None:
        """Remove everything that was pushed and left, and nothing else in the folder.

        Return the bytes on disk that it took, ``None`` when there was nothing.
        """
        self._there = None
        own = [self._blobs, f"{self._root}/jobs", f"{self._root}/scratch"]
        sizes = self._device.run(["du", "-sk", *own]).stdout
        found = [int(size) for size in re.findall(r"^([0-9]+)\s", sizes, re.MULTILINE)]
        self._device.run(["rm", "-rf", *own], check=True)
        self._device.run(["rmdir", self._root])  # if nothing else is in it
        return sum(found) * 1024 if found else None

    @property
    def _blobs(self) -> str:
        return f"{self._root}/blobs"

    def _survey(self) -> dict[str, _Blob]:
        """Make the folder, sweep what is stale, and list what is there, in one round trip."""
        blobs = shlex.quote(self._blobs)
        passing = " ".join(shlex.quote(f"{self._root}/{name}") for name in ("jobs", "scratch"))
        done = self._device.transport.shell(
            f"mkdir -p {blobs} || exit 1\n"
            "{\n"
            f"find {blobs} -name '*.part' -mmin +{_STALE_PUSH_MIN} -exec rm -f {{}} +\n"
            f"find {passing} -mindepth 1 -maxdepth 1 -mmin +{_STALE_JOB_MIN} -exec rm -rf {{}} +\n"
            f"cd {blobs} && stat -c '%s %a %n' *\n"
            "} 2>/dev/null; true"
        )
        if done.exit_code:
            raise DeviceCommandError(
                f"{self._device.transport.serial} has no place for this tool at {self._root}: "
                f"{(done.stderr or done.stdout).strip()}",
                command=f"mkdir -p {blobs}",
                exit_code=done.exit_code,
                output=done.stdout,
            )
        found = _LISTED.findall(done.stdout.replace("\r\n", "\n"))
        return {name: _Blob(int(size), bool(int(mode, 8) & 0o100)) for size, mode, name in found}

    def _push(
        self,
        path: Path,
        part: str,
        blob: str,
        digest: str,
        *,
        executable: bool,
        progress: Progress | None,
    ) -> None:
        """Push to a provisional name, prove the content on the device, and give it its name."""
        size = path.stat().st_size
        mode = 0o755 if executable else 0o644
        try:
            self._device.transport.push(path, part, mode=mode, progress=progress)
        except DeviceCommandError as error:
            self._drop(part)
            self._refuse_full_disk(path, size, cause=error)
            raise
        # Androids before 6 have no sha256sum; there the size has to do.
        check = self._device.transport.shell(
            f"p={shlex.quote(part)}\n"
            "if command -v sha256sum >/dev/null; then\n"
            f'  seen=$(sha256sum <"$p"); [ "${{seen%% *}}" = {digest} ] || exit {_OTHER_CONTENT}\n'
            f'else [ "$(wc -c <"$p")" -eq {size} ] || exit {_OTHER_CONTENT}; fi\n'
            f'mv -f "$p" {shlex.quote(blob)}',
            timeout_s=TRANSFER_TIMEOUT_S,
        )
        if check.exit_code:
            changed = check.exit_code == _OTHER_CONTENT
            what = "arrived with another content" if changed else "could not be put in its place"
            raise DeviceCommandError(
                f"{path.name} {what} on {self._device.transport.serial}.",
                command=check.command,
                exit_code=check.exit_code,
                output=check.stderr or check.stdout,
                hint="Try again; if it happens twice, the cable or the device's storage is failing.",
            )

    def _refuse_full_disk(self, path: Path, size: int, *, cause: Exception | None = None) -> None:
        """Raise when the device has less room than the file needs; an unreadable ``df`` says nothing.

        Filling a phone's disk to the last byte would break more than this push.
        """
        shown = self._device.run(["df", "-k", self._blobs])
        free = free_bytes(shown.stdout)
        if shown.exit_code or free is None or free >= size:
            return
        raise DeviceCommandError(
            f"The device's disk is full: {path.name} needs {size} bytes, {free} are free in {self._root}.",
            command="push",
            exit_code=1,
            output=shown.stdout,
            hint=f"adb shell rm -rf {shlex.quote(self._blobs)} drops what this tool pushed before",
        ) from cause

    def _drop(self, part: str) -> None:
        """Remove a push that did not end well; a device that is gone keeps it until a later sweep."""
        with suppress(DeviceError):
            self._device.run(["rm", "-f", part])


def free_bytes(df: str) -> int | None:
    """Read what ``df -k PATH`` says is free; ``None`` when it says nothing of the kind.

    A long device name puts the numbers on a line of their own.
    """
    found = re.search(r"\s[0-9]+\s+[0-9]+\s+([0-9]+)\s+[0-9]+%\s", df)
    return int(found[1]) * 1024 if found else None
