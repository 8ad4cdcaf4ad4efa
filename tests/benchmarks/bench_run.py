"""A run: ``android-bench run`` of one model against the bare ``adb shell benchmark_model`` (goal: within 1.10 ×)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from optimizer.artifact import write_manifest
from optimizer.tflite_file import artifact_of
from tests.benchmark_model.models import build, doubling
from tests.benchmarks.native_adb import native_adb
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
            *("--invocations", "1", "--no-memory", "-o", folder),
        ]
        remote = "/data/local/tmp/benchmark_model --graph=/data/local/tmp/m.tflite --num_threads=1"
        once = command([*adb, "shell", remote, *FLAGS])
        ours, bare, ratio = in_turn(command([*run, "--min-secs", str(MIN_S)]), once, rounds=rounds)
        print(f"  one invocation: run {ours:.2f} s, adb shell {bare:.2f} s, ratio {ratio:.3f}")
        six = [*run, "--min-secs", str(MIN_S), "--invocations", "6"]
        ours, bare, ratio = in_turn(command(six), lambda: [once() for _ in range(6)], rounds=2)
        print(f"  six invocations: run {ours:.2f} s, adb shell {bare:.2f} s, ratio {ratio:.3f}")
        again = subprocess.run(
            [*run, "--min-secs", "0.1"], check=True, capture_output=True, text=True
        )
        print(f"  pushes in a second run: {again.stderr.count('push ')}")


if __name__ == "__main__":
    main()
