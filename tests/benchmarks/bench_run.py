"""A run: ``android-bench run`` of one model against the bare ``adb shell benchmark_model`` (goal: within 1.10 ×)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from optimizer.artifact import write_manifest
from optimizer.tflite_file import artifact_of
from tests.benchmark_model.models import build, doubling
from tests.benchmarks.pairs import command, in_turn
from tests.lab.device import Lab, VirtualDevice

MIN_S = 5
FLAGS = (
    "--num_runs=50",
    f"--min_secs={MIN_S}",
    "--max_secs=150",
    "--warmup_runs=1",
    "--warmup_min_secs=0.5",
)


def main(rounds: int = 7) -> None:
    lab = Lab()
    reason = lab.missing_reason()
    if reason is not None:
        print(f"  not measured: {reason}")
        return
    tool = str(Path(sys.executable).with_name("android-bench"))
    with VirtualDevice(lab=lab) as device, tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "m.tflite"
        model.write_bytes(build(doubling(shape=(1, 4096))))
        write_manifest(artifact_of(model))  # as every model has that this tool built
        binary = str(lab.benchmark_binary)
        port = _free_port()
        adb = ["adb", "-P", str(port), "-s", device.serial]
        os.environ["ADB_MDNS_AUTO_CONNECT"] = "0"
        subprocess.run(
            ["adb", "-P", str(port), "connect", device.serial], check=True, capture_output=True
        )
        try:
            for file in (binary, str(model)):
                subprocess.run(
                    [*adb, "push", file, "/data/local/tmp/"], check=True, capture_output=True
                )
            remote = (
                "/data/local/tmp/benchmark_model --graph=/data/local/tmp/m.tflite --num_threads=1"
            )
            ours, bare, ratio = in_turn(
                command(
                    [
                        *(
                            tool,
                            "run",
                            str(model),
                            "--device",
                            device.serial,
                            "--benchmark-binary",
                            binary,
                        ),
                        *(
                            "--invocations",
                            "1",
                            "--no-memory",
                            "--min-secs",
                            str(MIN_S),
                            "-o",
                            folder,
                        ),
                    ]
                ),
                command([*adb, "shell", remote, *FLAGS]),
                rounds=rounds,
            )
            print(f"  android-bench run {ours:.2f} s, adb shell {bare:.2f} s, ratio {ratio:.3f}")
            again = subprocess.run(
                [tool, "run", str(model), "-d", device.serial, "--benchmark-binary", binary, "--invocations",
                 "1", "--no-memory", "--min-secs", "0.1", "-o", folder],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            print(f"  pushes in a second run: {again.stderr.count('push ')}")
        finally:
            subprocess.run(
                ["adb", "-P", str(port), "kill-server"], check=False, capture_output=True
            )


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
