from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.choice import Candidate, Limits, Prefer, pareto_front, recommend

BASE = Candidate(
    name="float32", accuracy=0.90, size_bytes=1_000_000, gzip_bytes=900_000, latency_us=3000.0,
    memory_bytes=2_000_000, latency_source="host", source_accuracy=0.9,
)  # fmt: skip
INT8 = replace(
    BASE, name="int8", accuracy=0.897, size_bytes=250_000, gzip_bytes=230_000, latency_us=1000.0
)
SMALL = replace(
    BASE, name="small", accuracy=0.88, size_bytes=60_000, gzip_bytes=30_000, latency_us=400.0
)
THREE = [BASE, INT8, SMALL]


def test_the_front_has_what_nothing_beats() -> None:
    worse = replace(INT8, name="worse", accuracy=0.89)
    twin = replace(INT8, name="twin")
    assert pareto_front([*THREE, worse, twin]) == ("float32", "int8", "small", "twin")


def test_what_is_not_known_of_all_does_not_count() -> None:
    slow = replace(INT8, name="unmeasured", latency_us=None)
    # Without latencies the two are equal: neither beats the other.
    assert pareto_front([INT8, slow]) == ("int8", "unmeasured")


candidates = st.builds(
    Candidate,
    name=st.uuids().map(str),
    accuracy=st.one_of(st.none(), st.floats(0, 1)),
    size_bytes=st.integers(1, 9),
    gzip_bytes=st.integers(1, 9),
    latency_us=st.one_of(st.none(), st.floats(1, 9)),
)


@given(st.lists(candidates, min_size=1, max_size=8))
def test_the_front_is_never_empty_and_always_has_the_smallest(found: list[Candidate]) -> None:
    front = pareto_front(found)
    assert front
    smallest = min((one.size_bytes, one.gzip_bytes) for one in found)
    best = [one for one in found if (one.size_bytes, one.gzip_bytes) == smallest]
    assert any(one.name in front for one in best)


@given(st.lists(candidates, min_size=1, max_size=6), st.sampled_from(Prefer))
def test_a_choice_keeps_every_limit_and_everything_else_has_a_reason(
    found: list[Candidate], prefer: Prefer
) -> None:
    limits = Limits(max_size_bytes=5, max_latency_us=6.0)
    result = recommend(found, limits=limits, prefer=prefer)
    names = {one.name for one in result.others}
    if result.choice is not None:
        names.add(result.choice.name)
        assert result.choice.size_bytes <= 5
        assert result.choice.latency_us is not None
        assert result.choice.latency_us <= 6.0
    assert names == {one.name for one in found}
    assert all(one.why for one in result.others)


def test_the_reasons_name_the_limit_and_the_figure() -> None:
    limits = Limits(max_accuracy_drop=0.5, max_size_bytes=300_000, max_latency_us=2000)
    found = recommend(THREE, limits=limits)
    assert found.choice == INT8
    reasons = {item.name: item.why for item in found.others}
    assert "its file is 1000 kB, 300 kB are allowed" in reasons["float32"]
    assert "its latency is 3 ms, 2 ms are allowed" in reasons["float32"]
    assert reasons["small"] == "it loses 2.00 points, 0.5 are allowed"


def test_none_within_the_limits_is_said() -> None:
    found = recommend(THREE, limits=Limits(max_size_bytes=10))
    assert found.choice is None
    assert not any(item.within_limits for item in found.others)


def test_a_collapsed_variant_is_never_shipped() -> None:
    broken = replace(SMALL, collapsed=True)
    found = recommend([INT8, broken], limits=Limits())
    assert found.choice == INT8
    assert found.others[0].why == "it collapsed"


def test_equally_fast_ones_are_told_apart_by_the_download() -> None:
    twin = replace(INT8, name="twin", latency_us=1010.0, gzip_bytes=100_000)
    found = recommend([INT8, twin], limits=Limits())
    assert found.choice == twin
    assert found.others[0].why == "as fast, 2.30 × as large to download"


@pytest.mark.parametrize(
    ("prefer", "name", "why"),
    [
        (Prefer.LATENCY, "small", "2.50 × as slow"),
        (Prefer.SIZE, "small", "4.17 × as large"),
        (Prefer.GZIP, "small", "7.67 × as large to download"),
        (Prefer.ACCURACY, "float32", "0.30 points less accurate"),
    ],
)
def test_what_decides_can_be_said(prefer: Prefer, name: str, why: str) -> None:
    found = recommend(THREE, limits=Limits(), prefer=prefer)
    assert found.choice is not None
    assert found.choice.name == name
    assert {item.name: item.why for item in found.others}["int8"] == why


def test_a_speed_that_nobody_measured_is_not_claimed() -> None:
    found = recommend([replace(INT8, latency_us=None)], limits=Limits())
    assert found.why == "no latency is known; the smallest download of 1 within the limits"
