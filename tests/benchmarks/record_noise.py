"""Record how invocations of one model differ when nothing changes: the noise of a real machine.

    python -m tests.benchmarks.record_noise MODEL.tflite --on lab --count 240 --output FILE.json

Measures one model again and again at the default settings and writes the means as a small file, which the
calibration resamples. ``lab`` is the virtual device (real adbd, real benchmark_model), ``host`` the
embedded stand-in on this machine. What the machine does meanwhile is part of the noise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from android_bench.benchmark_model import command_flags, parse_output
from android_bench.config import BenchmarkConfig, DelegateKind
from android_bench.device import host_info
from android_bench.results import BinaryFlavor, InvocationKind
from tests.benchmarks.native_adb import native_adb
from tests.lab.device import Lab, VirtualDevice

FORMAT = "android-bench/recorded-noise"
_REMOTE = "/data/local/tmp"


@contextmanager
def _on_host(model: Path) -> Iterator[tuple[list[str], str]]:
    yield [sys.executable, "-m", "android_bench.host_model"], str(model)


@contextmanager
def _on_lab(model: Path) -> Iterator[tuple[list[str], str]]:
    lab = Lab()
    reason = lab.missing_reason()
    if reason is not None:
        raise SystemExit(reason)
    with VirtualDevice(lab=lab) as device, native_adb(device.serial) as adb:
        for file in (lab.benchmark_binary, model):
            pushed = [*adb, "push", str(file), f"{_REMOTE}/"]
            subprocess.run(pushed, check=True, capture_output=True)
        yield [*adb, "shell", f"{_REMOTE}/benchmark_model"], f"{_REMOTE}/{model.name}"


PLACES = {"host": _on_host, "lab": _on_lab}


def record(model: Path, place: str, count: int) -> dict[str, object]:
    """Measure ``count`` invocations; return the recording as it is written."""
    config = BenchmarkConfig()
    means, times = [], []
    flavor = BinaryFlavor.HOST_MODEL if place == "host" else BinaryFlavor.CLASSIC
    with PLACES[place](model) as (program, graph):
        flags = command_flags(config, graph=graph, kind=InvocationKind.TIMING, flavor=flavor)
        start = time.monotonic()
        for number in range(1, count + 1):
            times.append(round(time.monotonic() - start, 1))
            means.append(_mean_us([*program, *flags]))
            if number % 20 == 0:
                print(f"{number} of {count}", file=sys.stderr, flush=True)
    return {
        "format": FORMAT,
        "recorded": datetime.now(timezone.utc).date().isoformat(),
        "machine": f"{host_info.read().soc}, {os.cpu_count()} CPUs, {platform.system()}",
        "place": place,
        "model": model.name,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "min_secs": config.min_s,
        "warmup_min_secs": config.warmup_min_s,
        "started_s": times,
        "mean_us": means,
    }


def _mean_us(command: Sequence[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    latency = parse_output(done.stdout, done.stderr, requested=DelegateKind.CPU).latency
    if done.returncode or latency is None or latency.mean_us is None:
        raise SystemExit(f"no result, exit {done.returncode}\n{done.stdout}{done.stderr}")
    return latency.mean_us


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--on", choices=PLACES, default="host")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    recording = record(options.model, options.on, options.count)
    options.output.write_text(json.dumps(recording, indent=1) + "\n")


if __name__ == "__main__":
    main()
