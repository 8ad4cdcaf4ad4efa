"""Whether a device is fit, and the bounded wait until it is, with a clock of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.device.fitness import Fitness, Waited, wait_until_fit
from android_bench.results import Conditions, CpuCluster, DeviceInfo, DeviceKind

PHONE = DeviceInfo(
    serial="R5",
    kind=DeviceKind.PHONE,
    model="Phone",
    clusters=(
        CpuCluster(cpus=(0, 1), max_khz=1_800_000),
        CpuCluster(cpus=(2, 3), max_khz=2_400_000),
    ),
)
FULL = {0: 1_800_000, 1: 1_800_000, 2: 2_400_000, 3: 2_400_000}
LOWERED = {**FULL, 2: 1_500_000, 3: 1_500_000}
COOL = Conditions(
    taken_at="",
    battery_level_pct=80,
    battery_temperature_c=27.0,
    charging=False,
    thermal_status=0,
    power_save=False,
    cpu_limit_khz=FULL,
    other_inferences=0,
)


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def reader(*states: Conditions) -> Callable[[], Conditions]:
    """The states one after the other, the last for ever."""

    def endless() -> Iterator[Conditions]:
        yield from states
        while True:
            yield states[-1]

    source = endless()
    return lambda: next(source)


def wait(
    *states: Conditions, limit_s: float = 60, **options: object
) -> tuple[Waited, list[str], Clock]:
    clock, told = Clock(), list[str]()
    waited = wait_until_fit(
        reader(*states),
        PHONE,
        limit_s=limit_s,
        tell=told.append,
        sleep=clock.sleep,
        clock=clock,
        **options,  # type: ignore[arg-type]
    )
    return waited, told, clock


def test_a_cool_phone_is_fit() -> None:
    assert Fitness().reasons(COOL, PHONE) == ()


def test_a_phone_that_tells_nothing_is_fit() -> None:
    assert Fitness().reasons(Conditions(taken_at=""), PHONE) == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"thermal_status": 1}, "its thermal status is 1 (light)"),
        ({"thermal_status": 9}, "its thermal status is 9 (shutdown)"),
        ({"battery_temperature_c": 38.04}, "its battery is at 38.0 °C, 35.0 °C at most"),
        ({"battery_level_pct": 19}, "its battery holds 19 %, 20 % at least"),
        ({"power_save": True}, "battery saver is on"),
        ({"other_inferences": 2}, "2 other inferences at work"),
        ({"cpu_limit_khz": LOWERED}, "cpus 2-3 may run at 1.50 GHz only, not 2.40 GHz"),
    ],
)
def test_what_speaks_against_a_phone(change: dict[str, object], says: str) -> None:
    assert Fitness().reasons(replace(COOL, **change), PHONE) == (says,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"battery_temperature_c": 35.0},
        {"battery_level_pct": 20},
        {"charging": True},
        {"cpu_limit_khz": {0: 1_800_000}},
        {"cpu_limit_khz": {9: 1}},
        {"screen_on": True},
    ],
)
def test_what_does_not(change: dict[str, object]) -> None:
    assert Fitness().reasons(replace(COOL, **change), PHONE) == ()  # type: ignore[arg-type]


def test_limits_are_held_against_those_of_a_cool_phone_if_they_are_known() -> None:
    capped = replace(COOL, cpu_limit_khz=LOWERED)
    assert Fitness().reasons(capped, PHONE, usual_khz=LOWERED) == ()
    assert Fitness().reasons(
        replace(COOL, cpu_limit_khz={**LOWERED, 2: 1_000_000}), PHONE, usual_khz=LOWERED
    ) == ("cpus 2 may run at 1.00 GHz only, not 1.50 GHz",)


def test_thresholds_can_be_set() -> None:
    warm = replace(COOL, battery_temperature_c=36.0, thermal_status=1, battery_level_pct=10)
    lax = Fitness(max_battery_c=40, max_thermal_status=1, min_battery_pct=5)
    assert lax.reasons(warm, PHONE) == ()


def test_a_fit_phone_is_not_waited_for() -> None:
    waited, told, clock = wait(COOL)
    assert (waited.fit, waited.seconds, waited.conditions) == (True, 0, COOL)
    assert (told, clock.slept) == ([], [])


def test_it_is_waited_until_it_is_cool_and_no_longer() -> None:
    hot = replace(COOL, thermal_status=2)
    waited, told, clock = wait(hot, hot, COOL)
    assert waited.fit
    assert waited.seconds == 10
    assert clock.slept == [5, 5]
    assert told == [
        "Waiting for Phone, 60 s at most: its thermal status is 2 (moderate).",
    ]


def test_each_change_of_the_reason_is_told_and_a_value_now_and_then() -> None:
    warm = [replace(COOL, battery_temperature_c=40 - step / 10) for step in range(9)]
    both = replace(COOL, battery_temperature_c=39.0, thermal_status=1)
    _, told, _ = wait(both, *warm, COOL)
    assert [line.partition("most: ")[2] for line in told] == [
        "its thermal status is 1 (light); its battery is at 39.0 °C, 35.0 °C at most.",
        "its battery is at 40.0 °C, 35.0 °C at most.",
        "its battery is at 39.4 °C, 35.0 °C at most.",
    ]


@given(limit_s=st.floats(0.1, 1000), poll_s=st.floats(0.5, 60))
def test_the_wait_is_bounded_and_says_what_is_left(limit_s: float, poll_s: float) -> None:
    waited, told, clock = wait(replace(COOL, thermal_status=3), limit_s=limit_s, poll_s=poll_s)
    assert not waited.fit
    assert waited.reasons_left == ("its thermal status is 3 (severe)",)
    assert waited.seconds == pytest.approx(limit_s)
    assert sum(clock.slept) == pytest.approx(limit_s)
    assert told[-1] == "Phone is measured although its thermal status is 3 (severe)."


@pytest.mark.parametrize(
    "change",
    [{"power_save": True}, {"battery_level_pct": 3}, {"power_save": True, "thermal_status": 0}],
)
def test_what_does_not_pass_by_itself_is_not_waited_for(change: dict[str, object]) -> None:
    waited, told, clock = wait(replace(COOL, **change))  # type: ignore[arg-type]
    assert not waited.fit
    assert clock.slept == []
    assert len(told) == 1


def test_an_empty_battery_that_is_charged_is_waited_for() -> None:
    low = replace(COOL, battery_level_pct=19, charging=True)
    waited, _, _ = wait(low, low, COOL)
    assert (waited.fit, waited.seconds) == (True, 10)


def test_a_phone_that_always_caps_its_clocks_is_waited_for_once() -> None:
    capped = replace(COOL, cpu_limit_khz=LOWERED)
    waited, _, _ = wait(capped)
    assert (waited.fit, waited.seconds) == (True, 15)
    assert waited.usual_khz == LOWERED
    again, _, clock = wait(capped, usual_khz=waited.usual_khz)
    assert (again.fit, clock.slept) == (True, [])


def test_limits_that_still_rise_are_waited_for() -> None:
    """Each step restarts the settling; at the hardware's own limit nothing is left to wait for."""
    steps = [
        replace(COOL, cpu_limit_khz={**FULL, 2: khz}) for khz in (1_000_000, 1_500_000, 2_000_000)
    ]
    waited, _, _ = wait(*[state for state in steps for _ in range(2)], COOL)
    assert (waited.fit, waited.seconds) == (True, 30)
    assert waited.usual_khz == FULL


