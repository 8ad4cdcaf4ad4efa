"""A device through a running adb server: USB devices it owns, wireless debugging, emulators.

adbutils opens the conversation with the server; what follows is the device's own stream, which is read
here: adbutils' own calls lose what a device says when it refuses a file, wait for jobs left in the
background, and bound single reads rather than the call.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from android_bench.errors import DeviceError, DeviceNotFoundError, DeviceOfflineError, UsageError
from android_bench.transport import failures
from android_bench.transport.base import (
    DEFAULT_TIMEOUT_S,
    TRANSFER_TIMEOUT_S,
    Progress,
    ShellResult,
)
from android_bench.transport.deadline_socket import DeadlineSocket
from android_bench.transport.exit_marker import ExitMarker, encode
from android_bench.transport.file_sync import (
    SyncRefusedError,
    pull_file,
    push_file,
    set_mode,
    whole_or_not,
)

DEFAULT_PORT = 5037
_ASK_TIMEOUT_S = 5.0
_STDOUT, _STDERR, _EXIT = 1, 2, 3


class ServerRefusedError(Exception):
    """The adb server said no; the text is its own."""


def server_address() -> tuple[str, int]:
    """Where the adb server is expected, by the variables that the adb client knows.

    Raises:
        UsageError: a variable says something that cannot be an address.
    """
    spec = os.environ.get("ADB_SERVER_SOCKET", "")
    if spec:
        found = re.fullmatch(r"tcp:(?:\[?([^\[\]]+?)\]?:)?(\d{1,5})", spec)
        if not found:
            raise UsageError(
                f"ADB_SERVER_SOCKET is {spec!r}, which is no TCP address.",
                hint="Write it as tcp:HOST:PORT, or unset it.",
            )
        return found[1] or "127.0.0.1", int(found[2])
    host = os.environ.get("ANDROID_ADB_SERVER_ADDRESS") or "127.0.0.1"
    port = os.environ.get("ANDROID_ADB_SERVER_PORT") or str(DEFAULT_PORT)
    if not port.isdigit():
        raise UsageError(f"ANDROID_ADB_SERVER_PORT is {port!r}, which is no port.")
    return host, int(port)


def server_runs() -> bool:
    """Whether an adb server answers; none is started."""
    try:
        socket.create_connection(server_address(), timeout=1.0).close()
    except OSError:
        return False
    return True


def server_devices() -> dict[str, tuple[str, str | None]]:
    """The devices of a running server by serial: state (``device``, ``offline``, …) and model if told.

    Raises:
        DeviceOfflineError: something that is no adb server answers there.
    """
    if not server_runs():
        return {}
    try:
        text = _ask("host:devices-l")
    except (OSError, ValueError, ServerRefusedError) as error:
        host, port = server_address()
        raise DeviceOfflineError(
            f"What answers at {host}:{port} is no working adb server: {error}.",
            hint="adb kill-server, then try again; or name a device as HOST:PORT",
        ) from error
    return dict(_listed(line) for line in text.splitlines() if line.strip())


class AdbServerTransport:
    """One device of a running adb server; each call has a connection of its own."""

    is_host = False

    def __init__(self, serial: str, *, shell_v2: bool = True, name: str | None = None) -> None:
        self._serial = serial
        self._name = name or serial
        self._shell_v2 = shell_v2

    @classmethod
    def open(cls, serial: str, *, name: str | None = None) -> AdbServerTransport:
        """Check that the server knows the device and that it can be used; ``name`` is how it was asked for.

        Raises:
            DeviceNotFoundError: no server runs, or it does not know the serial.
            DeviceUnauthorizedError: the device did not accept the server's key.
            DeviceOfflineError: the server sees it and cannot use it.
        """
        if not server_runs():
            host, port = server_address()
            raise DeviceNotFoundError(
                f"No adb server runs at {host}:{port}.", hint="adb start-server"
            )
        state, _ = server_devices().get(serial, (None, None))
        if state is None:
            raise DeviceNotFoundError(
                f"The adb server knows no device {serial}.",
                hint="android-bench devices lists them; adb connect HOST:PORT adds one",
            )
        raise_for_state(serial, state)
        try:
            features = _ask(f"host-serial:{serial}:features").split(",")
        except (OSError, ValueError, ServerRefusedError) as error:
            raise failures.lost(serial, "asking what it can do", error) from error
        return cls(serial, shell_v2="shell_v2" in features, name=name)

    @property
    def serial(self) -> str:
        """How the device was addressed."""
        return self._name

    def shell(self, command: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> ShellResult:
        """Run a command; see :class:`~android_bench.transport.base.Transport`.

        The streams come apart where the device has the shell protocol 2 (Android 7 and later).
        """
        run = self._run_v2 if self._shell_v2 else self._run_v1
        code, stdout, stderr = run(command, timeout_s)
        return ShellResult(
            command=command,
            exit_code=code,
            stdout=stdout.decode("utf-8", "replace"),
            stderr=stderr.decode("utf-8", "replace"),
        )

    def push(
        self,
        source: Path,
        remote: str,
        *,
        mode: int = 0o644,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file to the device; see :class:`~android_bench.transport.base.Transport`."""
        doing = f"pushing {source.name!r}"
        with source.open("rb") as file, self._service(b"sync:", timeout_s, doing) as stream:
            try:
                found = push_file(stream, file, remote, mode=mode, progress=progress)
            except SyncRefusedError as error:
                raise failures.refused(self._serial, f"take {remote}", str(error)) from error
        if found != mode:
            set_mode(self, remote, mode)

    def pull(
        self,
        remote: str,
        destination: Path,
        *,
        progress: Progress | None = None,
        timeout_s: float = TRANSFER_TIMEOUT_S,
    ) -> None:
        """Copy a file of the device; see :class:`~android_bench.transport.base.Transport`."""
        doing = f"pulling {remote!r}"
        with whole_or_not(destination) as file, self._service(b"sync:", timeout_s, doing) as stream:
            try:
                pull_file(stream, remote, file, progress=progress)
            except SyncRefusedError as error:
                raise failures.refused(self._serial, f"give {remote}", str(error)) from error

    def close(self) -> None:
        """Each call has a connection of its own: there is nothing to end."""

    def _run_v2(self, command: str, timeout_s: float) -> tuple[int, bytes, bytes]:
        """Run with the shell protocol 2, whose frames are a kind, a length and that many bytes.

        Its own exit code comes only when nobody holds the streams any more, and what a command left
        in the background does. The marker at the end of each stream comes at once.
        """
        marker = ExitMarker()
        doing = failures.running(command)
        streams = {_STDOUT: bytearray(), _STDERR: bytearray()}
        service = b"shell,v2,raw:" + encode(marker.wrap_both(command))
        with self._service(service, timeout_s, doing) as stream:
            while True:
                stdout, stderr = (marker.split(streams[kind]) for kind in (_STDOUT, _STDERR))
                if stdout is not None and stderr is not None:
                    return stdout[1], stdout[0], stderr[0]
                kind, size = struct.unpack("<BI", stream.read(5))
                data = stream.read(size)
                if kind == _EXIT:  # the shell itself was killed
                    return data[0], bytes(streams[_STDOUT]), bytes(streams[_STDERR])
                if kind in streams:
                    streams[kind] += data

    def _run_v1(self, command: str, timeout_s: float) -> tuple[int, bytes, bytes]:
        """Run on a device older than the shell protocol 2; both streams come as one."""
        marker = ExitMarker()
        doing = failures.running(command)
        output = bytearray()
        with self._service(b"exec:" + encode(marker.wrap(command)), timeout_s, doing) as stream:
            while (ended := marker.split(output)) is None:
                output += stream.receive(1 << 16)
        return ended[1], ended[0], b""

    @contextmanager
    def _service(self, service: bytes, timeout_s: float, doing: str) -> Iterator[DeadlineSocket]:
        """Open a service of the device for the length of a call, and name what goes wrong."""
        try:
            transport = f"host:transport:{self._serial}".encode()
            with closing(
                _open(transport, service, deadline=time.monotonic() + timeout_s)
            ) as stream:
                yield stream
        except TimeoutError as error:
            raise failures.too_slow(self._serial, doing, timeout_s) from error
        except (OSError, ServerRefusedError) as error:
            raise self._why(doing, error) from error

    def _why(self, doing: str, error: Exception) -> DeviceError:
        """What the server says of the device now explains a broken call best."""
        if not server_runs():
            host, port = server_address()
            return DeviceOfflineError(
                f"The adb server at {host}:{port} went away while {doing}.", hint="adb start-server"
            )
        try:
            state, _ = server_devices().get(self._serial, ("gone", None))
            raise_for_state(self._serial, state)
        except DeviceError as reason:
            return reason
        return failures.lost(self._serial, doing, error)


