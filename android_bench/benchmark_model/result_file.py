"""The file that ``--result_file_path`` writes: a proto2 message ``BenchmarkResult``.

Fourteen scalar fields in three messages do not need a protobuf library, whose major versions part
the packages this tool lives beside (tflite-support wants 3.20, others 6). The numbers come from the
schema, tflite/tools/benchmark/proto/benchmark_result.proto in LiteRT.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from android_bench.errors import OutputError
from android_bench.results import LatencySummary, MemorySummary

_LATENCY, _MEMORY, _MISC = 2, 3, 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_Fields = dict[int, "int | float | bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """The numbers of a result file, with the names of ``ParsedOutput``; microseconds and bytes."""

    name: str | None
    init_us: float | None
    first_inference_us: float | None
    warmup: LatencySummary | None
    latency: LatencySummary | None
    memory: MemorySummary | None
    model_size_bytes: int | None


def parse_result_file(data: bytes) -> ResultFile:
    """Read a result file.

    Raises:
        OutputError: it is not one, it is cut, or it lacks the number of runs.
    """
    top = _fields(data)
    latency = _message(top, _LATENCY)
    memory = _message(top, _MEMORY)
    misc = _message(top, _MISC)
    runs = _integer(misc, 2)
    if runs is None:
        raise _damaged("it does not say how many inferences there were")
    warmup_runs = _integer(misc, 3)
    size_mb = _real(misc, 1)
    name = top.get(1)
    return ResultFile(
        name=name.decode("utf-8", "replace") if isinstance(name, bytes) else None,
        init_us=_microseconds(latency, 8),
        first_inference_us=_microseconds(latency, 9) if warmup_runs else None,
        warmup=_warmup(latency, warmup_runs),
        latency=_latency(latency, runs),
        memory=_memory(memory),
        model_size_bytes=None if size_mb is None else round(size_mb * 1e6),
    )


def _warmup(fields: _Fields, count: int | None) -> LatencySummary | None:
    if count is None:
        return None
    if count == 0:
        return LatencySummary(count=0)
    return LatencySummary(
        count=count, first_us=_microseconds(fields, 9), mean_us=_microseconds(fields, 10)
    )


def _latency(fields: _Fields, count: int) -> LatencySummary:
    if count == 0:
        return LatencySummary(count=0)
    return LatencySummary(
        count=count,
        mean_us=_microseconds(fields, 1),
        min_us=_microseconds(fields, 2),
        max_us=_microseconds(fields, 3),
        std_us=_microseconds(fields, 4),
        median_us=_microseconds(fields, 5),
        p5_us=_microseconds(fields, 6),
        p95_us=_microseconds(fields, 7),
    )


def _memory(fields: _Fields) -> MemorySummary | None:
    if not fields:
        return None
    init_kib, overall_kib, peak_mib = _integer(fields, 1), _integer(fields, 2), _real(fields, 3)
    return MemorySummary(
        init_footprint_bytes=None if init_kib is None else init_kib * 1024,
        overall_footprint_bytes=None if overall_kib is None else overall_kib * 1024,
        peak_bytes=None if peak_mib is None else round(peak_mib * 1024 * 1024),
    )


def _message(top: _Fields, number: int) -> _Fields:
    value = top.get(number)
    return _fields(value) if isinstance(value, bytes) else {}


def _microseconds(fields: _Fields, number: int) -> float | None:
    milliseconds = _real(fields, number)
    # A float32 has seven significant digits; the rest would be noise of the conversion.
    return None if milliseconds is None else float(f"{milliseconds * 1000:.7g}")


def _real(fields: _Fields, number: int) -> float | None:
    value = fields.get(number)
    return value if isinstance(value, float) and math.isfinite(value) else None


def _integer(fields: _Fields, number: int) -> int | None:
    value = fields.get(number)
    # int64 is written in two's complement; a negative count or size is none.
    return value if isinstance(value, int) and value < 2**63 else None


def _fields(data: bytes) -> _Fields:
    """The fields of one message by number; of a repeated one the last, as protobuf has it."""
    fields: _Fields = {}
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise _damaged("a field has the number 0")
        if wire_type == _VARINT:
            fields[number], position = _varint(data, position)
            continue
        if wire_type == _BYTES:
            length, position = _varint(data, position)
        elif wire_type in {_FIXED32, _FIXED64}:
            length = 4 if wire_type == _FIXED32 else 8
        else:
            raise _damaged(f"a field has the unknown wire type {wire_type}")
        chunk = data[position : position + length]
        if len(chunk) != length:
            raise _damaged("it ends in the middle of a field")
        fields[number] = _value(chunk, wire_type)
        position += length
    return fields


def _value(chunk: bytes, wire_type: int) -> float | bytes:
    if wire_type == _BYTES:
        return chunk
    return float(struct.unpack("<f" if wire_type == _FIXED32 else "<d", chunk)[0])


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[position : position + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise _damaged("it ends in the middle of a number")


def _damaged(reason: str) -> OutputError:
    return OutputError(
        f"This is no result file of benchmark_model: {reason}.",
        hint="Pull it again after benchmark_model has exited, or read the printed output.",
    )