def test_a_hot_phones_limits_never_become_what_is_usual() -> None:
    hot = replace(COOL, cpu_limit_khz=LOWERED, thermal_status=1)
    waited, _, _ = wait(hot)
    assert not waited.fit
    assert waited.usual_khz == {}
    assert len(waited.reasons_left) == 2


def test_a_limit_that_fell_in_the_session_is_throttling_however_long_it_stays() -> None:
    waited, _, _ = wait(replace(COOL, cpu_limit_khz=LOWERED), usual_khz=FULL)
    assert (waited.fit, waited.seconds) == (False, 60)


def test_where_the_hardwares_limit_is_unknown_the_first_reading_is_remembered() -> None:
    clock = Clock()
    unknown = replace(PHONE, clusters=())
    first = wait_until_fit(
        reader(COOL), unknown, limit_s=60, tell=str, sleep=clock.sleep, clock=clock
    )
    later = wait_until_fit(
        reader(replace(COOL, cpu_limit_khz=LOWERED)),
        unknown,
        limit_s=60,
        tell=str,
        usual_khz=first.usual_khz,
        sleep=clock.sleep,
        clock=clock,
    )
    assert (first.fit, later.fit) == (True, False)


def test_the_length_of_a_reading_counts() -> None:
    clock = Clock()

    def slow() -> Conditions:
        clock.now += 20
        return replace(COOL, thermal_status=2)

    waited = wait_until_fit(slow, PHONE, limit_s=30, tell=str, sleep=clock.sleep, clock=clock)
    assert waited.seconds == 45
