"""Capture what the real benchmark_model prints: ``python -m tests.lab.capture [NAME ...]``.

Runs the lab's Classic build on a virtual device in many ways and keeps each way's streams, exit code and
command under tests/fixtures/benchmark_model/captured. Paths on the device are the same each time. Without
a name everything is captured anew.
"""

from __future__ import annotations

import itertools
import shutil
import struct
import sys
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
    # A colon in a name is doubled. The tool's own help says a backslash, which it then refuses.
    "input-files": (
        "--input_layer=serving_default_x:0", "--input_layer_shape=1,64",
        f"--input_layer_value_files=serving_default_x::0:{HERE}/input.bin",
        f"--output_filepath={HERE}/output.bin", *QUICK,
    ),
    "killed": ("--min_secs=60",),
    # One run a second: the averages get an exponent.
    "slow": (
        "--run_delay=0", "--num_runs=3", "--min_secs=0", "--warmup_runs=1", "--warmup_min_secs=0",
        f"--graph={HERE}/slow.tflite",
    ),
}  # fmt: skip
# What stands before benchmark_model in a command: a kill as the out-of-memory killer's.
BEFORE = {"killed": ("timeout", "-s", "KILL", "1")}
# Files that benchmark_model writes, kept with the capture.
WRITTEN_FILES = ("profile.csv", "output.bin")


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
    """Capture what is named, or everything anew."""
    names = sys.argv[1:] or list(CAPTURES)
    if unknown := set(names) - set(CAPTURES):
        raise SystemExit(f"no such capture: {', '.join(unknown)}; there are {', '.join(CAPTURES)}")
    if names == list(CAPTURES):
        shutil.rmtree(CAPTURED, ignore_errors=True)
    lab = Lab()
    with VirtualDevice(lab=lab) as device, closing(open_transport(device.serial)) as transport:
        _fill(device)
        for name in names:
            _capture(name, device, Device(transport))


def _fill(device: VirtualDevice) -> None:
    """Put the program, its models and its input where the commands look for them."""
    small = build(doubling(shape=(1, 64)))
    files = {
        "m.tflite": small,
        "garbage.tflite": b"no model" * 99,
        "truncated.tflite": small[:300],
        "slow.tflite": build(additions(120, 20_000_000)),
        "input.bin": struct.pack("<64f", *range(64)),
    }
    for name, content in files.items():
        (device.data_dir / name).write_bytes(content)
    shutil.copy(device.lab.benchmark_binary, device.data_dir / "benchmark_model")


def _capture(name: str, device: VirtualDevice, on_device: Device) -> None:
    flags = CAPTURES[name]
    named = any(flag.startswith("--graph=") for flag in flags)
    graph = () if named else (f"--graph={HERE}/m.tflite",)
    argv = [*BEFORE.get(name, ()), f"{HERE}/benchmark_model", *graph, *flags]
    done = on_device.capture(argv, timeout_s=120)
    folder = CAPTURED / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "command").write_text(" ".join(argv) + "\n")
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    code = 128 + (done.signal or 0) if done.exit_code is None else done.exit_code
    (folder / "exit_code").write_text(f"{code}\n")
    for file in WRITTEN_FILES:
        if (device.data_dir / file).exists():
            shutil.move(device.data_dir / file, folder / file)
    print(f"{name}: exit {code}, {len(done.stdout)} + {len(done.stderr)} characters")


if __name__ == "__main__":
    main()
