"""Operator profiles of a real converted model by the real benchmark_model, from the device to the exports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from android_bench.analysis.operators import operator_times
from android_bench.benchmark_model import parse_op_profile
from android_bench.device import Device
from android_bench.exports import Format
from android_bench.results import BenchmarkRun
from android_bench.transport.discovery import open_transport
from optimizer.tflite_reader import read
from tests import examples
from tests.exports.made import exported, with_profile
from tests.lab.device import VirtualDevice

# Of Keras, quantized to int8: what becomes of each layer, in order.
MODEL = Path(__file__).parent.parent / "metadata" / "data" / "first_normalized_int8.tflite"
LAYERS = (
    None, "normalization", "normalization", "conv2d_2", "global_average_pooling2d_2", "dense_2", None, None,
)  # fmt: skip
HERE = "/data/local/tmp/operators"
COMMAND = (
    f"{HERE}/benchmark_model", f"--graph={HERE}/m.tflite", "--enable_op_profiling=true", "--num_runs=5",
    "--min_secs=0", "--warmup_min_secs=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def texts(device: VirtualDevice) -> Iterator[dict[str, str]]:
    """The profile in both forms."""
    folder = device.data_dir / "operators"
    folder.mkdir()
    shutil.copy(device.lab.benchmark_binary, folder / "benchmark_model")
    shutil.copy(MODEL, folder / "m.tflite")
    with closing(open_transport(device.serial)) as transport:
        on_device = Device(transport)
        printed = on_device.capture(list(COMMAND), timeout_s=60)
        file = [*COMMAND, f"--profiling_output_csv_file={HERE}/profile.csv"]
        assert on_device.capture(file, timeout_s=60).exit_code == 0
    assert printed.exit_code == 0
    yield {"printed": printed.stdout, "csv": (folder / "profile.csv").read_text()}
    shutil.rmtree(folder)


@pytest.fixture(params=["printed", "csv"])
def run(texts: dict[str, str], request: pytest.FixtureRequest) -> BenchmarkRun:
    return with_profile(examples.run(), parse_op_profile(texts[request.param]))


def test_operators_are_those_of_the_file(run: BenchmarkRun) -> None:
    """Number, type and layers: what benchmark_model prints is what stands in the flatbuffer."""
    graph = list(read(MODEL.read_bytes()).graph())
    times = operator_times(run)
    assert len(times) == len(graph)
    for index, (time, operator) in enumerate(zip(times, graph, strict=True)):
        assert time.index == index
        assert time.node_type == operator.kind
        assert operator.name in time.name
    assert tuple(time.layer for time in times) == LAYERS
    assert all(time.time_us >= 0 for time in times)


def test_node_data_and_trace_come_of_it(run: BenchmarkRun) -> None:
    count = len(operator_times(run))
    data = json.loads(exported(Format.MODEL_EXPLORER, run))
    assert set(data["main"]["results"]) == {str(index) for index in range(count)}
    events = json.loads(exported(Format.CHROME_TRACE, run))["traceEvents"]
    assert (
        sum(1 for item in events if item.get("cat") == "operator") == count + 1
    )  # AllocateTensors


def test_both_forms_tell_the_same_operators(texts: dict[str, str]) -> None:
    printed, file = (
        [replace(item, mean_us=0.0, first_us=0.0, share_pct=0.0, memory_bytes=0) for item in found]
        for found in map(parse_op_profile, texts.values())
    )
    assert printed == file
