"""Emulators as their user types it: the stand-in's flags, console and texts over the real adbd.

Names of virtual devices are new for every test, and ports are never fixed: other emulators may run here.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from android_bench.device import Device, host_info
from android_bench.emulator.console import Console, ConsoleError, running_avd, running_emulators
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.flags import Acceleration, StartOptions, start_argv
from android_bench.emulator.launch import Order
from android_bench.emulator.machine import acceleration_problem
from android_bench.emulator.session import session_device
from android_bench.errors import DeviceNotFoundError
from android_bench.results import DeviceKind
from android_bench.store import load_runs
from android_bench.transport.adb_server import AdbServerTransport
from android_bench.transport.discovery import open_transport
from tests.benchmark_model.models import build, doubling
from tests.lab.device import Lab
from tests.lab.emulator.emulator import HELPER
from tests.lab.emulator.sdk import OTHER_ABI, LabSdk, make_sdk
from tests.lab.processes import running, until

pytestmark = pytest.mark.xdist_group("emulators")
# The stand-in needs no KVM, and the machines of the tests may have none.
NO_KVM = ("--accel", "off")
FAST = ("--quiet-for", "0", "--boot-timeout", "60s", *NO_KVM)


@pytest.fixture
def sdk(lab: Lab, tmp_path: Path) -> Iterator[LabSdk]:
    """An SDK; whatever a test left running is ended by the tool's own command."""
    made = make_sdk(tmp_path)
    yield made
    made.run("emulator", "stop", "--all")


@pytest.fixture
def avd(sdk: LabSdk) -> str:
    """A virtual device that is there."""
    name = f"lab-{secrets.token_hex(4)}"
    sdk.add_avd(name)
    return name


