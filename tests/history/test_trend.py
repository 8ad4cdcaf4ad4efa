"""Steps, drifts and what they coincide with: what is found, what is not, and what is said of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from android_bench.analysis.stats import median_interval
from android_bench.history.measures import measure_named
from android_bench.history.series import Point, Series
from android_bench.history.trend import Cause, Trend, trend_of
from android_bench.history.words import amount, drift_sentence, place, sentence
from android_bench.results import DeviceKind
from tests.history.made import sha


def point(index: int, level: float, rng: random.Random, **changes: Any) -> Point:
    samples = tuple(level * (1 + rng.gauss(0, 0.01)) for _ in range(20))
    found = median_interval(samples)
    made = Point(
        run_id=f"run-{index}",
        started_at=f"2026-01-{1 + index % 28:02d}T03:00:00.000Z",
        revision=sha(index, "a"),
        artifact_sha256=sha(index),
        serial="A",
        fingerprint="build-1",
        binary_sha256="b" * 64,
        value=found.estimate,
        low=found.low,
        high=found.high,
        samples=samples,
    )
    return replace(made, **changes)


def series(
    count: int,
    level: Callable[[int], float],
    *,
    measure: str = "latency",
    seed: int = 1,
    change: Callable[[int], dict[str, Any]] = lambda index: {},
) -> Series:
    rng = random.Random(seed)
    return Series(
        key="0" * 12,
        measure=measure_named(measure),
        name="digits",
        device="Acme One",
        kind=DeviceKind.PHONE,
        configuration="cpu, 1 thread",
        branch="main",
        points=tuple(
            point(index, level(index) * (1 + rng.gauss(0, 0.003)), rng, **change(index))
            for index in range(count)
        ),
    )


def exact(values: Sequence[float], measure: str) -> Series:
    made = series(len(values), lambda index: 1.0, measure=measure)
    bare = [
        replace(item, value=value, low=None, high=None, samples=())
        for item, value in zip(made.points, values, strict=True)
    ]
    return replace(made, points=tuple(bare))


def places(trend: Trend) -> list[int]:
    return [change.index for change in trend.changes]


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_found_where_it_is_and_put_between_its_revisions(seed: int) -> None:
    found = trend_of(series(40, lambda day: 3120 if day >= 25 else 3000, seed=seed))
    (change,) = found.changes
    assert change.index == 25
    assert (change.cause, change.worse, change.is_regression) == (Cause.MODEL, True, True)
    assert change.ratio is not None
    assert change.ratio.low is not None
    assert change.ratio.high is not None
    assert 1.03 < change.ratio.low < 1.04 < change.ratio.high < 1.05
    assert found.regressed()
    assert [segment.start for segment in found.segments] == [0, 25]
    said = sentence(change, found.series, ["c1", "c2", "c3"])
    before, after = sha(24, "a")[:12], sha(25, "a")[:12]
    assert f"between {before} and {after} (3 commits)" in said
    assert amount(change, found.series)[:2] in {"+3", "+4"}


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_where_nothing_is(seed: int) -> None:
    found = trend_of(series(60, lambda day: 3000, seed=seed))
    assert (places(found), found.drifting, found.regressed()) == ([], (), False)
    assert found.segments == (found.segments[0],)


def test_two_runs_after_a_step_are_enough_and_one_is_not() -> None:
    def level(day: int) -> float:
        return 3100 if day >= 20 else 3000

    assert places(trend_of(series(21, level))) == []
    assert places(trend_of(series(22, level))) == [20]


def test_one_odd_run_is_no_step() -> None:
    assert places(trend_of(series(30, lambda day: 4500 if day == 12 else 3000))) == []


def test_less_than_one_percent_is_of_no_interest() -> None:
    assert places(trend_of(series(60, lambda day: 3015 if day >= 30 else 3000))) == []


def test_several_steps_up_and_down() -> None:
    levels = [3000, 3200, 2900, 2900, 3050]
    found = trend_of(series(50, lambda day: levels[day // 10]))
    assert places(found) == [10, 20, 40]
    assert [change.worse for change in found.changes] == [True, False, True]


@pytest.mark.parametrize("slope", [0.03, 0.06, 0.15])
def test_a_slope_is_drift_and_no_step(slope: float) -> None:
    found = trend_of(series(40, lambda day: 3000 * (1 + slope * day / 40)))
    assert places(found) == []
    (segment,) = found.drifting
    assert segment.drift is not None
    assert segment.drift.change == pytest.approx(slope, rel=0.35)
    assert not found.regressed()
    assert "little by little over 40 runs" in (drift_sentence(segment, found.series) or "")


def test_a_step_on_a_slope_is_both() -> None:
    found = trend_of(
        series(60, lambda day: 3000 * (1 + 0.04 * day / 60) * (1.08 if day >= 40 else 1))
    )
    assert places(found) == [40]
    assert found.drifting


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"fingerprint": "build-2"}, Cause.DEVICE),
        ({"serial": "B"}, Cause.DEVICE),
        ({"binary_sha256": "c" * 64}, Cause.BINARY),
        ({"serial": "B", "binary_sha256": "c" * 64}, Cause.DEVICE_AND_BINARY),
        ({}, Cause.MODEL),
    ],
)
def test_a_change_is_put_down_to_what_else_changed(changes: dict[str, str], cause: Cause) -> None:
    found = trend_of(
        series(
            30,
            lambda day: 3300 if day >= 15 else 3000,
            change=lambda day: changes if day >= 15 else {},
        )
    )
    (change,) = found.changes
    assert (change.cause, change.is_regression) == (cause, cause is Cause.MODEL)
    assert found.regressed() is (cause is Cause.MODEL)
    assert ("not put down to the model" in sentence(change, found.series)) is (
        cause is not Cause.MODEL
    )


def test_the_same_file_did_not_change_itself() -> None:
    found = trend_of(
        series(
            30,
            lambda day: 3300 if day >= 15 else 3000,
            change=lambda day: {"artifact_sha256": "f" * 64},
        )
    )
    assert [change.cause for change in found.changes] == [Cause.SURROUNDINGS]
    assert not found.regressed()


def test_another_device_that_changes_nothing_is_no_change() -> None:
    found = trend_of(
        series(
            30,
            lambda day: 3000,
            change=lambda day: {"fingerprint": "build-2"} if day >= 15 else {},
        )
    )
    assert found.changes == ()


def test_a_candidate_beside_another_device_is_put_there_where_it_fits_as_well() -> None:
    """Each night has another file, and noise makes the run before the update look as those after it."""
    causes = [
        change.cause
        for seed in range(20)
        for change in trend_of(
            series(
                40,
                lambda day: 3000 * (1.0175 if day >= 20 else 1.007 if day == 19 else 1),
                seed=seed,
                change=lambda day: {"fingerprint": "build-2"} if day >= 20 else {},
            )
        ).changes
    ]
    assert causes.count(Cause.DEVICE) >= 0.85 * len(causes) > 15


def test_a_regression_before_another_device_and_one_after() -> None:
    """Each is put down to its own cause."""
    levels = {0: 3000, 1: 3150, 2: 3600, 3: 3780}
    found = trend_of(
        series(
            60,
            lambda day: levels[day // 15],
            change=lambda day: {"fingerprint": "build-2"} if day >= 30 else {},
        )
    )
    assert [(item.index, item.cause) for item in found.changes] == [
        (15, Cause.MODEL),
        (30, Cause.DEVICE),
        (45, Cause.MODEL),
    ]


def test_a_recovery_is_no_failure_and_an_old_step_is_not_recent() -> None:
    recovered = trend_of(series(45, lambda day: 3200 if 15 <= day < 30 else 3000))
    assert places(recovered) == [15, 30]
    assert not recovered.regressed()
    old = trend_of(series(40, lambda day: 3200 if day >= 20 else 3000))
    assert old.regressed()
    assert old.regressed(recent=20)
    assert not old.regressed(recent=19)


def test_what_has_no_noise_is_compared_as_it_is() -> None:
    sizes = trend_of(exact([1000, 1000, 1004, 1050, 1050], "file-size"))
    assert places(sizes) == [3]
    assert amount(sizes.changes[0], sizes.series) == "+4.6 %"
    assert sizes.regressed()
    accuracy = trend_of(exact([0.902, 0.902, 0.9015, 0.893, 0.893], "accuracy"))
    assert places(accuracy) == [3]
    assert accuracy.changes[0].worse
    assert amount(accuracy.changes[0], accuracy.series) == "-0.9 points"
    nodes = trend_of(exact([300, 300, 299], "delegated-nodes"))
    assert places(nodes) == [2]
    assert nodes.regressed()
    errors = trend_of(exact([0.0, 0.0, 0.02], "numerics-error"))
    assert places(errors) == [2]
    assert errors.regressed()


def test_a_file_s_size_is_its_own_whatever_device_it_is_on() -> None:
    made = exact([1000, 1000, 1200, 1200], "file-size")
    points = [
        replace(item, fingerprint=f"build-{index // 2}") for index, item in enumerate(made.points)
    ]
    assert [item.cause for item in trend_of(replace(made, points=tuple(points))).changes] == [
        Cause.MODEL
    ]


def test_runs_without_revisions_are_told_by_their_times() -> None:
    found = trend_of(
        series(30, lambda day: 3200 if day >= 15 else 3000, change=lambda day: {"revision": None})
    )
    assert place(found.changes[0]) == (
        "between the runs of 2026-01-15 03:00 UTC and 2026-01-16 03:00 UTC"
    )


@given(
    values=st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=25),
    measure=st.sampled_from(["latency", "peak-memory", "file-size", "accuracy"]),
)
@settings(max_examples=60, deadline=None)
def test_segments_and_changes_cover_any_series(values: list[float], measure: str) -> None:
    made = exact(values, measure)
    found = trend_of(made)
    assert [segment.start for segment in found.segments] == [0, *places(found)]
    assert [segment.end for segment in found.segments] == [*places(found), len(values)]
    assert len(found.changes) == len(found.segments) - 1
    # The same series twice as slow has its changes at the same places.
    if measure == "peak-memory":
        doubled = [replace(item, value=item.value * 2) for item in made.points]
        assert places(trend_of(replace(made, points=tuple(doubled)))) == places(found)
