"""The whole road over a real adbd with the real benchmark_model, as its user types it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from android_bench.store import load_runs
from android_bench.transport.discovery import open_transport
from tests.benchmark_model.models import build, doubling
from tests.benchmarks.native_adb import native_adb
from tests.lab.conftest import MakeDevice
from tests.lab.device import Lab, VirtualDevice

TOOL = str(Path(sys.executable).with_name("android-bench"))
QUICK = ("--min-secs", "0.05", "--warmup-secs", "0.02", "--num-runs", "5")
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A real model whose name is everything that a shell might trip over."""
    path = tmp_path / "m o'd\"el;$(x) ü.tflite"
    path.write_bytes(build(doubling(shape=(1, 4096))))
    return path


def tool(*arguments: object, cwd: Path, **environment: str) -> Done:
    return subprocess.run(
        [TOOL, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **environment},
        timeout=120,
        check=False,
    )


def run_flags(device: VirtualDevice, *more: object) -> list[object]:
    return [
        "--device",
        device.serial,
        "--benchmark-binary",
        device.lab.benchmark_binary,
        *QUICK,
        *more,
    ]


def test_from_a_device_to_a_report(device: VirtualDevice, model: Path, tmp_path: Path) -> None:
    done = tool("run", model, *run_flags(device, "--threads", "1,2"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr  # no control codes without a terminal
    one, two = load_runs([tmp_path / "results"])
    assert [run.config.num_threads for run in (one, two)] == [1, 2]
    assert one.device.model == "Virtual Device"
    assert one.complete
    assert len(one.timing) == 20
    assert all(item.latency and item.latency.count >= 5 for item in one.timing)
    first = one.invocations[0]
    assert first.before is not None
    assert first.before.battery_level_pct == 80
    assert first.before.thermal_status == 0
    log = tmp_path / "results" / one.run_id / f"{first.log}.stdout"
    assert "Inference timings in us" in log.read_text()
    page = tool("report", "results", "-o", "page.html", cwd=tmp_path)
    assert page.stdout.strip() == "page.html"
    assert "Virtual Device" in (tmp_path / "page.html").read_text()


def test_a_second_run_pushes_nothing_and_compares_with_the_first(
    make_device: MakeDevice, model: Path, tmp_path: Path
) -> None:
    device = make_device()
    first = tool("run", model, *run_flags(device), "-o", "a", cwd=tmp_path)
    second = tool("run", model, *run_flags(device), "-o", "b", cwd=tmp_path)
    assert first.returncode == second.returncode == 0
    assert "push" in first.stderr
    assert "push" not in second.stderr
    same = tool("compare", "a", "b", "--max-slowdown", "10000%", "--json", cwd=tmp_path)
    assert same.returncode == 0, same.stdout
    comparison, *_ = json.loads(same.stdout)
    assert comparison["metric"] == "latency"
    assert comparison["verdict"] in {"unchanged", "improved"}
    unlike = tool("run", model, *run_flags(device, "--threads", "2"), "-o", "c", cwd=tmp_path)
    assert unlike.returncode == 0
    refused = tool("compare", "a", "c", cwd=tmp_path)
    assert refused.returncode == 4
    assert "config.num_threads differs: 1 against 2" in refused.stdout


def test_json_is_all_of_standard_output(device: VirtualDevice, model: Path, tmp_path: Path) -> None:
    done = tool("run", model, *run_flags(device, "--json", "--invocations", "1"), cwd=tmp_path)
    (run,) = json.loads(done.stdout)
    assert run["device"]["serial"] == device.serial


def test_what_the_tool_does_not_do_is_no_result(
    device: VirtualDevice, model: Path, tmp_path: Path
) -> None:
    """Debian's build knows no GPU: it warns of an unconsumed flag, measures the CPU, and exits 0."""
    done = tool("run", model, *run_flags(device, "--delegate", "gpu"), cwd=tmp_path)
    assert done.returncode == 1
    assert "--use_gpu=true" in done.stderr
    (run,) = load_runs([tmp_path / "results"])
    assert run.timing == ()
    assert run.invocations[0].latency is None


def test_a_broken_model_does_not_stop_its_sibling(
    device: VirtualDevice, model: Path, tmp_path: Path
) -> None:
    """A model that the reader can open and this older runtime cannot run."""
    newer = tmp_path / "newer.tflite"
    newer.write_bytes(build(doubling("BFLOAT16", (1, 16))))
    done = tool("run", model, newer, *run_flags(device, "--invocations", "2"), cwd=tmp_path)
    assert done.returncode == 1
    by_name = {run.artifact.name: run for run in load_runs([tmp_path / "results"])}
    assert len(by_name[model.name.removesuffix(".tflite")].timing) == 2
    assert by_name["newer"].timing == ()
    assert by_name["newer"].invocations[0].problem


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"PNG or so, not a model", "not a TFLite model"), (None, "No such file")],
)
def test_what_is_no_model_is_refused_before_the_device_is_touched(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "m.tflite"
    if content is not None:
        file.write_bytes(content)
    done = tool("run", file, "--device", "127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_there(model: Path, tmp_path: Path) -> None:
    done = tool("run", model, "--device", "127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 5
    assert "127.0.0.1:1" in done.stderr
    assert "hint:" in done.stderr


def test_a_binary_for_another_machine(device: VirtualDevice, model: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "benchmark_model"
    elf = bytearray(device.lab.benchmark_binary.read_bytes())
    elf[18:20] = (40).to_bytes(2, "little")
    elf[4] = 1  # 32-bit ARM
    foreign.write_bytes(elf)
    done = tool("run", model, "-d", device.serial, "--benchmark-binary", foreign, cwd=tmp_path)
    assert done.returncode == 1
    assert "armeabi-v7a" in done.stderr


def test_no_one_publishes_for_an_x86_emulator(
    make_device: MakeDevice, model: Path, tmp_path: Path
) -> None:
    device = make_device(properties={"ro.product.cpu.abilist": "x86_64", "ro.kernel.qemu": "1"})
    done = tool("run", model, "-d", device.serial, cwd=tmp_path)
    assert done.returncode == 1
    assert "bazel build" in done.stderr
    assert "--benchmark-binary" in done.stderr


def test_without_a_network_the_address_and_the_flag_are_named(
    make_device: MakeDevice, model: Path, tmp_path: Path
) -> None:
    device = make_device(properties={"ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a"})
    done = tool(
        *("run", model, "-d", device.serial),
        cwd=tmp_path,
        ANDROID_BENCH_BINARY_BASE_URL="http://127.0.0.1:9/none",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )
    assert done.returncode == 1
    assert "http://127.0.0.1:9/none/android_aarch64_benchmark_model" in done.stderr
    assert "--benchmark-binary" in done.stderr


def test_a_full_disk(make_device: MakeDevice, tmp_path: Path) -> None:
    device = make_device(data_size_mib=4)
    big = tmp_path / "big.tflite"
    big.write_bytes(build(doubling(shape=(1, 64))) + b"\0" * (8 << 20))
    done = tool("run", big, *run_flags(device), cwd=tmp_path)
    assert done.returncode == 5
    assert "full" in done.stderr
    with closing(open_transport(device.serial)) as transport:
        listed = transport.shell("find /data/local/tmp -name '*.part'").stdout
    assert listed == ""  # nothing half-pushed stays
    assert not (tmp_path / "results").exists()


def test_a_hanging_benchmark_is_ended_on_the_device(
    device: VirtualDevice, model: Path, tmp_path: Path
) -> None:
    done = tool(
        *("run", model, "-d", device.serial, "--benchmark-binary", device.lab.benchmark_binary),
        *("--min-secs", "60", "--invocations", "1", "--no-memory", "--timeout", "1.5"),
        cwd=tmp_path,
    )
    assert done.returncode == 1
    (run,) = load_runs([tmp_path / "results"])
    assert run.invocations[0].status.value == "timeout"
    assert (
        "INFO: STARTING!"
        in (tmp_path / "results" / run.run_id / f"{run.invocations[0].log}.stdout").read_text()
    )
    assert not _benchmarks_on(device, "--min_secs=60")


def _benchmarks_on(device: VirtualDevice, flag: str) -> str:
    with closing(open_transport(device.serial)) as transport:
        listed = transport.shell("ps -eo args").stdout
    return "\n".join(line for line in listed.splitlines() if flag in line and "ps -eo" not in line)


def _started(device: VirtualDevice, model: Path, cwd: Path, *more: str) -> subprocess.Popen[str]:
    """A run that is in its second invocation or later."""
    process = subprocess.Popen(
        [TOOL, "run", str(model), *map(str, run_flags(device, *more))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[1/"):
            return process
    process.wait()
    raise AssertionError("the run ended before it measured")


def test_a_device_that_dies_while_measuring_keeps_the_records(
    make_device: MakeDevice, model: Path, tmp_path: Path
) -> None:
    device = make_device()
    process = _started(
        device, model, tmp_path, "--min-secs", "1", "--invocations", "30", "--patience", "2s"
    )
    time.sleep(0.3)
    device.kill_adbd()
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "invocations are missing" in complaint
    assert "Traceback" not in complaint
    (run,) = load_runs([tmp_path / "results"])
    assert not run.complete
    assert 1 <= len(run.timing) < 30


def test_ctrl_c_keeps_the_records_and_ends_the_benchmark_on_the_device(
    device: VirtualDevice, model: Path, tmp_path: Path
) -> None:
    process = _started(
        device, model, tmp_path, "--min-secs", "7.25", "--invocations", "2", "--no-memory"
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "kept" in complaint
    (run,) = load_runs([tmp_path / "results"])
    assert len(run.invocations) == 1
    assert not _benchmarks_on(device, "--min_secs=7.25")


def compiled(device: VirtualDevice, tmp_path: Path, statement: str) -> Path:
    """A real program that passes for a benchmark_model and only does what ``statement`` says.

    It is built on the device, which has a compiler; this machine need not have one.
    """
    source = device.data_dir / "program.c"
    mark = 'char mark[] = "Inference timings in us: ";'
    source.write_text(
        f"#include <signal.h>\n{mark}\nint main() {{ if (!mark[0]) return 1; {statement} }}\n"
    )
    with closing(open_transport(device.serial)) as transport:
        here = "/data/local/tmp/program"
        done = transport.shell(f"gcc -static -o {here} {here}.c")
    assert done.exit_code == 0, done.stdout
    return Path(shutil.copy(device.data_dir / "program", tmp_path / "benchmark_model"))


def test_a_killed_benchmark_is_a_crash_not_a_number(
    make_device: MakeDevice, tmp_path: Path, model: Path
) -> None:
    """It kills itself as the out-of-memory killer would: a real process, a real signal."""
    device = make_device()
    binary = compiled(device, tmp_path, "return raise(SIGKILL);")
    done = tool("run", model, "-d", device.serial, "--benchmark-binary", binary, cwd=tmp_path)
    assert done.returncode == 1
    assert "SIGKILL" in done.stderr or "killed" in done.stderr
    (run,) = load_runs([tmp_path / "results"])
    assert run.invocations[0].status.value == "crashed"


def test_a_silent_benchmark_is_unreadable(
    make_device: MakeDevice, tmp_path: Path, model: Path
) -> None:
    device = make_device()
    binary = compiled(device, tmp_path, "return 0;")
    done = tool("run", model, "-d", device.serial, "--benchmark-binary", binary, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (run,) = load_runs([tmp_path / "results"])
    assert run.invocations[0].status.value == "unreadable", done.stderr


def test_devices_of_an_adb_server_are_listed_and_measured(
    adb_server: tuple[str, int], device: VirtualDevice, model: Path, tmp_path: Path
) -> None:
    at = {"ANDROID_ADB_SERVER_PORT": str(adb_server[1])}
    listed: list[dict[str, Any]] = json.loads(tool("devices", "--json", cwd=tmp_path, **at).stdout)
    # Emulators may run here too, as of another test.
    found = [item["serial"] for item in listed if item["transport"] != "emulator"]
    assert found == [device.serial, "host"]
    # The only device there is needs no name.
    flags: Sequence[object] = (
        "--benchmark-binary",
        Lab().benchmark_binary,
        *QUICK,
        "--invocations",
        "1",
    )
    done = tool("run", model, *flags, cwd=tmp_path, **at)
    assert done.returncode == 0, done.stderr
    through = tool("run", model, "-d", f"server:{device.serial}", *flags, cwd=tmp_path, **at)
    assert through.returncode == 0, through.stderr


def test_none_chosen_and_none_there(model: Path, tmp_path: Path) -> None:
    done = tool("run", model, cwd=tmp_path, ANDROID_ADB_SERVER_PORT="9")
    assert done.returncode == 5
    assert "--device host" in done.stderr


def test_two_devices_and_none_chosen(make_device: MakeDevice, model: Path, tmp_path: Path) -> None:
    one, two = make_device(), make_device()
    with native_adb(one.serial) as adb:
        port = adb[2]
        subprocess.run(["adb", "-P", port, "connect", two.serial], check=True, capture_output=True)
        done = tool("run", model, cwd=tmp_path, ANDROID_ADB_SERVER_PORT=port)
        assert done.returncode == 2
        assert one.serial in done.stderr
        assert two.serial in done.stderr
        assert "--device" in done.stderr
        chosen = ("--benchmark-binary", Lab().benchmark_binary, *QUICK, "--invocations", "1")
        named = tool(
            "run",
            model,
            *chosen,
            cwd=tmp_path,
            ANDROID_ADB_SERVER_PORT=port,
            ANDROID_SERIAL=two.serial,
        )
        assert named.returncode == 0, named.stderr


def test_a_daemon_that_dies_while_pushing(make_device: MakeDevice, tmp_path: Path) -> None:
    device = make_device()
    big = tmp_path / "big.tflite"
    big.write_bytes(build(doubling(shape=(1, 64))))
    os.truncate(big, 200 << 20)
    process = subprocess.Popen(
        [TOOL, "run", str(big), *map(str, run_flags(device))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("push big"):
            break
    device.kill_adbd()
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "Traceback" not in complaint
    assert "hint:" in complaint
    device.restart()
    again = tool("run", big, *run_flags(device, "--invocations", "1"), cwd=tmp_path)
    assert again.returncode == 0, again.stderr  # what was half-pushed was not believed
