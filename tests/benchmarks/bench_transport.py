"""The link: one shell round trip and a push, over adb-shell TCP and by the native adb client."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path

from android_bench.transport.discovery import open_transport
from tests.benchmarks.native_adb import native_adb
from tests.benchmarks.pairs import command, in_turn
from tests.lab.device import Lab, VirtualDevice

PUSH_BYTES = 64_000_000


def main(rounds: int = 25) -> None:
    lab = Lab()
    reason = lab.missing_reason()
    if reason is not None:
        print(f"  not measured: {reason}")
        return
    with (
        VirtualDevice(lab=lab) as device,
        native_adb(device.serial) as adb,
        closing(open_transport(device.serial)) as transport,
        tempfile.TemporaryDirectory() as folder,
    ):
        ours, native, ratio = in_turn(
            lambda: transport.shell("true"), command([*adb, "shell", "true"]), rounds=rounds
        )
        print(
            f"  shell round trip {ours * 1e3:.1f} ms, adb shell {native * 1e3:.1f} ms, ratio {ratio:.2f}"
        )
        file = Path(folder) / "blob"
        file.write_bytes(os.urandom(PUSH_BYTES))
        ours, native, ratio = in_turn(
            lambda: transport.push(file, "/data/local/tmp/ours"),
            command([*adb, "push", str(file), "/data/local/tmp/theirs"]),
            rounds=5,
        )
        rates = [PUSH_BYTES / 1e6 / seconds for seconds in (ours, native)]
        print(f"  push {rates[0]:.0f} MB/s, adb push {rates[1]:.0f} MB/s, time ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
