"""Example runs, built from the types: what the report must show well, and what it must survive."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind
from android_bench.results import (
    BenchmarkRun,
    BinaryFlavor,
    BinaryInfo,
    Conditions,
    Delegation,
    DeviceInfo,
    DeviceKind,
    Invocation,
    InvocationKind,
    LatencySummary,
    MemorySummary,
    Status,
)
from optimizer.artifact import Artifact, Fidelity, MetadataSummary

PIXEL = DeviceInfo(
    serial="192.168.1.7:5555",
    kind=DeviceKind.PHONE,
    manufacturer="Google",
    model="Pixel 8",
    soc="Tensor G3",
    abis=("arm64-v8a",),
    android_release="14",
    sdk_level=34,
    fingerprint="google/shiba/shiba:14/UQ1A.240105.004/11206848:user/release-keys",
    cpu_count=9,
    memory_bytes=7_900_000_000,
)
HOST = DeviceInfo(
    serial="host",
    kind=DeviceKind.HOST,
    model="AMD EPYC 7B13",
    abis=("x86_64",),
    cpu_count=2,
    memory_bytes=8_300_000_000,
)
CLASSIC = BinaryInfo(
    flavor=BinaryFlavor.CLASSIC,
    sha256="c1" * 32,
    origin="https://storage.googleapis.com/tensorflow-nightly-public/android_aarch64_benchmark_model",
    version="2.20.0-dev",
)
STAND_IN = BinaryInfo(flavor=BinaryFlavor.HOST_MODEL, sha256="ab" * 32, origin="embedded")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_artifact(name: str, recipe: str | None, **changes: Any) -> Artifact:
    sizes = {"float32": (412_800, 381_224), "float16": (209_300, 190_112)}
    size, packed = sizes.get(recipe or "", (112_640, 84_880))
    accuracy = {"float32": 0.9722, "float16": 0.9722, "dynamic-range": 0.9694, "int8": 0.9667}
    fields: dict[str, Any] = {
        "path": Path("out") / "model.tflite",
        "sha256": sha(name),
        "size_bytes": size + len(name),
        "gzip_bytes": packed + len(name),
        "name": name,
        "source": "digits.keras",
        "source_sha256": "5e" * 32,
        "recipe_name": recipe,
        "fidelity": Fidelity(
            samples=360,
            max_abs_error=0.0 if recipe == "float32" else 0.0413,
            cosine=0.99998,
            top1_agreement=1.0 if recipe == "float32" else 0.9917,
            accuracy=accuracy.get(recipe or "", 0.95),
            source_accuracy=0.9722,
        ),
        "metadata": MetadataSummary(task="image-classifier", labels=10, verified=True),
    }
    return Artifact(**{**fields, **changes})


def make_conditions(step: int, *, phone: bool) -> Conditions:
    stamp = f"2026-08-14T10:{step % 60:02d}:00.000Z"
    if not phone:
        return Conditions(taken_at=stamp, load_1min=0.4 + 0.05 * step)
    return Conditions(
        taken_at=stamp,
        battery_level_pct=81 - step // 6,
        battery_temperature_c=29.1 + 0.3 * step,
        charging=False,
        thermal_status=0,
        temperatures_c={"cpu-0": 41.0 + step, "skin": 33.5},
        power_save=False,
        load_1min=1.2 + 0.1 * step,
        memory_available_bytes=3_400_000_000 - step * 9_000_000,
    )


def make_invocation(index: int, mean_us: float, *, phone: bool = True) -> Invocation:
    return Invocation(
        index=index,
        round=index,
        kind=InvocationKind.TIMING,
        status=Status.OK,
        exit_code=0,
        command=(
            "/data/local/tmp/android-bench/benchmark_model --graph=/data/local/tmp/android-bench/"
            "model.tflite --num_threads=1 --num_runs=50 --min_secs=1 --warmup_runs=1"
        ),
        started_at=f"2026-08-14T10:{index:02d}:00.000Z",
        wall_s=2.41,
        log=f"logs/{index:04d}.timing",
        init_us=6395.0 + index * 31,
        warmup=LatencySummary(count=153, first_us=mean_us * 1.9, mean_us=mean_us * 1.08),
        latency=LatencySummary(
            count=337,
            first_us=mean_us * 1.04,
            min_us=mean_us * 0.93,
            max_us=mean_us * 2.6,
            mean_us=mean_us,
            std_us=mean_us * 0.041,
            p5_us=mean_us * 0.95,
            median_us=mean_us * 0.985,
            p95_us=mean_us * 1.09,
        ),
        delegation=Delegation(
            requested=DelegateKind.CPU,
            applied=True,
            delegate_name="TfLiteXNNPackDelegate",
            nodes_delegated=11,
            nodes_total=12,
            partitions=1,
        ),
        before=make_conditions(2 * index, phone=phone),
        after=make_conditions(2 * index + 1, phone=phone),
    )


def make_memory(index: int, *, phone: bool = True) -> Invocation:
    timing = make_invocation(index, 1000.0, phone=phone)
    return replace(
        timing,
        kind=InvocationKind.MEMORY,
        log=f"logs/{index:04d}.memory",
        command=timing.command + " --report_peak_memory_footprint=true",
        latency=None,
        warmup=None,
        memory=MemorySummary(
            init_footprint_bytes=4_136_960, overall_footprint_bytes=4_816_896, peak_bytes=97_752_000
        ),
    )


def make_run(
    name: str = "digits.float32",
    recipe: str | None = "float32",
    *,
    mean_us: float = 2942.0,
    noise: float = 0.008,
    count: int = 6,
    device: DeviceInfo = PIXEL,
    config: BenchmarkConfig | None = None,
    **changes: Any,
) -> BenchmarkRun:
    chance = random.Random(sha(name + device.serial))
    phone = device.kind is DeviceKind.PHONE
    invocations = [
        make_invocation(index, mean_us * (1 + chance.gauss(0, noise)), phone=phone)
        for index in range(1, count + 1)
    ]
    invocations.append(make_memory(count + 1, phone=phone))
    fields: dict[str, Any] = {
        "run_id": f"20260814T101500Z-{sha(name + device.serial)[:8]}",
        "session_id": "session-1",
        "started_at": "2026-08-14T10:15:00.000Z",
        "finished_at": "2026-08-14T10:16:00.000Z",
        "tool_version": "0.1.0",
        "artifact": make_artifact(name, recipe),
        "device": device,
        "config": config or BenchmarkConfig(),
        "binary": STAND_IN if device.kind is DeviceKind.HOST else CLASSIC,
        "planned": count + 1,
        "complete": True,
        "invocations": tuple(invocations),
    }
    return BenchmarkRun(**{**fields, **changes})


FAMILY = (
    ("digits.float32", "float32", 2942.0),
    ("digits.float16", "float16", 2951.0),
    ("digits.dynamic-range", "dynamic-range", 1720.0),
    ("digits.int8", "int8", 1234.0),
)


def make_family(device: DeviceInfo = PIXEL, **changes: Any) -> tuple[BenchmarkRun, ...]:
    return tuple(
        make_run(name, recipe, mean_us=mean, device=device, **changes)
        for name, recipe, mean in FAMILY
    )


def make_many(count: int = 100, *, invocations: int = 6) -> tuple[BenchmarkRun, ...]:
    """Runs over two devices, several configurations and some trouble."""
    runs = []
    for index in range(count):
        device = PIXEL if index % 2 else replace(PIXEL, model="Pixel 4a", fingerprint="other")
        threads = (1, 2, 4)[index % 3]
        runs.append(
            make_run(
                f"mobilenet_v{index % 25}_{'pruned_' * (index % 4)}clustered",
                ("float32", "float16", "int8", None)[index % 4],
                mean_us=1000.0 + 137.0 * (index * 7 % 50),
                noise=0.03 if index % 9 == 0 else 0.006,
                device=device,
                count=invocations,
                config=BenchmarkConfig(num_threads=threads),
                run_id=f"run-{index}",
                session_id=f"session-{index // 10}",
            )
        )
    return tuple(runs)


def make_minimal() -> BenchmarkRun:
    """A run of a bare file, interrupted before its first invocation, on a device that tells nothing."""
    bare = Artifact(path=Path("m.tflite"), sha256="0" * 64, size_bytes=1, gzip_bytes=21, name="m")
    return BenchmarkRun(
        run_id="r",
        session_id="s",
        started_at="2026-08-14T10:15:00Z",
        tool_version="0.1.0",
        artifact=bare,
        device=DeviceInfo(serial="R58M", kind=DeviceKind.PHONE),
        config=BenchmarkConfig(),
        binary=replace(STAND_IN, flavor=BinaryFlavor.LITERT),
        planned=6,
        complete=False,
    )


def make_broken(name: str = "digits.flex") -> BenchmarkRun:
    """A run whose every invocation failed."""
    run = make_run(name, None)
    failed = tuple(
        replace(
            item,
            status=(Status.FAILED, Status.CRASHED, Status.TIMEOUT)[item.index % 3],
            exit_code=1,
            latency=None,
            problem="Select TensorFlow op(s) are not supported by this interpreter",
        )
        for item in run.invocations
    )
    return replace(run, invocations=failed)


def make_gpu_config() -> BenchmarkConfig:
    return BenchmarkConfig(
        delegate=Delegate(kind=DelegateKind.EXTERNAL, library="/vendor/lib64/libQnn.so"),
        num_threads=4,
        cpu_mask="f0",
        extra_flags=("--allow_fp16=true",),
    )
