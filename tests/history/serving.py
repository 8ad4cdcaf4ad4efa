"""The command ``android-bench serve`` as a process, and requests to it byte for byte."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_COMMAND = (
    sys.executable, "-W", "error", "-c", "from android_bench.cli import main; main()", "serve",
)  # fmt: skip


@dataclass
class Answer:
    """What came back; ``headers`` by lower-case name."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Serving:
    """A server that runs; ``url`` ends with a slash."""

    url: str
    process: subprocess.Popen[str]

    def ask(self, path: str = "/", *, method: str = "GET", **headers: str) -> Answer:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, response.read().decode(), told)
        finally:
            connection.close()


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def serving(*arguments: str) -> Iterator[Serving]:
    """Start the command, wait for its address, end it."""
    process = start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise AssertionError(process.stderr.read())
        yield Serving(url, process)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()
