from __future__ import annotations

from typing import Any

import pytest

from android_bench.benchmark_model import InputTensor, command_flags, startup_modes
from android_bench.config import BenchmarkConfig, Delegate, DelegateKind, StartupMode
from android_bench.errors import UsageError
from android_bench.results import BinaryFlavor, InvocationKind

CLASSIC, LITERT, HOST = BinaryFlavor.CLASSIC, BinaryFlavor.LITERT, BinaryFlavor.HOST_MODEL


def flags(
    kind: InvocationKind = InvocationKind.TIMING,
    flavor: BinaryFlavor = CLASSIC,
    delegate: Delegate | None = None,
    **more: Any,
) -> list[str]:
    config = BenchmarkConfig(delegate=delegate or Delegate())
    return command_flags(config, graph="m.tflite", kind=kind, flavor=flavor, **more)


def test_timing() -> None:
    config = BenchmarkConfig(num_threads=4, num_runs=20, min_s=0.25, max_s=30, warmup_runs=2)
    assert command_flags(
        config, graph="/data/m.tflite", kind=InvocationKind.TIMING, flavor=CLASSIC
    ) == [
        "--graph=/data/m.tflite",
        "--num_threads=4",
        "--num_runs=20",
        "--min_secs=0.25",
        "--max_secs=30",
        "--warmup_runs=2",
        "--warmup_min_secs=0.5",
    ]


@pytest.mark.parametrize(
    ("delegate", "expected"),
    [
        (Delegate(), []),
        (Delegate(kind=DelegateKind.XNNPACK), ["--use_xnnpack=true"]),
        (Delegate(kind=DelegateKind.NO_XNNPACK), ["--use_xnnpack=false"]),
        (Delegate(kind=DelegateKind.GPU), ["--use_gpu=true"]),
        (Delegate(kind=DelegateKind.NNAPI), ["--use_nnapi=true"]),
        (
            Delegate(kind=DelegateKind.EXTERNAL, library="/d/lib.so", options="a:1;b:2"),
            ["--external_delegate_path=/d/lib.so", "--external_delegate_options=a:1;b:2"],
        ),
        (
            Delegate(kind=DelegateKind.EXTERNAL, library="/d/lib.so"),
            ["--external_delegate_path=/d/lib.so"],
        ),
    ],
)
def test_delegates(delegate: Delegate, expected: list[str]) -> None:
    assert flags(delegate=delegate)[7:] == expected


def test_memory_and_profile_add_their_flag_and_nothing_else() -> None:
    timing = flags()
    assert flags(InvocationKind.MEMORY) == [*timing, "--report_peak_memory_footprint=true"]
    assert flags(InvocationKind.PROFILE) == [*timing, "--enable_op_profiling=true"]
    assert flags(InvocationKind.PROFILE, LITERT) == [*timing, "--use_profiler=true"]


@pytest.mark.parametrize(
    ("flavor", "kind", "delegate", "flag"),
    [
        (LITERT, InvocationKind.TIMING, DelegateKind.NNAPI, "use_nnapi"),
        (LITERT, InvocationKind.TIMING, DelegateKind.NO_XNNPACK, "use_xnnpack"),
        (LITERT, InvocationKind.TIMING, DelegateKind.XNNPACK, "use_xnnpack"),
        (HOST, InvocationKind.PROFILE, DelegateKind.CPU, "enable_op_profiling"),
        (HOST, InvocationKind.TIMING, DelegateKind.GPU, "use_gpu"),
        (HOST, InvocationKind.TIMING, DelegateKind.NNAPI, "use_nnapi"),
    ],
)
def test_what_a_flavor_cannot_do_is_refused(
    flavor: BinaryFlavor, kind: InvocationKind, delegate: DelegateKind, flag: str
) -> None:
    with pytest.raises(UsageError, match=flag) as caught:
        flags(kind, flavor, Delegate(kind=delegate))
    assert flavor.value in str(caught.value)
    assert caught.value.hint


def test_external_delegate_is_refused_by_litert() -> None:
    with pytest.raises(UsageError, match="external_delegate_path"):
        flags(flavor=LITERT, delegate=Delegate(kind=DelegateKind.EXTERNAL, library="/x.so"))


def test_litert_runs_on_the_gpu_and_measures_memory() -> None:
    seen = flags(InvocationKind.MEMORY, LITERT, Delegate(kind=DelegateKind.GPU))
    assert seen[-2:] == ["--use_gpu=true", "--report_peak_memory_footprint=true"]


