"""Capture what the real benchmark_model prints: ``python -m tests.lab.capture``.

Runs the lab's Classic build on a virtual device in many ways and keeps each way's streams, exit code and
command under tests/fixtures/benchmark_model/captured. Paths on the device are the same each time.
"""

from __future__ import annotations

import itertools
import shutil
from contextlib import closing
from pathlib import Path

from android_bench.device import Device
from android_bench.transport.discovery import open_transport
from tests.benchmark_model.models import Graph, Op, Tensor, build, doubling
from tests.lab.device import Lab, VirtualDevice

CAPTURED = Path(__file__).parent.parent / "fixtures" / "benchmark_model" / "captured"
HERE = "/data/local/tmp"
QUICK = ("--min_secs=0.05", "--warmup_min_secs=0.02")

# Name of the capture: flags. GRAPH is put in front unless a graph is named.
CAPTURES: dict[str, tuple[str, ...]] = {
    "normal": QUICK,
    "two-threads": ("--num_threads=2", *QUICK),
    "one-run": ("--num_runs=1", "--min_secs=0", "--warmup_runs=0", "--warmup_min_secs=0"),
    "verbose": ("--verbose=true", *QUICK),
    "unknown-flag": ("--no_such_flag=1", *QUICK),
    "peak-memory": ("--report_peak_memory_footprint=true", *QUICK),
    "profile-stdout": ("--enable_op_profiling=true", *QUICK),
    "profile-csv": ("--enable_op_profiling=true", f"--profiling_output_csv_file={HERE}/profile.csv", *QUICK),
    "gpu": ("--use_gpu=true", *QUICK),
    "nnapi": ("--use_nnapi=true", *QUICK),
    "dry-run": ("--dry_run=true",),
    "external-missing": ("--external_delegate_path=/nope.so", *QUICK),
    "missing-model": ("--graph=/nope.tflite",),
    "garbage-model": (f"--graph={HERE}/garbage.tflite",),
    "truncated-model": (f"--graph={HERE}/truncated.tflite",),
    "help": ("--help",),
    # One run a second: the averages get an exponent.
    "slow": (
        "--run_delay=0", "--num_runs=3", "--min_secs=0", "--warmup_runs=1", "--warmup_min_secs=0",
        f"--graph={HERE}/slow.tflite",
    ),
}  # fmt: skip


def additions(count: int, width: int) -> Graph:
    """A chain of additions over one long vector: slow, and small as a file."""
    names = [f"t{index}" for index in range(count + 1)]
    return Graph(
        tensors=[Tensor(name, (1, width)) for name in names],
        ops=[Op("ADD", (one, one), (two,)) for one, two in itertools.pairwise(names)],
        inputs=names[:1],
        outputs=names[-1:],
    )


def main() -> None:
    """Capture everything anew."""
    shutil.rmtree(CAPTURED, ignore_errors=True)
    lab = Lab()
    with VirtualDevice(lab=lab) as device, closing(open_transport(device.serial)) as transport:
        small, slow = build(doubling(shape=(1, 64))), build(additions(120, 20_000_000))
        files = {
            "m.tflite": small,
            "garbage.tflite": b"no model" * 99,
            "truncated.tflite": small[:300],
        }
        for name, content in {**files, "slow.tflite": slow}.items():
            (device.data_dir / name).write_bytes(content)
        binary = device.data_dir / "benchmark_model"
        shutil.copy(lab.benchmark_binary, binary)
        for name, flags in CAPTURES.items():
            named = any(flag.startswith("--graph=") for flag in flags)
            argv = [
                f"{HERE}/benchmark_model",
                *(() if named else (f"--graph={HERE}/m.tflite",)),
                *flags,
            ]
            done = Device(transport).capture(argv, timeout_s=120)
            folder = CAPTURED / name
            folder.mkdir(parents=True)
            (folder / "command").write_text(" ".join(argv) + "\n")
            (folder / "stdout").write_text(done.stdout)
            (folder / "stderr").write_text(done.stderr)
            code = 128 + (done.signal or 0) if done.exit_code is None else done.exit_code
            (folder / "exit_code").write_text(f"{code}\n")
            profile = device.data_dir / "profile.csv"
            if profile.exists():
                shutil.move(profile, folder / "profile.csv")
            print(f"{name}: exit {code}, {len(done.stdout)} + {len(done.stderr)} characters")


if __name__ == "__main__":
    main()
