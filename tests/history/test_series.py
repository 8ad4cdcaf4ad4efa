"""Runs become series: what belongs together, what does not, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from android_bench.config import BenchmarkConfig, StartupMode
from android_bench.errors import UsageError
from android_bench.history import History
from android_bench.results import BenchmarkRun, DeviceInfo, DeviceKind, MemorySummary
from optimizer.artifact import Fidelity
from tests import examples
from tests.history.made import nights, run_on_day


def labels(history: History, **asked: str) -> list[tuple[str, int]]:
    return [(series.label, len(series.points)) for series in history.series(**asked)]


def test_a_series_is_one_model_device_configuration_and_branch(history: History) -> None:
    host = DeviceInfo(serial="host", kind=DeviceKind.HOST, model="CI runner")
    history.add(nights(3, lambda day: 3000.0), branch="main")
    history.add([run_on_day(9)], branch="work")
    history.add([run_on_day(9, name="other")])
    history.add([run_on_day(9, seed=1, config=BenchmarkConfig(num_threads=4))], branch="main")
    history.add([run_on_day(9, seed=2, device=host)], branch="main")
    history.add([run_on_day(9, seed=3, complete=False)], branch="main")
    assert labels(history) == [
        ("digits.int8 on Acme One, cpu, 1 thread, main", 3),
        ("digits.int8 on Acme One, cpu, 1 thread, work", 1),
        ("digits.int8 on Acme One, cpu, 4 threads, main", 1),
        ("digits.int8 on CI runner (host), cpu, 1 thread, main", 1),
        ("other on Acme One, cpu, 1 thread", 1),
    ]
    assert labels(history, branch="work") == [("digits.int8 on Acme One, cpu, 1 thread, work", 1)]
    assert labels(history, device="host", name="other") == []
    days = [point.started_at[8:10] for point in history.series(branch="main")[0].points]
    assert days == ["01", "02", "03"]
    assert [len(series.points) for series in history.series(branch="main", last=2)] == [2, 1, 1]


def test_the_number_of_invocations_makes_no_other_series(history: History) -> None:
    history.add([run_on_day(0), run_on_day(1, config=BenchmarkConfig(invocations=60))])
    assert labels(history) == [("digits.int8 on Acme One, cpu, 1 thread", 2)]


def test_configurations_that_only_read_alike_are_told_apart(history: History) -> None:
    history.add([run_on_day(0), run_on_day(1, config=BenchmarkConfig(min_s=5.0))])
    found = history.series()
    assert len(found) == len({series.label for series in found}) == 2
    assert all("cpu, 1 thread #" in series.label for series in found)


@pytest.mark.parametrize(
    ("serials", "points"),
    [
        (("A", "A", "B", "B"), [4]),  # B took the place of A
        (("A", "B", "A", "B"), [2, 2]),  # they take turns
        (("10.0.0.1:5555", "10.0.0.2:5555", "10.0.0.1:5555"), [3]),  # an address is no phone
    ],
)
def test_phones_of_one_model(history: History, serials: tuple[str, ...], points: list[int]) -> None:
    for day, serial in enumerate(serials):
        history.add([run_on_day(day, device=replace(examples.PHONE, serial=serial))])
    assert [len(series.points) for series in history.series()] == points
    assert len({series.label for series in history.series()}) == len(points)


def test_emulators_are_marked_and_their_ports_do_not_matter(history: History) -> None:
    for day, port in enumerate((5554, 5556, 5554)):
        device = DeviceInfo(serial=f"emulator-{port}", kind=DeviceKind.EMULATOR, model="AVD")
        history.add([run_on_day(day, device=device)])
    assert labels(history) == [("digits.int8 on AVD (emulator), cpu, 1 thread", 3)]


def rich_run() -> BenchmarkRun:
    peak = MemorySummary(peak_bytes=50 << 20)
    run = examples.run(
        invocations=(
            *(examples.timing(index, 1000.0 + index) for index in range(1, 8)),
            examples.timing(8, 1000, kind=examples.InvocationKind.MEMORY, memory=peak),
            *(examples.startup(9 + index, StartupMode.COLD, 9000.0, 4000.0) for index in range(3)),
            examples.numerics(20, 0, error=0.25),
        )
    )
    fidelity = Fidelity(samples=10, max_abs_error=0.1, cosine=0.99, accuracy=0.9)
    return replace(run, artifact=replace(run.artifact, fidelity=fidelity))


def test_every_measure_that_a_run_tells_has_a_series(history: History) -> None:
    history.add([rich_run()])
    assert history.known_measures() == (
        "latency", "init", "first-inference", "startup-cold", "peak-memory", "file-size", "gzip-size",
        "accuracy", "numerics-error",
    )  # fmt: skip
    values = {name: history.series(measure=name)[0].points[0] for name in history.known_measures()}
    assert values["latency"].value == 1004.0
    assert values["latency"].samples == tuple(1000.0 + index for index in range(1, 8))
    assert (values["latency"].low, values["latency"].high) == (1001.0, 1007.0)
    assert values["startup-cold"].value == 13000.0
    assert values["peak-memory"].value == 50 << 20
    assert values["file-size"].value == 254_904
    assert values["accuracy"].value == 0.9
    assert values["numerics-error"].value == 0.25
    # One key for all that is measured of the same thing.
    assert len({history.series(measure=name)[0].key for name in values}) == 1


def test_an_unknown_measure_is_named(history: History) -> None:
    with pytest.raises(UsageError, match="'speed' is no measure") as raised:
        history.series(measure="speed")
    assert "latency, init" in (raised.value.hint or "")
