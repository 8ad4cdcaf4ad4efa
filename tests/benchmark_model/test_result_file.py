from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.benchmark_model import parse_result_file
from android_bench.errors import OutputError

# The schema as a protobuf library reads it, to write files that do not come from the code under test.
LATENCY_FIELDS = [
    "avg_ms", "min_ms", "max_ms", "stddev_ms", "median_ms", "p5_ms", "p95_ms", "init_ms",
    "first_inference_ms", "average_warm_up_ms",
]  # fmt: skip


def written_by_protobuf(
    latency: dict[str, float], memory: dict[str, float], misc: dict[str, float]
) -> bytes:
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    descriptor_pool = pytest.importorskip("google.protobuf.descriptor_pool")
    message_factory = pytest.importorskip("google.protobuf.message_factory")

    file = descriptor_pb2.FileDescriptorProto(name="r.proto", package="r", syntax="proto2")
    real, long, integer = 2, 3, 5  # TYPE_FLOAT, TYPE_INT64, TYPE_INT32
    schema = {
        "LatencyMetrics": [(name, real) for name in LATENCY_FIELDS],
        "MemoryMetrics": [
            ("init_footprint_kb", long), ("overall_footprint_kb", long), ("peak_mem_mb", real),
        ],
        "MiscMetrics": [
            ("model_size_mb", real), ("num_runs", integer), ("num_warmup_runs", integer),
            ("model_throughput_in_mb_per_sec", real),
        ],
    }  # fmt: skip
    for message, fields in schema.items():
        kind = file.message_type.add(name=message)
        for number, (name, field_type) in enumerate(fields, 1):
            kind.field.add(name=name, number=number, type=field_type, label=1)
    result = file.message_type.add(name="BenchmarkResult")
    result.field.add(name="name", number=1, type=9, label=1)
    for number, message in enumerate(schema, 2):
        short = message.replace("Metrics", "_metrics").lower()
        result.field.add(name=short, number=number, type=11, label=1, type_name=f".r.{message}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("r.BenchmarkResult")
    if hasattr(message_factory, "GetMessageClass"):  # protobuf 4.22 and later
        made = message_factory.GetMessageClass(found)()
    else:
        made = message_factory.MessageFactory(pool).GetPrototype(found)()
    for target, values in (
        (made.latency_metrics, latency),
        (made.memory_metrics, memory),
        (made.misc_metrics, misc),
    ):
        for name, value in values.items():
            setattr(target, name, value)
    return bytes(made.SerializeToString())


@pytest.fixture
def data() -> bytes:
    return written_by_protobuf(
        dict(zip(LATENCY_FIELDS, [2.94227, 2.605, 20.356, 1.19, 2.781, 2.647, 3.169, 6.395, 2.761, 3.24358],
                 strict=True)),
        {"init_footprint_kb": 40400, "overall_footprint_kb": 41808, "peak_mem_mb": 93.2383},
        {"model_size_mb": 13.9193, "num_runs": 337, "num_warmup_runs": 153,
         "model_throughput_in_mb_per_sec": 200.5},
    )  # fmt: skip


def test_all_fields(data: bytes) -> None:
    result = parse_result_file(data)
    assert result.latency is not None
    assert result.latency.count == 337
    assert result.latency.mean_us == pytest.approx(2942.27)
    assert result.latency.min_us == pytest.approx(2605)
    assert result.latency.max_us == pytest.approx(20356)
    assert result.latency.std_us == pytest.approx(1190)
    assert result.latency.p5_us == pytest.approx(2647)
    assert result.latency.median_us == pytest.approx(2781)
    assert result.latency.p95_us == pytest.approx(3169)
    assert result.init_us == pytest.approx(6395)
    assert result.first_inference_us == pytest.approx(2761)
    assert result.warmup is not None
    assert result.warmup.count == 153
    assert result.warmup.mean_us == pytest.approx(3243.58)
    assert result.memory is not None
    assert result.memory.init_footprint_bytes == 40400 * 1024
    assert result.memory.overall_footprint_bytes == 41808 * 1024
    assert result.memory.peak_bytes == pytest.approx(93.2383 * 2**20, rel=1e-6)
    assert result.model_size_bytes == pytest.approx(13_919_300, rel=1e-6)


def test_a_dry_run_has_no_numbers() -> None:
    result = parse_result_file(
        written_by_protobuf({"avg_ms": float("nan")}, {}, {"num_runs": 0, "num_warmup_runs": 0})
    )
    assert result.latency is not None
    assert (result.latency.count, result.latency.mean_us) == (0, None)
    assert result.first_inference_us is None
    assert result.memory is None


def test_a_file_cut_at_any_byte_is_refused(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(OutputError, match="result file"):
            parse_result_file(data[:length])


@pytest.mark.parametrize(
    "junk", [b"", b"\x00", b"count=50", b"\x0b\x00", b"\xff" * 20, b"\x12\x7f"]
)
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(OutputError) as caught:
        parse_result_file(junk)
    assert caught.value.hint


@given(st.floats(0, 1e6, width=32), st.integers(1, 2**31 - 1))
def test_any_mean_comes_back_in_microseconds(mean_ms: float, runs: int) -> None:
    latency = b"\x0d" + struct.pack("<f", mean_ms)
    varint = bytearray()
    while runs > 0x7F:
        varint.append(runs & 0x7F | 0x80)
        runs >>= 7
    varint.append(runs)
    misc = b"\x10" + bytes(varint)
    result = parse_result_file(
        b"\x12" + bytes([len(latency)]) + latency + b"\x22" + bytes([len(misc)]) + misc
    )
    assert result.latency is not None
    assert result.latency.mean_us == pytest.approx(mean_ms * 1000, rel=1e-6)
