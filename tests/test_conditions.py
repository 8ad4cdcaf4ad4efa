"""What a device's services and kernel say of its state: read right, or unknown."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from android_bench.device import conditions
from android_bench.device.dumpsys import parse_battery, parse_screen, parse_thermal, plausible_c
from android_bench.results import Conditions

FIXTURES = Path(__file__).parent / "fixtures" / "android"
SHELLS = [name for name in ("sh", "dash", "bash", "mksh", "busybox") if shutil.which(name)]
SECTIONS = (
    *("load", "uptime", "stat", "memory", "cores", "zones"),
    *("battery", "thermal", "low_power", "screen", "inferences"),
)
UNKNOWN = Conditions(taken_at="")


def text(name: str) -> str:
    return (FIXTURES / f"{name}.txt").read_text()


def known(found: Conditions) -> dict[str, object]:
    """Every field that says something."""
    fields = [name for name in Conditions.__dataclass_fields__ if name != "taken_at"]
    return {
        name: getattr(found, name) for name in fields if getattr(found, name) not in (None, {}, ())
    }


def test_a_whole_reading() -> None:
    found = conditions.parse(
        {
            "battery": text("battery.15"),
            "thermal": text("thermalservice.15"),
            "low_power": "0",
            "screen": "2",
            "load": "1.52 1.1 0.9 2/900 12345",
            "uptime": "84321.17 600000.00",
            "stat": "cpu  1000 20 300 90000 500 10 15 5 40 0",
            "memory": "MemAvailable: 4000000 kB",
            "cores": "0 614400 1785600 walt\n1 - 1785600 -\n7 2850000 2850000 walt",
            "inferences": "visible\n",
        },
        user_hz=100,
    )
    assert known(found) == {
        "battery_level_pct": 85,
        "battery_temperature_c": 29.3,
        "charging": True,
        "thermal_status": 1,
        "temperatures_c": {
            "VIRTUAL-SKIN": 36.6,
            "battery": 29.3,
            "LITTLE": 43.0,
            "BIG": 44.0,
            "USB-PORT": -1.5,
        },
        "power_save": False,
        "load_1min": 1.52,
        "memory_available_bytes": 4_000_000 * 1024,
        "cpu_khz": {0: 614400, 7: 2850000},
        "cpu_limit_khz": {0: 1785600, 1: 1785600, 7: 2850000},
        "governors": {0: "walt", 7: "walt"},
        "screen_on": True,
        "uptime_s": 84321.17,
        "cpu_busy_s": 13.5,
        "other_inferences": 0,
    }


@given(st.dictionaries(st.sampled_from(SECTIONS), st.text()))
def test_whatever_is_said_is_never_an_error(texts: dict[str, str]) -> None:
    conditions.parse(texts)


@pytest.mark.parametrize(
    "refusal",
    [
        "",
        "Permission denied",
        "Can't find service: thermalservice",
        "cmd: Failure calling service settings: Broken pipe (32)",
        "/system/bin/sh: can't open /proc/stat: Permission denied",
        "Permission Denial: can't dump BatteryService from pid=1, uid=2000",
        "null",
        "- - - -",
        "0",
    ],
)
def test_a_refusal_is_unknown_and_never_zero(refusal: str) -> None:
    found = known(conditions.parse(dict.fromkeys(SECTIONS, refusal)))
    # "0" is an answer of the settings, and an uptime and load that a kernel may tell.
    assert found == (
        {"power_save": False, "load_1min": 0.0, "uptime_s": 0.0} if refusal == "0" else {}
    )
    assert known(conditions.parse({})) == {}


# Battery


@pytest.mark.parametrize("release", ["8", "10", "13", "15"])
def test_the_battery_as_each_android_tells_it(release: str) -> None:
    found = parse_battery(text(f"battery.{release}"))
    assert (found.level_pct, found.temperature_c, found.charging) == (85, 29.3, True)


@pytest.mark.parametrize(
    ("status", "charging"), [("1", True), ("2", True), ("3", False), ("4", False), ("5", False)]
)
def test_on_a_cable_and_full_or_held_it_does_not_charge(status: str, charging: bool) -> None:
    said = text("battery.15").replace("status: 2", f"status: {status}")
    assert parse_battery(said).charging is charging
    assert parse_battery(said.replace("powered: true", "powered: false")).charging is False


def test_what_a_maker_appends_changes_nothing() -> None:
    whole = text("battery.15")
    logs = "  LED Charging: true\n  level: 3\n  temperature: 0\n  status: 3\nUSB powered: false\n"
    assert parse_battery(whole + logs) == parse_battery(whole)


def test_a_device_without_a_battery_has_no_level() -> None:
    assert parse_battery(text("battery.tv-box")) == parse_battery("")


def test_values_that_were_set_by_hand_are_nothing_to_believe() -> None:
    assert parse_battery(text("battery.updates-stopped")) == parse_battery("")


@pytest.mark.parametrize(
    ("said", "degrees"),
    [
        ("293", 29.3),
        ("-55", -5.5),
        ("29300", 29.3),  # thousandths, handed through
        ("0", None),
        ("-2740", None),
        ("-2731", None),
        ("999999", None),
        ("29.3", None),
    ],
)
def test_the_batterys_temperature_in_other_units(said: str, degrees: float | None) -> None:
    whole = text("battery.15").replace("temperature: 293", f"temperature: {said}")
    assert parse_battery(whole).temperature_c == degrees


@given(level=st.integers(0, 1000), scale=st.integers(0, 1000))
def test_a_level_is_a_share_of_its_scale(level: int, scale: int) -> None:
    said = (
        text("battery.15")
        .replace("level: 85", f"level: {level}")
        .replace("scale: 100", f"scale: {scale}")
    )
    found = parse_battery(said).level_pct
    if scale > 0 and level <= scale:
        assert found == round(100 * level / scale)
    else:
        assert found is None


# Heat


def test_voltages_and_percentages_are_no_temperatures() -> None:
    status, sensors = parse_thermal(text("thermalservice.15"))
    assert status == 1
    assert not {"vbat", "ibat", "soc"} & set(sensors)


def test_the_cached_temperatures_serve_where_the_hardware_gives_none() -> None:
    said = text("thermalservice.10").partition("Current temperatures from HAL:")[0]
    assert parse_thermal(said) == (0, {"skin": 31.5})


def test_a_status_that_somebody_set_is_none() -> None:
    said = text("thermalservice.15").replace("IsStatusOverride: false", "IsStatusOverride: true")
    status, sensors = parse_thermal(said)
    assert status is None
    assert sensors["VIRTUAL-SKIN"] == 36.6


def test_a_device_before_android_10_has_no_such_service() -> None:
    assert parse_thermal("Can't find service: thermalservice\n") == (None, {})


def test_sensors_that_are_not_connected_are_left_out() -> None:
    assert parse_thermal(text("thermalservice.odd")) == (
        2,
        {"AP": 36.0, "skin": 33.1, "quiet": 35.2},
    )


def test_of_two_sensors_of_a_name_the_hotter_counts() -> None:
    line = "\tTemperature{mValue=%s, mType=0, mName=CPU, mStatus=0}\n"
    assert parse_thermal(line % "40.0" + line % "44.5" + line % "41.0")[1] == {"CPU": 44.5}


@given(st.floats())
def test_no_reading_is_absurd_or_zero(value: float) -> None:
    found = plausible_c(value)
    assert found is None or (-90 < found < 200 and found != 0)


def test_the_kernels_zones_are_read_on_the_host() -> None:
    said = "45000 x86_pkg_temp\n-5500 odd one\n0 acpitz\n-274000 modem-ambient\n"
    assert conditions.parse_zones(said) == {"x86_pkg_temp": 45.0, "odd one": -5.5}


# Screen, processor time, other inferences


@pytest.mark.parametrize(
    ("said", "on"),
    [
        *[("2", True), ("1", False), ("3", False), ("4", False), ("6", True), ("true", True)],
        *[("false", False), ("0", None), ("", None), ("Can't find service: deviceidle", None)],
    ],
)
def test_the_screen(said: str, on: bool | None) -> None:
    assert parse_screen(f"{said}\n") is on


@given(st.lists(st.integers(0, 10**12), min_size=4, max_size=10), st.sampled_from([100, 250]))
@example([1, 2, 3, 4], 100)
def test_waiting_is_not_working_and_guests_are_counted_once(ticks: list[int], hertz: int) -> None:
    found = conditions.parse_busy(f"cpu  {' '.join(map(str, ticks))}", user_hz=hertz)
    padded = [*ticks, *[0] * 10]
    assert found == sum(padded[index] for index in (0, 1, 2, 5, 6, 7)) / hertz


def commands(*processes: list[str]) -> str:
    return "visible\n" + "".join(
        "".join(f"{word}\0" for word in words) + "\n" for words in processes
    )


def test_only_processes_that_were_told_a_graph_are_inferences() -> None:
    said = commands(
        ["/data/local/tmp/benchmark_model", "--graph=m.tflite", "--num_threads=1"],
        ["python3", "-m", "android_bench.host_model", "--use_gpu=0", "--graph=a b.tflite"],
        ["sh", "-c", "benchmark_model --graph=m.tflite"],
        ["adb", "shell", "benchmark_model", "--graph=m.tflite"],
        ["/usr/bin/adb", "shell", "benchmark_model", "--graph=m.tflite"],
    )
    assert conditions.parse_inferences(said) == 2
    assert conditions.parse_inferences("visible\n") == 0


def test_where_processes_are_hidden_none_found_is_unknown() -> None:
    assert conditions.parse_inferences("") is None


# The script


def run(shell: str, script: str, **options: str) -> str:
    argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    environment = {**os.environ, **options}
    done = subprocess.run([*argv, script], capture_output=True, env=environment, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.fixture
def android(tmp_path: Path) -> str:
    """A PATH on which Android's commands answer."""
    answers = {
        "dumpsys": f"""case "$*" in
            battery) cat '{FIXTURES}/battery.15.txt' ;;
            thermalservice) cat '{FIXTURES}/thermalservice.15.txt' ;;
            'deviceidle get screen') echo false ;;
            esac""",
        "settings": '[ "$*" = "get global low_power" ] && echo 1',
        "getprop": "echo",
    }
    for name, body in answers.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_reads_a_device_alike(shell: str, android: str) -> None:
    said = run(shell, conditions.script("<m>", is_host=False), PATH=android)
    found = conditions.parse(conditions.sections(said, "<m>"))
    assert (found.battery_level_pct, found.thermal_status) == (85, 1)
    assert (found.power_save, found.screen_on) == (True, False)
    assert found.load_1min is not None
    assert found.memory_available_bytes
    assert found.uptime_s
    assert found.cpu_busy_s
    assert found.other_inferences is not None


