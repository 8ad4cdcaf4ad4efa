"""A real PostgreSQL server of the tests' own: a folder that goes, a socket in it, a free port on loopback.

PostgreSQL refuses to run as root, so root starts it as an unprivileged user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

INSTALL = "apt-get install postgresql"
USER, PASSWORD = "bench", "s3cret/with@signs"
# The password as it stands in a URL.
QUOTED = "s3cret%2Fwith%40signs"
_DEBIAN = Path("/usr/lib/postgresql")


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: Debian keeps them off the path."""
    versions = sorted(
        (folder for folder in _DEBIAN.glob("*/bin") if (folder / "initdb").is_file()),
        key=lambda folder: float(folder.parent.name),
    )
    if versions:
        return versions[-1]
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server; ``process`` is its postmaster, which is our own child."""

    folder: Path
    binaries: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, binaries: Path) -> Server:
        # Not below pytest's own folder, which others may not enter.
        folder = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
        server = cls(folder=folder, binaries=binaries, port=free_port())
        try:
            secret = folder / "password"
            secret.write_text(PASSWORD)
            server._give_away()
            server._run(
                "initdb", "--pgdata", folder / "data", "--username", USER, "--pwfile", secret,
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
            )  # fmt: skip
            server.start()
        except BaseException:
            server.remove()
            raise
        return server

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://{USER}:{QUOTED}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [
                    self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                    "-c", "fsync=off", "-c", "max_connections=60",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self._as_other(),
            )  # fmt: skip
        until = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends all conversations first, SIGQUIT is as good as pulling the plug."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.url().replace("+psycopg", ""), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [str(self.binaries / program), *map(str, arguments)],
            capture_output=True, text=True, cwd=self.folder, timeout=120, **self._as_other(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def _other(self) -> pwd.struct_passwd | None:
        """Whom root hands the server to: PostgreSQL's own user, or nobody."""
        if os.geteuid() != 0:
            return None
        known = {user.pw_name: user for user in pwd.getpwall()}
        return known.get("postgres", known["nobody"])

    def _as_other(self) -> dict[str, object]:
        other = self._other()
        return {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []} if other else {}

    def _give_away(self) -> None:
        other = self._other()
        if other:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, other.pw_uid, other.pw_gid)
