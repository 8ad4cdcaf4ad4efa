"""Result files of known numbers, whole or damaged."""

from __future__ import annotations

import math
import random
import struct
from typing import Any

from android_bench.benchmark_model import parse_result_file
from android_bench.errors import OutputError
from tests.benchmark_model.fuzz.checks import finite


def result_file(random_: random.Random) -> str:
    """A protobuf of known numbers, whole or damaged."""
    runs, warmups = random_.randint(0, 5000), random_.randint(0, 50)
    milliseconds = [random_.uniform(0.001, 5000) for _ in range(10)]
    memory = (random_.randint(0, 2**40), random_.randint(0, 2**40))
    data = message(
        (1, b"model"),
        (2, message(*enumerate(milliseconds, 1))),
        (3, message((1, memory[0]), (2, memory[1]), (3, 93.25))),
        (4, message((1, 3.5), (2, runs), (3, warmups))),
    )
    if random_.random() < 0.5:
        return broken_file(data, random_)
    found = parse_result_file(data)
    assert found.latency is not None
    assert found.latency.count == runs
    assert found.memory is not None
    assert found.memory.init_footprint_bytes == memory[0] * 1024
    assert found.memory.overall_footprint_bytes == memory[1] * 1024
    if runs:
        assert found.latency.mean_us is not None
        assert math.isclose(found.latency.mean_us, milliseconds[0] * 1000, rel_tol=1e-6)
        assert found.latency.p95_us is not None
        assert math.isclose(found.latency.p95_us, milliseconds[6] * 1000, rel_tol=1e-6)
    return "true"


def broken_file(data: bytes, random_: random.Random) -> str:
    """A result file with bytes changed, cut, or put in."""
    content = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        place = random_.randrange(len(content) + 1)
        damage = random_.choice(("change", "cut", "insert"))
        if damage == "change" and place < len(content):
            content[place] = random_.randrange(256)
        elif damage == "cut":
            del content[place:]
        else:
            content[place:place] = random_.randbytes(random_.randint(1, 12))
    try:
        found = parse_result_file(bytes(content))
    except OutputError as error:
        assert error.hint
        return "named error"
    assert finite(found), found
    return "read"


def message(*items: tuple[int, Any]) -> bytes:
    """A protobuf message of these fields."""
    parts = []
    for number, value in items:
        if isinstance(value, bytes):
            parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
        elif isinstance(value, float):
            parts.append(varint(number << 3 | 5) + struct.pack("<f", value))
        else:
            parts.append(varint(number << 3) + varint(value))
    return b"".join(parts)


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
