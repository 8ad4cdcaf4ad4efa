"""Virtual devices as their files tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.emulator.avds import Avd, avds_on_disk, parse_ini, parse_names, read_avd
from android_bench.emulator.create import NewAvd, refuse_abi
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.machine import runnable_abis
from android_bench.emulator.sdk import Sdk
from android_bench.errors import UsageError

_KEYS = st.text(st.characters(categories=["L", "N"]) | st.just("."), min_size=1)
_VALUES = st.text(st.characters(exclude_categories=["C", "Z"]))


@given(st.dictionaries(_KEYS, _VALUES), st.sampled_from(["=", " = "]))
def test_both_spellings_of_an_ini_file(entries: dict[str, str], sign: str) -> None:
    text = "# a comment = none\n\n" + "".join(f"{key}{sign}{entries[key]}\n" for key in entries)
    assert parse_ini(text) == entries


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_ini(text)
    assert all(name in text for name in parse_names(text))


def test_names_stand_between_notes_of_newer_emulators() -> None:
    text = (
        "INFO    | Storing crashdata in: /tmp/android-me/emu-crash-34.1.9.db, detection is enabled\n"
        "Pixel_6_API_34\nMedium_Phone_(2)\n\nci-x86.64\r\n"
    )
    assert parse_names(text) == ("Pixel_6_API_34", "Medium_Phone_(2)", "ci-x86.64")


@pytest.fixture
def sdk(tmp_path: Path) -> Sdk:
    (tmp_path / "avd").mkdir()
    return Sdk(root=tmp_path / "sdk", avd_home=tmp_path / "avd")


def write(sdk: Sdk, name: str, pointer: str, config: str, *, folder: str | None = None) -> None:
    (sdk.avd_home / f"{name}.ini").write_text(pointer)
    place = Path(folder) if folder else sdk.avd_home / f"{name}.avd"
    place.mkdir(exist_ok=True)
    (place / "config.ini").write_text(config)


def test_a_device_of_avdmanager(sdk: Sdk) -> None:
    write(
        sdk,
        "ci",
        f"path={sdk.avd_home}/ci.avd\ntarget=android-34\n",
        "abi.type = x86_64\nimage.sysdir.1 = system-images/android-34/google_apis/x86_64/\n",
    )
    assert read_avd(sdk, "ci") == Avd(
        name="ci",
        abi="x86_64",
        api="34",
        image="system-images;android-34;google_apis;x86_64",
        image_folder=sdk.root / "system-images/android-34/google_apis/x86_64",
    )
    assert [avd.name for avd in avds_on_disk(sdk)] == ["ci"]


def test_a_home_that_was_moved_and_levels_with_parts(sdk: Sdk) -> None:
    write(
        sdk,
        "moved",
        "path=/somewhere/else/moved.avd\n",
        "image.sysdir.1=system-images/android-36.1/default/arm64-v8a\n",
    )
    found = read_avd(sdk, "moved")
    assert found is not None
    assert (found.abi, found.api) == ("arm64-v8a", "36.1")


def test_what_is_unknown_stays_unknown(sdk: Sdk) -> None:
    write(sdk, "bare", "", "")
    assert read_avd(sdk, "bare") == Avd(name="bare")
    assert read_avd(sdk, "../bare") is None
    assert read_avd(sdk, "none") is None


@pytest.mark.parametrize(
    "wrong", [{"name": "a b"}, {"name": ""}, {"api": "thirty"}, {"api": "34;x"}, {"disk_mib": 10}]
)
def test_a_new_device_is_checked_before_anything_runs(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        NewAvd(**{"name": "ci", "api": "34", "abi": "x86_64", **wrong})  # type: ignore[arg-type]


def test_abis_that_a_machine_runs() -> None:
    assert runnable_abis("x86_64") == ("x86_64", "x86")
    assert runnable_abis("arm64") == runnable_abis("aarch64") == ("arm64-v8a",)
    assert runnable_abis("riscv64") == ()


def test_another_architecture_is_refused_as_the_emulator_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    refuse_abi("x86", "34", avd="ci")
    refuse_abi("armeabi-v7a", "27", avd="ci")  # emulated still, slowly
    with pytest.raises(EmulatorError, match="cannot run arm64-v8a images") as caught:
        refuse_abi("arm64-v8a", "34", avd="ci")
    assert caught.value.hint == "android-bench emulator create ci --api 34 --abi x86_64"
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(EmulatorError, match="which runs arm64-v8a"):
        refuse_abi("x86_64", None, avd="ci")
