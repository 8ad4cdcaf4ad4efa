"""A socket whose every wait is bounded by the deadline of the call that it serves."""

from __future__ import annotations

import select
import socket
import time


class DeadlineSocket:
    """Sends all, notices the other side's end, and raises :class:`TimeoutError` past ``deadline``.

    ``deadline`` is a :func:`time.monotonic` instant. An end of the stream is a
    :class:`ConnectionResetError`, never an empty answer.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        deadline: float,
        connected: socket.socket | None = None,
    ) -> None:
        """Connect to ``address``, or take over a socket that is ``connected`` to it."""
        self._where = f"{address[0]}:{address[1]}"
        self.deadline = deadline
        self._socket = connected or socket.create_connection(address, timeout=self._left())
        # Requests are small and answered at once: waiting to fill a packet costs 40 ms each.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def receive(self, count: int) -> bytes:
        """Return between 1 and ``count`` bytes."""
        self._socket.settimeout(self._left())
        data = self._socket.recv(count)
        if not data:
            raise ConnectionResetError(f"{self._where} closed the connection")
        return data

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        pieces: list[bytes] = []
        while count:
            pieces.append(self.receive(count))
            count -= len(pieces[-1])
        return b"".join(pieces)

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def answered(self) -> bool:
        """Whether something waits to be read."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        """Close the connection; twice is fine."""
        self._socket.close()

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{self._where} took too long")
        return left
