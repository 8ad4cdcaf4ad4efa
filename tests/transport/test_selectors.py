"""Devices by model and ABI, over listings and transports that stand in for what is connected."""

from __future__ import annotations

from typing import Any, cast

import pytest

from android_bench.errors import DeviceNotFoundError, DeviceOfflineError
from android_bench.transport.base import ShellResult
from android_bench.transport.discovery import DeviceListing
from android_bench.transport.selectors import select

PHONES = {
    "server:A": "Pixel 9\nGoogle\narm64-v8a,armeabi-v7a\narm64-v8a\n",
    "server:B": "SM-S921B\nsamsung\narm64-v8a\narm64-v8a\n",
    "emulator-5554": "sdk_gphone64_x86_64\nGoogle\nx86_64,arm64-v8a\nx86_64\n",
    "usb:D": "silent",
}


class Answering:
    def __init__(self, text: str) -> None:
        self.text = text

    def shell(self, _: str) -> ShellResult:
        if self.text == "silent":
            raise DeviceOfflineError("it says nothing")
        return ShellResult(command="", exit_code=0, stdout=self.text)

    def close(self) -> None: ...


def listing(spec: str, state: str = "device") -> DeviceListing:
    kind, _, serial = spec.rpartition(":")
    return DeviceListing(serial=serial, transport=kind or "emulator", state=state)


def selected(kind: str, wanted: str) -> str:
    listed = [
        listing("usb:D"),
        listing("server:C", state="unauthorized"),
        *map(listing, ("server:A", "server:B", "emulator-5554")),
        DeviceListing(serial="host", transport="host", state="device"),
    ]
    return select(kind, wanted, listed, lambda spec: cast("Any", Answering(PHONES[spec])))


@pytest.mark.parametrize(
    ("kind", "wanted", "spec"),
    [
        ("model", "pixel 9", "server:A"),
        ("model", "Samsung SM-S921B", "server:B"),
        ("abi", "arm64-v8a", "server:A"),
        ("abi", "x86_64", "emulator-5554"),
    ],
)
def test_the_first_that_is_so(kind: str, wanted: str, spec: str) -> None:
    assert selected(kind, wanted) == spec


def test_none_that_is_so_says_what_there_is() -> None:
    with pytest.raises(DeviceNotFoundError, match="of the model 'Pixel'") as caught:
        selected("model", "Pixel")
    assert "Pixel 9 (arm64-v8a" in str(caught.value.hint)
    with pytest.raises(DeviceNotFoundError, match="for the ABI 'riscv64'"):
        selected("abi", "riscv64")
