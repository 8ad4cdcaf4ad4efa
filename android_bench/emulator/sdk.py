"""Where Android's SDK is, and its programs for emulators.

The variables and folders are those of https://developer.android.com/tools/variables: ``ANDROID_HOME`` wins
over ``ANDROID_SDK_ROOT``, which is deprecated; virtual devices are in ``ANDROID_AVD_HOME``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from android_bench.emulator.errors import EmulatorError

_VARIABLES = ("ANDROID_HOME", "ANDROID_SDK_ROOT")
# Where Android Studio, GitHub's runners, Debian, Arch and Homebrew put it.
_LINUX = (
    "~/Android/Sdk",
    "/usr/local/lib/android/sdk",
    "/usr/lib/android-sdk",
    "/opt/android-sdk",
    "/opt/android-sdk-linux",
)
_MACOS = (
    "~/Library/Android/sdk",
    "/opt/homebrew/share/android-commandlinetools",
    "/usr/local/share/android-commandlinetools",
)
_TOOLS_PAGE = "https://developer.android.com/studio#command-line-tools-only"
# Each program's folders inside the SDK, the newest layout first.
_PLACES = {
    "emulator": ("emulator",),
    "avdmanager": ("cmdline-tools/latest/bin", "cmdline-tools/*/bin", "tools/bin"),
    "sdkmanager": ("cmdline-tools/latest/bin", "cmdline-tools/*/bin", "tools/bin"),
    "adb": ("platform-tools",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """An SDK on this machine. ``avd_home`` is the folder of its virtual devices, there or not."""

    root: Path
    avd_home: Path

    def find(self, name: str) -> Path | None:
        """``emulator``, ``avdmanager``, ``sdkmanager`` or ``adb``: the SDK's own, else that of the PATH."""
        for place in _PLACES[name]:
            for folder in sorted(self.root.glob(place), reverse=True):
                if os.access(folder / name, os.X_OK) and (folder / name).is_file():
                    return folder / name
        found = shutil.which(name)
        return Path(found) if found else None

    def program(self, name: str) -> Path:
        """A program of the SDK.

        Raises:
            EmulatorError: it is not installed.
        """
        found = self.find(name)
        if found is not None:
            return found
        if name == "emulator":
            raise EmulatorError(
                f"The SDK in {self.root} has no emulator.",
                hint=self.install_command("emulator", "platform-tools"),
            )
        raise EmulatorError(
            f"The SDK in {self.root} has no {name}.",
            hint=f"Install the command-line tools into {self.root / 'cmdline-tools' / 'latest'}: "
            f"{_TOOLS_PAGE}",
        )

    def install_command(self, *packages: str) -> str:
        """The command that installs packages of the SDK."""
        manager = self.find("sdkmanager")
        names = " ".join(f"'{package}'" for package in packages)
        return f"{manager or 'sdkmanager'} --sdk_root={self.root} --install {names}"

    @property
    def licences_command(self) -> str:
        """The command that accepts the SDK's licences."""
        return f"yes | {self.find('sdkmanager') or 'sdkmanager'} --sdk_root={self.root} --licenses"

    @property
    def licence_accepted(self) -> bool:
        """Whether the SDK's main licence was accepted here: sdkmanager notes it in a file."""
        file = self.root / "licenses" / "android-sdk-license"
        try:
            return bool(file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            return False

    def environment(self) -> dict[str, str]:
        """The environment for the SDK's programs.

        avdmanager takes the SDK to be where its own files are, and writes devices where
        ``XDG_CONFIG_HOME`` points, which the emulator does not read: both are told the same here.
        """
        return {
            **os.environ,
            "ANDROID_HOME": str(self.root),
            "ANDROID_SDK_ROOT": str(self.root),
            "ANDROID_AVD_HOME": str(self.avd_home),
        }


def find_sdk(
    environ: Mapping[str, str] | None = None, *, places: tuple[str, ...] | None = None
) -> Sdk:
    """Find the SDK: the variables, then an emulator on the PATH, then the usual places.

    Raises:
        EmulatorError: there is none, or a variable names a folder that is none.
    """
    environ = os.environ if environ is None else environ
    home = avd_home(environ)
    for variable in _VARIABLES:
        value = environ.get(variable)
        if not value:
            continue
        root = Path(value).expanduser()
        if not root.is_dir():
            raise EmulatorError(
                f"{variable} is {value}, which is no folder.",
                hint=f"Point {variable} at the SDK, or unset it: the usual places are searched then.",
            )
        return Sdk(root=root, avd_home=home)
    usual = places if places is not None else (_MACOS if sys.platform == "darwin" else _LINUX)
    on_path = shutil.which("emulator", path=environ.get("PATH"))
    if on_path is not None:
        # SDK/emulator/emulator; a symbolic link in ~/bin leads there.
        root = Path(on_path).resolve().parent.parent
        if (root / "emulator" / "emulator").is_file():  # else a script that somebody put there
            return Sdk(root=root, avd_home=home)
    for place in usual:
        root = Path(place).expanduser()
        if (root / "emulator").is_dir() or (root / "cmdline-tools").is_dir():
            return Sdk(root=root, avd_home=home)
    raise EmulatorError(
        "No Android SDK was found: ANDROID_HOME is not set, and none is in the usual places.",
        hint=f"Install the command-line tools ({_TOOLS_PAGE}) and set ANDROID_HOME to their SDK.",
    )


def adb_command() -> str:
    """How adb is called here: by its name, or where the SDK has it."""
    if shutil.which("adb"):
        return "adb"
    try:
        return str(find_sdk().find("adb") or "adb")
    except EmulatorError:
        return "adb"


def avd_home(environ: Mapping[str, str]) -> Path:
    """The folder of virtual devices, in the emulator's own order of variables."""
    if environ.get("ANDROID_AVD_HOME"):
        return Path(environ["ANDROID_AVD_HOME"])
    if environ.get("ANDROID_USER_HOME"):
        return Path(environ["ANDROID_USER_HOME"]) / "avd"
    # The emulator's and the build tools' reading of this older variable differ by ".android".
    old = environ.get("ANDROID_SDK_HOME")
    if old:
        nested = Path(old) / ".android" / "avd"
        return nested if nested.is_dir() else Path(old) / "avd"
    return Path(environ.get("HOME") or Path.home()) / ".android" / "avd"
