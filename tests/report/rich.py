"""An example session with everything in it: interleaved runs on a phone that gets hot and throttles.

Two delegates, start-up, memory, operators of a real network's shape, numerics, clocks that fall.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind, StartupMode
from android_bench.results import (
    BenchmarkRun,
    Conditions,
    CpuCluster,
    DeviceInfo,
    Invocation,
    InvocationKind,
    LatencySummary,
    MemorySummary,
    Numerics,
    OperatorProfile,
    ProfilePhase,
)
from tests.report import examples

BEGIN = datetime(2026, 8, 14, 10, 0, tzinfo=timezone.utc)
PIXEL = replace(
    examples.PIXEL,
    clusters=(
        CpuCluster(cpus=(0, 1, 2, 3), max_khz=1_704_000),
        CpuCluster(cpus=(4, 5, 6, 7), max_khz=2_367_000),
        CpuCluster(cpus=(8,), max_khz=2_914_000),
    ),
)
GALAXY = replace(
    PIXEL,
    serial="R5CT",
    manufacturer="Samsung",
    model="Galaxy S23",
    soc="SM8550",
    fingerprint="s23",
)
CPU = BenchmarkConfig(profile_invocations=1, startup_rounds=2, numerics_samples=4)
GPU = replace(CPU, delegate=Delegate(kind=DelegateKind.GPU))
SPEED = {"float32": 1.0, "float16": 1.01, "dynamic-range": 0.62, "int8": 0.41}
# Of the whole time of the float model, by layer.
LAYERS = (
    ("CONV_2D", "stem_conv", 0.11),
    *((kind, f"block_{n}_{part}", share) for n in range(1, 8) for kind, part, share in (
        ("CONV_2D", "expand", 0.042), ("DEPTHWISE_CONV_2D", "depthwise", 0.031), ("CONV_2D", "project", 0.035),
        ("ADD", "add", 0.006),
    )),
    ("MEAN", "pool", 0.012),
    ("FULLY_CONNECTED", "logits", 0.05),
    ("SOFTMAX", "softmax", 0.03),
)  # fmt: skip


def at(seconds: float) -> str:
    moment = BEGIN + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def heat(seconds: float) -> float:
    """From 0, cold, to above 1, where the device throttles."""
    return min(max(seconds, 0.0) / 260, 1.25) ** 1.5


def conditions(seconds: float, chance: random.Random) -> Conditions:
    warm = heat(seconds)
    throttles = warm > 0.95
    limit = 1_900_000 if throttles else 2_914_000
    return Conditions(
        taken_at=at(seconds),
        battery_level_pct=81 - int(seconds / 90),
        battery_temperature_c=round(29.1 + 7 * warm, 1),
        charging=False,
        thermal_status=2 if throttles else int(warm > 0.7),
        temperatures_c={"cpu-0": round(41 + 34 * warm + chance.gauss(0, 0.8), 1), "skin": 33.5},
        power_save=False,
        load_1min=round(1.1 + 2 * warm + chance.gauss(0, 0.1), 2),
        memory_available_bytes=3_400_000_000 - int(seconds) * 900_000,
        cpu_khz={cpu: min(limit, 2_914_000 if cpu == 8 else 1_704_000) for cpu in range(9)},
        cpu_limit_khz={cpu: min(limit, 2_914_000 if cpu == 8 else 1_704_000) for cpu in range(9)},
        governors=dict.fromkeys(range(9), "sched_pixel"),
        screen_on=True,
        uptime_s=90_000 + seconds,
        other_inferences=0,
    )


def operators(recipe: str, total_us: float) -> tuple[OperatorProfile, ...]:
    kinds = (("QUANTIZE", "quantize", 0.02),) if recipe == "int8" else ()
    return tuple(
        OperatorProfile(
            phase=ProfilePhase.REGULAR,
            node_type=kind,
            name=f"[model/{layer}/Relu;model/{layer}/Conv2D]:{index}",
            mean_us=total_us * share * (1.6 if recipe == "int8" and kind == "ADD" else 1.0),
            first_us=total_us * share,
            share_pct=share * 100,
            times_called=1,
            memory_bytes=0,
        )
        for index, (kind, layer, share) in enumerate((*kinds, *LAYERS))
    )


def kinds_of(config: BenchmarkConfig) -> list[tuple[InvocationKind, StartupMode | None]]:
    return [
        *[(InvocationKind.TIMING, None)] * config.invocations,
        *[(InvocationKind.MEMORY, None)] * config.memory_invocations,
        *[(InvocationKind.PROFILE, None)] * config.profile_invocations,
        *[(InvocationKind.STARTUP, mode) for mode in StartupMode] * config.startup_rounds,
        *[(InvocationKind.NUMERICS, None)] * config.numerics_samples,
    ]


def make_session(
    device: DeviceInfo = PIXEL,
    configs: tuple[BenchmarkConfig, ...] = (CPU, GPU),
    recipes: tuple[str, ...] = ("float32", "float16", "dynamic-range", "int8"),
    *,
    base_us: float = 8200.0,
    slower: float = 1.0,
    prefix: str = "run",
    invocations: int = 10,
) -> tuple[BenchmarkRun, ...]:
    """Measure every recipe with every configuration, in turns; late rounds throttle."""
    chance = random.Random(f"{device.serial}{prefix}")
    cells = [
        (recipe, replace(config, invocations=invocations))
        for config in configs
        for recipe in recipes
    ]
    records: dict[int, list[Invocation]] = {number: [] for number in range(len(cells))}
    clock = 0.0
    for step, _ in enumerate(kinds_of(cells[0][1])):
        for number, (recipe, config) in enumerate(cells):
            kind, mode = kinds_of(config)[step]
            speed = SPEED[recipe] * (0.55 if config.delegate.kind is DelegateKind.GPU else 1.0)
            hot = heat(clock) > 0.95 and kind is InvocationKind.TIMING
            mean = base_us * speed * slower * (1 + chance.gauss(0, 0.008)) * (1.45 if hot else 1)
            if step == 3 and number == 1:
                mean *= 1.12  # a hiccup
            records[number].append(
                invocation(
                    index=step + 1,
                    kind=kind,
                    mode=mode,
                    mean=mean,
                    recipe=recipe,
                    config=config,
                    clock=clock,
                    chance=chance,
                )
            )
            clock += 4.1
    return tuple(
        examples.make_run(
            f"mobilenet.{recipe}",
            recipe,
            device=device,
            config=config,
            run_id=f"{prefix}-{number}",
            session_id=f"session-{prefix}-{device.serial}",
            started_at=at(0),
            planned=len(records[number]),
            invocations=tuple(records[number]),
        )
        for number, (recipe, config) in enumerate(cells)
    )


def invocation(
    *,
    index: int,
    kind: InvocationKind,
    mode: StartupMode | None,
    mean: float,
    recipe: str,
    config: BenchmarkConfig,
    clock: float,
    chance: random.Random,
) -> Invocation:
    gpu = config.delegate.kind is DelegateKind.GPU
    timed = examples.make_invocation(index, mean)
    init = (
        {StartupMode.COLD: 48_000.0, StartupMode.WARM: 9_000.0}.get(mode, 31_000.0)
        if mode
        else 31_000.0
    )
    first = mean * (2.2 if mode is not StartupMode.WARM else 1.3)
    error = {"float32": 0.0, "float16": 2e-4, "dynamic-range": 4e-3, "int8": 2e-2}[recipe]
    changes = {
        InvocationKind.MEMORY: {
            "latency": None,
            "memory": MemorySummary(
                init_footprint_bytes=int(22e6 * SPEED[recipe]),
                overall_footprint_bytes=int(31e6 * SPEED[recipe]),
                peak_bytes=int(96e6 * (0.6 + 0.4 * SPEED[recipe])),
            ),
        },
        InvocationKind.PROFILE: {"operators": operators(recipe, mean)},
        InvocationKind.STARTUP: {
            "startup": mode,
            "latency": None,
            "init_us": init * (4 if gpu else 1) * (1 + abs(chance.gauss(0, 0.05))),
            "warmup": LatencySummary(count=1, first_us=first, mean_us=first),
        },
        InvocationKind.NUMERICS: {
            "latency": None,
            "numerics": Numerics(
                sample=index,
                max_abs_error=error * chance.uniform(0.4, 1)
                + (3e-3 * chance.random() if gpu else 0),
                cosine=1 - error / 10,
                top1_agrees=not (recipe == "int8" and chance.random() < 0.3),
                reference="LiteRT 2.3.0 on this computer",
            ),
        },
    }.get(kind, {})
    return replace(
        timed,
        kind=kind,
        log=f"logs/{index:04d}.{kind.value}",
        started_at=at(clock),
        wall_s=3.0,
        before=conditions(clock - 0.2, chance),
        after=conditions(clock + 3.2, chance),
        **changes,
    )


def make_comparison() -> tuple[tuple[BenchmarkRun, ...], tuple[BenchmarkRun, ...]]:
    """Two sessions of the same models a day apart, the second nine percent slower."""
    baseline = make_session(configs=(CPU,), prefix="main", invocations=6)
    candidate = make_session(configs=(CPU,), prefix="branch", invocations=6, slower=1.09)
    return baseline, candidate