INPUT = InputTensor(name="serving_default_x:0", shape=(1, 28, 28, 3), path="/data/a:b.bin")


def test_numerics_runs_once_on_the_given_inputs() -> None:
    seen = flags(InvocationKind.NUMERICS, inputs=[INPUT], output="/data/out.bin")
    assert "--num_runs=1" in seen
    assert {"--min_secs=0", "--warmup_runs=0", "--warmup_min_secs=0"} <= set(seen)
    assert seen[-4:] == [
        "--input_layer=serving_default_x:0",
        "--input_layer_shape=1,28,28,3",
        "--input_layer_value_files=serving_default_x::0:/data/a::b.bin",
        "--output_filepath=/data/out.bin",
    ]


def test_names_with_commas_are_replaced_because_they_need_not_match() -> None:
    odd = InputTensor(name="a,b", shape=(), path="/x")
    assert flags(inputs=[odd, INPUT])[-3:] == [
        "--input_layer=input_0,serving_default_x:0",
        "--input_layer_shape=:1,28,28,3",
        "--input_layer_value_files=input_0:/x,serving_default_x::0:/data/a::b.bin",
    ]


def test_paths_with_commas_are_refused() -> None:
    with pytest.raises(UsageError, match="comma"):
        flags(inputs=[InputTensor(name="x", shape=(1,), path="/a,b")])


@pytest.mark.parametrize("more", [{"inputs": [INPUT]}, {"output": "/out"}])
def test_litert_takes_no_tensors(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="litert"):
        flags(InvocationKind.NUMERICS, LITERT, **more)


def test_extra_flags_come_last_and_may_not_repeat() -> None:
    config = BenchmarkConfig(extra_flags=("--xnnpack_force_fp16=true",))
    seen = command_flags(config, graph="m", kind=InvocationKind.TIMING, flavor=CLASSIC)
    assert seen[-1] == "--xnnpack_force_fp16=true"
    for extra in (("--num_runs=3",), ("--run_delay=1", "--run_delay=2")):
        repeated = BenchmarkConfig(extra_flags=extra)
        with pytest.raises(UsageError, match="repeats"):
            command_flags(repeated, graph="m", kind=InvocationKind.TIMING, flavor=CLASSIC)


def test_a_start_up_runs_the_model_once_in_each_phase() -> None:
    found = flags(InvocationKind.STARTUP)
    for flag in ("num_runs=1", "min_secs=0", "warmup_runs=1", "warmup_min_secs=0"):
        assert f"--{flag}" in found
    assert not any("cache" in flag or "xnnpack" in flag for flag in found)


@pytest.mark.parametrize(
    ("delegate", "flavor", "expected"),
    [
        (
            DelegateKind.CPU,
            CLASSIC,
            ["--use_xnnpack=true", "--xnnpack_weight_cache_file_path=/c/weights"],
        ),
        (
            DelegateKind.XNNPACK,
            CLASSIC,
            ["--use_xnnpack=true", "--xnnpack_weight_cache_file_path=/c/weights"],
        ),
        (DelegateKind.CPU, LITERT, ["--xnnpack_weight_cache_file_path=/c/weights"]),
        (
            DelegateKind.GPU,
            CLASSIC,
            ["--use_gpu=true", "--delegate_serialize_dir=/c", "--delegate_serialize_token=model"],
        ),
        (
            DelegateKind.GPU,
            LITERT,
            ["--use_gpu=true", "--gpu_serialization_dir=/c", "--gpu_model_cache_key=model"],
        ),
        (
            DelegateKind.NNAPI,
            CLASSIC,
            ["--use_nnapi=true", "--delegate_serialize_dir=/c", "--delegate_serialize_token=model"],
        ),
    ],
)
def test_each_delegate_keeps_what_it_prepared_in_its_own_way(
    delegate: DelegateKind, flavor: BinaryFlavor, expected: list[str]
) -> None:
    found = flags(InvocationKind.STARTUP, flavor, Delegate(kind=delegate), cache_folder="/c")
    assert found[-len(expected) :] == expected
    assert startup_modes(delegate, flavor) == tuple(StartupMode)


@pytest.mark.parametrize(
    ("delegate", "flavor"),
    [
        (DelegateKind.CPU, HOST),
        (DelegateKind.NO_XNNPACK, CLASSIC),
        (DelegateKind.EXTERNAL, CLASSIC),
    ],
)
def test_where_there_is_no_cache_there_is_one_way_to_start(
    delegate: DelegateKind, flavor: BinaryFlavor
) -> None:
    assert startup_modes(delegate, flavor) == (StartupMode.NO_CACHE,)
