"""Everything that is measured beside latency, and what survives a bad link, on a real device."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from android_bench.benchmark_model import parse_op_profile
from android_bench.reading import reparse
from android_bench.results import BenchmarkRun, Invocation, InvocationKind, Status
from android_bench.store import load_runs
from android_bench.transport.discovery import open_transport
from tests.benchmark_model.models import build, doubling
from tests.lab.device import VirtualDevice

pytestmark = pytest.mark.xdist_group("lab")
MakeDevice = Callable[..., VirtualDevice]
TOOL = str(Path(sys.executable).with_name("android-bench"))
QUICK = ("--min-secs", "0.05", "--warmup-secs", "0.02", "--num-runs", "5")
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "doubling.tflite"
    path.write_bytes(build(doubling(shape=(1, 4096))))
    return path


def arguments(device: VirtualDevice, model: Path, *more: object) -> list[str]:
    flags = ("-d", device.serial, "--benchmark-binary", device.lab.benchmark_binary)
    return [TOOL, "run", str(model), *map(str, flags), *QUICK, *map(str, more)]


def measured(device: VirtualDevice, model: Path, *more: object) -> Done:
    return subprocess.run(
        arguments(device, model, *more),
        capture_output=True,
        text=True,
        cwd=model.parent,
        timeout=120,
        check=False,
    )


def started(device: VirtualDevice, model: Path, *more: object, at: str) -> subprocess.Popen[str]:
    """A run that has said ``at``."""
    process = subprocess.Popen(
        arguments(device, model, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=model.parent,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if at in line:
            return process
    raise AssertionError(f"the run never said {at!r}")


def runs(model: Path) -> tuple[BenchmarkRun, ...]:
    results = model.parent / "results"
    return load_runs([results]) if any(results.rglob("run.json")) else ()


def of_kind(run: BenchmarkRun, kind: InvocationKind) -> list[Invocation]:
    return [item for item in run.invocations if item.kind is kind]


def test_profile_numerics_start_up_and_cores_in_one_session(
    device: VirtualDevice, model: Path
) -> None:
    samples = np.linspace(-1, 1, 2 * 4096, dtype=np.float32).reshape(2, 4096)
    np.savez(model.parent / "samples.npz", x=samples)
    done = measured(
        *(device, model, "--invocations", "2", "--profile", "--startup", "2", "--cores", "0x1"),
        *("--numerics", "samples.npz", "--numerics-samples", "2"),
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs(model)
    assert run.config.cpu_mask == "1"
    assert all(item.command.startswith("taskset 1 ") for item in run.invocations)
    (profile,) = of_kind(run, InvocationKind.PROFILE)
    assert profile.status is Status.OK
    (operator,) = [item for item in profile.operators if item.node_type == "ADD"]
    table = model.parent / "results" / run.run_id / f"{profile.log}.csv"
    assert "Operator-wise Profiling Info for Regular Benchmark Runs" in table.read_text()
    assert operator in parse_op_profile(table.read_text())
    _, changed = reparse(model.parent / "results" / run.run_id / "run.json")
    assert changed == 0  # the table in the file is read again, not the words on the terminal
    numerics = of_kind(run, InvocationKind.NUMERICS)
    assert [item.numerics and item.numerics.sample for item in numerics] == [0, 1]
    assert all(item.numerics and item.numerics.max_abs_error == 0 for item in numerics)
    output = (model.parent / "results" / run.run_id / f"{numerics[0].log}.output").read_bytes()
    assert np.array_equal(np.frombuffer(output, np.float32), 2 * samples[0])
    # This build has no XNNPACK, and says so by not knowing the flag.
    start_ups = [
        (item.startup and item.startup.value, item.status.value)
        for item in of_kind(run, InvocationKind.STARTUP)
    ]
    assert start_ups == [("no-cache", "ok"), ("cold", "invalid"), ("no-cache", "ok")]
    assert run.complete
    with closing(open_transport(device.serial)) as transport:
        assert transport.shell("ls /data/local/tmp/android-bench/scratch").stdout == ""


def test_a_link_that_breaks_and_comes_back_loses_no_invocation(
    make_device: MakeDevice, model: Path
) -> None:
    device = make_device()
    process = started(
        device, model, "--invocations", "3", "--no-memory", "--min-secs", "2", at="[1/3]"
    )
    device.kill_adbd()
    time.sleep(1)
    device.restart()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    (run,) = runs(model)
    assert [item.status for item in run.invocations] == [Status.OK] * 3
    assert run.complete
    assert sum(item.reconnections for item in run.invocations) >= 1


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_resume_goes_on_after_this_computer_was_interrupted(
    device: VirtualDevice, model: Path, end: signal.Signals
) -> None:
    flags = ("--invocations", "4", "--min-secs", "1.25")
    process = started(device, model, *flags, at="[2/5]")
    time.sleep(0.4)
    process.send_signal(end)
    process.communicate(timeout=60)
    (before,) = runs(model)
    assert not before.complete
    assert 2 <= len(before.invocations) < 5
    done = measured(device, model, *flags, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"Going on with session {before.session_id}" in done.stderr
    (after,) = runs(model)
    assert after.complete
    assert after.invocations[: len(before.invocations)] == before.invocations
    assert [item.kind.value for item in after.invocations] == ["timing"] * 4 + ["memory"]
    assert [item.round for item in after.timing] == [1, 2, 3, 4]
    with closing(open_transport(device.serial)) as transport:  # nothing was left running or lying
        assert transport.shell("ls /data/local/tmp/android-bench/jobs").stdout == ""
        assert "--min_secs=1.25" not in transport.shell("cat /proc/[0-9]*/cmdline").stdout.replace(
            "\0", " "
        )


def test_resume_without_anything_to_go_on_with_says_so_and_measures(
    device: VirtualDevice, model: Path
) -> None:
    done = measured(device, model, "--invocations", "1", "--no-memory", "--resume")
    assert done.returncode == 0
    assert "everything is measured" in done.stderr


def test_two_devices_are_measured_at_once_from_one_file(
    make_device: MakeDevice, model: Path
) -> None:
    one, two = make_device(), make_device(properties={"ro.product.model": "Other Device"})
    (model.parent / "matrix.toml").write_text(
        f"""
        models = ["*.tflite"]
        devices = ["{one.serial}", "{two.serial}"]
        threads = [1, 2]
        invocations = 2
        memory = 0
        """
    )
    done = subprocess.run(
        [
            TOOL,
            "run",
            "--matrix",
            "matrix.toml",
            *QUICK,
            "--benchmark-binary",
            str(one.lab.benchmark_binary),
        ],
        capture_output=True,
        text=True,
        cwd=model.parent,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = runs(model)
    assert {(run.device.model, run.config.num_threads) for run in found} == {
        (name, threads) for name in ("Virtual Device", "Other Device") for threads in (1, 2)
    }
    assert len({run.session_id for run in found}) == 2
    assert f"{two.serial}: [" in done.stderr


def test_one_of_two_devices_that_is_lost_does_not_cost_the_other_its_results(
    make_device: MakeDevice, model: Path
) -> None:
    one, two = make_device(), make_device()
    flags = ("-d", two.serial, "--invocations", "3", "--no-memory", "--patience", "1s")
    process = started(one, model, *flags, "--min-secs", "1", at=f"{two.serial}: [1/3]")
    two.kill_adbd()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "The device was lost" in said
    complete = {run.device.serial: run.complete for run in runs(model)}
    assert complete == {one.serial: True, two.serial: False}
    two.restart()
    first = {run.device.serial: run for run in runs(model)}
    done = measured(one, model, *flags, "--min-secs", "1", "--resume")
    assert done.returncode == 0, done.stderr
    again = {run.device.serial: run for run in runs(model)}
    assert len(runs(model)) == 2  # the whole one was not measured again
    assert again[one.serial] == first[one.serial]
    assert again[two.serial].complete
    assert again[two.serial].run_id == first[two.serial].run_id


def test_what_one_of_two_devices_cannot_do_ends_the_other_at_once(
    device: VirtualDevice, make_device: MakeDevice, model: Path
) -> None:
    """A device with one kind of cores beside one with two: nobody waits for the other to hear that."""
    small = make_device(clusters=(((0,), 1800000, 384),))
    done = measured(device, model, "-d", small.serial, "--cores", "little", "--invocations", "500")
    assert done.returncode == 2, done.stderr
    assert "little" in done.stderr
    assert sum(len(run.invocations) for run in runs(model)) < 500


def test_one_device_by_two_names_is_not_measured_twice_at_once(
    device: VirtualDevice, model: Path
) -> None:
    other = device.serial.replace("127.0.0.1", "localhost")
    assert other != device.serial
    done = measured(device, model, "-d", other)
    assert done.returncode == 2, done.stderr
    assert "are the same device" in done.stderr


def test_a_hot_device_is_waited_for_and_its_reason_told(
    make_device: MakeDevice, model: Path
) -> None:
    device = make_device()
    device.set_thermal_status(3)
    threading.Timer(3, device.set_thermal_status, [0]).start()
    done = measured(device, model, "--invocations", "1", "--no-memory", "--wait-cool", "60s")
    assert done.returncode == 0, done.stderr
    assert "thermal status is 3 (severe)" in done.stderr
    (run,) = runs(model)
    assert (run.invocations[0].waited_s or 0) > 2
    assert len(run.timing) == 1


def test_throttled_invocations_are_set_apart(make_device: MakeDevice, model: Path) -> None:
    device = make_device()
    device.set_thermal_status(2)
    done = measured(device, model, "--invocations", "2", "--no-memory")
    (run,) = runs(model)
    assert (len(run.timing), len(run.set_apart)) == (0, 2)
    assert done.returncode == 1
    assert "set apart" in done.stderr


def test_a_delegate_of_ones_own_is_brought_there_and_one_that_takes_nothing_is_no_result(
    make_device: MakeDevice, model: Path
) -> None:
    """A real delegate, built on the device: it is applied, and claims no node."""
    device = make_device()
    source = device.data_dir / "idle.cc"
    source.write_text(
        """
        #include "tensorflow/lite/c/common.h"
        static TfLiteStatus Prepare(TfLiteContext*, TfLiteDelegate*) { return kTfLiteOk; }
        extern "C" TfLiteDelegate* tflite_plugin_create_delegate(
            char**, char**, size_t, void (*)(const char*)) {
          static TfLiteDelegate delegate = TfLiteDelegateCreate();
          delegate.Prepare = Prepare;
          return &delegate;
        }
        extern "C" void tflite_plugin_destroy_delegate(TfLiteDelegate*) {}
        """
    )
    with closing(open_transport(device.serial)) as transport:
        here = "/data/local/tmp/idle"
        built = transport.shell(
            f"g++ -shared -fPIC -o {here}.so {here}.cc -ltensorflow-lite 2>&1", timeout_s=120
        )
    assert built.exit_code == 0, built.stdout
    library = model.parent / "libidle.so"
    library.write_bytes((device.data_dir / "idle.so").read_bytes())
    done = measured(
        *(device, model, "--external-delegate", library, "--external-delegate-options", "a:b"),
        *("--invocations", "1", "--no-memory"),
    )
    assert done.returncode == 1
    (run,) = runs(model)
    (record,) = run.invocations
    assert "--external_delegate_path=/data/local/tmp/android-bench/blobs/" in record.command
    assert record.status is Status.INVALID, (record.problem, done.stderr)
    assert run.config.delegate.library_sha256


def test_a_library_for_another_machine_is_refused_before_it_is_pushed(
    device: VirtualDevice, model: Path
) -> None:
    library = model.parent / "libarm.so"
    library.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\x00" + bytes(100))
    done = measured(device, model, "--external-delegate", library)
    assert done.returncode == 1
    assert "is for arm64-v8a" in done.stderr
    assert "push" not in done.stderr


NEWER_BUILD = """#!/bin/sh
# A fake of a newer benchmark_model, which this machine cannot have: one whose XNNPACK keeps packed weights in
# a file, and starts faster when it finds them. The inferences are the stand-in's, and real.
cache= flags=
for flag in "$@"; do
  case $flag in
  --xnnpack_weight_cache_file_path=*) cache=${{flag#*=}} ;;
  *) flags="$flags $flag" ;;
  esac
done
init=9000
if [ -n "$cache" ]; then
  if [ -s "$cache" ]; then init=2000; else echo packed >"$cache"; init=12000; fi
fi
{python} -m android_bench.host_model $flags | sed "s/Init: [0-9]*/Init: $init/"
"""


def test_cold_and_warm_start_ups_with_a_build_that_keeps_a_cache(model: Path) -> None:
    script = model.parent / "benchmark_model"
    script.write_text(NEWER_BUILD.format(python=sys.executable))
    script.chmod(0o755)
    done = subprocess.run(
        [
            TOOL,
            "run",
            str(model),
            "-d",
            "host",
            "--benchmark-binary",
            str(script),
            *QUICK,
            "--invocations",
            "1",
            "--no-memory",
            "--startup",
            "2",
            "--json",
        ],
        capture_output=True,
        text=True,
        cwd=model.parent,
        env={**os.environ, "XDG_CACHE_HOME": str(model.parent)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)
    seen = [
        (item["startup"], item["init_us"])
        for item in run["invocations"]
        if item["kind"] == "startup"
    ]
    assert seen == [("no-cache", 9000), ("cold", 12000), ("warm", 2000)] * 2


def test_ctrl_c_ends_several_devices_and_leaves_nothing_on_them(
    make_device: MakeDevice, model: Path
) -> None:
    one, two = make_device(), make_device()
    flags = ("-d", two.serial, "--invocations", "9", "--min-secs", "1")
    process = started(one, model, *flags, at="[2/10]")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    found = runs(model)
    assert found
    assert not any(run.complete for run in found)
    for device in (one, two):
        with closing(open_transport(device.serial)) as transport:
            root = "/data/local/tmp/android-bench"
            assert (
                transport.shell(f"ls {root}/jobs {root}/scratch | grep -v :").stdout.strip() == ""
            )
    done = measured(one, model, *flags, "--resume")
    assert done.returncode == 0, done.stderr
    assert {run.run_id for run in found} <= {run.run_id for run in runs(model)}
    assert all(run.complete for run in runs(model))
