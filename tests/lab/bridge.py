"""What makes a virtual device run: its init, its mounts, adbd, and the way in from this machine.

Debian's adbd listens on every address of its network, so it gets a network namespace of its own, and
this process carries bytes between a loopback socket of the machine (made before the namespace was, and
inherited) and adbd inside. It runs in a PID namespace as well, whose process 1 ends with it: then
everything on the device ends, and every mount with it. Control comes as lines on standard input; the end
of input is the end, so that a device does not outlive a test process that was killed.

    kill     SIGKILL for adbd: connections break, as when the daemon dies
    start    adbd again, on the same data
    freeze   bytes go nowhere any more and nothing is closed, as when a cable is pulled
    thaw     bytes go on
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ADBD = "/usr/lib/android-sdk/platform-tools/adbd"
ADBD_PORT = 5555
_ANSWERS = Path(__file__).resolve().parent / "android"
# The first message of a conversation (CNXN, version, largest payload, ..., its check sum and magic).
_NAME = b"host::\0"
_HELLO = (
    struct.pack("<6I", 0x4E584E43, 0x01000000, 4096, len(_NAME), sum(_NAME), 0xB1A7B1BC) + _NAME
)
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def main() -> None:
    """Set the device up, then carry bytes until standard input ends."""
    order = json.loads(sys.argv[1])
    root = Path(order["root"])
    listener = socket.socket(fileno=order["listener"])
    _leave_an_init_behind()
    _bring_loopback_up()
    _mount(root, order)
    device = _Device(root, toybox=order["android_shell"])
    device.start()
    threading.Thread(target=_accept, args=(listener, device), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        device.obey(line.strip())
        print("done", flush=True)
    os._exit(0)  # connections are not waited for


def _leave_an_init_behind() -> None:
    """Go on in a child; this process stays as process 1 and reaps orphans, as Android's init does.

    Without it, all that ends in the background of a device would stay there as a zombie, which
    ``kill -0`` takes for alive.
    """
    device = os.fork()
    while device:
        child, status = os.wait()
        if child == device:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class _Device:
    """adbd, and whether bytes flow to it."""

    def __init__(self, root: Path, *, toybox: bool) -> None:
        self._root = root
        self._path = "/lab/android:/lab/bin:/usr/bin:/bin:/usr/sbin"
        if toybox:  # toybox's commands where it has them, as on Android
            self._path = self._path.replace("/lab/bin:", "/lab/bin:/lab/toybox:")
        self._adbd: subprocess.Popen[bytes] | None = None
        self.flowing = threading.Event()
        self.flowing.set()

    def obey(self, order: str) -> None:
        if order == "kill":
            self.kill()
        elif order == "start":
            self.start()
        elif order == "freeze":
            self.flowing.clear()
        elif order == "thaw":
            self.flowing.set()

    def kill(self) -> None:
        if self._adbd is not None:
            self._adbd.kill()
            self._adbd.wait()

    def start(self) -> None:
        self.kill()  # two would fight for the port
        environment = {
            "PATH": self._path,
            "HOME": "/",
            "TMPDIR": "/data/local/tmp",
            "LANG": "C.UTF-8",
            "ADBD_PORT": str(ADBD_PORT),
        }
        self._adbd = subprocess.Popen(
            ["chroot", str(self._root), ADBD], env=environment, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not _answers():
            if time.monotonic() > deadline:
                raise SystemExit("adbd does not answer")
            time.sleep(0.02)


def _answers() -> bool:
    """Whether adbd takes up a conversation."""
    try:
        with socket.create_connection(("127.0.0.1", ADBD_PORT), timeout=1) as peer:
            peer.sendall(_HELLO)
            return peer.recv(24, socket.MSG_WAITALL)[:4] == b"CNXN"
    except OSError:
        return False


def _accept(listener: socket.socket, device: _Device) -> None:
    while True:
        outside, _ = listener.accept()
        try:
            inside = socket.create_connection(("127.0.0.1", ADBD_PORT), timeout=1)
        except OSError:
            outside.close()
            continue
        inside.settimeout(None)
        for end in (outside, inside):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((outside, inside), (inside, outside)):
            threading.Thread(target=_carry, args=(source, target, device), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, device: _Device) -> None:
    """Carry bytes one way until an end closes; then close both."""
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    try:
        while count := source.recv_into(buffer):
            device.flowing.wait()
            target.sendall(view[:count])
    except OSError:
        pass
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        # Closed by whoever comes last: a second close does nothing.
        end.close()


def _bring_loopback_up() -> None:
    """What ``ip link set lo up`` does, without needing iproute2."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))


def _mount(root: Path, order: dict[str, Any]) -> None:
    """Give the device its own view: the lab's root read-only, its own data, state, /sys and /tmp."""
    commands = [
        ["mount", "--bind", str(root), str(root)],
        ["mount", "-o", "remount,bind,ro", str(root)],
        ["mount", "--rbind", "/dev", f"{root}/dev"],
        ["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", f"{root}/dev/pts"],
        ["mount", "-t", "proc", "proc", f"{root}/proc"],
        ["mount", "-t", "tmpfs", "tmpfs", f"{root}/tmp"],
        ["mount", "--bind", str(_ANSWERS), f"{root}/lab/android"],
        ["mount", "--bind", order["state"], f"{root}/lab/state"],
        ["mount", "--bind", order["sys"], f"{root}/sys"],
    ]
    if order["data_size_mib"] == 0:
        commands.append(["mount", "--bind", order["data"], f"{root}/data/local/tmp"])
    else:  # a disk that can be filled
        size = ["-o", f"size={order['data_size_mib']}m,mode=0777"]
        commands.append(["mount", "-t", "tmpfs", *size, "tmpfs", f"{root}/data/local/tmp"])
    if order["android_shell"]:  # Android's shell is mksh
        commands.append(["mount", "--bind", f"{root}/bin/mksh", f"{root}/bin/dash"])
    for command in commands:
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
