"""The virtual device itself: what it promises to the other tests."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

from android_bench.transport.discovery import open_transport
from tests.lab.conftest import MakeDevice
from tests.lab.device import Lab, VirtualDevice


def shell(device: VirtualDevice, command: str) -> str:
    with closing(open_transport(device.serial)) as transport:
        return transport.shell(command).stdout


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


def test_nothing_is_left_when_it_stops(lab: Lab) -> None:
    device = VirtualDevice(lab=lab)
    device.start()
    shell(device, "nohup sleep 4711 >/dev/null 2>&1 &")
    folder = device.data_dir.parent
    device.stop()
    deadline = time.monotonic() + 5
    while _sleeping() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _sleeping()
    assert not folder.exists()
    assert str(device.lab.root) not in Path("/proc/self/mounts").read_text()


def _sleeping() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if command == b"sleep\x004711\x00" and int(entry.name) != os.getpid():
            found.append(entry.name)
    return found
