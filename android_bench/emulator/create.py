"""A new virtual device from a system image, through the SDK's avdmanager."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from android_bench.emulator.avds import Avd, config_file, is_name, parse_ini, read_avd
from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.machine import runnable_abis
from android_bench.emulator.sdk import Sdk
from android_bench.errors import UsageError
from optimizer.files import write_atomic

_CREATE_TIMEOUT_S = 300.0
_API = re.compile(r"\d+(\.\d+)?(-ext\d+)?")
# The lightest first: ATD images are made for headless tests, those with Google's services work most
# beside what is measured (developer.android.com/studio/test/gradle-managed-devices).
TAGS = ("aosp_atd", "default", "google_atd", "google_apis", "google_apis_playstore")
_OF_EVERY_LEVEL = "google_apis"
# The emulator refuses an image of another architecture from this level on (its own "API >= 28").
_MATCHING_FROM_API = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAvd:
    """A virtual device to make. Without ``tag``, the lightest image that is installed is taken.

    ``device`` is a profile of ``avdmanager list device``; ``disk_mib`` the size of its data partition,
    which is 6 GiB and more where nobody says otherwise.
    """

    name: str
    api: str
    abi: str
    tag: str | None = None
    device: str | None = None
    disk_mib: int | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise UsageError(
                f"{self.name!r} is no name for a virtual device.",
                hint="Letters, digits, dots, hyphens and underscores.",
            )
        if not _API.fullmatch(self.api):
            raise UsageError(f"{self.api!r} is no API level.", hint="--api 34")
        if self.disk_mib is not None and self.disk_mib < 512:
            raise UsageError(
                f"{self.disk_mib} MiB are too few for a data partition.", hint="--disk 2048"
            )

    def image(self, tag: str) -> str:
        """The system image as sdkmanager names it."""
        return f"system-images;android-{self.api};{tag};{self.abi}"


def create_avd(sdk: Sdk, new: NewAvd) -> Avd:
    """Make a virtual device; its image has to be installed.

    Raises:
        EmulatorError: the image is missing or for another machine, the device is there already, or
            avdmanager failed.
    """
    refuse_abi(new.abi, new.api, avd=new.name)
    if read_avd(sdk, new.name) is not None and not new.replace:
        raise EmulatorError(
            f"There is already a virtual device {new.name}.",
            hint="Take another name, or replace it and all on it: --replace",
        )
    image = new.image(_installed_tag(sdk, new))
    argv = [str(sdk.program("avdmanager")), "create", "avd", "--name", new.name, "--package", image]
    if new.device is not None:
        argv += ["--device", new.device]
    if new.replace:
        argv.append("--force")
    # avdmanager does not make this folder, and silently writes elsewhere when it is missing.
    sdk.avd_home.mkdir(parents=True, exist_ok=True)
    said = _run(sdk, argv)
    made = read_avd(sdk, new.name)
    # It ends with 0 after some of its errors, so only what is there counts.
    if made is None:
        raise _why_not(sdk, new, image, said)
    if new.disk_mib is not None:
        _set(config_file(sdk, new.name), "disk.dataPartition.size", f"{new.disk_mib}M")
    return made


def refuse_abi(abi: str, api: str | None, *, avd: str) -> None:
    """Refuse an image that the emulator will not run on this machine.

    Raises:
        EmulatorError: it is for another architecture.
    """
    runnable = runnable_abis()
    level = re.match(r"\d+", api or "")
    if abi in runnable or not runnable or (level and int(level[0]) < _MATCHING_FROM_API):
        return
    raise EmulatorError(
        f"The emulator cannot run {abi} images on this machine, which runs "
        f"{' and '.join(runnable)}: {avd} needs one of these.",
        hint=f"android-bench emulator create {avd} --api {api or 34} --abi {runnable[0]}",
    )


def missing_image(sdk: Sdk, image: str, *, avd: str) -> EmulatorError:
    """A system image is not installed; the commands that install it."""
    install = sdk.install_command(image)
    if sdk.licence_accepted:
        return EmulatorError(f"{avd} needs {image}, which is not installed.", hint=install)
    return EmulatorError(
        f"{avd} needs {image}, which is not installed, and the SDK's licence is not accepted here.",
        hint=f"{sdk.licences_command} && {install}",
    )


def _installed_tag(sdk: Sdk, new: NewAvd) -> str:
    """The tag of an installed image; the one asked for, else the lightest."""
    level = sdk.root / "system-images" / f"android-{new.api}"
    for tag in (new.tag,) if new.tag else TAGS:
        folder = level / tag / new.abi
        if folder.is_dir() and any(folder.iterdir()):
            return tag
    raise missing_image(sdk, new.image(new.tag or _OF_EVERY_LEVEL), avd=new.name)


def _run(sdk: Sdk, argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            argv,
            env=sdk.environment(),
            input="no\n",  # "Do you wish to create a custom hardware profile? [no]"
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_CREATE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EmulatorError(
            f"avdmanager did not end within {_CREATE_TIMEOUT_S:g} s.",
            hint="Try it by hand: avdmanager list avd",
        ) from error
    return done.stdout


def _why_not(sdk: Sdk, new: NewAvd, image: str, said: str) -> EmulatorError:
    """Make sense of what avdmanager printed; the texts are those of AvdManagerCli and its launcher."""
    manager = sdk.find("avdmanager") or "avdmanager"
    if "No device found matching" in said:
        return EmulatorError(
            f"avdmanager knows no device profile {new.device!r}.", hint=f"{manager} list device -c"
        )
    if "Package path is not valid" in said:
        return missing_image(sdk, image, avd=new.name)
    if "JAVA_HOME" in said or "UnsupportedClassVersionError" in said:
        return EmulatorError(
            "avdmanager needs a newer Java than is here.",
            hint="Debian: sudo apt-get install openjdk-17-jdk-headless; then set JAVA_HOME",
        )
    if "No space left" in said:
        return EmulatorError(
            f"The disk of {sdk.avd_home} is full.", hint="Free space, or set ANDROID_AVD_HOME."
        )
    lines = [line.strip() for line in re.split(r"[\r\n]+", said) if line.strip(" =[]\r\n")]
    told = [line for line in lines if line != "null" and "%" not in line]
    return EmulatorError(
        f"avdmanager made no {new.name}: {told[-1] if told else 'it said nothing'}",
        hint=f"{manager} list avd shows what is there and what is broken.",
    )


def _set(file: Path, key: str, value: str) -> None:
    """Set one line of a virtual device's settings; a line that is there already is replaced."""
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if key not in parse_ini(line)]
    write_atomic(file, "\n".join([*kept, f"{key}={value}", ""]).encode())
