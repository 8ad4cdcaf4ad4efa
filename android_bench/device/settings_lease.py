"""The device's side of changed settings: a journal of what they were, and a guard that puts them back.

::

    /data/local/tmp/android-bench/settings/TOKEN/
      restore.sh    puts the settings back and removes the folder; whole before anything is changed
      lease         "COUNT SECONDS": who changed them says now and then that it is still there
      guard         the process that watches
      busy/         somebody restores at this moment

A guard runs on the device and restores when the count has stood still for so many seconds: a cable that is
pulled and a computer that dies leave no phone changed. A guard can be killed with adbd or by a restart of
the phone; the journal outlives both, and the next session on the device restores by it first.

Pure functions of text; the same lines run under Android's mksh, under dash and under bash.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from android_bench.transport.base import (
    DEFAULT_TIMEOUT_S,
    TRANSFER_TIMEOUT_S,
    Progress,
    ShellResult,
    Transport,
)

# Longer than a connection may be away while a program runs (detached.PATIENCE_S), and than the slices in
# which programs are waited for.
LEASE_S = 120
# How often the guard looks: a process that sleeps, and a file that is read.
_LOOK_S = 5
# On top of a call's own bound, in which the device hears nothing else.
_MARGIN_S = 30
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Journal:
    """One session's journal on a device whose workspace is ``root``."""

    root: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def folder(self) -> str:
        """Where it is on the device."""
        return f"{self.root}/settings/{self.token}"

    def write_script(self, restore: Sequence[str], *, lease_s: int) -> str:
        """A script that writes the journal, in one step, and starts the guard; it fails as a whole."""
        part, folder = shlex.quote(self.folder + _PART), shlex.quote(self.folder)
        return (
            f"p={part}\n"
            'mkdir -p "$p" && '
            f'printf %s {shlex.quote(self._restore_text(restore))} >"$p/restore.sh" && '
            f'echo 0 {lease_s} >"$p/lease" && mv "$p" {folder} || exit 1\n'
            # A phone that loses its power must find it again.
            f"{{ fsync {folder}/restore.sh || sync {folder}/restore.sh; }} 2>/dev/null\n"
            f"$(command -v setsid) sh -c {shlex.quote(_GUARD)} sh {folder} {_look_s(lease_s)} "
            "</dev/null >/dev/null 2>&1 &\n"
            # With this shell ends what is not in a session of its own yet.
            f"n=0; until [ -f {folder}/guard ] || [ $n -ge 50 ]; do "
            "sleep 0.1 || sleep 1; n=$((n + 1)); done\n"
            f"[ -f {folder}/guard ]"
        )

    def restore_script(self) -> str:
        """A script that restores by this journal; it says ``gone`` when that has happened before."""
        folder = shlex.quote(self.folder)
        return f"if [ -d {folder} ]; then sh {folder}/restore.sh; else echo gone; fi"

    def renew_script(self, count: int, seconds: int) -> str:
        """A line that says to the guard that somebody is there, by the shell's own means."""
        folder = shlex.quote(self.folder)
        return f"{{ [ ! -d {folder} ] || echo {count} {seconds} >{folder}/lease; }} 2>/dev/null; :"

    def _restore_text(self, restore: Sequence[str]) -> str:
        folder = shlex.quote(self.folder)
        steps = "\n".join(f"{{ {command}\n}} || failed=1" for command in restore)
        return (
            "# What android-bench changed on this device, as it was before.\n"
            f"d={folder}; failed=; n=0\n"
            # Two at once could undo what comes after the first. A dead one is waited for in vain.
            'until mkdir "$d/busy" 2>/dev/null; do\n'
            '  [ -d "$d" ] || exit 0; [ $n -lt 10 ] || break; n=$((n + 1)); sleep 1\ndone\n'
            f"{steps}\n"
            'if [ -n "$failed" ]; then rmdir "$d/busy"; exit 1; fi\n'
            'rm -rf "$d"; rmdir "${d%/*}" 2>/dev/null; exit 0\n'
        )


# $1 the folder, $2 seconds between two looks. The clock of a phone may jump, so it counts its own looks.
_GUARD = (
    'd=$1; last=; n=0; echo $$ >"$d/guard"; while sleep "$2"; do\n'
    '  [ -d "$d" ] || exit 0\n'
    '  count=; seconds=; read -r count seconds <"$d/lease"\n'
    '  if [ "$count" = "$last" ]; then n=$((n + $2)); else last=$count; n=0; fi\n'
    f'  [ "$n" -lt "${{seconds:-{LEASE_S}}}" ] || {{ n=0; sh "$d/restore.sh"; }}\n'
    "done"
)


def _look_s(lease_s: int) -> int:
    return max(1, min(_LOOK_S, lease_s // 4))


def restore_all_script(root: str) -> str:
    """A script that restores by every journal there is, the newest first, for they may lie on each other.

    It prints what it restored and fails when something could not be.
    """
    folder = shlex.quote(f"{root}/settings")
    return (
        f"cd {folder} 2>/dev/null || exit 0\n"
        # A journal that was never finished: nothing was changed yet.
        f"find . -name '*{_PART}' -mmin +5 -exec rm -rf {{}} + 2>/dev/null\n"
        "failed=0; for name in $(ls -t); do\n"
        f"  case $name in *{_PART}) continue;; esac\n"
        '  [ ! -f "$name/restore.sh" ] || sh "$name/restore.sh" || failed=1\n'
        f"done; rmdir {folder} 2>/dev/null; exit $failed"
    )


class RenewingTransport:
    """A transport whose every call renews a lease on the way, at the price of one redirection."""

    def __init__(self, inner: Transport, journal: Journal, *, lease_s: int) -> None:
        self.inner = inner
        self._journal = journal
        self._lease_s = lease_s
        self._count = 0

    @property
    def serial(self) -> str:
        """How the device was addressed."""
        return self.inner.serial

    @property
    def is_host(self) -> bool:
        """Whether this is the machine the tool runs on."""
        return self.inner.is_host

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`."""
        return self.inner.shell(f"{self._renewal(timeout_s)}\n{command}", timeout_s=timeout_s)

    def push(
        self,
        source: Path,
        remote: str,
        *,
        mode: int = 0o644,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file to the device."""
        self.inner.shell(self._renewal(timeout_s))
        self.inner.push(source, remote, mode=mode, progress=progress, timeout_s=timeout_s)

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the device here."""
        self.inner.shell(self._renewal(timeout_s))
        self.inner.pull(remote, destination, progress=progress, timeout_s=timeout_s)

    def close(self) -> None:
        """End the conversation."""
        self.inner.close()

    def _renewal(self, timeout_s: float) -> str:
        """A long call may take as long as its bound, and the device hears nothing else meanwhile."""
        self._count += 1
        long = timeout_s > DEFAULT_TIMEOUT_S
        seconds = max(self._lease_s, round(timeout_s) + _MARGIN_S) if long else self._lease_s
        return self._journal.renew_script(self._count, seconds)
