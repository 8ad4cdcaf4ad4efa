from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from android_bench import schema
from android_bench.analysis.compare import compare_runs
from android_bench.analysis.noise import (
    NoiseFloor,
    Scope,
    dumps,
    floor_for,
    load_floors,
    noise_floors,
    required_floors,
)
from android_bench.analysis.stats import student_quantile
from android_bench.config import BenchmarkConfig
from android_bench.errors import ResultError
from android_bench.results import BenchmarkRun
from tests import examples

STEADY = (2920.0, 2900, 2940, 2910, 2950, 2930)


def again(factor: float, session: str, **changes: object) -> BenchmarkRun:
    run = examples.run([value * factor for value in STEADY], session_id=session, **changes)
    return replace(run, run_id=f"{session}-{factor}-{run.artifact.name}")


def test_two_sessions_of_one_model_tell_a_floor() -> None:
    (floor,) = noise_floors([again(1.0, "a"), again(1.01, "b")])
    assert (floor.scope, floor.runs, floor.pairs, floor.degrees) == (
        Scope.BETWEEN_SESSIONS, 2, 1, 1,
    )  # fmt: skip
    assert floor.largest == pytest.approx(0.01)
    assert floor.typical == pytest.approx(0.01)
    # Student's t with one degree of freedom: 12.706 of every table.
    assert math.log1p(floor.floor) == pytest.approx(12.706 * math.log(1.01), rel=1e-3)


def test_runs_of_one_session_and_of_several_are_kept_apart() -> None:
    runs = [again(1.0, "a"), again(1.002, "a"), again(1.05, "b"), again(1.051, "b")]
    within, between = sorted(noise_floors(runs), key=lambda floor: floor.typical)
    assert (within.scope, within.pairs, within.degrees) == (Scope.WITHIN_SESSION, 2, 2)
    assert (between.scope, between.pairs, between.degrees) == (Scope.BETWEEN_SESSIONS, 4, 1)
    assert within.largest < 0.003
    assert between.typical > 0.04


def test_only_the_same_thing_is_compared_with_itself() -> None:
    other_model = examples.artifact(sha256="c" * 64)
    runs = [
        again(1.0, "a"),
        again(1.5, "b", artifact=other_model),
        again(1.5, "c", config=BenchmarkConfig(num_threads=4)),
        again(1.5, "d", binary=replace(examples.BINARY, sha256="d" * 64)),
        replace(again(1.5, "e"), invocations=()),
    ]
    assert noise_floors(runs) == ()
    with pytest.raises(ResultError, match="no two runs of one model") as error:
        required_floors(runs, where="results")
    assert "android-bench run" in (error.value.hint or "")


def test_a_further_measurement_stays_below_the_floor_as_often_as_it_says() -> None:
    """Five sessions that differ by chance tell the floor; the next two stay within it 95 times in 100."""
    rng = random.Random(5)
    below, tries = 0, 400
    for _ in range(tries):
        runs = [again(math.exp(rng.gauss(0, 0.01)), f"s{number}") for number in range(7)]
        (floor,) = noise_floors(runs[:5])
        assert floor.degrees == 4
        new = compare_runs(runs[5], runs[6]).ratio
        assert new is not None
        below += abs(math.log(new.estimate)) < math.log1p(floor.floor)
    assert 0.92 <= below / tries <= 0.98


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (30, 2.0423)]
)
def test_students_t_is_that_of_the_tables(degrees: int, quantile: float) -> None:
    assert student_quantile(degrees, 0.975) == pytest.approx(quantile, abs=1e-4)


def test_a_floor_is_written_and_read(tmp_path: Path) -> None:
    floors = noise_floors([again(1.0, "a"), again(1.01, "b")])
    (tmp_path / "noise.json").write_text(dumps(floors))
    assert load_floors(tmp_path / "noise.json") == floors


def test_a_floor_is_found_in_results(tmp_path: Path) -> None:
    for number, session in enumerate(("a", "b")):
        (tmp_path / session).mkdir()
        text = schema.dumps(again(1 + number / 100, session))
        (tmp_path / session / "run.json").write_text(text)
    (floor,) = load_floors(tmp_path)
    assert floor.runs == 2
    with pytest.raises(ResultError, match="no two runs"):
        load_floors(tmp_path / "a" / "run.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a run"),
        ('{"format": "android-bench/noise-floor", "version": 2}', "has version 2"),
        ('{"format": "android-bench/noise-floor", "version": 1}', "is damaged"),
        (
            '{"format": "android-bench/noise-floor", "version": 1, "floors": [{"device": 1}]}',
            r"is damaged: 0\.",
        ),
    ],
)
def test_what_is_no_floor_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "noise.json"
    file.write_text(text)
    with pytest.raises(ResultError, match=message):
        load_floors(file)


def test_the_floor_of_the_device_and_the_scope_counts() -> None:
    def floor(device: str, scope: Scope) -> NoiseFloor:
        return NoiseFloor(
            device=device, scope=scope, floor=0.02, typical=0.01, largest=0.01, runs=5, pairs=10, degrees=4
        )  # fmt: skip

    floors = [floor("One", Scope.WITHIN_SESSION), floor("Two", Scope.BETWEEN_SESSIONS)]
    assert floor_for(floors, device="One", scope=Scope.WITHIN_SESSION) is floors[0]
    assert floor_for(floors, device="One", scope=Scope.BETWEEN_SESSIONS) is None
    assert json.loads(dumps(floors))["floors"][0]["scope"] == "within-session"
