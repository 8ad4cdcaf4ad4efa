"""The two ways in to an adbd without a server, as adb-shell's transports: a TCP socket and USB.

adb-shell 0.4.4's own TCP transport ignores how many bytes ``send`` took, so that a full buffer loses
data; it reads an end of file as "nothing yet" and spins; and it leaves Nagle's algorithm on, which costs
40 ms a call. Both links here bound every wait by the deadline of the call that they serve, and raise
nothing but :class:`TimeoutError` and other kinds of :class:`OSError`.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adb_shell.transport.base_transport import BaseTransport

from android_bench.transport.deadline_socket import DeadlineSocket


class TcpLink(BaseTransport):  # type: ignore[misc]
    """A socket to adbd. ``deadline`` is a :func:`time.monotonic` instant."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: DeadlineSocket | None = None
        self.deadline = 0.0

    def connect(self, transport_timeout_s: float | None) -> None:  # noqa: ARG002 (the deadline bounds)
        """Open the connection."""
        self.close()
        self._socket = DeadlineSocket(self._address, deadline=self.deadline)

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:  # noqa: ARG002
        """Read between 1 and ``numbytes`` bytes."""
        return self._ready().receive(numbytes)

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:  # noqa: ARG002
        """Write all of ``data``."""
        self._ready().write(data)
        return len(data)

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ready(self) -> DeadlineSocket:
        if self._socket is None:
            raise ConnectionResetError("not connected")
        self._socket.deadline = self.deadline
        return self._socket


class UsbLink(BaseTransport):  # type: ignore[misc]
    """A USB interface, through adb-shell's transport; libusb's errors become :class:`OSError`."""

    def __init__(self, usb: Any) -> None:
        self._usb = usb
        self.deadline = 0.0

    def connect(self, transport_timeout_s: float | None) -> None:  # noqa: ARG002
        """Claim the interface."""
        with _as_os_errors():
            self._usb.close()
            self._usb.connect(self._left())

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:  # noqa: ARG002
        """Read up to ``numbytes`` bytes."""
        with _as_os_errors():
            return bytes(self._usb.bulk_read(numbytes, self._left()))

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:  # noqa: ARG002
        """Write all of ``data``."""
        sent = 0
        with _as_os_errors():
            while sent < len(data):
                sent += self._usb.bulk_write(data[sent:], self._left())
        return sent

    def close(self) -> None:
        """Give the interface back."""
        with _as_os_errors():
            self._usb.close()

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the device took too long")
        return max(left, 0.001)  # libusb reads 0 as "for ever"


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Name libusb's errors as Python does."""
    import usb1
    from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError

    try:
        yield
    except (UsbReadFailedError, UsbWriteFailedError, usb1.USBError) as error:
        # adb-shell wraps libusb's error as its last argument, or raises it as it is.
        cause = error if isinstance(error, usb1.USBError) else error.args[-1]
        if isinstance(cause, usb1.USBErrorTimeout):
            raise TimeoutError("the device took too long") from error
        numbers = ((usb1.USBErrorBusy, errno.EBUSY), (usb1.USBErrorAccess, errno.EACCES))
        number = next((number for kind, number in numbers if isinstance(cause, kind)), errno.ENODEV)
        raise OSError(number, str(error)) from error
