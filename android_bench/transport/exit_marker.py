"""An exit code for protocols that have none: a marker behind the output that no output can fake."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ExitMarker:
    """Wraps one command; the nonce is new for each, so that output of another call cannot end it."""

    nonce: str = field(default_factory=lambda: f"<{secrets.token_hex(12)}>")

    def wrap(self, command: str) -> str:
        """Return a command line that prints the marker and the exit code of ``command`` at the end.

        The command runs in a shell of its own: it may exit, end in a comment or be no valid syntax.
        """
        return f"sh -c {shlex.quote(command)}; echo {shlex.quote(self.nonce)}$?"

    def split(self, output: bytes) -> tuple[bytes, int] | None:
        """Take the marker off: the command's output and exit code, or ``None`` if it never ended."""
        text, marker, code = output.rpartition(self.nonce.encode())
        digits = code.strip()
        if not marker or not digits.isdigit():
            return None
        return text, int(digits)
