from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from android_bench.analysis.noise import load_floors
from tests import examples
from tests.test_cli import results, tool


def test_all_metrics_are_printed_and_latency_decides(tmp_path: Path) -> None:
    before, after = results(tmp_path, "a", 1.0), results(tmp_path, "b", 1.0)
    done = tool("compare", before, after, "--max-slowdown", "2%")
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0].startswith(
        "unchanged digits.int8 on Acme One (cpu, 1 thread): 2.92 ms → 2.92 ms"
    )
    assert "6 against 6 (exact Mann-Whitney test)" in lines[2]
    assert lines[3:] == [
        "  init: unchanged, 6.39 ms → 6.39 ms, +0.0 %",
        "  first inference: unchanged, 4.39 ms → 4.39 ms, +0.0 %",
        "  peak memory: inconclusive, 90.0 MiB → 90.0 MiB, +0.0 %",
        "  file size: unchanged, 255 kB → 255 kB, +0.0 %",
    ]


def test_a_metric_can_be_made_to_decide(tmp_path: Path) -> None:
    before = results(tmp_path, "a", 1.0)
    after = results(
        tmp_path, "b", 1.0, examples.run(artifact=examples.artifact(size_bytes=300_000))
    )
    compare = ("compare", before, after, "--max-slowdown", "2%")
    assert tool(*compare).exit_code == 0
    assert tool(*compare, "--metric", "file-size").exit_code == 3
    assert tool(*compare, "--metric", "peak-memory").exit_code == 4
    assert tool(*compare, "--metric", "speed").exit_code == 2


def test_one_session_is_compared_by_rounds(tmp_path: Path) -> None:
    one = results(tmp_path, "a", 1.0, examples.run(name="old"))
    other = results(tmp_path, "b", 1.0, examples.run(name="new"))
    data = json.loads(tool("compare", one, other, "--json").stdout)
    assert [item["metric"] for item in data] == [
        "latency", "init", "first-inference", "peak-memory", "file-size",
    ]  # fmt: skip
    assert data[0]["method"] == "paired"
    assert data[3]["method"] == "independent"
    assert data[4]["method"] == "exact"


def test_cautions_stand_beside_a_comparison_and_not_among_the_data(tmp_path: Path) -> None:
    drifting = examples.run(tuple(range(2900, 3000, 10)), session_id="other")
    before, after = results(tmp_path, "a", 1.0), results(tmp_path, "b", 1.0, drifting)
    done = tool("compare", before, after)
    assert "Latency drifted while measuring" in done.stderr
    assert "Latency drifted" not in done.stdout
    data = json.loads(tool("compare", before, after, "--json").stdout)
    assert data[0]["cautions"][0]["code"] == "drift-between-sessions"
    assert data[0]["cautions"][0]["severity"] == "warning"


def test_noise_is_printed_written_and_used(tmp_path: Path) -> None:
    again = tmp_path / "again"
    for number in range(5):
        results(again, str(number), 1 + number / 100)
    done = tool("noise", again, "-o", tmp_path / "noise.json")
    assert done.exit_code == 0, done.output
    assert "between sessions" in done.stdout
    (floor,) = load_floors(tmp_path / "noise.json")
    assert floor.runs == 5
    assert json.loads(tool("noise", again, "--json").stdout)["floors"][0]["runs"] == 5

    before, after = results(tmp_path, "a", 1.0), results(tmp_path, "b", 1.04)
    assert tool("compare", before, after).exit_code == 3
    for source in (tmp_path / "noise.json", again):
        judged = tool("compare", before, after, "--noise-floor", source)
        assert judged.exit_code == 0, judged.output
        assert "this noise floor is the gate" in judged.stdout


def test_few_runs_are_said_to_be_few(tmp_path: Path) -> None:
    results(tmp_path, "a", 1.0)
    results(tmp_path, "b", 1.001)
    assert "measure five or more" in tool("noise", tmp_path).stderr


@pytest.mark.parametrize("command", ["noise", "compare"])
def test_nothing_measured_twice_is_a_sentence_and_a_recipe(tmp_path: Path, command: str) -> None:
    once = results(tmp_path, "a", 1.0)
    words = [once] if command == "noise" else [once, once, "--noise-floor", once]
    done = tool(command, *words)
    assert done.exit_code == 1
    assert "holds no two runs of one model" in done.stderr
    assert "android-bench run" in done.stderr


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "[bold]x\x1b[31m"
    hostile = replace(examples.run(name=name), run_id="hostile")
    where = results(tmp_path, "a", 1.0, hostile)
    done = tool("compare", where, where)
    assert "[bold]x" in done.stdout
    assert "\x1b" not in done.stdout
