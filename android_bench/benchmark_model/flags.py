"""The command line of benchmark_model: what each flavor takes, and what it cannot do.

An unknown flag is only a warning to benchmark_model (exit 0, and what was asked for was not done),
so a wish that a flavor cannot fulfil is refused here, before anything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from android_bench.config import BenchmarkConfig, Delegate, DelegateKind, StartupMode
from android_bench.errors import UsageError
from android_bench.results import BinaryFlavor, InvocationKind

# What a flavor lacks, by the flag's name. LiteRT: its flag list has no inputs and outputs by file, and no
# delegates but use_gpu and use_npu; its profiler has a flag of another name. The stand-in runs LiteRT's
# Python interpreter, which has no profiler and no phone's accelerators.
_LACKS = {
    BinaryFlavor.CLASSIC: frozenset[str](),
    BinaryFlavor.LITERT: frozenset(
        {
            "external_delegate_path",
            "input_layer",
            "output_filepath",
            "use_nnapi",
            "use_xnnpack",
        }
    ),
    BinaryFlavor.HOST_MODEL: frozenset(
        {"enable_op_profiling", "external_delegate_path", "use_gpu", "use_nnapi"}
    ),
}

_HINTS = {
    "enable_op_profiling": "Use the Classic benchmark_model for operator profiles.",
    "input_layer": "Use the Classic benchmark_model to feed inputs from files.",
    "output_filepath": "Use the Classic benchmark_model to keep the outputs.",
    "use_gpu": "Measure on a device: the stand-in runs on this computer's CPU.",
    "use_nnapi": "Use the Classic benchmark_model on a device; NNAPI is deprecated since Android 15.",
    "use_xnnpack": "Choose --delegate cpu, or use the Classic benchmark_model.",
    "external_delegate_path": "Use the Classic benchmark_model on a device.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTensor:
    """An input fed from a file: its name in the model, its shape, the path where the tool runs.

    The file holds the raw little-endian tensor.
    """

    name: str
    shape: tuple[int, ...]
    path: str


def command_flags(
    config: BenchmarkConfig,
    *,
    graph: str,
    kind: InvocationKind,
    flavor: BinaryFlavor,
    inputs: Sequence[InputTensor] = (),
    output: str | None = None,
    cache_folder: str | None = None,
) -> list[str]:
    """The flags of one invocation, ``--name=value`` each, ready to be quoted by a transport.

    A numerics invocation runs the model once, without a warm-up; ``inputs`` are in the order of the
    model's inputs and name all of them, ``output`` is where the raw outputs go. A start-up invocation
    runs it once in each phase; in ``cache_folder`` the delegate finds or leaves what it prepared.

    Raises:
        UsageError: the flavor cannot do it, or ``extra_flags`` repeats a flag that is set here
            (benchmark_model takes the first and leaves the second unconsumed).
    """
    pairs = [("graph", graph), ("num_threads", str(config.num_threads))]
    pairs += _durations(config, kind)
    pairs += _delegate(config.delegate)
    if kind is InvocationKind.MEMORY:
        pairs.append(("report_peak_memory_footprint", "true"))
    elif kind is InvocationKind.PROFILE:
        litert = flavor is BinaryFlavor.LITERT
        pairs.append(("use_profiler" if litert else "enable_op_profiling", "true"))
    elif kind is InvocationKind.STARTUP:
        pairs += _cached(config.delegate.kind, flavor, cache_folder)
    if inputs:
        pairs += _inputs(inputs)
    if output is not None:
        pairs.append(("output_filepath", output))
    for name, value in pairs:
        if name in _LACKS[flavor]:
            raise UsageError(
                f"The {flavor.value} benchmark_model has no --{name}, which --{name}={value} needs.",
                hint=_HINTS[name],
            )
    _refuse_repeated(config.extra_flags, {name for name, _ in pairs})
    return [f"--{name}={value}" for name, value in pairs] + list(config.extra_flags)


def startup_modes(delegate: DelegateKind, flavor: BinaryFlavor) -> tuple[StartupMode, ...]:
    """How a delegate can start with this program: where there is no cache, only without one."""
    cached = _cache_flags(delegate, flavor, "") is not None
    return tuple(StartupMode) if cached else (StartupMode.NO_CACHE,)


def _durations(config: BenchmarkConfig, kind: InvocationKind) -> list[tuple[str, str]]:
    if kind in {InvocationKind.NUMERICS, InvocationKind.STARTUP}:
        # The first inference of all is printed for the warm-up only.
        warmup = "1" if kind is InvocationKind.STARTUP else "0"
        return [
            ("num_runs", "1"),
            ("min_secs", "0"),
            ("max_secs", _seconds(config.max_s)),
            ("warmup_runs", warmup),
            ("warmup_min_secs", "0"),
        ]
    return [
        ("num_runs", str(config.num_runs)),
        ("min_secs", _seconds(config.min_s)),
        ("max_secs", _seconds(config.max_s)),
        ("warmup_runs", str(config.warmup_runs)),
        ("warmup_min_secs", _seconds(config.warmup_min_s)),
    ]


def _cached(
    delegate: DelegateKind, flavor: BinaryFlavor, folder: str | None
) -> list[tuple[str, str]]:
    if folder is None:
        return []
    # The tool gives the cache to an XNNPACK that was asked for, not to the one applied by itself.
    asked = delegate is DelegateKind.CPU and flavor is BinaryFlavor.CLASSIC
    return [("use_xnnpack", "true")] * asked + (_cache_flags(delegate, flavor, folder) or [])


def _cache_flags(
    delegate: DelegateKind, flavor: BinaryFlavor, folder: str
) -> list[tuple[str, str]] | None:
    """The flags that give a delegate a place for what it prepared; ``None`` where it takes none.

    XNNPACK keeps packed weights in a file (builds from 2.17 on), the GPU and NNAPI delegates compiled
    programs in a folder, under a token that stands for the model.
    """
    weights = [("xnnpack_weight_cache_file_path", f"{folder}/weights")]
    if flavor is BinaryFlavor.HOST_MODEL:
        return None
    if delegate in {DelegateKind.CPU, DelegateKind.XNNPACK}:
        return weights
    if delegate is DelegateKind.GPU and flavor is BinaryFlavor.LITERT:
        return [("gpu_serialization_dir", folder), ("gpu_model_cache_key", "model")]
    if delegate in {DelegateKind.GPU, DelegateKind.NNAPI}:
        return [("delegate_serialize_dir", folder), ("delegate_serialize_token", "model")]
    return None


def _delegate(delegate: Delegate) -> list[tuple[str, str]]:
    if delegate.kind is DelegateKind.EXTERNAL:
        pairs = [("external_delegate_path", str(delegate.library))]
        if delegate.options:
            pairs.append(("external_delegate_options", delegate.options))
        return pairs
    return {
        DelegateKind.CPU: [],
        DelegateKind.XNNPACK: [("use_xnnpack", "true")],
        DelegateKind.NO_XNNPACK: [("use_xnnpack", "false")],
        DelegateKind.GPU: [("use_gpu", "true")],
        DelegateKind.NNAPI: [("use_nnapi", "true")],
    }[delegate.kind]


def _inputs(inputs: Sequence[InputTensor]) -> list[tuple[str, str]]:
    for item in inputs:
        # The list is split at every comma, and no escape for one exists.
        if "," in item.path:
            raise UsageError(
                f"benchmark_model cannot read an input from {item.path}: the path has a comma.",
                hint="Give the file a path without a comma.",
            )
    # Names need not match the model's, only each other; one with a comma could not be written.
    names = [
        f"input_{index}" if "," in item.name else item.name for index, item in enumerate(inputs)
    ]
    shapes = (",".join(str(size) for size in item.shape) for item in inputs)
    files = (
        f"{_escape(name)}:{_escape(item.path)}" for name, item in zip(names, inputs, strict=True)
    )
    return [
        ("input_layer", ",".join(names)),
        ("input_layer_shape", ":".join(shapes)),
        ("input_layer_value_files", ",".join(files)),
    ]


def _refuse_repeated(extra: Sequence[str], taken: set[str]) -> None:
    for flag in extra:
        name = flag.removeprefix("--").partition("=")[0]
        if name in taken:
            raise UsageError(
                f"The extra flag {flag} repeats --{name}; benchmark_model would ignore it.",
                hint="Set it through the option of its own, or leave it out.",
            )
        taken.add(name)


def _escape(text: str) -> str:
    return text.replace(":", "::")


def _seconds(value: float) -> str:
    return f"{value:.12g}"
