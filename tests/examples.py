"""Example evidence for tests: runs built from the real types, with only what a test cares about given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from android_bench.config import BenchmarkConfig, DelegateKind, StartupMode
from android_bench.results import (
    BenchmarkRun,
    BinaryFlavor,
    BinaryInfo,
    Conditions,
    CpuCluster,
    Delegation,
    DeviceInfo,
    DeviceKind,
    Invocation,
    InvocationKind,
    LatencySummary,
    MemorySummary,
    Numerics,
    OperatorProfile,
    ProfilePhase,
    Status,
)
from optimizer.artifact import Artifact, TensorSpec

PHONE = DeviceInfo(
    serial="192.168.1.7:5555",
    kind=DeviceKind.PHONE,
    manufacturer="Acme",
    model="One",
    soc="Acme A1",
    abis=("arm64-v8a",),
    android_release="15",
    sdk_level=35,
    fingerprint="acme/one/one:15/AP1A/1:user/release-keys",
    cpu_count=8,
    memory_bytes=8 << 30,
    clusters=(
        CpuCluster(cpus=(0, 1, 2, 3), max_khz=1_800_000),
        CpuCluster(cpus=(4, 5, 6), max_khz=2_400_000),
        CpuCluster(cpus=(7,), max_khz=3_000_000),
    ),
    build_type="user",
)
BINARY = BinaryInfo(flavor=BinaryFlavor.CLASSIC, sha256="b" * 64, origin="tests", version="2.19.0")


def artifact(name: str = "digits.int8", **changes: Any) -> Artifact:
    example = Artifact(
        path=Path(f"{name}.tflite"),
        sha256="a" * 64,
        size_bytes=254_904,
        gzip_bytes=227_634,
        name=name,
        inputs=(TensorSpec(name="image", shape=(1, 8, 8, 3), dtype="float32"),),
        outputs=(TensorSpec(name="scores", shape=(1, 10), dtype="float32"),),
        recipe_name="int8",
    )
    return replace(example, **changes)


def timing(index: int, mean_us: float, **changes: Any) -> Invocation:
    example = Invocation(
        index=index,
        round=index,
        kind=InvocationKind.TIMING,
        status=Status.OK,
        exit_code=0,
        command="benchmark_model --graph=m.tflite",
        started_at=f"2026-11-23T10:00:{index:02d}.000Z",
        wall_s=1.6,
        log=f"logs/{index:04d}.timing",
        init_us=6395.0,
        warmup=LatencySummary(count=10, first_us=mean_us * 1.5, mean_us=mean_us * 1.1),
        latency=LatencySummary(
            count=337,
            first_us=mean_us * 1.02,
            min_us=mean_us * 0.9,
            max_us=mean_us * 1.4,
            mean_us=mean_us,
            std_us=mean_us * 0.02,
        ),
        delegation=Delegation(requested=DelegateKind.CPU),
        before=Conditions(taken_at="2026-11-23T10:00:00.000Z", battery_level_pct=80),
        after=Conditions(taken_at="2026-11-23T10:00:02.000Z", battery_level_pct=80),
    )
    return replace(example, **changes)


def memory(index: int, peak_bytes: int = 90 << 20) -> Invocation:
    summary = MemorySummary(
        init_footprint_bytes=39 << 20, overall_footprint_bytes=40 << 20, peak_bytes=peak_bytes
    )
    return timing(index, 1000.0, kind=InvocationKind.MEMORY, memory=summary)


def startup(index: int, mode: StartupMode, init_us: float, first_us: float) -> Invocation:
    warmup = LatencySummary(count=1, first_us=first_us, mean_us=first_us)
    return timing(
        index, 1000.0, kind=InvocationKind.STARTUP, startup=mode, init_us=init_us, warmup=warmup
    )


def operator(name: str, node_type: str = "CONV_2D", mean_us: float = 100.0) -> OperatorProfile:
    return OperatorProfile(
        phase=ProfilePhase.REGULAR,
        node_type=node_type,
        name=name,
        mean_us=mean_us,
        first_us=mean_us,
        share_pct=None,
        times_called=1,
        memory_bytes=0,
    )


def profile(index: int, *operators: OperatorProfile) -> Invocation:
    return timing(index, 1000.0, kind=InvocationKind.PROFILE, operators=operators)


def numerics(index: int, sample: int, *, error: float, agrees: bool | None = True) -> Invocation:
    compared = Numerics(
        sample=sample,
        max_abs_error=error,
        cosine=0.9999,
        top1_agrees=agrees,
        reference="LiteRT 2.3.0 on this computer",
    )
    return timing(index, 1000.0, kind=InvocationKind.NUMERICS, numerics=compared)


def run(
    means_us: Sequence[float] = (2920, 2900, 2940, 2910, 2950, 2930),
    *,
    name: str = "digits.int8",
    config: BenchmarkConfig | None = None,
    **changes: Any,
) -> BenchmarkRun:
    invocations = [timing(index, mean) for index, mean in enumerate(means_us, 1)]
    invocations.append(memory(len(invocations) + 1))
    example = BenchmarkRun(
        run_id=f"20261123T100000Z-{name}-0001",
        session_id="20261123T100000Z-session-0001",
        started_at="2026-11-23T10:00:00.000Z",
        finished_at="2026-11-23T10:01:00.000Z",
        tool_version="0.1.0",
        artifact=artifact(name),
        device=PHONE,
        config=config or BenchmarkConfig(),
        binary=BINARY,
        planned=len(invocations),
        complete=True,
        invocations=tuple(invocations),
    )
    return replace(example, **changes)
