"""Transport: one shell round trip and a push, ours against the native adb client and plain adb-shell."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adb_shell.adb_device import AdbDeviceTcp

from android_bench.device import Device
from android_bench.transport.adb_server import AdbServerTransport
from android_bench.transport.adb_tcp_usb import AdbTransport
from tests.benchmarks.pairs import command, in_turn, seconds
from tests.lab.device import Lab, VirtualDevice

_PUSH_MIB = 64
_REMOTE = "/data/local/tmp/pushed"


def main(rounds: int = 15) -> None:
    reason = Lab().missing_reason() or ("" if shutil.which("adb") else "adb is not installed")
    if reason:
        print(f"  not measured: {reason}")
        return
    with (
        VirtualDevice() as device,
        _native(device) as (adb, port),
        tempfile.TemporaryDirectory() as folder,
    ):
        source = Path(folder) / "source"
        source.write_bytes(os.urandom(_PUSH_MIB << 20))
        ours = AdbTransport.over_tcp("127.0.0.1", device.port)
        os.environ["ANDROID_ADB_SERVER_PORT"] = str(port)
        served = AdbServerTransport.open(device.serial)
        plain = AdbDeviceTcp("127.0.0.1", device.port)
        plain.connect()
        programs = Device(ours)
        native = command([*adb, "shell", "true"])
        calls: dict[str, Callable[[], object]] = {
            "shell over TCP": lambda: ours.shell("true"),
            "shell through the adb server": lambda: served.shell("true"),
            "a program captured over TCP": lambda: programs.capture(["true"], timeout_s=20),
            "adb-shell's own shell()": lambda: plain.shell("true"),
        }
        for name, call in calls.items():
            mine, theirs, ratio = in_turn(call, native, rounds=rounds)
            print(
                f"  {name}: {mine * 1e3:.1f} ms, native adb {theirs * 1e3:.1f} ms, ratio {ratio:.2f}"
            )
        native = command([*adb, "push", str(source), _REMOTE])
        pushes: dict[str, Callable[[], object]] = {
            "push over TCP": lambda: ours.push(source, _REMOTE),
            "push through the adb server": lambda: served.push(source, _REMOTE),
            "adb-shell's own push()": lambda: plain.push(str(source), _REMOTE),
        }
        for name, call in pushes.items():
            mine, theirs, ratio = in_turn(call, native, rounds=max(3, rounds // 3))
            print(
                f"  {name}: {_PUSH_MIB / mine:.0f} MiB/s, native adb {_PUSH_MIB / theirs:.0f} MiB/s, "
                f"time ratio {ratio:.2f}"
            )
        back = Path(folder) / "back"
        pulled = seconds(lambda: ours.pull(_REMOTE, back))
        print(f"  pull over TCP: {_PUSH_MIB / pulled:.0f} MiB/s")
        plain.close()
        ours.close()


@contextmanager
def _native(device: VirtualDevice) -> Iterator[tuple[list[str], int]]:
    """A native adb server of its own that knows the device, and the client's words for both."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5553",
        }
        server = subprocess.Popen(
            ["adb", "-L", f"tcp:{port}", "nodaemon", "server"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            adb = ["adb", "-P", str(port)]
            for _ in range(200):
                done = subprocess.run(
                    [*adb, "connect", device.serial], capture_output=True, text=True
                )
                if "connected to" in done.stdout:
                    break
                time.sleep(0.05)
            yield [*adb, "-s", device.serial], port
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
