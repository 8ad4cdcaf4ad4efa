"""A run: ``android-bench run`` of one model against the bare ``adb shell benchmark_model`` (goal: within 1.05 ×)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from android_bench.config import BenchmarkConfig
from optimizer.artifact import write_manifest
from optimizer.tflite_file import artifact_of
from tests.benchmark_model.models import build, doubling
from tests.benchmarks.native_adb import native_adb
from tests.benchmarks.pairs import command, in_turn
from tests.lab.device import Lab, VirtualDevice

INVOCATIONS = BenchmarkConfig().invocations
# What the defaults of ``run`` amount to.
FLAGS = (
    "--num_runs=50",
    "--min_secs=1",
    "--max_secs=150",
    "--warmup_runs=1",
    "--warmup_min_secs=0.5",
)
MEMORY = "--report_peak_memory_footprint=true"


def main(rounds: int = 3) -> None:
    lab = Lab()
    reason = lab.missing_reason()
    if reason is not None:
        print(f"  not measured: {reason}")
        return
    tool = str(Path(sys.executable).with_name("android-bench"))
    binary = str(lab.benchmark_binary)
    with (
        VirtualDevice(lab=lab) as device,
        native_adb(device.serial) as adb,
        tempfile.TemporaryDirectory() as folder,
    ):
        model = Path(folder) / "m.tflite"
        model.write_bytes(build(doubling(shape=(1, 4096))))
        write_manifest(artifact_of(model))  # as every model has that this tool built
        for file in (binary, str(model)):
            subprocess.run(
                [*adb, "push", file, "/data/local/tmp/"], check=True, capture_output=True
            )
        run = [
            *(tool, "run", str(model), "--device", device.serial, "--benchmark-binary", binary),
            *("-o", folder),
        ]
        remote = "/data/local/tmp/benchmark_model --graph=/data/local/tmp/m.tflite --num_threads=1"
        once = command([*adb, "shell", remote, *FLAGS])
        memory = command([*adb, "shell", remote, *FLAGS, MEMORY])

        def bare_commands() -> None:
            for _ in range(INVOCATIONS):
                once()
            memory()

        ours, bare, ratio = in_turn(command(run), bare_commands, rounds=rounds)
        print(
            f"  the defaults, {INVOCATIONS} timing invocations and one of memory, conditions read around each: "
            f"run {ours:.2f} s, the same by adb shell {bare:.2f} s, ratio {ratio:.3f}"
        )
        again = subprocess.run(
            [*run, "--min-secs", "0.1", "--invocations", "1"],
            check=True,
            capture_output=True,
            text=True,
        )
        print(f"  pushes in a second run: {again.stderr.count('push ')}")


if __name__ == "__main__":
    main()
