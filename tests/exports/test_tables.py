from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given, settings

from android_bench.errors import UsageError
from android_bench.exports import Format, Rows
from android_bench.exports.text import cell
from android_bench.results import Conditions, Status
from tests import examples
from tests.exports.made import NAMES, distinct, exported, hostile, profiled


def rows(*runs: examples.BenchmarkRun, about: Rows = Rows.RUNS) -> list[dict[str, str]]:
    text = exported(Format.CSV, *runs, rows=about)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_for_each_run_with_the_unit_in_the_header() -> None:
    one, two = rows(*distinct(examples.run(), examples.run([], name="other")))
    assert (one["model"], one["latency_median_us"], one["file_size_bytes"]) == (
        "digits.int8",
        "2925.0",
        "254904",
    )
    assert (one["complete"], one["timing_invocations"], two["timing_invocations"]) == (
        "true",
        "6",
        "0",
    )
    # Unknown is empty, not 0.
    assert (two["latency_median_us"], two["accuracy_fraction"]) == ("", "")


def test_a_row_for_each_invocation_with_its_conditions() -> None:
    hot = Conditions(
        taken_at="2026-11-23T10:00:00Z",
        thermal_status=3,
        temperatures_c={"cpu": 71.5, "skin": 44.0},
        cpu_khz={0: 1_000_000, 7: 3_000_000},
        charging=False,
    )
    run = examples.run()
    first = replace(run.invocations[0], before=hot, status=Status.CRASHED, problem="killed")
    found = rows(replace(run, invocations=(first, *run.invocations[1:])), about=Rows.INVOCATIONS)
    assert len(found) == 7
    assert (found[0]["before_hottest_c"], found[0]["before_mean_cpu_khz"]) == ("71.5", "2000000.0")
    assert (found[0]["throttled"], found[0]["before_charging"]) == ("true", "false")
    assert (found[0]["status"], found[0]["problem"]) == ("crashed", "killed")
    assert (float(found[1]["mean_us"]), found[1]["before_hottest_c"]) == (2900.0, "")
    assert found[6]["kind"] == "memory"


def test_a_row_for_each_operator() -> None:
    found = rows(profiled(), about=Rows.OPERATORS)
    assert [row["layers"] for row in found] == ["conv relu", "pool", "", ""]
    assert [row["operator_index"] for row in found] == ["0", "1", "9", ""]
    assert [row["nested"] for row in found] == ["false", "false", "false", "true"]
    with pytest.raises(UsageError, match="operator profiles"):
        exported(Format.CSV, examples.run(), rows=Rows.OPERATORS)


def test_all_rows_have_all_columns() -> None:
    for about in Rows:
        text = exported(Format.CSV, *distinct(profiled(), profiled("other")), rows=about)
        lines = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(line) for line in lines}) == 1
        assert len(set(lines[0])) == len(lines[0])


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "\n=1", "＝1", "﹣=", "－1"]
)
def test_no_name_is_a_formula(name: str) -> None:
    (row,) = rows(examples.run(name=name))
    assert row["model"] == cell(name)
    first = row["model"].lstrip(" \t\r\n\ufffd")[:1]
    assert first not in tuple("=+-@＝＋－＠")


def test_a_number_below_zero_stays_a_number() -> None:
    run = examples.run()
    cold = Conditions(taken_at="2026-11-23T10:00:00Z", battery_temperature_c=-3.5)
    first = replace(run.invocations[0], before=cold)
    found = rows(replace(run, invocations=(first,)), about=Rows.INVOCATIONS)
    assert found[0]["before_battery_c"] == "-3.5"


@settings(deadline=None)
@given(NAMES)
def test_hostile_names_stay_in_their_cells(name: str) -> None:
    for about in Rows:
        text = exported(Format.CSV, hostile(name), rows=about)
        text.encode()
        lines = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(line) for line in lines}) == 1
        for value in lines[1]:
            assert value[:1] not in tuple("=+@\t\r")
            assert not value.startswith("-")
            assert not set(value) & set("\n\x00\x1b\u2028\u202e")