def emulators_of(avd: str) -> list[int]:
    """The processes of stand-ins for this virtual device, and their keepers."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if avd.encode() in words or any(
            avd.encode() in word and b'"argv"' in word for word in words
        ):
            found.append(int(folder.name))
    return found


def gone(avd: str) -> bool:
    return not emulators_of(avd) and all(one.avd != avd for one in running_emulators())


def started(sdk: LabSdk, *words: str, **environment: str) -> list[dict[str, Any]]:
    done = sdk.run("emulator", "start", *words, *FAST, "--json", **environment)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def rows(sdk: LabSdk) -> dict[str, dict[str, Any]]:
    done = sdk.run("emulator", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {row["avd"]: row for row in json.loads(done.stdout)}


def test_create_start_list_stop(sdk: LabSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"lab-{secrets.token_hex(4)}"
    made = sdk.run(
        "emulator", "create", name, "--api", "34", "--device", "pixel_6", "--disk", "2048"
    )
    assert made.returncode == 0, made.stderr
    assert "disk.dataPartition.size=2048M" in (sdk.avds / f"{name}.avd/config.ini").read_text()
    assert rows(sdk)[name]["serial"] is None

    (one,) = started(sdk, name)
    assert Path(one["log"]).read_text().count("Boot completed")
    assert rows(sdk)[name] | {"image": None} == {
        "avd": name, "api": "34", "abi": rows(sdk)[name]["abi"], "image": None,
        "serial": one["serial"], "ours": True, "note": None,
    }  # fmt: skip
    # Everything else knows it by adb's serial, without an adb server.
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    specs = (one["serial"], f"emulator:{name}", f"emulator:{name}@{one['port']}")
    for spec in specs:
        with closing(open_transport(spec)) as transport:
            info = Device(transport).info()
        assert (info.kind, info.serial) == (DeviceKind.EMULATOR, spec.partition("@")[0])
        # On another processor the same image would be another device: the two are incomparable.
        assert (
            info.fingerprint
            == f"debian/lab/lab:15/LAB.0/1:userdebug/test-keys on {host_info.read().model}"
        )
    with pytest.raises(DeviceNotFoundError, match="No emulator of"):
        open_transport(f"emulator:{name}@5681")
    assert one["serial"] in sdk.run("devices").stdout

    stopped = sdk.run("emulator", "stop")
    assert f"Ended {one['serial']} ({name})" in stopped.stderr
    assert gone(name)
    assert "ends in order" in Path(one["log"]).read_text()  # by its console, not by a signal
    assert sdk.run("emulator", "stop", name).returncode == 5


def test_a_measurement_on_an_emulator_says_so(sdk: LabSdk, avd: str, lab: Lab) -> None:
    model = sdk.home / "doubling.tflite"
    model.write_bytes(build(doubling(shape=(1, 4096))))
    quick = ["--min-secs", "0.05", "--warmup-secs", "0.02", "--num-runs", "5", "--invocations", "2"]
    bench = ["android-bench", "run", str(model), "--benchmark-binary", str(lab.benchmark_binary)]
    done = sdk.run("emulator", "run", *FAST, "--", *bench, *quick, "-o", "results")
    assert done.returncode == 0, done.stderr
    assert "(emulator)" in done.stdout
    (run,) = load_runs([sdk.home / "results"])
    assert run.device.kind is DeviceKind.EMULATOR
    assert "emulator-not-phone" in sdk.run("export", "results", "--format", "json").stdout
    summary = sdk.run("export", "results", "--format", "markdown").stdout
    assert "emulator, not on a phone" in summary
    page = sdk.run("report", "results", "-o", "report.html")
    assert page.returncode == 0, page.stderr
    assert "not a phone" in (sdk.home / "report.html").read_text()
    assert gone(avd)


def test_a_session_starts_the_emulator_that_its_device_names(
    sdk: LabSdk, avd: str, lab: Lab
) -> None:
    model = sdk.home / "doubling.tflite"
    model.write_bytes(build(doubling(shape=(1, 4096))))
    words = ["--min-secs", "0.05", "--warmup-secs", "0.02", "--num-runs", "5", "--invocations", "2"]
    done = sdk.run(
        *("run", str(model), "--device", f"emulator:{avd}", "-o", "results", *words),
        *("--benchmark-binary", str(lab.benchmark_binary)),
        ANDROID_BENCH_EMULATOR="--quiet-for 0 --read-only --accel off",
    )
    assert done.returncode == 0, done.stderr
    (run,) = load_runs([sdk.home / "results"])
    # Named by what was asked for: tomorrow the port may be another one.
    assert (run.device.kind, run.device.serial) == (DeviceKind.EMULATOR, f"emulator:{avd}")
    assert gone(avd)


def test_the_command_gets_the_device_and_its_exit_code_comes_back(sdk: LabSdk, avd: str) -> None:
    script = 'echo "$ANDROID_SERIAL"; exit 7'
    done = sdk.run("emulator", "run", "--avd", avd, *FAST, "--", "sh", "-c", script)
    assert done.returncode == 7, done.stderr
    assert done.stdout.startswith("emulator-")
    assert gone(avd)
    killed = sdk.run("emulator", "run", *FAST, "--", "sh", "-c", "kill -9 $$")
    assert killed.returncode == 128 + signal.SIGKILL


def test_a_missing_command_is_refused_before_anything_boots(sdk: LabSdk, avd: str) -> None:
    done = sdk.run("emulator", "run", "--avd", avd, "--", "no-such-program")
    assert done.returncode == 2
    assert "no-such-program" in done.stderr
    assert "Starting" not in done.stderr


def test_several_at_once(sdk: LabSdk, avd: str) -> None:
    other = f"lab-{secrets.token_hex(4)}"
    sdk.add_avd(other)
    both = started(sdk, avd, other)
    assert len({one["port"] for one in both}) == 2
    refused = sdk.run("emulator", "start", avd, *FAST)
    assert refused.returncode == 5
    assert "runs already as emulator-" in refused.stderr
    assert "--read-only" in refused.stderr
    ambiguous = sdk.run("emulator", "stop")
    assert ambiguous.returncode == 2
    assert "--all" in ambiguous.stderr
    assert sdk.run("emulator", "stop", both[0]["serial"]).returncode == 0
    assert gone(avd)
    assert not gone(other)
    assert sdk.run("emulator", "stop", "--all").returncode == 0
    assert gone(other)


def test_one_virtual_device_twice_is_shared_read_only(sdk: LabSdk, avd: str) -> None:
    both = started(sdk, avd, avd)
    assert len({one["port"] for one in both}) == 2
    assert len({one["pid"] for one in both}) == 2


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        ("crash", "ended while it booted, with signal SIGSEGV", "All it said is in"),
        ("crash", "the virtual machine met its end", "All it said is in"),
        ("disk-full", "2066 MB are free at .*, it needs 7373 MB", "--disk 2048"),
    ],
)
def test_a_boot_that_fails(sdk: LabSdk, avd: str, fault: str, message: str, hint: str) -> None:
    done = sdk.run("emulator", "start", avd, *FAST, LAB_EMULATOR_FAULT=fault)
    assert done.returncode == 5
    assert re.search(message, done.stderr), done.stderr
    assert hint in done.stderr
    assert gone(avd)


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        ("never-boots", "Android does not say sys.boot_completed"),
        ("no-package-manager", "its package manager does not answer"),
    ],
)
def test_a_boot_that_never_ends(sdk: LabSdk, avd: str, fault: str, stage: str) -> None:
    done = sdk.run(
        *("emulator", "start", avd, "--boot-timeout", "4s", "--quiet-for", "0", *NO_KVM),
        LAB_EMULATOR_FAULT=fault,
    )
    assert done.returncode == 5
    assert f"{avd} did not boot within 4 s: {stage}" in done.stderr
    assert "--boot-timeout" in done.stderr
    assert gone(avd)


def test_without_the_processors_help(sdk: LabSdk, avd: str) -> None:
    refused = sdk.run("emulator", "start", avd, LAB_EMULATOR_FAULT="no-kvm")
    assert refused.returncode == 5
    # By this tool's own look at /dev/kvm, else by the emulator's words.
    own = acceleration_problem()
    expected = (
        own.message if own else f"{avd} needs KVM, and the emulator says: KVM is not installed"
    )
    assert expected in refused.stderr
    assert "--accel off" in refused.stderr or (own and own.hint in refused.stderr)
    started(sdk, avd, "--accel", "off", LAB_EMULATOR_FAULT="no-kvm")


def test_one_that_hears_neither_console_nor_sigterm_is_killed(sdk: LabSdk, avd: str) -> None:
    done = sdk.run(
        *("emulator", "start", avd, "--boot-timeout", "3s", "--quiet-for", "0", *NO_KVM),
        LAB_EMULATOR_FAULT="stuck",
    )
    assert done.returncode == 5
    assert "its console does not answer" in done.stderr
    assert gone(avd)


def test_what_an_emulator_leaves_behind_is_ended_as_well(sdk: LabSdk, avd: str) -> None:
    before = set(running(*HELPER))
    started(sdk, avd, LAB_EMULATOR_FAULT="leaves-a-helper")
    assert set(running(*HELPER)) - before
    sdk.run("emulator", "stop", avd)
    assert not set(running(*HELPER)) - before


def test_a_taken_port(sdk: LabSdk, avd: str) -> None:
    taken = next(port for port in range(5682, 5600, -2) if _is_free(port) and _is_free(port + 1))
    with socket.create_server(("127.0.0.1", taken + 1)):
        done = sdk.run("emulator", "start", avd, "--port", str(taken), *FAST)
    assert done.returncode == 5
    assert f"Port {taken} or {taken + 1} is taken" in done.stderr
    odd = sdk.run("emulator", "start", avd, "--port", "5555", *FAST)
    assert odd.returncode == 2


def test_another_pair_is_taken_when_somebody_was_faster(sdk: LabSdk, avd: str) -> None:
    done = sdk.run("emulator", "start", avd, *FAST, LAB_EMULATOR_FAULT="port-taken")
    assert done.returncode == 0, done.stderr
    starts = [line for line in done.stderr.splitlines() if line.startswith("Starting")]
    assert len({line.split()[3] for line in starts}) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_none_outlives_the_tool(sdk: LabSdk, avd: str, number: signal.Signals) -> None:
    """Killed while it waits for a boot, and while a command runs."""
    words = ("emulator", "run", "--avd", avd, *FAST, "--", "sh", "-c", "echo up; exec sleep 60")
    with sdk.started(*words, LAB_EMULATOR_FAULT="never-boots") as booting:
        until(lambda: any(one.avd == avd for one in running_emulators()), seconds=30)
        os.killpg(booting.pid, number)
        booting.communicate(timeout=60)
    until(lambda: gone(avd), seconds=30)
    assert booting.returncode == (130 if number == signal.SIGINT else -number)

    with sdk.started(*words) as ready:
        assert ready.stdout is not None
        assert ready.stdout.readline() == "up\n"
        os.killpg(ready.pid, number)
        ready.communicate(timeout=60)
    until(lambda: gone(avd), seconds=30)
    assert ready.returncode in {-number, 128 + number}


def test_none_outlives_its_keeper(sdk: LabSdk, avd: str) -> None:
    (one,) = started(sdk, avd)
    keepers = [pid for pid in emulators_of(avd) if pid != one["pid"] and _keeps(pid)]
    assert len(keepers) == 1
    os.kill(keepers[0], signal.SIGKILL)
    until(lambda: gone(avd), seconds=10)
    assert rows(sdk)[avd]["serial"] is None


def test_a_start_that_is_interrupted_leaves_nothing(sdk: LabSdk, avd: str) -> None:
    with sdk.started("emulator", "start", avd, *FAST, LAB_EMULATOR_FAULT="never-boots") as booting:
        until(lambda: any(one.avd == avd for one in running_emulators()), seconds=30)
        booting.send_signal(signal.SIGINT)
        booting.communicate(timeout=60)
    assert booting.returncode == 130
    assert gone(avd)


def test_somebody_elses_emulator_is_left_alone(
    sdk: LabSdk, avd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = next(port for port in range(5682, 5600, -2) if _is_free(port) and _is_free(port + 1))
    program = sdk.root / "emulator" / "emulator"
    argv = start_argv(program, avd, port, StartOptions(accel=Acceleration.OFF))
    theirs = subprocess.Popen(
        argv,
        env={
            **sdk.environment,
            "ANDROID_SDK_ROOT": str(sdk.root),
            "LAB_EMULATOR_BOOT_S": "3",  # it answers its console long before
        },
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: running_avd(port) == avd, seconds=30)
        assert rows(sdk)[avd]["note"] == "not started by android-bench"
        for name in (avd, f"emulator-{port}", str(port)):
            refused = sdk.run("emulator", "stop", name)
            assert refused.returncode == 5
            assert f"adb -s emulator-{port} emu kill" in refused.stderr
        assert sdk.run("emulator", "stop", "--all").returncode == 0
        # A session measures on it, once it has booted, and leaves it there.
        monkeypatch.setenv("XDG_STATE_HOME", str(sdk.home / "state"))
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
        with session_device(f"emulator:{avd}") as device:
            assert device == f"emulator:{avd}@{port}"
            with closing(open_transport(device)) as transport:
                assert transport.shell("getprop sys.boot_completed").stdout.strip() == "1"
        assert theirs.poll() is None
        assert running_avd(port) == avd
    finally:
        theirs.terminate()
        theirs.wait(timeout=20)


def test_an_emulator_of_another_session_is_none_to_rely_on(
    sdk: LabSdk, avd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with that session; this one needs its own, and says what to do."""
    for name, value in sdk.environment.items():
        monkeypatch.setenv(name, value)
    words = ("emulator", "run", "--avd", avd, *FAST, "--", "sh", "-c", "echo up; exec sleep 60")
    with sdk.started(*words) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "up\n"
        with (
            pytest.raises(EmulatorError, match="runs already as emulator-") as caught,
            session_device(f"emulator:{avd}", Order(options=StartOptions(accel=Acceleration.OFF))),
        ):
            pass
        assert "--read-only" in (caught.value.hint or "")
        other.terminate()
        other.communicate(timeout=30)


