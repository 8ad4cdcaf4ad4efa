"""The TCP side of adb-shell, with what its own transport lacks.

adb-shell 0.4.4 ignores how many bytes ``send`` took, so that a full buffer loses data; it reads an end of
file as "nothing yet" and spins; and it leaves Nagle's algorithm on, which costs 40 ms a call. This one
sends all, notices the end, and bounds every wait by the deadline of the call it serves.
"""

from __future__ import annotations

import socket
import time

from adb_shell.exceptions import TcpTimeoutException
from adb_shell.transport.base_transport import BaseTransport


class TcpSocket(BaseTransport):  # type: ignore[misc]
    """A socket to adbd. ``deadline`` is a :func:`time.monotonic` instant, or ``None``."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self.deadline: float | None = None

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def connect(self, transport_timeout_s: float | None) -> None:
        """Open the connection."""
        self.close()
        self._socket = socket.create_connection(self._address, timeout=transport_timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Read up to ``numbytes`` bytes; an end of the stream is an error, never an empty answer."""
        connection = self._ready(transport_timeout_s)
        try:
            data = connection.recv(numbytes)
        except TimeoutError as error:
            raise TcpTimeoutException(f"reading from {self._address} timed out") from error
        if not data:
            raise ConnectionResetError(f"{self._address} closed the connection")
        return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        """Write all of ``data``."""
        connection = self._ready(transport_timeout_s)
        try:
            connection.sendall(data)
        except TimeoutError as error:
            raise TcpTimeoutException(f"sending to {self._address} timed out") from error
        return len(data)

    def _ready(self, timeout_s: float | None) -> socket.socket:
        """The open socket, with the time that is left set on it."""
        if self._socket is None:
            raise ConnectionResetError(f"{self._address} is not connected")
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TcpTimeoutException(f"the call to {self._address} took too long")
            timeout_s = left if timeout_s is None else min(left, timeout_s)
        self._socket.settimeout(timeout_s)
        return self._socket
