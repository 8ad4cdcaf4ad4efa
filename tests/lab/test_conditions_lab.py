"""What a device tells of its state, and which cores a program gets, on a real adbd under both kinds of shell."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from android_bench.device import Device
from android_bench.device.cores import mask_of
from android_bench.device.fitness import Fitness, wait_until_fit
from android_bench.results import CpuCluster
from android_bench.transport.discovery import open_transport
from tests.lab.conftest import MakeDevice
from tests.lab.device import VirtualDevice
from tests.lab.processes import until

pytestmark = pytest.mark.xdist_group("lab")
EIGHT = (
    ((0, 1, 2, 3), 1_800_000, 300),
    ((4, 5, 6), 2_400_000, 800),
    ((7,), 3_000_000, 1024),
)


@pytest.fixture(params=[False, True], ids=["dash", "mksh-toybox"])
def virtual(make_device: MakeDevice, request: pytest.FixtureRequest) -> VirtualDevice:
    return make_device(android_shell=request.param, clusters=EIGHT)


@pytest.fixture
def phone(virtual: VirtualDevice) -> Iterator[Device]:
    device = Device(open_transport(virtual.serial))
    yield device
    device.transport.close()


def test_the_cores_of_a_phone(virtual: VirtualDevice, phone: Device) -> None:
    info = phone.info()
    assert info.clusters == tuple(CpuCluster(cpus=cpus, max_khz=khz) for cpus, khz, _ in EIGHT)
    assert (info.cpu_count, info.build_type) == (8, "userdebug")
    virtual.clocks.put_to_sleep(6)
    assert phone.info().clusters == info.clusters
    virtual.clocks.hide()
    assert [cluster.max_khz for cluster in phone.info().clusters] == [None, None, None]


def test_everything_is_read_and_follows_the_device(virtual: VirtualDevice, phone: Device) -> None:
    virtual.set_battery(level=47, temperature_c=31.5, charging=False)
    virtual.set_thermal_status(2)
    virtual.set_low_power(on=True)
    virtual.set_screen(on=False)
    virtual.clocks.run_at(4, 1_200_000)
    virtual.clocks.limit(7, 1_500_000)
    virtual.clocks.put_to_sleep(6)
    found = phone.read_conditions()
    assert (found.battery_level_pct, found.battery_temperature_c) == (47, 31.5)
    assert (found.charging, found.thermal_status, found.power_save) == (False, 2, True)
    assert found.screen_on is False
    assert found.cpu_khz == {
        **dict.fromkeys((0, 1, 2, 3), 900_000),
        **dict.fromkeys((4, 5), 1_200_000),
        7: 1_500_000,
    }
    assert found.cpu_limit_khz[7] == 1_500_000
    assert set(found.governors.values()) == {"schedutil"}
    assert found.uptime_s
    assert found.cpu_busy_s
    assert found.load_1min is not None
    assert found.memory_available_bytes
    assert found.other_inferences == 0


def test_the_screen_is_known_by_its_property_where_there_is_one(
    virtual: VirtualDevice, phone: Device
) -> None:
    virtual.set_screen(on=True)
    virtual.set_property("debug.tracing.screen_state", "1")
    assert phone.read_conditions().screen_on is False


def test_a_phone_that_hides_its_clocks_says_nothing_of_them(
    virtual: VirtualDevice, phone: Device
) -> None:
    virtual.clocks.hide()
    found = phone.read_conditions()
    assert (found.cpu_khz, found.cpu_limit_khz, found.governors) == ({}, {}, {})


def test_work_between_two_readings_is_seen(phone: Device) -> None:
    before = phone.read_conditions()
    phone.transport.shell("n=0; while [ $n -lt 300000 ]; do n=$((n + 1)); done")
    after = phone.read_conditions()
    assert before.cpu_busy_s is not None
    assert after.cpu_busy_s is not None
    assert after.cpu_busy_s - before.cpu_busy_s > 0.05
    assert (after.uptime_s or 0) > (before.uptime_s or 0)


def test_somebody_elses_inference_is_counted_and_its_shell_is_not(
    virtual: VirtualDevice, phone: Device
) -> None:
    other = Device(open_transport(virtual.serial))
    script = "cp $(command -v sh) /data/local/tmp/bench; /data/local/tmp/bench -c 'read x </data/local/tmp/end' bench --graph=m.tflite; :"
    phone.transport.shell("mkfifo /data/local/tmp/end")
    thread = threading.Thread(target=other.transport.shell, args=(script,))
    thread.start()
    until(lambda: phone.read_conditions().other_inferences == 1)
    phone.transport.shell("echo >/data/local/tmp/end")
    thread.join()
    assert phone.read_conditions().other_inferences == 0
    other.transport.close()


def test_a_reading_is_short_enough_to_be_made_between_measurements(phone: Device) -> None:
    """Not a matter of time, which is no test's: how many processes it starts."""
    script = "read -r a b c d e </proc/loadavg; echo ${e##*/}"  # the last process id
    first = int(phone.transport.shell(script).stdout)
    phone.read_conditions()
    last = int(phone.transport.shell(script).stdout)
    # Its own shell, five pipes with what they ask, and what the fakes of Android's commands start themselves.
    assert last - first < 60


# Waiting


def test_a_throttled_phone_is_waited_for(virtual: VirtualDevice, phone: Device) -> None:
    info = phone.info()
    virtual.set_thermal_status(3)
    virtual.clocks.limit(7, 1_000_000)
    assert Fitness().reasons(phone.read_conditions(), info) == (
        "its thermal status is 3 (severe)",
        "cpus 7 may run at 1.00 GHz only, not 3.00 GHz",
    )
    told: list[str] = []

    def cool(_: float) -> None:
        virtual.set_thermal_status(0)
        virtual.clocks.limit(7, 3_000_000)

    waited = wait_until_fit(phone.read_conditions, info, limit_s=60, tell=told.append, sleep=cool)
    assert waited.fit
    assert len(told) == 1


# Cores


@pytest.mark.parametrize("shell", [False, True], ids=["dash", "mksh-toybox"])
@pytest.mark.parametrize("word", ["little", "big", "0-0", "0x3"])
def test_a_mask_holds_for_a_program_that_runs(
    make_device: MakeDevice, shell: bool, word: str
) -> None:
    """Read back from the kernel while the program runs."""
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("this machine has fewer than two cores to choose from")
    virtual = make_device(android_shell=shell)
    phone, other = (Device(open_transport(virtual.serial)) for _ in range(2))
    chosen = mask_of(word, phone.info())
    # By its path: toybox runs its own commands inside itself, under its own name.
    sleeper = ["taskset", chosen.mask, "/usr/bin/sleep", "7031"]
    job = threading.Thread(target=phone.capture, args=(sleeper,), kwargs={"timeout_s": 60})
    job.start()
    ask = "for p in $(pgrep -fx '/usr/bin/sleep 7031'); do grep Cpus_allowed: /proc/$p/status; done"

    def allowed() -> str:
        return other.transport.shell(ask).stdout

    until(allowed)
    [line] = allowed().splitlines()
    assert int(line.split()[1].replace(",", ""), 16) == int(chosen.mask, 16)
    other.transport.shell("kill $(pgrep -fx '/usr/bin/sleep 7031')")
    job.join()
    for device in (phone, other):
        device.transport.close()
