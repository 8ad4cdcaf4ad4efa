from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings

from android_bench.analysis.summary import summarise
from android_bench.config import StartupMode
from android_bench.exports import Format
from android_bench.results import DeviceKind
from tests import examples
from tests.exports.made import NAMES, device, distinct, exported, hostile, profiled

UNITS = ("_us", "_bytes", "_fraction", "_s", "_pct", "_khz")


def document(*runs: Any, baseline: Any = ()) -> dict[str, Any]:
    found = json.loads(exported(Format.JSON, *runs, baseline=baseline))
    assert isinstance(found, dict)
    return found


def test_it_says_what_it_is() -> None:
    found = document(examples.run())
    assert (found["format"], found["version"]) == ("android-bench/summary", 1)
    assert found["generated_at"] == "2026-11-25T20:00:00.000Z"


def test_the_numbers_are_those_of_the_summary() -> None:
    run = examples.run()
    (found,) = document(run)["runs"]
    summary = summarise(run)
    assert summary.latency is not None
    latency = found["latency"]
    assert latency["median_us"] == summary.latency.estimate
    assert (latency["median_low_us"], latency["median_high_us"]) == (2900, 2950)
    assert latency["invocation_means_us"] == list(summary.samples_us)
    assert found["memory"]["monitored_peak_bytes"] == 90 << 20
    assert found["model"]["size_bytes"] == run.artifact.size_bytes
    assert found["invocations"]["planned"] == run.planned


def test_a_quantity_has_its_unit_in_the_name_of_its_key() -> None:
    """Floats are quantities or ratios; what has no unit is listed."""
    run = replace(
        profiled(),
        invocations=(
            *profiled().invocations,
            examples.startup(20, StartupMode.COLD, 9000.0, 5000.0),
            examples.numerics(21, 0, error=0.01),
        ),
    )
    without = {
        "ratio", "ratio_low", "ratio_high", "max_abs_error", "min_cosine", "top1_agreement", "precision",
    }  # fmt: skip

    def look(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                look(item, name)
        elif isinstance(value, list):
            for item in value:
                look(item, key)
        elif isinstance(value, float):
            assert key.endswith(UNITS) or key in without, key

    look(document(run, baseline=distinct(examples.run())), "")


def test_unknown_is_null() -> None:
    (found,) = document(examples.run([]))["runs"]
    assert found["latency"]["median_us"] is None
    assert found["operators"] is None
    assert found["model"]["accuracy_fraction"] is None
    assert found["numerics"] is None


def test_what_is_no_number_is_null() -> None:
    run = examples.run(artifact=examples.artifact(sparsity=float("nan")))
    (found,) = document(run)["runs"]
    assert found["model"]["sparsity_fraction"] is None


def test_startup_modes_and_numerics() -> None:
    run = examples.run()
    more = (
        examples.startup(20, StartupMode.COLD, 9000.0, 5000.0),
        examples.startup(21, StartupMode.WARM, 4000.0, 3000.0),
        examples.numerics(22, 0, error=0.02),
    )
    (found,) = document(replace(run, invocations=(*run.invocations, *more)))["runs"]
    modes = found["startup"]["modes"]
    assert (modes["cold"]["init_median_us"], modes["warm"]["init_median_us"]) == (9000.0, 4000.0)
    assert modes["cold"]["first_inference_median_us"] == 5000.0
    assert found["numerics"]["max_abs_error"] == 0.02


def test_operators_by_type_and_in_order() -> None:
    (found,) = document(profiled())["runs"]
    first = found["operators"]["in_order"][0]
    assert (first["layers"], first["time_us"], first["index"]) == (["conv", "relu"], 100.25, 0)
    assert [item["nested"] for item in found["operators"]["in_order"]] == [
        False,
        False,
        False,
        True,
    ]
    assert found["operators"]["by_type"][0]["node_type"] == "CONV_2D"


def test_a_comparison_names_its_runs_and_units() -> None:
    old = replace(examples.run(), run_id="old", session_id="other")
    new = replace(examples.run([3480, 3490, 3500, 3510, 3520, 3530]), run_id="new")
    found = document(new, baseline=[old])
    (item,) = [one for one in found["comparisons"] if one["metric"] == "latency"]
    assert (item["baseline_run_id"], item["candidate_run_id"]) == ("old", "new")
    assert (item["baseline_us"], item["candidate_us"]) == (2925, 3505)
    assert item["verdict"] == "regressed"
    assert item["ratio_low"] < item["ratio"] < item["ratio_high"]
    assert [run["run_id"] for run in found["baseline_runs"]] == ["old"]


def test_a_host_is_no_phone() -> None:
    (found,) = document(examples.run(device=device(DeviceKind.HOST)))["runs"]
    assert found["device"]["is_phone"] is False
    assert found["device"]["kind"] == "host"
    assert "host-not-phone" in [item["code"] for item in found["findings"]]


@settings(deadline=None)
@given(NAMES)
def test_names_come_back_as_they_are_and_steer_no_terminal(name: str) -> None:
    text = exported(Format.JSON, hostile(name))
    (found,) = json.loads(text)["runs"]
    assert found["model"]["name"] == name
    text.encode()
    assert not any(character in text for character in "\x1b\x7f\x85\u2028\u202e")
