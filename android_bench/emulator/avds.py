"""The virtual devices of this machine, as their files tell: NAME.ini and its folder's config.ini."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from android_bench.emulator.errors import EmulatorError
from android_bench.emulator.sdk import Sdk

_LIST_TIMEOUT_S = 60.0
# avdmanager: "Allowed characters are: a-z A-Z 0-9 . _ -"; Android Studio adds parentheses.
_NAME = re.compile(r"[A-Za-z0-9._()\-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Avd:
    """A virtual device. ``image`` is its system image as sdkmanager names it; unknown is ``None``."""

    name: str
    abi: str | None = None
    api: str | None = None
    image: str | None = None
    image_folder: Path | None = None


def is_name(text: str) -> bool:
    """Whether a virtual device can have that name."""
    return _NAME.fullmatch(text) is not None


def list_avds(sdk: Sdk) -> tuple[Avd, ...]:
    """The virtual devices that the emulator itself knows.

    Raises:
        EmulatorError: there is no emulator, or it cannot even list them.
    """
    program = sdk.program("emulator")
    try:
        done = subprocess.run(
            [program, "-list-avds"],
            env=sdk.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIST_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmulatorError(
            f"{program} cannot list its virtual devices: {error}.",
            hint=sdk.install_command("emulator"),
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise EmulatorError(
            f"{program} -list-avds fails with exit code {done.returncode}: "
            f"{said[-1] if said else 'it said nothing'}",
            hint=sdk.install_command("emulator"),
        )
    return tuple(read_avd(sdk, name) or Avd(name=name) for name in parse_names(done.stdout))


def parse_names(text: str) -> tuple[str, ...]:
    """The names in what ``-list-avds`` prints; newer emulators print notes between them."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if is_name(line))


def avds_on_disk(sdk: Sdk) -> tuple[Avd, ...]:
    """The virtual devices that have files, without running anything."""
    names = sorted(file.stem for file in sdk.avd_home.glob("*.ini"))
    return tuple(filter(None, (read_avd(sdk, name) for name in names)))


def read_avd(sdk: Sdk, name: str) -> Avd | None:
    """A virtual device by its name; ``None`` when it has no file."""
    pointer = sdk.avd_home / f"{name}.ini"
    if not is_name(name) or not pointer.is_file():
        return None
    entry = parse_ini(_text(pointer))
    folder = Path(entry.get("path") or sdk.avd_home / f"{name}.avd")
    if not folder.is_dir():  # the home was moved: the relative path still holds
        folder = sdk.avd_home / f"{name}.avd"
    config = parse_ini(_text(folder / "config.ini"))
    sysdir = config.get("image.sysdir.1", "").strip("/")
    image = re.search(r"system-images/.*", sysdir)
    target = config.get("target") or entry.get("target") or (image[0] if image else "")
    api = re.search(r"android-([\w.\-]+)", target)
    return Avd(
        name=name,
        abi=config.get("abi.type") or (sysdir.rpartition("/")[2] or None),
        api=api[1] if api else None,
        image=image[0].replace("/", ";") if image else None,
        image_folder=sdk.root / image[0] if image else None,
    )


def config_file(sdk: Sdk, name: str) -> Path:
    """Where the settings of a virtual device are."""
    pointer = sdk.avd_home / f"{name}.ini"
    folder = parse_ini(_text(pointer)).get("path")
    return Path(folder or sdk.avd_home / f"{name}.avd") / "config.ini"


def parse_ini(text: str) -> dict[str, str]:
    """Read ``key=value`` lines; the emulator's files have no sections, and spaces around ``=`` or not."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, found, value in pairs if found and key.strip()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
