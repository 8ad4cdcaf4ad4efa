"""Traces by the rules of the Trace Event Format that Perfetto and chrome://tracing rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.exports import Format
from android_bench.results import BenchmarkRun, Conditions, DeviceKind
from tests import examples
from tests.exports.made import NAMES, device, distinct, exported, hostile, profiled, with_profile

Event = dict[str, Any]


def events(*runs: BenchmarkRun) -> list[Event]:
    found = json.loads(exported(Format.CHROME_TRACE, *runs))
    assert found["displayTimeUnit"] in {"ms", "ns"}
    validate(found["traceEvents"])
    return list(found["traceEvents"])


def validate(found: list[Event]) -> None:
    """Required keys by phase; names for every process and track; slices of a track nest."""
    named = {
        (item["name"], item["pid"], item["tid"] if item["name"] == "thread_name" else 0)
        for item in found
        if item["ph"] == "M"
    }
    tracks: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for item in found:
        assert {"name", "ph", "pid", "tid", "ts"} <= set(item)
        assert isinstance(item["name"], str)
        assert isinstance(item["pid"], int)
        assert isinstance(item["tid"], int)
        assert item["ts"] >= 0
        assert item["ph"] in {"X", "C", "M"}
        assert ("process_name", item["pid"], 0) in named
        if item["ph"] == "X":
            assert item["dur"] >= 0
            assert ("thread_name", item["pid"], item["tid"]) in named
            tracks.setdefault((item["pid"], item["tid"]), []).append((item["ts"], item["dur"]))
        elif item["ph"] == "C":
            assert item["args"]
            assert all(isinstance(value, int | float) for value in item["args"].values())
    for slices in tracks.values():
        nests(slices)


def nests(slices: list[tuple[float, float]]) -> None:
    """No slice reaches over the end of one that it began in."""
    open_until: list[float] = []
    for start, duration in sorted(slices, key=lambda one: (one[0], -one[1])):
        end = start + duration
        while open_until and open_until[-1] <= start + 1e-6:
            open_until.pop()
        assert not open_until or end <= open_until[-1] + 1e-6
        open_until.append(end)


def named(found: list[Event], what: str) -> dict[tuple[int, int], str]:
    return {
        (item["pid"], item["tid"]): item["args"]["name"] for item in found if item["name"] == what
    }


def slices(found: list[Event], track: str) -> list[Event]:
    (key,) = [key for key, name in named(found, "thread_name").items() if name == track]
    return [item for item in found if item["ph"] == "X" and (item["pid"], item["tid"]) == key]


def test_one_inference_in_microseconds() -> None:
    found = slices(events(profiled()), "operators")
    whole, conv, pool, delegate = found
    assert (whole["name"], whole["ts"], whole["dur"]) == ("inference", 0, 149.75)
    assert (conv["name"], conv["ts"], conv["dur"]) == ("conv + relu", 0, 100.25)
    assert (pool["name"], pool["ts"], pool["dur"]) == ("pool", 100.25, 7.5)
    assert (delegate["ts"], delegate["dur"]) == (107.75, 42)
    assert conv["args"]["node_type"] == "CONV_2D"
    assert conv["args"]["share_pct"] == pytest.approx(66.945, abs=0.001)


def test_what_ran_inside_a_delegate_begins_where_its_node_does() -> None:
    (kernel,) = slices(events(profiled()), "inside delegates")
    assert (kernel["name"], kernel["ts"], kernel["dur"]) == ("Add (ND, QS8)", 107.75, 30)


def test_the_initialization_has_a_track() -> None:
    whole, allocate = slices(events(profiled()), "initialization")
    assert (whole["dur"], allocate["name"]) == (900, "AllocateTensors")


def test_where_the_build_tells_when_operators_began_that_is_taken() -> None:
    one = replace(examples.operator("[a]:0", mean_us=10.0), start_us=5.0)
    two = replace(examples.operator("[b]:1", mean_us=10.0), start_us=25.0)
    whole, first, second = slices(events(with_profile(examples.run(), [one, two])), "operators")
    assert (first["ts"], second["ts"], whole["ts"], whole["dur"]) == (5, 25, 5, 30)
    # Begins that do not fit together are none.
    late = replace(two, start_us=7.0)
    _, first, second = slices(events(with_profile(examples.run(), [one, late])), "operators")
    assert (first["ts"], second["ts"]) == (0, 10)


def test_the_session_with_its_conditions() -> None:
    run = examples.run()
    hot = Conditions(
        taken_at="2026-11-23T10:00:01.500Z",
        battery_temperature_c=38.5,
        thermal_status=2,
        cpu_khz={0: 1_000_000, 1: 2_000_000},
    )
    first = replace(run.invocations[0], before=hot)
    found = events(replace(run, invocations=(first, *run.invocations[1:])))
    one, two, *_ = slices(found, "digits.int8")
    # The next one began a second later, as clocks tell it.
    assert (one["name"], one["ts"], one["dur"]) == ("timing 1", 0, 1_000_000)
    assert one["args"]["wall_s"] == 1.6
    assert two["ts"] == 1_000_000
    assert one["args"]["throttled"] is True
    counters = {
        (item["name"], item["ts"]): item["args"]["value"] for item in found if item["ph"] == "C"
    }
    assert counters["battery temperature, °C", 500_000] == 38.5
    assert counters["mean core frequency, MHz", 500_000] == 1500


def test_devices_have_sessions_of_their_own() -> None:
    other = examples.run(name="b", device=device(DeviceKind.HOST, serial="host", model="PC"))
    names = named(events(*distinct(examples.run(name="a"), other)), "process_name")
    assert list(names.values()) == [
        "Acme One: invocations as they were made",
        "Acme PC (measured on a computer, not on a phone): invocations as they were made",
    ]


def test_runs_without_a_profile_have_a_session_all_the_same() -> None:
    assert len(named(events(examples.run()), "process_name")) == 1


def test_a_time_that_cannot_be_read_is_left_out() -> None:
    run = examples.run()
    broken = tuple(replace(item, started_at="?", before=None) for item in run.invocations)
    assert [item["ph"] for item in events(replace(run, invocations=broken))].count("X") == 0


OPERATORS = st.lists(
    st.tuples(
        st.floats(0, 1e7, allow_nan=False),
        st.one_of(st.none(), st.floats(0, 1e7, allow_nan=False)),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(OPERATORS)
def test_slices_nest_whatever_the_profile_says(
    shapes: list[tuple[float, float | None, int, bool, int]],
) -> None:
    operators = [
        replace(
            examples.operator(f"[l/a{number}/Op]:{number}", mean_us=mean),
            start_us=start,
            times_called=calls,
            inside_delegate=inside,
            subgraph=subgraph,
        )
        for number, (mean, start, calls, inside, subgraph) in enumerate(shapes)
    ]
    events(with_profile(examples.run(), operators))


@settings(deadline=None)
@given(NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    events(hostile(name))
