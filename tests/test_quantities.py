from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from android_bench.quantities import choice, duration_us, size_bytes
from optimizer.choice import Prefer


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("300kB", 300_000),
        ("1.5 MB", 1_500_000),
        ("2MiB", 2 * 2**20),
        ("4096", 4096),
        ("1kib", 1024),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text, flag="--max-size") == size


@pytest.mark.parametrize(
    ("text", "time"), [("8ms", 8000), ("500us", 500), ("500 µs", 500), ("0.5s", 500_000)]
)
def test_times(text: str, time: float) -> None:
    assert duration_us(text, flag="--max-latency") == time


@pytest.mark.parametrize("text", ["", "8", "-8ms", "0ms", "8 hours", "ms", "8m s"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="8ms"):
        duration_us(text, flag="--max-latency")


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    try:
        found = size_bytes(text, flag="--max-size")
    except typer.BadParameter:
        return
    assert found is not None
    assert found >= 0


def test_nothing_stays_nothing() -> None:
    assert size_bytes(None, flag="x") is None
    assert duration_us(None, flag="x") is None


def test_a_choice_is_named_or_refused_with_all() -> None:
    assert choice(Prefer, "gzip", flag="--prefer") is Prefer.GZIP
    with pytest.raises(typer.BadParameter, match="latency, size, gzip, memory, accuracy"):
        choice(Prefer, "speed", flag="--prefer")
