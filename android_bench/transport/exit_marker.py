"""An exit code for protocols that have none: a marker behind the output that no output can fake."""

from __future__ import annotations

import re
import secrets
import shlex
from dataclasses import dataclass, field

# The marker's line is shorter than this: nonce, up to ten digits, an end of line.
_TAIL_BYTES = 64
_ENDING = re.compile(rb"(\d{1,10})\r?\n\Z")


def quote_script(command: str) -> str:
    """Return ``command`` as the argument of a shell of its own, with nothing on its standard input.

    Whatever the command is (``exit 3``, a comment, a heredoc, no valid syntax, a job in the
    background), it ends with that shell. A command that reads its input sees the end of it at once
    instead of waiting for a terminal that is not there.

    Raises:
        ValueError: the command holds a NUL, which no shell can be given.
    """
    if "\0" in command:
        raise ValueError("a shell command cannot hold a NUL character")
    return f"sh -c {shlex.quote(command)} </dev/null"


def encode(command: str) -> bytes:
    """Return a command line as bytes; file names that are no UTF-8 come through as they were."""
    return command.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class ExitMarker:
    """Wraps one command; the nonce is new for each, so output of another call cannot end it."""

    nonce: str = field(default_factory=lambda: f"<{secrets.token_hex(12)}>")

    def wrap(self, command: str) -> str:
        """Return a command line that prints the marker and the exit code of ``command`` at the end."""
        return f"{quote_script(command)}; echo {shlex.quote(self.nonce)}$?"

    def wrap_both(self, command: str) -> str:
        """The same, with the marker at the end of both streams: either tells where its stream ends."""
        mark = f"echo {shlex.quote(self.nonce)}$code"
        return f"{quote_script(command)}; code=$?; {mark}; {mark} >&2"

    def split(self, output: bytes | bytearray) -> tuple[bytes, int] | None:
        """Take the marker off: the command's output and exit code, or ``None`` if it has not ended."""
        start = max(0, len(output) - _TAIL_BYTES)
        tail = bytes(output[start:])
        before, marker, code = tail.rpartition(self.nonce.encode())
        ending = _ENDING.fullmatch(code) if marker else None
        if ending is None:
            return None
        return bytes(output[: start + len(before)]), int(ending[1])