def test_a_session_uses_an_emulator_that_stays(
    sdk: LabSdk, avd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = started(sdk, avd)
    for name, value in sdk.environment.items():
        monkeypatch.setenv(name, value)
    with session_device(f"emulator:{avd}") as device:
        assert device == f"emulator:{avd}@{one['port']}"
    assert running_avd(one["port"]) == avd
    with session_device("R58M123") as device:
        assert device == "R58M123"


def test_the_console_wants_its_token(
    sdk: LabSdk, avd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = started(sdk, avd)
    monkeypatch.setenv("HOME", str(sdk.home))
    token = sdk.home / ".emulator_console_auth_token"
    right = token.read_text()
    with closing(Console(one["port"])) as console:
        assert console.avd_name() == avd
        with pytest.raises(ConsoleError, match="unknown command"):
            console.ask("kill")
        token.write_text("wrong")
        with pytest.raises(ConsoleError, match="does not match"):
            console.authenticate()
        token.write_text(right)
        console.authenticate()
    # With a token that does not fit any more, its processes are ended.
    token.write_text("wrong")
    assert sdk.run("emulator", "stop", avd).returncode == 0
    assert gone(avd)


def test_what_is_missing_comes_with_a_command_that_helps(lab: Lab, tmp_path: Path) -> None:
    """Each hint is typed as it stands, until a virtual device is there."""
    sdk = make_sdk(tmp_path, image=False, licence=False)
    name = f"lab-{secrets.token_hex(4)}"
    create = ("emulator", "create", name, "--api", "34")
    first = sdk.run(*create)
    assert first.returncode == 5
    assert "the SDK's licence is not accepted here" in first.stderr
    _type(sdk, _hint(first.stderr))
    assert sdk.run(*create).returncode == 0
    again = sdk.run(*create)
    assert again.returncode == 5
    assert "There is already a virtual device" in again.stderr
    assert sdk.run(*create, "--replace").returncode == 0
    newer = sdk.run("emulator", "create", name, "--api", "36", "--replace")
    assert "system-images;android-36;google_apis" in newer.stderr
    _type(sdk, _hint(newer.stderr))
    assert sdk.run("emulator", "create", name, "--api", "36", "--replace").returncode == 0
    unknown = sdk.run("emulator", "create", "x", "--api", "36", "--device", "pixel_99")
    assert "no device profile 'pixel_99'" in unknown.stderr
    java = sdk.run("emulator", "create", "x", "--api", "36", LAB_AVDMANAGER_FAULT="no-java")
    assert "needs a newer Java" in java.stderr


def test_an_image_for_another_processor(sdk: LabSdk) -> None:
    created = sdk.run("emulator", "create", "x", "--api", "34", "--abi", OTHER_ABI)
    assert created.returncode == 5
    assert f"cannot run {OTHER_ABI} images on this machine" in created.stderr
    name = f"lab-{secrets.token_hex(4)}"
    sdk.install_image(abi=OTHER_ABI)
    sdk.add_avd(name, abi=OTHER_ABI)
    refused = sdk.run("emulator", "start", name)
    assert refused.returncode == 5
    assert f"cannot run {OTHER_ABI} images" in refused.stderr
    assert rows(sdk)[name]["note"] == "for another processor"


def test_a_virtual_device_without_its_image(sdk: LabSdk) -> None:
    name = f"lab-{secrets.token_hex(4)}"
    sdk.add_avd(name, api="30")
    refused = sdk.run("emulator", "start", name)
    assert refused.returncode == 5
    assert f"{name} needs system-images;android-30;google_apis" in refused.stderr
    _type(sdk, _hint(refused.stderr))
    started(sdk, name)


def test_a_virtual_device_that_is_not_there(sdk: LabSdk) -> None:
    refused = sdk.run("emulator", "start", "nobody")
    assert refused.returncode == 5
    assert "There is no virtual device nobody" in refused.stderr
    none = sdk.run("emulator", "start")
    assert none.returncode == 5
    assert "android-bench emulator create ci" in none.stderr


def test_a_flag_that_the_emulator_does_not_know(sdk: LabSdk, avd: str) -> None:
    refused = sdk.run("emulator", "start", avd, *FAST, "--extra-flag", "-no-such-option")
    assert refused.returncode == 5
    assert "does not know the option -no-such-option" in refused.stderr
    taken = sdk.run("emulator", "start", avd, "--extra-flag", "-port 5560")
    assert taken.returncode == 2


def test_options_reach_the_device(sdk: LabSdk, avd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = started(
        sdk, avd, *("--prop", "lab.flavour=vanilla"), *("--memory", "2048"), *("--cores", "2"),
        *("--extra-flag", "-camera-back none -no-sim"), "--log", str(sdk.home / "mine.log"),
    )  # fmt: skip
    assert one["log"] == str(sdk.home / "mine.log")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    with closing(open_transport(one["serial"])) as transport:
        assert transport.shell("getprop lab.flavour").stdout.strip() == "vanilla"
    words = Path(f"/proc/{one['pid']}/cmdline").read_bytes().decode().split("\0")
    for expected in ("-no-window", "-no-audio", "-no-boot-anim", "-no-snapshot-save", "-no-sim"):
        assert expected in words
    assert words[words.index("-gpu") + 1] == "swiftshader_indirect"
    assert words[words.index("-memory") + 1] == "2048"
    assert words[words.index("-cores") + 1] == "2"


def test_an_adb_server_that_knows_it_has_the_line(
    sdk: LabSdk, avd: str, adb_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator tells a running server of itself; then the way leads through the server."""
    port = str(adb_server[1])
    (one,) = started(sdk, avd, ANDROID_ADB_SERVER_PORT=port)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with closing(open_transport(one["serial"])) as transport:
        assert isinstance(transport, AdbServerTransport)
        assert Device(transport).info().kind is DeviceKind.EMULATOR
    with closing(open_transport(f"emulator:{avd}")) as named:
        assert isinstance(named, AdbServerTransport)
        assert Device(named).info().serial == f"emulator:{avd}"


def test_doctor_tells_of_emulators(sdk: LabSdk, avd: str) -> None:
    checks = {item["name"]: item for item in json.loads(sdk.run("doctor", "--json").stdout)}
    assert checks["emulator"]["state"] == "ok"
    assert avd in checks["virtual devices"]["detail"]
    without = json.loads(sdk.run("doctor", "--json", ANDROID_HOME="/no/such/folder").stdout)
    sdk_check = next(item for item in without if item["name"] == "Android SDK")
    assert sdk_check["state"] == "optional"
    assert "ANDROID_HOME is /no/such/folder" in sdk_check["detail"]


def _keeps(pid: int) -> bool:
    return b"android_bench.emulator.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _hint(text: str) -> str:
    return text.rpartition("hint:")[2].strip()


def _type(sdk: LabSdk, command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", command], env=sdk.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, shlex.join([command, done.stderr])
