"""Waiting for a quiet processor, with a clock of our own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.emulator.boot import Bounds, parse_processor_times, wait_for_quiet
from android_bench.errors import UsageError


class Machine:
    """Two cores whose load follows a script, a second an entry; its last entry stays."""

    def __init__(self, load: list[float | None]) -> None:
        self.now = 0.0
        self._load, self._busy, self._all = load, 0.0, 0.0

    def sleep(self, seconds: float) -> None:
        load = self._load[min(int(self.now), len(self._load) - 1)]
        self._busy += 2 * seconds * (load or 0)
        self._all += 2 * seconds
        self.now += seconds

    def read(self) -> tuple[float, float] | None:
        load = self._load[min(int(self.now), len(self._load) - 1)]
        return None if load is None else (self._busy, self._all)


def wait(load: list[float | None], *, for_s: float = 3, at_most: float = 60) -> tuple[bool, float]:
    machine = Machine(load)
    quiet = wait_for_quiet(
        machine.read,
        share=0.1,
        for_s=for_s,
        deadline=at_most,
        clock=lambda: machine.now,
        sleep=machine.sleep,
    )
    return quiet, machine.now


def test_quiet_from_the_start_takes_as_long_as_it_has_to_be_seen() -> None:
    assert wait([0.0]) == (True, 3)


def test_work_in_between_begins_the_count_again() -> None:
    assert wait([0.05, 0.05, 0.9, 0.0]) == (True, 6)


def test_never_quiet_ends_in_time() -> None:
    assert wait([0.5], at_most=20) == (False, 20)


def test_what_cannot_be_read_is_not_quiet() -> None:
    assert wait([None, None, 0.0])[0]
    assert wait([None], at_most=10) == (False, 10)


@given(st.lists(st.floats(0, 1) | st.none(), min_size=1, max_size=90))
def test_it_is_quiet_only_after_quiet_seconds_in_a_row(load: list[float | None]) -> None:
    quiet, took = wait(load)
    assert took <= 60
    if quiet:
        last = [load[min(second, len(load) - 1)] for second in range(int(took) - 3, int(took))]
        assert all(part is not None and part < 0.1 + 1e-9 for part in last)


def test_the_first_line_of_proc_stat() -> None:
    line = "cpu  100 5 50 800 40 3 2 0 60 1"
    # 100 + 5 + 50 + 3 + 2 of 1000: waiting for a disk is idle, guests are part of user.
    assert parse_processor_times(line) == (160, 1000)
    assert parse_processor_times("") is None
    assert parse_processor_times("cpu x y z a b") is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    parse_processor_times(text)


@pytest.mark.parametrize("make", [lambda: Bounds(boot_s=0), lambda: Bounds(quiet_for_s=-1)])
def test_waits_that_cannot_be(make: Callable[[], Bounds]) -> None:
    with pytest.raises(UsageError):
        make()