def raise_for_state(serial: str, state: str) -> None:
    """Raise what a server's word for a device means; ``device`` is fine.

    Raises:
        DeviceUnauthorizedError: the dialog on the device was not accepted.
        DeviceOfflineError: any other state.
    """
    if state == "device":
        return
    if state in {"unauthorized", "authorizing"}:
        raise failures.unauthorized(serial)
    if state.startswith("no permissions"):
        raise DeviceOfflineError(
            f"The adb server may not open {serial}: {state}.",
            hint="Install Android's udev rules (Debian: android-sdk-platform-tools-common), replug",
        )
    raise DeviceOfflineError(
        f"The adb server says that {serial} is {state}.",
        hint="Replug the cable, or: adb reconnect offline",
    )


def _listed(line: str) -> tuple[str, tuple[str, str | None]]:
    """Read a line of ``host:devices-l``: a serial, a state of one or several words, ``key:value`` …"""
    serial, *rest = line.split(maxsplit=1)
    found = re.fullmatch(r"(?P<state>.*?)(?:\s+(?P<tags>[a-z_]+:\S.*))?", " ".join(rest).strip())
    state, tags = (found["state"], found["tags"]) if found else (" ".join(rest), None)
    model = re.search(r"\bmodel:(\S+)", tags or "")
    return serial, (state, model[1].replace("_", " ") if model else None)


def _ask(question: str) -> str:
    """Ask the server itself something."""
    with closing(_open(question.encode(), deadline=time.monotonic() + _ASK_TIMEOUT_S)) as stream:
        return stream.read(int(stream.read(4), 16)).decode("utf-8", "replace")


def _open(*requests: bytes, deadline: float) -> DeadlineSocket:
    """Open a connection with adbutils, make requests that the server must grant, and return its stream.

    Raises:
        ServerRefusedError: it says FAIL.
    """
    from adbutils import AdbClient, AdbError, AdbTimeout

    address = server_address()
    if not server_runs():  # adbutils would start one
        raise ConnectionRefusedError(f"no adb server runs at {address[0]}:{address[1]}")
    connection = AdbClient(*address).make_connection(
        timeout=max(deadline - time.monotonic(), 0.001)
    )
    stream = DeadlineSocket(address, deadline=deadline, connected=connection.conn)
    try:
        for request in requests:
            # adbutils' own send_command cannot carry file names that are no UTF-8.
            stream.write(b"%04x" % len(request) + request)
            connection.check_okay()
    except AdbTimeout as error:
        stream.close()
        raise TimeoutError(str(error)) from error
    except AdbError as error:
        stream.close()
        raise ServerRefusedError(str(error)) from error
    except BaseException:
        stream.close()
        raise
    return stream