@pytest.mark.parametrize("shell", SHELLS)
def test_a_device_with_none_of_the_commands_says_nothing_false(shell: str, tmp_path: Path) -> None:
    (tmp_path / "cat").symlink_to(shutil.which("cat") or "/bin/cat")
    (tmp_path / shell).symlink_to(shutil.which(shell) or shell)
    said = run(shell, conditions.script("<m>", is_host=False), PATH=str(tmp_path))
    found = conditions.parse(conditions.sections(said, "<m>"))
    for name in ("battery_level_pct", "thermal_status", "power_save", "screen_on"):
        assert getattr(found, name) is None
    if shell != "busybox":  # which has a grep inside
        assert found.other_inferences is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("shell", SHELLS)
def test_an_inference_in_flight_is_seen_and_the_script_itself_is_not(shell: str) -> None:
    def count() -> int:
        said = run(shell, conditions.script("<m>", is_host=True))
        return said.count(f"--graph={os.getpid()}.tflite")

    assert count() == 0
    argv = [sys.executable, "-c", "input()", f"--graph={os.getpid()}.tflite"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        assert count() == 1
        process.communicate(b"\n")


@given(st.text(alphabet="<m> \nab", max_size=40))
def test_sections_come_back_whatever_stands_in_them(said: str) -> None:
    wanted = said.strip("\n")
    if "<m>" not in said:
        found = conditions.sections(f"noise\n<m> one\n{said}\n<m> two\nend", "<m>")
        assert found == {"one": wanted, "two": "end"}
