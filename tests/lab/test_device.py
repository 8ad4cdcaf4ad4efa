"""The virtual device itself: what it promises to the other tests."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from android_bench.errors import DeviceOfflineError
from android_bench.transport.discovery import open_transport
from tests.benchmark_model.models import build, doubling
from tests.lab.conftest import MakeDevice
from tests.lab.device import Lab, VirtualDevice
from tests.lab.processes import running, until


def shell(device: VirtualDevice, command: str) -> str:
    return shell_at(device.serial, command)


def shell_at(address: str, command: str) -> str:
    with closing(open_transport(address)) as transport:
        return transport.shell(command).stdout


def leave_sleeping(address: str, seconds: int) -> None:
    """Leave a process in the background, surely: the end of a shell ends what is not yet ``nohup``."""
    begun = f"until pgrep -fx 'sleep {seconds}' >/dev/null; do sleep 0.01; done"
    shell_at(address, f"nohup sleep {seconds} >/dev/null 2>&1 & {begun}")
    assert running("sleep", str(seconds))


def refuses(port: int) -> bool:
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_it_answers_as_android_does(device: VirtualDevice) -> None:
    assert shell(device, "getprop ro.product.model").strip() == "Virtual Device"
    assert "[ro.build.version.sdk]: [35]" in shell(device, "getprop")
    assert "  level: 80\n" in shell(device, "dumpsys battery")
    assert "Thermal Status: 0\n" in shell(device, "dumpsys thermalservice")
    assert "Can't find service: nope" in shell(device, "dumpsys nope")


def test_its_state_can_be_changed_while_it_runs(make_device: MakeDevice) -> None:
    device = make_device(properties={"ro.product.model": "Other"})
    device.set_battery(level=12, temperature_c=41.5)
    device.set_thermal_status(3)
    device.set_property("ro.kernel.qemu", "1")
    assert shell(device, "getprop ro.product.model").strip() == "Other"
    assert "  temperature: 415\n" in shell(device, "dumpsys battery")
    assert "Thermal Status: 3\n" in shell(device, "dumpsys thermalservice")
    assert shell(device, "getprop ro.kernel.qemu").strip() == "1"


def test_two_devices_share_nothing_that_is_written(make_device: MakeDevice) -> None:
    one, other = make_device(), make_device()
    shell(one, "echo mine > /data/local/tmp/file; echo x > /tmp/file")
    assert shell(other, "ls /data/local/tmp /tmp; echo end").strip().endswith("end")
    assert "file" not in shell(other, "ls /data/local/tmp /tmp")
    assert (one.data_dir / "file").read_text() == "mine\n"


def test_it_listens_on_loopback_only(device: VirtualDevice) -> None:
    wanted = f"{device.port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [row.split()[1] for row in rows if row.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{wanted}")] == [
        f"0100007F:{wanted}"
    ]


def test_it_runs_the_real_benchmark_model(device: VirtualDevice, lab: Lab) -> None:
    shutil.copy(lab.benchmark_binary, device.data_dir / "bench")
    (device.data_dir / "m.tflite").write_bytes(build(doubling(shape=(1, 64))))
    flags = "--graph=m.tflite --min_secs=0.05 --warmup_min_secs=0.02"
    said = shell(device, f"cd /data/local/tmp && ./bench {flags} && rm bench m.tflite")
    assert "INFO: Inference timings in us: Init: " in said


def test_settings_are_kept(make_device: MakeDevice) -> None:
    device = make_device()
    assert shell(device, "settings get global nobody") == "null\n"
    assert (
        shell(device, "settings put global somebody 'a b'; settings get global somebody") == "a b\n"
    )
    assert shell(device, "settings get global low_power") == "null\n"
    device.set_low_power(on=True)
    assert shell(device, "settings get global low_power").strip() == "1"


def test_a_battery_that_is_full(make_device: MakeDevice) -> None:
    device = make_device()
    device.set_battery(level=100, charging=True, status=5)
    assert "  status: 5\n" in shell(device, "dumpsys battery")


def test_the_daemon_comes_back_on_the_same_port_and_data(make_device: MakeDevice) -> None:
    device = make_device()
    shell(device, "echo kept > /data/local/tmp/file")
    address = device.serial
    device.kill_adbd()
    with pytest.raises(DeviceOfflineError):
        shell(device, "echo gone")
    device.restart()
    assert device.serial == address
    assert shell(device, "cat /data/local/tmp/file") == "kept\n"
    device.restart()  # one that lives is replaced, not joined by a second
    assert shell(device, "pgrep -c adbd") == "1\n"


def test_it_has_an_init_that_reaps(device: VirtualDevice) -> None:
    """A zombie would be alive for ``kill -0``; on Android none stays."""
    shell(device, "for i in 1 2 3; do setsid sleep 0.05 >/dev/null 2>&1 & done")
    until(lambda: not shell(device, "pgrep -x sleep"))
    assert "Z" not in shell(device, "ps -eo stat=")


def test_nothing_is_left_when_it_stops(lab: Lab) -> None:
    device = VirtualDevice(lab=lab)
    device.start()
    leave_sleeping(device.serial, 4711)
    folder = device.data_dir.parent
    device.stop()
    until(lambda: not running("sleep", "4711"))
    assert not folder.exists()
    assert str(device.lab.root) not in Path("/proc/self/mounts").read_text()
    assert refuses(device.port)
    device.stop()


def test_it_dies_with_the_process_that_started_it(lab: Lab, tmp_path: Path) -> None:
    """SIGKILL for a test run gives it no chance to stop its devices."""
    program = """if True:
        import time
        from tests.lab.device import VirtualDevice
        device = VirtualDevice()
        device.start()
        print(device.port, flush=True)
        time.sleep(60)
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # its files are nobody's then
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            leave_sleeping(f"127.0.0.1:{port}", 4713)
        finally:
            process.kill()
    until(lambda: not running("sleep", "4713"))
    until(lambda: refuses(port))


def test_a_device_that_cannot_boot_says_why_and_leaves_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    empty = Lab()
    empty.root = tmp_path / "no-such-lab"
    with pytest.raises(RuntimeError, match="no-such-lab"):
        VirtualDevice(lab=empty).start()
    assert list(tmp_path.iterdir()) == []
