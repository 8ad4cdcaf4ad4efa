"""What is refused before an emulator is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from android_bench.emulator import launch as module
from android_bench.emulator.console import Found
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.flags import Acceleration, StartOptions
from android_bench.emulator.launch import Order, boot, check
from android_bench.emulator.machine import Problem
from android_bench.emulator.sdk import Sdk
from android_bench.errors import UsageError
from tests.lab.emulator.sdk import LabSdk, make_sdk

KVM = Problem(message="KVM is missing.", hint="sudo modprobe kvm_intel")


@pytest.fixture
def lab_sdk(tmp_path: Path) -> LabSdk:
    made = make_sdk(tmp_path)
    made.add_avd("ci")
    return made


@pytest.fixture
def sdk(lab_sdk: LabSdk, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    monkeypatch.setattr(module, "acceleration_problem", lambda: None)
    monkeypatch.setattr(module, "running_emulators", lambda: ())
    return Sdk(root=lab_sdk.root, avd_home=lab_sdk.avds)


def test_what_is_there_may_start(sdk: Sdk) -> None:
    assert check(sdk, "ci", StartOptions()).api == "34"


def test_no_such_device(sdk: Sdk) -> None:
    with pytest.raises(EmulatorError, match="There is no virtual device other"):
        check(sdk, "other", StartOptions())


def test_without_its_image(sdk: Sdk, lab_sdk: LabSdk) -> None:
    lab_sdk.add_avd("old", api="28")
    with pytest.raises(
        EmulatorError, match="old needs system-images;android-28;google_apis"
    ) as caught:
        check(sdk, "old", StartOptions())
    assert "--install 'system-images;android-28;google_apis;" in (caught.value.hint or "")


def test_without_kvm_only_when_it_is_asked_for(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "acceleration_problem", lambda: KVM)
    for accel in (Acceleration.AUTO, Acceleration.ON):
        with pytest.raises(EmulatorError, match="KVM is missing") as caught:
            check(sdk, "ci", StartOptions(accel=accel))
        assert caught.value.hint == KVM.hint
    check(sdk, "ci", StartOptions(accel=Acceleration.OFF))


def test_a_device_that_another_emulator_holds(sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "running_emulators", lambda: (Found(port=5560, avd="ci"),))
    with pytest.raises(EmulatorError, match="of ci runs already as emulator-5560") as caught:
        check(sdk, "ci", StartOptions())
    assert caught.value.hint == (
        "Measure on it: --device emulator-5560; or start all of them with --read-only."
    )
    check(sdk, "ci", StartOptions(read_only=True))


def test_several_cannot_write_one_log(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one log"):
        boot(["a", "b"], Order(log=tmp_path / "log"))
