"""Where the SDK is looked for, and what is typed when a part of it is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.sdk import Sdk, avd_home, find_sdk
from android_bench.errors import ExitCode, Fault


def program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def sdk_in(root: Path) -> Path:
    program(root / "emulator" / "emulator")
    return root


def test_the_variables_win_in_their_order(tmp_path: Path) -> None:
    home, old, place = (sdk_in(tmp_path / name) for name in ("home", "old", "place"))
    both = {"ANDROID_HOME": str(home), "ANDROID_SDK_ROOT": str(old), "PATH": ""}
    assert find_sdk(both, places=(str(place),)).root == home
    assert find_sdk({"ANDROID_SDK_ROOT": str(old)}, places=(str(place),)).root == old
    assert find_sdk({"PATH": ""}, places=("/no/such", str(place))).root == place


def test_an_emulator_on_the_path_leads_to_its_sdk(tmp_path: Path) -> None:
    root = sdk_in(tmp_path / "sdk")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "emulator").symlink_to(root / "emulator" / "emulator")
    assert find_sdk({"PATH": str(tmp_path / "bin")}, places=()).root == root.resolve()
    program(tmp_path / "usr" / "bin" / "emulator")
    with pytest.raises(EmulatorError, match="No Android SDK"):
        find_sdk({"PATH": str(tmp_path / "usr" / "bin")}, places=())


def test_a_variable_that_names_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        EmulatorError, match=r"ANDROID_HOME is .*gone, which is no folder"
    ) as caught:
        find_sdk({"ANDROID_HOME": str(tmp_path / "gone")})
    assert (caught.value.exit_code, caught.value.fault) == (ExitCode.DEVICE, Fault.HOST)
    with pytest.raises(EmulatorError, match="No Android SDK was found") as none:
        find_sdk({"PATH": ""}, places=())
    assert "ANDROID_HOME" in (none.value.hint or "")


def test_the_newest_layout_comes_first(tmp_path: Path) -> None:
    sdk = Sdk(root=tmp_path, avd_home=tmp_path)
    old = program(tmp_path / "tools" / "bin" / "avdmanager")
    assert sdk.find("avdmanager") == old
    version = program(tmp_path / "cmdline-tools" / "11.0" / "bin" / "avdmanager")
    assert sdk.find("avdmanager") == version
    latest = program(tmp_path / "cmdline-tools" / "latest" / "bin" / "avdmanager")
    assert sdk.find("avdmanager") == latest


@pytest.mark.parametrize("name", ["emulator", "avdmanager", "sdkmanager"])
def test_a_missing_program_comes_with_its_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    sdk = Sdk(root=tmp_path, avd_home=tmp_path)
    with pytest.raises(EmulatorError, match=f"has no {name}") as caught:
        sdk.program(name)
    hint = caught.value.hint or ""
    assert ("--install 'emulator'" in hint) if name == "emulator" else ("cmdline-tools" in hint)


def test_licences(tmp_path: Path) -> None:
    sdk = Sdk(root=tmp_path, avd_home=tmp_path)
    assert not sdk.licence_accepted
    (tmp_path / "licenses").mkdir()
    (tmp_path / "licenses" / "android-sdk-license").write_text("\n")
    assert not sdk.licence_accepted
    (tmp_path / "licenses" / "android-sdk-license").write_text("\n24333f8a")
    assert sdk.licence_accepted
    assert sdk.licences_command.endswith(f"--sdk_root={tmp_path} --licenses")


def test_where_virtual_devices_are(tmp_path: Path) -> None:
    user = {"HOME": str(tmp_path)}
    assert avd_home(user) == tmp_path / ".android" / "avd"
    assert avd_home({**user, "ANDROID_USER_HOME": "/u"}) == Path("/u/avd")
    assert avd_home({**user, "ANDROID_USER_HOME": "/u", "ANDROID_AVD_HOME": "/a"}) == Path("/a")
    old = {**user, "ANDROID_SDK_HOME": str(tmp_path)}
    assert avd_home(old) == tmp_path / "avd"
    (tmp_path / ".android" / "avd").mkdir(parents=True)
    assert avd_home(old) == tmp_path / ".android" / "avd"


def test_the_sdks_programs_are_told_one_and_the_same(tmp_path: Path) -> None:
    environment = Sdk(root=tmp_path / "sdk", avd_home=tmp_path / "avd").environment()
    assert environment["ANDROID_HOME"] == environment["ANDROID_SDK_ROOT"] == str(tmp_path / "sdk")
    assert environment["ANDROID_AVD_HOME"] == str(tmp_path / "avd")
    assert environment["PATH"] == os.environ["PATH"]
